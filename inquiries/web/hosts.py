"""Answers under our own name alone (P32): the address that a browser shows is the one of BASE_URL.

Under another name (a forged `Host`, a name that somebody points at this machine) a page could be made to
carry that name on, and a browser would take a stranger's site and this one for the same.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.exceptions import BadRequest

from inquiries.settings import is_loopback
from inquiries.web.current import settings
from inquiries.web.transport import FOR_MACHINES


class ForeignHost(BadRequest):
    """What was asked for is not ours to answer: another name, or none."""


def init_app(app: Flask) -> None:
    """Look at every request before anything else does."""
    app.before_request(_own_host)


def _own_host() -> None:
    """Raises ForeignHost. What machines ask from inside, they ask by address."""
    if request.path in FOR_MACHINES:
        return
    asked = request.host.lower()
    if asked == urlsplit(settings().origin).netloc:
        return
    try:
        name = urlsplit(f"//{asked}").hostname or ""
    except ValueError:
        raise ForeignHost from None
    if not (settings().development and is_loopback(name)):
        raise ForeignHost
