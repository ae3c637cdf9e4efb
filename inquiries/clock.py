"""The only place that reads a clock; everything else asks here, so that tests can move time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

#: By how much the clocks of several hosts may differ.
SKEW = timedelta(seconds=5)

_COUNTING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> datetime:
    """The present moment, aware, in UTC, in microseconds."""
    return datetime.fromtimestamp(time.time(), UTC)


def monotonic() -> float:
    """Seconds since an arbitrary point; never set back, whatever happens to the wall clock.

    Counts on while the machine sleeps, where the system can: a laptop woken up is no clock that jumped.
    """
    return time.clock_gettime(_COUNTING)
