"""Outside this machine https alone: whoever browses by plain http is led there, all else refused (P30)."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from flask import Flask, redirect, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from inquiries.web.current import settings

FOR_MACHINES: Final = frozenset({"/healthz", "/readyz", "/metrics"})  # asked from inside, past the proxy


class PlainHttp(Forbidden):
    """Something was sent unencrypted; taking it would teach the sender that this is well."""


def init_app(app: Flask) -> None:
    """Look at every request before anything else does."""
    app.before_request(_https_alone)


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
