"""Which accesses are marked for the officer's review, by plain rules of the policy (P25); reads no record."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from inquiries.policy.model import Unusual

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

#: Acts that put before somebody what people wrote, or whether they wrote. `list` and `look` are masked.
OPENINGS = frozenset({"open", "open_archived", "export", "search"})


class Mark(StrEnum):
    """Why an access is marked."""

    many = "many"  # more openings in an hour or a day than usual
    night = "night"  # opened at night
    other_types = "other_types"  # opened, with a reason, what is not of the types that she answers
    refused = "refused"  # refused more often in a day than happens by mistake


@dataclass(frozen=True, slots=True)
class Access:
    """What the rules ask of an access record; `other_type`: of a type beside her own."""

    n: int
    at: datetime
    staff: int
    act: str
    refused: bool = False
    other_type: bool = False


def marked(accesses: Iterable[Access], rules: Unusual, time_zone: str) -> Iterator[tuple[Access, Mark]]:
    """Each access with each of its marks; the accesses come in the order in which they happened.

    What was before them counts only if it is among them: begin a day earlier than the first that matters.
    """
    zone = ZoneInfo(time_zone)
    opened: dict[int, _Window] = defaultdict(_Window)
    refused: dict[int, _Window] = defaultdict(_Window)
    for access in accesses:
        if access.refused:
            if refused[access.staff].with_this(access.at, DAY) > rules.refusals_in_day:
                yield access, Mark.refused
        elif access.act in OPENINGS:
            within = opened[access.staff]
            in_day = within.with_this(access.at, DAY)
            if in_day > rules.opens_in_day or within.since(access.at - HOUR) > rules.opens_in_hour:
                yield access, Mark.many
            if _at_night(access.at.astimezone(zone).time(), rules):
                yield access, Mark.night
            if access.other_type:
                yield access, Mark.other_types


class _Window:
    """When somebody did something within the longest time that is asked about."""

    def __init__(self) -> None:
        self._moments: deque[datetime] = deque()

    def with_this(self, at: datetime, span: timedelta) -> int:
        """How many within the span that ends now, this one included."""
        self._moments.append(at)
        while self._moments[0] <= at - span:
            self._moments.popleft()
        return len(self._moments)

    def since(self, start: datetime) -> int:
        """How many after that moment."""
        count = 0
        for moment in reversed(self._moments):
            if moment <= start:
                break
            count += 1
        return count


def _at_night(now: time, rules: Unusual) -> bool:
    """From `night_from` up to `night_until`, which is usually past midnight."""
    if rules.night_from < rules.night_until:
        return rules.night_from <= now < rules.night_until
    return now >= rules.night_from or now < rules.night_until
