"""The clock guard: refuses to destroy on the word of a clock that cannot be right (DESIGN §3, Clock)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inquiries import clock
from inquiries.errors import ClockSuspect
from inquiries.services import records
from inquiries.services.house import House
from inquiries.stores.live import due as due_groups

JUMP = timedelta(minutes=5)
HORIZON_HOURS = 35 * 24
HOUR = timedelta(hours=1)
MORE_THAN_FORECAST, BY_AT_LEAST = 1.1, 20  # the figures of DESIGN §3


@dataclass
class _Baseline:
    """Wall clock and monotonic clock when this process first looked, or last was told to believe."""

    wall: datetime
    monotonic: float


def believe(house: House, now: datetime) -> None:
    """Ask the ledger, this machine's own count and the last forecast.

    Raises:
        ClockSuspect: says which of the three it is.
    """
    last = records.last_moment(house)
    if last is not None and now < last - clock.SKEW:
        raise ClockSuspect("the clock stands before the ledger's last entry; see `sweep --confirm`")
    record = records.latest(house, "operation", "sweep")
    baseline = house.recall("clock", lambda: _Baseline(now, clock.monotonic()))
    if record is not None and record[1]["confirmed"] and baseline.wall < record[0] <= now:
        baseline.wall, baseline.monotonic = now, clock.monotonic()
    passed = timedelta(seconds=clock.monotonic() - baseline.monotonic)
    if now - baseline.wall - passed > JUMP:
        raise ClockSuspect("the clock ran ahead of this machine's own count; see `sweep --confirm`")
    if record is None:
        return
    with house.live.read() as connection:
        due = due_groups.count_due(connection, now) - due_groups.count_changed(connection, now, record[0])
    expected = _expected(record[0], record[1]["forecast"], now)
    if due > expected * MORE_THAN_FORECAST and due - expected >= BY_AT_LEAST:
        raise ClockSuspect(f"{due} are due where {expected} were forecast; see `sweep --confirm`")


def forecast(house: House, now: datetime) -> list[list[int]]:
    """[n, count]: how many groups become due in the n-th hour from now; it measures the next sweep."""
    with house.live.read() as connection:
        return due_groups.due_by_hour(connection, now, HORIZON_HOURS)


def _expected(at: datetime, steps: Sequence[Sequence[int]], now: datetime) -> int:
    """How many would be due by now, as the last sweep saw it: steps of [hour since, so many more]."""
    hours = (now - at) // HOUR + 1
    return sum(count for hour, count in steps if hour <= hours)
