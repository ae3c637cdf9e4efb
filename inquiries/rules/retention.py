"""When something is due and whether it is destroyed now (P08, P09, P14); never reads a clock or destroys."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from inquiries.policy.period import Period


class Reason(StrEnum):
    """Why something is kept, or why it is destroyed."""

    not_due = "not_due"
    held = "held"
    until_withdrawn = "until_withdrawn"
    due = "due"


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What decides over a group: its due date (None: until withdrawn) and the end of a legal hold."""

    due_at: datetime | None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """It stays, for this reason."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Destroy:
    """It is destroyed now, for this reason."""

    reason: Reason


def due_at(received: datetime, period: Period, time_zone: str) -> datetime | None:
    """When what was received at this moment is due, in UTC; None for "until withdrawn" (P08, P15).

    The same local wall time after whole calendar years and months, then days. Where the month has no such
    day, its last one (Korean Civil Act, Art. 160(3)): 29 February becomes 28. A local time that the clocks
    skip becomes the next that exists. Of one that comes twice it is the second: never early.
    """
    if period.until_withdrawn:
        return None
    zone = ZoneInfo(time_zone)
    wall = received.astimezone(zone).replace(tzinfo=None)
    return _moment(_after(wall, period), zone)


def due_after_closing(
    due: datetime | None,
    closed_at: datetime,
    after_closing: Period,
    time_zone: str,
    *,
    not_before: datetime | None = None,
) -> datetime | None:
    """The due date once the inquiry is closed: brought forward, never put back (P09).

    For the inquiry's own group; the visitor's and an optional purpose's end on their own. What is kept
    until withdrawn stays so. `not_before` is the end of the policy's `minimum` (P14).
    """
    if due is None:
        return None
    forward = due_at(closed_at, after_closing, time_zone) or due
    return min(due, max(forward, not_before) if not_before else forward)


def decide(group: GroupFacts, now: datetime) -> Keep | Destroy:
    """Keep it or destroy it: due from the very moment of its due date on, unless a hold still runs."""
    if group.held_until is not None and now < group.held_until:
        return Keep(Reason.held)
    if group.due_at is None:
        return Keep(Reason.until_withdrawn)
    return Destroy(Reason.due) if now >= group.due_at else Keep(Reason.not_due)


def _after(wall: datetime, period: Period) -> datetime:
    """The wall time after the period, on the last day of a month that is too short."""
    months = wall.month - 1 + period.all_months
    year, month = wall.year + months // 12, months % 12 + 1
    day = min(wall.day, monthrange(year, month)[1])
    return wall.replace(year=year, month=month, day=day) + timedelta(days=period.days)


def _moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC of a wall time that may be skipped or come twice."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if second >= first:  # the usual case, and a time that comes twice
        return second
    # Skipped: read by the offset after the change it lies before it, and the other way round.
    before, after = second, first
    new_offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(microseconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == new_offset:
            after = middle
        else:
            before = middle
    return after
