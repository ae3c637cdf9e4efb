"""How retention stands, and what becomes due when: for the operator by day, for the officer by week (P10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from inquiries import clock
from inquiries.rules import retention as rules
from inquiries.services import publishing, records
from inquiries.services.house import House
from inquiries.services.retention import Swept, count_due
from inquiries.stores import archive
from inquiries.stores.live import due as due_groups
from inquiries.stores.live import holds, outbox

ALARM_AFTER = timedelta(hours=72)
SEEN_WITHIN = timedelta(hours=2)  # a sweep, which the worker tries every hour
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
WEEKS, RUNS = 26, 12


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


# -- how it stands -------------------------------------------------------------------------------


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


@dataclass(frozen=True, kw_only=True)
class Run(Swept):
    """One sweep, by the number of its record in the ledger; `error`: it failed, and has no certificate.

    What a failed one destroyed stands in the certificate of the next that went well.
    """

    record: int
    at: datetime
    error: str | None = None


@dataclass(frozen=True)
class Outlook:
    """The officer's view: what becomes due, what waits and why, how the last runs went, the newest first.

    `overdue` is the longest wait, red from 72 hours on (`alarm`); `limit` is what the policy promises. `held`
    and `archived` count inquiries, `due` counts groups. `failed_last`: what the last run could not destroy.
    `silent`: for how long no run was tried, once that is too long.
    """

    by_week: tuple[Week, ...]
    overdue: timedelta
    alarm: bool
    limit: timedelta
    due: int
    held: int
    archived: int
    failed_last: int
    silent: timedelta | None
    runs: tuple[Run, ...]


def of(house: House) -> Outlook:
    """What the retention page shows."""
    now = clock.now()
    overdue = longest_overdue(house)
    policy = publishing.in_force(house).policy
    limit = rules.due_at(now, policy.deadlines.destruction, policy.time_zone) or now
    with house.live.read() as connection:
        held = holds.count(connection, now)
    with house.archive.read() as connection:
        archived = archive.count(connection)
    runs = _runs(house, RUNS)
    return Outlook(
        by_week=tuple(Week(day, counts) for day, counts, _ in _becoming_due(house, now, WEEK, WEEKS)),
        overdue=overdue,
        alarm=overdue >= ALARM_AFTER,
        limit=limit - now,
        due=count_due(house, now),
        held=held,
        archived=archived,
        failed_last=_left(runs),
        silent=_silence(runs),
        runs=tuple(runs),
    )


@dataclass(frozen=True)
class Alarm:
    """Destruction is late, failed or silent: how long the oldest has waited, how many the last run left."""

    overdue: timedelta
    failed: int
    silent: timedelta | None


def alarm(house: House) -> Alarm | None:
    """What the inbox tells everybody; None while destruction keeps its promise (P10)."""
    last = _runs(house, 1)
    found = Alarm(longest_overdue(house), _left(last), _silence(last))
    return found if found.overdue >= ALARM_AFTER or found.failed or found.silent else None


def failed_last(house: House) -> int:
    """How many groups the last run could not destroy; 0 when it went well."""
    return _left(_runs(house, 1))


def _left(runs: Sequence[Run]) -> int:
    return runs[0].failed if runs else 0


def _silence(runs: Sequence[Run]) -> timedelta | None:
    """For how long no run was tried, once that is too long: nobody works, or the clock is not believed.

    None as well before the first.
    """
    age = clock.now() - runs[0].at if runs else timedelta(0)
    return age if age >= SEEN_WITHIN else None


def _runs(house: House, most: int) -> list[Run]:
    """The last ones, the newest first; of those that failed in a row, the last."""
    found = [
        Run(record=number, at=at, error=body.get("error"), **_figures(body))
        for act in ("sweep", "sweep_failed")
        for number, at, body in records.newest(house, "operation", act, most)
    ]
    runs: list[Run] = []
    for run in sorted(found, key=lambda run: run.record, reverse=True):
        if not (run.error and runs and runs[-1].error):
            runs.append(run)
    return runs[:most]


def _figures(body: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the record; at first a failed sweep wrote down no more than what it left."""
    return {name: body.get(name, 0) for name in Swept.__dataclass_fields__}
