"""The page that hands out the receipt code: set once per form, filled in for each inquiry; keeps no code.

Rendering it took as long as sealing and storing an inquiry. All that differs between two people are the
code, the day and the way back, so these three are put into the page at the end.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Final, cast

from babel.dates import format_date
from flask import current_app, g, render_template
from markupsafe import escape

from inquiries.services.intake import Received
from inquiries.web import language
from inquiries.web.current import settings
from inquiries.web.forms import Sheet

_CODE: Final = "@@the code@@"
_DAY: Final = "@@the day@@"
_NEXT: Final = "@@the way back@@"


def page(sheet: Sheet, received: Received, way_back: str | None, *, framed: bool) -> str:
    """The page for one received inquiry; `way_back` is a link already found allowed."""
    set_once = cast("dict[object, str]", current_app.extensions.setdefault("inquiries.received", {}))
    lasting = received.due is None
    spoken = language.chosen()
    kind = (framed, lasting, received.guardian, way_back is None)
    key = (sheet.version, sheet.name, spoken, "language_asked" in g, *kind)
    if key not in set_once:
        set_once[key] = render_template(
            "public/received.html",
            code=_CODE,
            day=None if lasting else _DAY,
            next=None if way_back is None else _NEXT,
            framed=framed,
            guardian=received.guardian,
            origins=settings().allowed_origins,
        )
    text = set_once[key].replace(_CODE, str(escape(received.receipt)))
    if received.due is not None:
        text = text.replace(_DAY, _day(received.due.date(), spoken))
    return text if way_back is None else text.replace(_NEXT, str(escape(way_back)))


@lru_cache(maxsize=64)
def _day(due: date, spoken: str) -> str:
    return str(escape(format_date(due, "full", locale=spoken)))
