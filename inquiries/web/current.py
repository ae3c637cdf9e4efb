"""What the current request stands on: the opened house and the settings; opens nothing by itself."""

from __future__ import annotations

from typing import cast

from flask import current_app

from inquiries.services.house import House
from inquiries.settings import Settings


def house() -> House:
    """The house of this application, opened at its first use."""
    return cast("House", current_app.extensions["inquiries"]())


def settings() -> Settings:
    """The settings of this application; readable before the house is open."""
    return cast("Settings", current_app.extensions["inquiries.settings"])
