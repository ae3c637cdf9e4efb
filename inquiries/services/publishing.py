"""Publishes policies and answers which one is in force; never changes a published one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import Lock

import structlog

from inquiries import clock
from inquiries.errors import NotFound, NotInitialised, PolicyRefused
from inquiries.policy import loader, notice
from inquiries.policy.model import Policy
from inquiries.services import records
from inquiries.services.house import House
from inquiries.stores.live import policies
from inquiries.stores.types import from_microseconds, to_microseconds

log = structlog.get_logger()

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

    @cached_property
    def types(self) -> frozenset[str]:
        """The declared inquiry types."""
        return frozenset(self.policy.types)


@dataclass
class _Memory:
    """What this process knows of published policies."""

    lock: Lock = field(default_factory=Lock)
    versions: dict[int, Published] = field(default_factory=dict)
    current: int = 0
    read_at: float = -FRESH_SECONDS
    file_seen: tuple[int, int] = (0, 0)


def in_force(house: House) -> Published:
    """The policy in force now, at most a second old.

    In development an edited policy file is published first (DESIGN §6).
    """
    memory = _memory(house)
    now = clock.monotonic()
    if now - memory.read_at >= FRESH_SECONDS:
        with memory.lock:
            if house.settings.development and house.settings.surface != "public":
                _publish_if_edited(house, memory)
            with house.live.read() as connection:
                memory.current = policies.version_in_force(connection, clock.now()) or 0
            memory.read_at = now
    if not memory.current:
        raise NotInitialised("no policy is in force; run `flask --app app init`")
    return version(house, memory.current)


def version(house: House, number: int) -> Published:
    """One published version.

    Raises:
        NotFound: there is none of this number.
    """
    memory = _memory(house)
    if number not in memory.versions:
        with house.live.read() as connection:
            row = policies.by_version(connection, number)
        if row is None:
            raise NotFound(f"policy version {number}")
        memory.versions[number] = Published(row.version, loader.parse_published(row.source), row.effective_at)
    return memory.versions[number]


def source_in_force(house: House) -> str:
    """The TOML file behind the policy in force, as it was published."""
    with house.live.read() as connection:
        row = policies.by_version(connection, in_force(house).version)
    return "" if row is None else row.source


def publish(house: House, loaded: loader.LoadedPolicy) -> Published:
    """Publish a policy, in force from now, with the notices of every type and language.

    Publishing what is the newest version already changes nothing. Announcing ahead (P37) is the matter
    of `policy publish`, a later issue; until then only `init` and development come here.

    The record comes before the commit, and holds the source: what a crash between them, or a live store
    that was put back, has forgotten is published again by `remember`.
    """
    now = clock.now()
    with house.live.write() as connection:
        house.live.gate(connection, "policy", exclusive=True)
        newest = policies.newest(connection)
        if newest is not None and newest.digest == loaded.digest:
            return version(house, newest.version)
        recorded = records.latest(house, "operation", "publish")
        number = max(int(recorded[1]["version"]) if recorded else 0, newest.version if newest else 0) + 1
        body = {
            "act": "publish", "version": number, "at": to_microseconds(now),
            "digest": loaded.digest.hex(), "source": loaded.source,
        }  # fmt: skip
        records.append(house, "operation", body)
        row = policies.PolicyRow(number, loaded.source, loaded.digest, now, now)
        policies.add(connection, row, _texts(loaded.policy))
    return Published(number, loaded.policy, now)


def remember(house: House) -> int:
    """Publish again each version that the ledger knows and live does not; returns how many.

    Archived rows and inquiries' due dates rest on them, and the public was told.
    """
    recorded = records.latest(house, "operation", "publish")
    with house.live.read() as connection:
        newest = policies.newest(connection)
    known = newest.version if newest else 0
    if recorded is None or int(recorded[1]["version"]) <= known:
        return 0
    made = 0
    for _, body in records.bodies(house, "operation"):
        if body["act"] == "publish" and body["version"] > known and "source" in body:  # not in records of old
            published = loader.parse_published(body["source"])
            at = from_microseconds(body["at"])
            row = policies.PolicyRow(body["version"], body["source"], bytes.fromhex(body["digest"]), at, at)
            with house.live.write() as connection:
                policies.add(connection, row, _texts(published))
            made += 1
    return made


def _texts(policy: Policy) -> list[policies.NoticeRow]:
    made = [notice.make(policy, name, language) for name in policy.types for language in policy.languages]
    return [policies.NoticeRow(one.type, one.language, one.text, one.digest) for one in made]


def _publish_if_edited(house: House, memory: _Memory) -> None:
    try:
        status = house.settings.policy.stat()
    except FileNotFoundError:
        return  # what is published stays in force
    seen = (status.st_mtime_ns, status.st_size)
    if seen == memory.file_seen:
        return
    try:
        publish(house, loader.load(house.settings.policy))
    except PolicyRefused as refused:  # the forms go on under what was published; the log says what to mend
        problems = [f"{problem.path}: {problem.message}" for problem in refused.problems]
        log.error("policy.refused", file=str(house.settings.policy), problems=problems)
    memory.file_seen = seen


def _memory(house: House) -> _Memory:
    found = house.memory.setdefault("publishing", _Memory())
    assert isinstance(found, _Memory)  # noqa: S101 - narrows the type; nobody else uses the name
    return found
