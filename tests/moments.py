"""A fixed day on which the houses of these tests were installed, and days after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from inquiries.services import installation
from inquiries.services.house import House
from inquiries.settings import Settings

T0 = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def at(days: float = 0, **more: float) -> time_machine.travel:
    """So long after the installation; the clock goes on from there."""
    return time_machine.travel(T0 + timedelta(days=days, **more), tick=True)


@contextmanager
def installed(make_settings: Callable[..., Settings], **given: Any) -> Iterator[House]:
    """A house that was installed at T0."""
    with at():
        house = installation.install(make_settings(**given)).house
    try:
        yield house
    finally:
        house.close()
