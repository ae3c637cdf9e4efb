"""When something is due, by which rule, and whether it is kept (P08, P09, P14); never reads a clock."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from inquiries.policy.model import GROUPS, Policy
from inquiries.policy.period import Period

MAIN, VISITOR, *_ = GROUPS


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
    return _moment(_after(received.astimezone(ZoneInfo(time_zone)), period))


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
    if group.due_at is None:
        return Keep(Reason.until_withdrawn)
    if now < group.due_at:
        return Keep(Reason.not_due)
    if group.held_until is not None and now < group.held_until:
        return Keep(Reason.held)
    return Destroy(Reason.due)


# -- what a policy promises ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What of an inquiry decides over its groups' due dates."""

    type: str
    received_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """When a version of the policy has a group destroyed (None: when withdrawn), and by which rule."""

    due_at: datetime | None
    rule: str
    version: int
    by_closing: bool = False


def promise(policy: Policy, version: int, group: str, inquiry: Inquiry) -> Promise | None:
    """What one version says of a group of this inquiry; None when it declares no such type or purpose."""
    found = _period(policy, group, inquiry.type)
    if found is None:
        return None
    rule, period = found
    due = due_at(inquiry.received_at, period, policy.time_zone)
    promised = Promise(due, f"{rule} {period}", version)
    if group != MAIN or inquiry.closed_at is None or due is None:
        return promised
    after = policy.types[inquiry.type].after_closing
    least = policy.minimum
    not_before = None if least is None else due_at(inquiry.received_at, least, policy.time_zone)
    closed = due_after_closing(due, inquiry.closed_at, after, policy.time_zone, not_before=not_before)
    if closed == due:
        return promised
    rule = f"minimum {policy.minimum}" if closed == not_before else f"after_closing {after}"
    return Promise(closed, rule, version, by_closing=True)


def earliest(promises: Iterable[Promise]) -> Promise | None:
    """The promise that ends first, of two alike the older: a later policy shortens, and never lengthens."""
    never = datetime.max.replace(tzinfo=UTC)
    return min(promises, key=lambda one: (one.due_at or never, one.version), default=None)


def shortens(policy: Policy, later: Policy, group: str, type_name: str) -> bool:
    """Whether the later version could make something of this group due earlier than the other does."""
    before, after = _period(policy, group, type_name), _period(later, group, type_name)
    if before is None or after is None:
        return False
    changed = not after[1].covers(before[1]) or policy.time_zone != later.time_zone
    if group != MAIN or changed:
        return changed
    now, then = policy.types[type_name].after_closing, later.types[type_name].after_closing
    return not then.covers(now) or policy.minimum != later.minimum


def _period(policy: Policy, group: str, type_name: str) -> tuple[str, Period] | None:
    """(name of the rule, period) of a group."""
    if group == MAIN:
        kind = policy.types.get(type_name)
        return None if kind is None else ("period", kind.period)
    if group == VISITOR:
        return None if policy.visitor is None else (VISITOR, policy.visitor.period)
    purpose = policy.purposes.get(group)
    return None if purpose is None or purpose.period is None else (f"purpose {group}", purpose.period)


# -- arithmetic ------------------------------------------------------------------------------------


def day_after(day: date, period: Period) -> date:
    """The day after whole calendar years and months, then days; the last of a month that has no such day."""
    return _after(datetime.combine(day, time()), period).date()


def _after(wall: datetime, period: Period) -> datetime:
    """The wall time after the period, on the last day of a month that is too short."""
    months = wall.month - 1 + period.all_months
    year, month, day = wall.year + months // 12, months % 12 + 1, wall.day
    if day > 28:  # noqa: PLR2004 - every month has so many
        day = min(day, monthrange(year, month)[1])
    return wall.replace(year, month, day) + timedelta(days=period.days)


def _moment(wall: datetime) -> datetime:
    """The moment in UTC of a zone's wall time that may be skipped or come twice.

    `wall` is a sum, and a sum of a time and days always means the first of two (fold 0).
    """
    early, late = wall, wall.replace(fold=1)
    second = late.astimezone(UTC)
    if early.utcoffset() == late.utcoffset():  # the usual case
        return second
    first, zone = early.astimezone(UTC), wall.tzinfo
    if second >= first:  # it comes twice
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
