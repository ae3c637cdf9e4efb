"""A fixed day on which the houses of these tests stand ready, days after it, and houses by the dozen."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

from inquiries import settings as settings_module
from inquiries.services.house import House
from inquiries.settings import Settings
from tests import prepared

T0 = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
INSTALLED = T0 - timedelta(hours=1)


def at(days: float = 0, **more: float) -> time_machine.travel:
    """So long after T0; the clock goes on from there."""
    return time_machine.travel(T0 + timedelta(days=days, **more), tick=True)


@contextmanager
def installed(make_settings: Callable[..., Settings], **given: Any) -> Iterator[House]:
    """A house that was installed an hour before T0."""
    with closing(prepared.house(make_settings(**given), INSTALLED)) as house:
        yield house


@contextmanager
def fresh() -> Iterator[House]:
    """Such a house in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="inquiries-house-") as directory:
        settings = settings_module.load(instance=Path(directory) / "instance")
        with closing(prepared.house(settings, INSTALLED)) as house:
            yield house
