"""The register of all who receive anything from here, and the one gate through which it leaves (P33 to P36).

The register is the policy in force: what stands in no notice gets nothing. Whether a person may have
something leave at all is decided by whoever asks at the gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inquiries.errors import NotRegistered, UnsafeSetting
from inquiries.policy.model import Authority, LocalText, Policy, Processor, Recipient
from inquiries.relay import Relay
from inquiries.services import publishing, records
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.settings import PREFIX, is_loopback


class Sort(StrEnum):
    """What the register holds: the tables of the policy."""

    processors = "processors"
    recipients = "recipients"
    authorities = "authorities"


class Way(StrEnum):
    """How something leaves."""

    mail = "mail"  # handed to the relay, a processor's
    export = "export"  # a file for a third party or a processor
    disclosure = "disclosure"  # a file for an authority


#: Who can receive what leaves so.
TO = {
    Way.mail: {Sort.processors},
    Way.export: {Sort.processors, Sort.recipients},
    Way.disclosure: {Sort.authorities},
}


@dataclass(frozen=True)
class Party:
    """Who stands in the register; `what` is the work, the purpose or the statute, `entry` the policy's."""

    sort: Sort
    key: str
    what: LocalText
    basis: str
    entry: Processor | Recipient | Authority

    def takes(self, item: str) -> bool:
        """Whether the register says that this item is given; for a processor its contract does."""
        return not isinstance(self.entry, Recipient) or item in self.entry.items


def register(policy: Policy) -> dict[str, Party]:
    """Key path → who stands there, in the policy's order."""
    return {one.key: one for one in _parties(policy)}


def _parties(policy: Policy) -> Iterator[Party]:
    for name, one in policy.processors.items():
        yield Party(Sort.processors, f"processors.{name}", one.work, "agreement", one)
    for name, other in policy.recipients.items():
        yield Party(Sort.recipients, f"recipients.{name}", other.purpose, other.basis, other)
    for name, body in policy.authorities.items():
        yield Party(Sort.authorities, f"authorities.{name}", body.statute, "law", body)


# -- the gate ------------------------------------------------------------------------------------


def gate(
    house: House,
    way: Way,
    to: str,
    *,
    consent: str | None = None,
    actor: Actor | None = None,
) -> Party:
    """Whoever may receive something now: `to` is a key path of the register, or of a mail relay the host.

    `consent`: the purpose whose consent covers what leaves, in case that is the basis. Of the items only
    those leave that the receiver `takes`.

    Raises:
        NotRegistered: it stands in no register, or not for this; on record.
    """
    found = _found(publishing.in_force(house).policy, way, to)
    if found is None:
        raise _refused(house, way, to, "unregistered", actor)
    if isinstance(found.entry, Recipient) and found.entry.consent not in {None, consent}:
        raise _refused(house, way, to, "basis", actor)
    return found


def _found(policy: Policy, way: Way, to: str) -> Party | None:
    for one in _parties(policy):
        if one.sort in TO[way] and to.lower() in _names(way, one):
            return one
    return None


def _names(way: Way, one: Party) -> set[str]:
    if way is Way.mail:
        return {host.lower() for host in one.entry.hosts} if isinstance(one.entry, Processor) else set()
    return {one.key}


def _refused(house: House, way: Way, to: str, why: str, actor: Actor | None) -> NotRegistered:
    """Recorded, by a process once for each destination: the worker asks for its relay every second.

    The public surface, which sends nothing and reaches no ledger, only refuses to start.
    """
    noted = house.recall("provision", set[tuple[Way, str]])
    if house.settings.surface != "public" and (actor is not None or (way, to) not in noted):
        noted.add((way, to))
        _append(house, way, actor, outcome="refused", to=to[:80], because=why)
    return NotRegistered(why)


def relay(house: House) -> Relay | None:
    """Where mail is handed in, None where none is configured.

    Raises:
        UnsafeSetting: its host is no registered processor of the policy in force (P33); this machine itself
            needs no entry in development.
    """
    found = house.settings.relay
    if found is None or (house.settings.development and is_loopback(found.host)):
        return found
    try:
        gate(house, Way.mail, found.host)
    except NotRegistered:
        raise UnsafeSetting(
            f"{PREFIX}SMTP_URL",
            "its host stands under no processor of the policy (processors.*.hosts); register it first (P33)",
        ) from None
    return found


# -- what left -------------------------------------------------------------------------------------


def record(
    house: House,
    way: Way,
    party: Party,
    *,
    actor: Actor,
    items: Sequence[str],
    inquiries: Sequence[int],
    **facts: Any,
) -> int:
    """Put on record what leaves, without content: to whom, on which basis, which items, whose."""
    return _append(
        house,
        way,
        actor,
        outcome="done",
        to=party.key,
        country=party.entry.country,
        basis=party.basis,
        transfer_basis=party.entry.transfer_basis,
        items=" ".join(items),
        rows=len(inquiries),
        inquiries=f" {' '.join(map(str, inquiries))} ",  # each between spaces, to be found by it
        **facts,
    )


def _append(house: House, way: Way, actor: Actor | None, **facts: Any) -> int:
    who = {} if actor is None else {"staff": actor.staff_id, "email": actor.email}
    said = {name: value for name, value in facts.items() if value is not None}
    return records.append(house, "provision", {"act": way.value, **who, **said})
