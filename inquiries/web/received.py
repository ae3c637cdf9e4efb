"""The page that hands out the receipt code: set once per form, filled in for each inquiry; keeps no code.

Rendering it took as long as sealing and storing an inquiry. All that differs between two people are the
code, the day and the way back, so these three are put into the page at the end.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Final, cast

from babel.dates import format_date
from flask import Response, current_app, g, render_template
from markupsafe import escape

from inquiries.services.intake import Received
from inquiries.web import language
from inquiries.web.current import settings
from inquiries.web.forms import Sheet

_CODE: Final = b"@@the code@@"
_DAY: Final = b"@@the day@@"
_NEXT: Final = b"@@the way back@@"
_BLANKS: Final = re.compile(b"(@@the [a-z ]+@@)")


def page(sheet: Sheet, received: Received, way_back: str | None, *, framed: bool) -> Response:
    """The page for one received inquiry; `way_back` is a link already found allowed."""
    set_once = cast("dict[object, list[bytes]]", current_app.extensions.setdefault("inquiries.received", {}))
    lasting = received.due is None
    spoken = language.chosen()
    kind = (framed, lasting, received.guardian, way_back is None)
    key = (sheet.version, sheet.name, spoken, "language_asked" in g, *kind)
    if key not in set_once:
        text = render_template(
            "public/received.html",
            code=_CODE.decode(),
            day=None if lasting else _DAY.decode(),
            next=None if way_back is None else _NEXT.decode(),
            framed=framed,
            guardian=received.guardian,
            origins=settings().allowed_origins,
        )
        set_once[key] = _BLANKS.split(text.encode())
    filled = {_CODE: escape(received.receipt).encode()}
    if received.due is not None:
        filled[_DAY] = _day(received.due.date(), spoken)
    if way_back is not None:
        filled[_NEXT] = escape(way_back).encode()
    return Response(b"".join([filled.get(piece, piece) for piece in set_once[key]]))


@lru_cache(maxsize=64)
def _day(due: date, spoken: str) -> bytes:
    return escape(format_date(due, "full", locale=spoken)).encode()
