"""What the current request stands on: the opened house and the settings; opens nothing by itself."""

from __future__ import annotations

from typing import cast

from flask import current_app, request

from inquiries.services.house import House
from inquiries.services.ids import LARGEST_ID
from inquiries.settings import Settings


def house() -> House:
    """The house of this application, opened at its first use."""
    return cast("House", current_app.extensions["inquiries"]())


def settings() -> Settings:
    """The settings of this application; readable before the house is open."""
    return cast("Settings", current_app.extensions["inquiries.settings"])


def before() -> int | None:
    """The id below which a list goes on; None where the address names none that a store can hold."""
    wanted = request.args.get("before", type=int)
    return wanted if wanted is not None and 0 <= wanted <= LARGEST_ID else None
