"""What the current request stands on: the opened house and the settings; opens nothing by itself."""

from __future__ import annotations

from datetime import date
from typing import Final, cast

from flask import current_app, request
from werkzeug.datastructures import MultiDict

from inquiries.services.house import House
from inquiries.services.ids import LARGEST_ID
from inquiries.settings import Settings

_YEARS: Final = range(2000, 2200)


def house() -> House:
    """The house of this application, opened at its first use."""
    return cast("House", current_app.extensions["inquiries"]())


def settings() -> Settings:
    """The settings of this application; readable before the house is open."""
    return cast("Settings", current_app.extensions["inquiries.settings"])


def before() -> int | None:
    """The id below which a list goes on; None where the address names none."""
    return number(request.args, "before")


def number(sent: MultiDict[str, str], name: str) -> int | None:
    """The number that was sent under this name; None where it is none that a store can hold."""
    wanted = sent.get(name, type=int)
    return wanted if wanted is not None and 0 <= wanted <= LARGEST_ID else None


def day(sent: MultiDict[str, str], name: str) -> date | None:
    """The day that was sent under this name; None where it is none that one can reckon with."""
    wanted = sent.get(name, type=date.fromisoformat)
    return wanted if wanted is not None and wanted.year in _YEARS else None
