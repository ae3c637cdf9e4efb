"""Publishes policies and answers which one is in force; never changes a published one."""

from __future__ import annotations

import structlog

from inquiries import clock
from inquiries.errors import NotInitialised, PolicyRefused
from inquiries.policy import loader, notice
from inquiries.policy.model import Policy
from inquiries.services import published, records
from inquiries.services.house import House
from inquiries.services.published import Published, declares, version
from inquiries.stores.live import policies
from inquiries.stores.types import from_microseconds, to_microseconds

__all__ = [
    "Published",
    "declares",
    "history",
    "in_force",
    "publish",
    "remember",
    "source_in_force",
    "version",
]

log = structlog.get_logger()


def in_force(house: House) -> Published:
    """The policy in force now, at most a second old.

    In development an edited policy file is published first (DESIGN §6).
    """
    known = published.memory(house)
    if known.stale:
        with known.lock:
            if house.settings.development and house.settings.surface != "public":
                _publish_if_edited(house, known)
            published.refresh(house)
    if not known.current:
        raise NotInitialised("no policy is in force; run `flask --app app init`")
    return version(house, known.current)


def history(house: House, most: int) -> tuple[Published, ...]:
    """The newest versions, announced ones too, the newest first."""
    with house.live.read() as connection:
        numbers = policies.versions(connection, most)
    return tuple(version(house, number) for number in numbers)


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
            policy = loader.parse_published(body["source"])
            at = from_microseconds(body["at"])
            row = policies.PolicyRow(body["version"], body["source"], bytes.fromhex(body["digest"]), at, at)
            with house.live.write() as connection:
                policies.add(connection, row, _texts(policy))
            made += 1
    return made


def _texts(policy: Policy) -> list[policies.NoticeRow]:
    made = [notice.make(policy, name, language) for name in policy.types for language in policy.languages]
    return [policies.NoticeRow(one.type, one.language, one.text, one.digest) for one in made]


def _publish_if_edited(house: House, known: published.Memory) -> None:
    try:
        status = house.settings.policy.stat()
    except FileNotFoundError:
        return  # what is published stays in force
    seen = (status.st_mtime_ns, status.st_size)
    if seen == known.file_seen:
        return
    try:
        publish(house, loader.load(house.settings.policy))
    except PolicyRefused as refused:  # the forms go on under what was published; the log says what to mend
        problems = [f"{problem.path}: {problem.message}" for problem in refused.problems]
        log.error("policy.refused", file=str(house.settings.policy), problems=problems)
    known.file_seen = seen
