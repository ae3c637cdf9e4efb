"""The published policies as this process knows them: read from live, remembered; publishes none."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.policy import loader, notice
from inquiries.policy.model import Policy
from inquiries.services.house import House
from inquiries.stores.live import policies

#: For how long a process believes what it last read of the version in force.
FRESH_SECONDS = 1.0


@dataclass(frozen=True)
class Published:
    """One version of the policy, as the public was told."""

    version: int
    policy: Policy
    effective_at: datetime
    _notices: dict[tuple[str, str], notice.Notice] = field(default_factory=dict, repr=False)

    def notice(self, type_name: str, language: str) -> notice.Notice:
        """The notice beside the form of this type."""
        key = (type_name, language)
        if key not in self._notices:
            self._notices[key] = notice.make(self.policy, type_name, language)
        return self._notices[key]


@dataclass
class Memory:
    """What this process knows of published policies."""

    lock: Lock = field(default_factory=Lock)
    versions: dict[int, Published] = field(default_factory=dict)
    current: int = 0
    read_at: float = -FRESH_SECONDS
    file_seen: tuple[int, int] = (0, 0)

    @property
    def stale(self) -> bool:
        """Whether it is time to look again."""
        return clock.monotonic() - self.read_at >= FRESH_SECONDS


def memory(house: House) -> Memory:
    """This process's own."""
    return house.recall("publishing", Memory)


def in_force(house: House) -> Published | None:
    """The policy in force now, at most a second old; None before the first was published."""
    known = memory(house)
    if known.stale:
        refresh(house)
    return version(house, known.current) if known.current else None


def refresh(house: House) -> None:
    """Look which version is in force."""
    known = memory(house)
    moment = clock.monotonic()
    with house.live.read() as connection:
        known.current = policies.version_in_force(connection, clock.now()) or 0
    known.read_at = moment


def version(house: House, number: int) -> Published:
    """One published version.

    Raises:
        NotFound: there is none of this number.
    """
    versions = memory(house).versions
    if number not in versions:
        with house.live.read() as connection:
            row = policies.by_version(connection, number)
        if row is None:
            raise NotFound(f"policy version {number}")
        versions[number] = Published(row.version, loader.parse_published(row.source), row.effective_at)
    return versions[number]


def declares(house: House, number: int, type_name: str) -> bool:
    """Whether this version was published and has this inquiry type.

    An inquiry that says otherwise was written past intake, by somebody who broke into the public surface: it
    must not keep others from being adopted, listed and destroyed.
    """
    try:
        return type_name in version(house, number).policy.types
    except NotFound:
        return False
