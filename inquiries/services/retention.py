"""The sweep, and what is said of it: what becomes due, what is held, how the last runs went (P08-P10).

Decides when destruction runs; `destruction.py` destroys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from inquiries import clock
from inquiries.errors import JobBusy
from inquiries.rules import retention as rules
from inquiries.services import destruction, due_dates, fulfilment, guard, publishing, records
from inquiries.services.house import House
from inquiries.services.rotation import KEY_BACKUPS_LIVE
from inquiries.stores import archive, keys
from inquiries.stores.live import due as due_groups
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.live import holds, outbox
from inquiries.stores.types import from_microseconds, to_microseconds

log = structlog.get_logger()

ALARM_AFTER = timedelta(hours=72)
LOOK_EVERY = timedelta(days=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
WEEKS, RUNS = 26, 12
SECOND = 1_000_000  # microseconds


@dataclass(frozen=True)
class Swept:
    """How a sweep went; `max_lag_seconds` is the longest time from due to destroyed in it.

    `archived`: how many were moved to the archive since the sweep before. `held`: due, but held.
    """

    due: int
    destroyed: int = 0
    archived: int = 0
    held: int = 0
    failed: int = 0
    leftovers: int = 0
    max_lag_seconds: int = 0
    dry_run: bool = False


def sweep(house: House, *, confirm: bool = False) -> Swept:
    """Destroy every group that is due and not held, after finishing what an earlier run left.

    Raises:
        ClockSuspect: the clock or the number due is not believable; `confirm` sweeps all the same.
        JobBusy: another process sweeps.
    """
    with house.live.job("sweep"):
        due_dates.shorten(house)
        now = clock.now()
        if not confirm:
            guard.believe(house, now)
        last = records.latest(house, "operation", "sweep")
        known, _ = records.heads(house).get("destruction", (0, b""))
        swept = _destroy_all(house, last[0] if last else None)
        if not swept.failed:
            swept, looked_at = _look(house, swept, known, last[1].get("looked_at", 0) if last else 0)
            _prune(house, now)
            before = last[1].get("heads", {}) if last else {}
            _record(house, swept, looked_at, before, confirmed=confirm)
        log.info("sweep.done", **vars(swept))
        return swept


def dry_run(house: House, as_of: datetime | None = None) -> Swept:
    """What a sweep at that moment would find due; changes nothing."""
    last = records.latest(house, "operation", "sweep")
    return replace(_found(house, as_of or clock.now(), last[0] if last else None), dry_run=True)


def count_due(house: House, by: datetime) -> int:
    """How many groups, of living and archived inquiries, are due by then and not held."""
    with house.live.read() as connection:
        living = due_groups.count_due(connection, by)
    with house.archive.read() as connection:
        return living + archive.count_due(connection, by)


def longest_overdue(house: House) -> timedelta:
    """For how long the oldest due group has been waiting; zero when nothing is due (P10)."""
    now = clock.now()
    with house.live.read() as connection:
        living = due_groups.oldest_due(connection, now)
        mail = outbox.oldest_due(connection, now)
    with house.archive.read() as connection:
        archived = archive.oldest_due(connection, now)
    oldest = [moment for moment in (living, mail, archived) if moment is not None]
    return now - min(oldest) if oldest else timedelta(0)


def _found(house: House, by: datetime, since: datetime | None) -> Swept:
    """What is there to sweep."""
    with house.live.read() as connection:
        held = due_groups.count_held(connection, by)
    with house.archive.read() as connection:
        archived = archive.count_since(connection, since) if since else archive.count(connection)
    return Swept(due=count_due(house, by), held=held, archived=archived)


def _destroy_all(house: House, since: datetime | None) -> Swept:
    swept, destroyed, lag = Swept(due=0), 0, 0
    try:
        with suppress(JobBusy):
            fulfilment.hear(house)
        swept = _found(house, clock.now(), since)
        destroyed = destruction.replay(house).groups
        for count, longest in destruction.destroy_due(house):
            destroyed, lag = destroyed + count, max(lag, longest)
            with suppress(JobBusy):  # who asks for a deletion meanwhile does not wait for a long run's end
                fulfilment.carry_out(house)
        destruction.destroy_mail(house)
    except (SQLAlchemyError, OSError) as failed:  # said, and tried again by the next sweep
        due = count_due(house, clock.now())
        left = max(due, 1)
        error = type(failed).__name__
        log.error("sweep.failed", groups=left, error=error)
        records.append(house, "operation", {"act": "sweep_failed", "failed": left, "error": error})
        swept = replace(swept, due=max(swept.due, due), failed=left)
    return replace(swept, destroyed=destroyed, max_lag_seconds=lag // SECOND)


def _look(house: House, swept: Swept, known: int, looked_at: int) -> tuple[Swept, int]:
    """Look for leftovers and orphans through all stores: daily, and while a restore is not confirmed.

    `known`: the last record of destructions before this sweep, whose own have just been carried through.
    """
    now = to_microseconds(clock.now())
    with house.keys.read() as connection:
        restored = keys.how_far(connection).restored_at is not None
    if not restored and from_microseconds(looked_at) + LOOK_EVERY > from_microseconds(now):
        return swept, looked_at
    leftovers = destruction.delete_leftovers(house, known)
    orphans = destruction.destroy_orphans(house)
    return replace(swept, destroyed=swept.destroyed + orphans, leftovers=leftovers), now


def _prune(house: House, now: datetime) -> None:
    """What else has ended: ledger bodies, and envelopes whose epoch no key backup can bring back."""
    records.prune(house, now)
    with house.keys.read() as connection:
        beyond = keys.retired_before(connection, now - KEY_BACKUPS_LIVE)
    if beyond is None:
        return
    with house.archive.write() as connection:
        archive.drop_envelopes(connection, beyond + 1)
    together = destruction.Portions.of(house.live).removed
    dropped = together
    while dropped == together:
        with house.live.write_aside() as connection:
            dropped = live_epochs.drop_envelopes(connection, beyond + 1, together)


def _record(
    house: House, swept: Swept, looked_at: int, before: dict[str, list[Any]], *, confirmed: bool
) -> None:
    """Write the sweep down, with the forecast that the next one is measured by, and the ledger's heads.

    `before` are the heads that the sweep before wrote down: what came since is what its certificate counts.
    """
    body = {"act": "sweep", "confirmed": confirmed, "forecast": guard.forecast(house, clock.now())}
    heads = {chain: [n, digest.hex()] for chain, (n, digest) in records.heads(house).items()}
    since = {chain: head[0] for chain, head in before.items()}
    more = {"looked_at": looked_at, "heads": heads, "since": since}
    records.append(house, "operation", {**body, **more, **vars(swept)})
    if confirmed:  # the officer's word on the time, as the newest entry of every chain: see `guard.believe`
        for chain in ("access", "rights", "destruction"):
            records.append(house, chain, {"act": "clock_confirmed"})


# -- what is to come -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Forecast:
    """What will be destroyed from `first` on: (day in the policy's time zone, inquiry type, how many groups).

    `overdue`: due already. `archived`: how many of `by_day` are archived inquiries. `held`: how many groups
    are held now; each stands in `by_day` when its hold has ended, if that is within the days.
    """

    first: date
    days: int
    by_day: tuple[tuple[date, str, int], ...]
    overdue: int
    held: int
    archived: int


def forecast(house: House, days: int) -> Forecast:
    """What becomes due today and on the days that follow."""
    now = clock.now()
    found = list(_becoming_due(house, now, DAY, days))
    with house.live.read() as connection:
        held = len(due_groups.held_ends(connection, now))
    by_day = ((day, kind, counts[kind]) for day, counts, _ in found for kind in sorted(counts))
    archived = sum(archived for _, _, archived in found)
    return Forecast(found[0][0], days, tuple(by_day), count_due(house, now), held, archived)


@dataclass(frozen=True)
class Week:
    """Seven days from `start`: inquiry type → how many groups become due."""

    start: date
    counts: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Run(Swept):
    """One sweep, by the number of its record in the ledger."""

    record: int
    at: datetime


@dataclass(frozen=True)
class Outlook:
    """The officer's view: what becomes due, what waits and why, how the last runs went, the newest first.

    `overdue` is the longest wait, red from 72 hours on (`alarm`); `limit` is what the policy promises. `held`
    and `archived` count inquiries, `due` counts groups. `failed_last`: what the last run could not destroy.
    """

    by_week: tuple[Week, ...]
    overdue: timedelta
    alarm: bool
    limit: timedelta
    due: int
    held: int
    archived: int
    failed_last: int
    runs: tuple[Run, ...]


def outlook(house: House) -> Outlook:
    """What the retention page shows."""
    now = clock.now()
    overdue = longest_overdue(house)
    policy = publishing.in_force(house).policy
    limit = rules.due_at(now, policy.deadlines.destruction, policy.time_zone) or now
    with house.live.read() as connection:
        held = holds.count(connection, now)
    with house.archive.read() as connection:
        archived = archive.count(connection)
    return Outlook(
        by_week=tuple(Week(day, counts) for day, counts, _ in _becoming_due(house, now, WEEK, WEEKS)),
        overdue=overdue,
        alarm=overdue >= ALARM_AFTER,
        limit=limit - now,
        due=count_due(house, now),
        held=held,
        archived=archived,
        failed_last=failed_last(house),
        runs=tuple(_runs(house)),
    )


@dataclass(frozen=True)
class Alarm:
    """Destruction is late or failed: how long the oldest has waited, how many the last run left."""

    overdue: timedelta
    failed: int


def alarm(house: House) -> Alarm | None:
    """What the inbox tells everybody; None while destruction keeps its promise (P10)."""
    found = Alarm(longest_overdue(house), failed_last(house))
    return found if found.overdue >= ALARM_AFTER or found.failed else None


def _becoming_due(
    house: House, now: datetime, span: timedelta, spans: int
) -> Iterator[tuple[date, dict[str, int], int]]:
    """(first day, inquiry type → how many, how many of them archived) of each span from today on."""
    zone = ZoneInfo(publishing.in_force(house).policy.time_zone)
    today = now.astimezone(zone).date()
    with house.live.read() as live, house.archive.read() as archived:
        ends = due_groups.held_ends(live, now)
        for number in range(spans):
            day = today + number * span
            start, end = (datetime.combine(at, time(), zone) for at in (day, day + span))
            start = max(start, now)
            kept = Counter(kind for kind, moment in ends if start <= moment < end)
            moved = archive.due_between(archived, start, end)
            counts = Counter(due_groups.due_between(live, start, end, now)) + kept + Counter(moved)
            yield day, dict(counts), sum(moved.values())


def _runs(house: House) -> Iterator[Run]:
    for number, at, body in records.newest(house, "operation", "sweep", RUNS):
        yield Run(record=number, at=at, **{name: body[name] for name in Swept.__dataclass_fields__})


def failed_last(house: House) -> int:
    """How many groups the last run could not destroy; 0 when a later one went well."""
    failed: Any = next(iter(records.newest(house, "operation", "sweep_failed", 1)), None)
    done: Any = next(iter(records.newest(house, "operation", "sweep", 1)), None)
    return 0 if failed is None or (done is not None and done[0] > failed[0]) else int(failed[2]["failed"])
