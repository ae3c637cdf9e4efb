"""The sweep: destroys what is due, in the order that survives any crash, and the replay that finishes it.

Order: claim in live → intent in the ledger → wraps and tags nulled, tombstone in keys → rows deleted in
live → done in the ledger (DESIGN §3). Every step is repeatable. Absence of something elsewhere never
destroys anything; a tombstone always deletes leftovers (P08-P11).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from inquiries import clock
from inquiries.errors import ClockSuspect
from inquiries.services import records
from inquiries.services.house import House
from inquiries.services.rotation import KEY_BACKUPS_LIVE
from inquiries.stores import keys, ledger, tombstones
from inquiries.stores.live import due as due_groups
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.types import from_microseconds, to_microseconds

log = structlog.get_logger()

BATCH = 500
LEFTOVER_BATCH = 5000
ALARM_AFTER = timedelta(hours=72)
JUMP = timedelta(minutes=5)
HORIZON_HOURS = 35 * 24
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Swept:
    """How a sweep went; `max_lag_seconds` is the longest time from due to destroyed in it."""

    due: int
    destroyed: int = 0
    archived: int = 0
    held: int = 0
    failed: int = 0
    leftovers: int = 0
    max_lag_seconds: int = 0
    dry_run: bool = False


def sweep(house: House, *, confirm: bool = False) -> Swept:
    """Destroy every group that is due, after finishing what an earlier run left.

    Raises:
        ClockSuspect: the clock or the number due is not believable; `confirm` sweeps all the same.
        JobBusy: another process sweeps.
    """
    with house.live.job("sweep"):
        now = clock.now()
        due = count_due(house, now)
        if not confirm:
            believe(house, now)
        swept = _destroy_all(house, Swept(due=due))
        if not swept.failed:
            swept = replace(swept, leftovers=delete_leftovers(house))
            _prune(house, now)
            _record(house, swept, confirmed=confirm)
        log.info("sweep.done", **vars(swept))
        return swept


def dry_run(house: House, as_of: datetime | None = None) -> Swept:
    """What a sweep at that moment would find due; changes nothing."""
    return Swept(due=count_due(house, as_of or clock.now()), dry_run=True)


def count_due(house: House, by: datetime) -> int:
    """How many groups are due by then."""
    with house.live.read() as connection:
        return due_groups.count_due(connection, by)


def longest_overdue(house: House) -> timedelta:
    """For how long the oldest due group has been waiting; zero when nothing is due (P10)."""
    now = clock.now()
    with house.live.read() as connection:
        oldest = due_groups.oldest_due(connection, now)
    return timedelta(0) if oldest is None else now - oldest


# -- destroying ----------------------------------------------------------------------------------


def _destroy_all(house: House, swept: Swept) -> Swept:
    batch: list[due_groups.DueGroup] = []
    try:
        swept = replace(swept, destroyed=replay(house).groups)
        while batch := _claimed(house):
            _destroy(house, batch)
            swept = _counted(swept, batch)
    except (SQLAlchemyError, OSError) as failed:  # said, and tried again by the next sweep
        log.error("sweep.failed", groups=len(batch), error=type(failed).__name__)
        return replace(swept, failed=max(len(batch), 1))
    return swept


def _claimed(house: House) -> list[due_groups.DueGroup]:
    with house.live.write() as connection:
        return due_groups.claim_due(connection, clock.now(), BATCH)


def _counted(swept: Swept, batch: Sequence[due_groups.DueGroup]) -> Swept:
    lags = [clock.now() - group.due_at for group in batch if group.due_at is not None]
    seconds = [int(lag.total_seconds()) for lag in lags]
    return replace(
        swept,
        destroyed=swept.destroyed + len(batch),
        max_lag_seconds=max([swept.max_lag_seconds, *seconds]),
    )


def _destroy(house: House, batch: Sequence[due_groups.DueGroup]) -> None:
    listed = [
        [g.id, g.inquiry_id, g.name, "closed" if g.closed_at else "expired", g.type,
         None if g.due_at is None else to_microseconds(g.due_at), g.policy_version]
        for g in batch
    ]  # fmt: skip
    intent = records.append(house, "destruction", {"act": "intent", "groups": listed})
    lookups = {group.id: group.receipt_lookup for group in batch}
    _apply(house, _tombstones(intent, listed, lookups))
    _complete(house, intent, [group.id for group in batch], [group.inquiry_id for group in batch])


def _tombstones(
    intent: int, listed: Iterable[Sequence[Any]], lookups: dict[int, bytes]
) -> list[tombstones.Tombstone]:
    now = clock.now()
    return [
        tombstones.Tombstone(
            id=key, inquiry_id=inquiry_id, group=name, reason=reason, type=kind,
            due_at=None if due is None else from_microseconds(due), policy_version=version, rule=None,
            receipt_lookup=lookups.get(key), intent=intent, destroyed_at=now,
        )
        for key, inquiry_id, name, reason, kind, due, version in listed
    ]  # fmt: skip


def _apply(house: House, stones: Sequence[tombstones.Tombstone]) -> None:
    with house.keys.write() as connection:
        tombstones.bury(connection, stones)


def _complete(house: House, intent: int, group_ids: Sequence[int], inquiry_ids: Sequence[int]) -> int:
    with house.live.write() as connection:
        removed = due_groups.remove_groups(connection, group_ids, inquiry_ids)
    records.append(house, "destruction", {"act": "done", "intent": intent, "groups": len(group_ids)})
    with house.keys.write() as connection:
        keys.advance(connection, done=intent)
    return removed


@dataclass(frozen=True)
class Replayed:
    """How many intents had to be followed, and how many of their groups still stood in live."""

    intents: int = 0
    groups: int = 0


def replay(house: House) -> Replayed:
    """Follow every intent of the ledger that was not carried through.

    After a crash that is at most one; after the keys store was put back, all since its backup.
    """
    with house.keys.read() as connection:
        progress = keys.how_far(connection)
    after = min(progress.last_intent, progress.done_intent)
    intents: dict[int, list[list[Any]]] = {}
    for number, body in records.bodies(house, "destruction", after):
        if body["act"] == "intent":
            intents[number] = body["groups"]
    groups = 0
    for number, listed in sorted(intents.items()):
        ids, inquiry_ids = [row[0] for row in listed], [row[1] for row in listed]
        with house.live.read() as connection:
            lookups = due_groups.lookups(connection, inquiry_ids)
        _apply(
            house,
            _tombstones(number, listed, {row[0]: lookups[row[1]] for row in listed if row[1] in lookups}),
        )
        groups += _complete(house, number, ids, inquiry_ids)
    return Replayed(len(intents), groups)


def delete_leftovers(house: House) -> int:
    """Delete live rows whose key is destroyed: a crash or a restored `live` left them. Returns how many."""
    after, deleted = 0, 0
    while True:
        with house.keys.read() as connection:
            stones = tombstones.tombstones(connection, after, LEFTOVER_BATCH)
        if not stones:
            break
        after = stones[-1][0]
        with house.live.read() as connection:
            standing = due_groups.standing(connection, [key for key, _ in stones])
        if standing:
            with house.live.write() as connection:
                ids, inquiry_ids = [key for key, _ in standing], [one for _, one in standing]
                deleted += due_groups.remove_groups(connection, ids, inquiry_ids)
    return deleted


def _prune(house: House, now: datetime) -> None:
    """What else has ended: ledger bodies, and envelopes whose epoch no key backup can bring back."""
    with house.ledger.write() as connection:
        ledger.prune(connection, now)
    with house.keys.read() as connection:
        beyond = keys.retired_before(connection, now - KEY_BACKUPS_LIVE)
    if beyond is None:
        return
    removed = LEFTOVER_BATCH
    while removed == LEFTOVER_BATCH:
        with house.live.write() as connection:
            removed = live_epochs.drop_envelopes(connection, beyond + 1, LEFTOVER_BATCH)


# -- the clock guard -----------------------------------------------------------------------------


@dataclass
class _Baseline:
    """Wall clock and monotonic clock when this process first looked, or last was told to believe."""

    wall: datetime
    monotonic: float


def believe(house: House, now: datetime) -> None:
    """Refuse to destroy on the word of a clock that cannot be right (DESIGN §3, Clock).

    Raises:
        ClockSuspect: says which of the three it is.
    """
    last = records.last_moment(house)
    if last is not None and now < last - clock.SKEW:
        raise ClockSuspect("the clock stands before the ledger's last entry; see `sweep --confirm`")
    record = records.latest(house, "operation", "sweep")
    baseline = house.memory.setdefault("clock", _Baseline(now, clock.monotonic()))
    assert isinstance(baseline, _Baseline)  # noqa: S101 - narrows the type; nobody else uses the name
    if record is not None and record[1]["confirmed"] and baseline.wall < record[0] <= now:
        baseline.wall, baseline.monotonic = now, clock.monotonic()
    passed = timedelta(seconds=clock.monotonic() - baseline.monotonic)
    if now - baseline.wall - passed > JUMP:
        raise ClockSuspect("the clock ran ahead of this machine's own count; see `sweep --confirm`")
    if record is None:
        return
    with house.live.read() as connection:
        due = due_groups.count_due(connection, now, closed_by=record[0])
    expected = _expected(record[0], record[1]["forecast"], now)
    if due > expected * 1.1 and due - expected >= 20:  # noqa: PLR2004 - the figures of DESIGN §3
        raise ClockSuspect(f"{due} are due where {expected} were forecast; see `sweep --confirm`")


def _expected(at: datetime, forecast: Sequence[Sequence[int]], now: datetime) -> int:
    """How many would be due by now, as the last sweep saw it: steps of [hour since, so many more]."""
    hours = (now - at) // HOUR + 1
    return sum(count for hour, count in forecast if hour <= hours)


def _record(house: House, swept: Swept, *, confirmed: bool) -> None:
    """Write the sweep down, with the forecast that the next one is measured by."""
    now = clock.now()
    with house.live.read() as connection:
        forecast = due_groups.due_by_hour(connection, now, HORIZON_HOURS)
    body = {"act": "sweep", "confirmed": confirmed, "forecast": forecast, **vars(swept)}
    records.append(house, "operation", body)
    if confirmed:  # the officer's word on the time, as the newest entry of every chain: see `believe`
        for chain in ("access", "rights", "destruction"):
            records.append(house, chain, {"act": "clock_confirmed"})
