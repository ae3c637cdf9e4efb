"""A fixed day on which the houses of these tests stand ready, days after it, and houses by the dozen."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import time_machine

from inquiries import settings as settings_module
from inquiries.services import installation
from inquiries.services.house import House, open_house
from inquiries.settings import Settings

T0 = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def at(days: float = 0, **more: float) -> time_machine.travel:
    """So long after T0; the clock goes on from there."""
    return time_machine.travel(T0 + timedelta(days=days, **more), tick=True)


@contextmanager
def installed(make_settings: Callable[..., Settings], **given: Any) -> Iterator[House]:
    """A house that was installed an hour before T0."""
    settings = make_settings(**given)
    if given:
        with at(hours=-1):
            house = installation.install(settings).house
    else:
        shutil.copytree(_template(), settings.instance)
        house = open_house(settings)
    try:
        yield house
    finally:
        house.close()


@contextmanager
def fresh() -> Iterator[House]:
    """Such a house in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="inquiries-house-") as directory:
        instance = Path(directory) / "instance"
        shutil.copytree(_template(), instance)
        house = open_house(settings_module.load(instance=instance))
        try:
            yield house
        finally:
            house.close()


def _template() -> Path:
    return Path(_made().name) / "instance"


@cache
def _made() -> tempfile.TemporaryDirectory[str]:
    """What is installed once and then copied; removed when this process ends."""
    directory = tempfile.TemporaryDirectory(prefix="inquiries-template-")
    with at(hours=-1):
        installation.install(settings_module.load(instance=Path(directory.name) / "instance")).house.close()
    return directory
