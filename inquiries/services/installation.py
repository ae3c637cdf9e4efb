"""Makes an installation out of nothing, or opens the one that is there in good order; asks no question."""

from __future__ import annotations

from dataclasses import dataclass

from inquiries.policy import loader
from inquiries.services import people, provision, publishing, recovery
from inquiries.services.house import House, create_house, open_house
from inquiries.settings import Settings
from inquiries.stores.live import policies


@dataclass(frozen=True)
class Installed:
    """The opened house, what the start found, and the first officer's enrolment token while one is wanted."""

    house: House
    recovered: recovery.Recovered | None
    enrolment: str | None


def install(settings: Settings) -> Installed:
    """Make what is missing, publish the first policy, bring everything in order. Repeatable.

    Raises:
        PolicyRefused: the policy file breaks a rule.
        UnsafeSetting: the keyring belongs to a root key that was not given, or the mail relay is no
            registered processor (P33).
    """
    loaded = loader.load(settings.policy)
    house = create_house(settings)
    with house.live.read() as connection:
        published = policies.newest(connection)
    if published is None:
        publishing.publish(house, loaded)
    recovered = recovery.start(house)
    provision.relay(house)
    return Installed(house, recovered, people.first_enrolment(house))


def opened(settings: Settings) -> House:
    """The house for a process that shows it; brought in order first, if stores were put back without `init`.

    Raises:
        NotInitialised: nothing was made here, or its tables are of another version.
        UnsafeSetting: the mail relay is no registered processor (P33).
    """
    house = open_house(settings)
    if settings.surface != "public" and recovery.unsettled(house):
        recovery.start(house)
    provision.relay(house)
    return house
