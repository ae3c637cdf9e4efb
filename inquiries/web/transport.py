"""Answers under our own name alone (P32), and outside this machine by https alone (P30).

Under another name (a forged `Host`, a name that somebody points at this machine) a page could be made to
carry that name on, and a browser would take a stranger's site and this one for the same. Whoever browses by
plain http is led to https; all else that comes that way is refused.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

from flask import Flask, redirect, request
from werkzeug.exceptions import BadRequest, Forbidden
from werkzeug.wrappers import Response

from inquiries.settings import is_loopback
from inquiries.web.current import settings

FOR_MACHINES: Final = frozenset({"/healthz", "/readyz", "/metrics"})  # asked from inside, past the proxy


class ForeignHost(BadRequest):
    """What was asked for is not ours to answer: another name, or none."""


class PlainHttp(Forbidden):
    """Something was sent unencrypted; taking it would teach the sender that this is well."""


def init_app(app: Flask) -> None:
    """Look at every request before anything else does."""
    app.before_request(_own_host)
    app.before_request(_https_alone)


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


def _https_alone() -> Response | None:
    if request.is_secure or settings().development or request.path in FOR_MACHINES:
        return None
    if request.method in {"GET", "HEAD"} and not request.path.startswith("/api/"):
        return redirect(_address(), code=308)
    raise PlainHttp


def _address() -> str:
    """What was asked for, under our own address whatever `Host` says."""
    query = quote(request.query_string, safe="%&=+;/:@,")
    return settings().origin + quote(request.path) + (f"?{query}" if query else "")
