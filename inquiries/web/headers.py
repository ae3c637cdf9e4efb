"""The headers of every answer: what a browser may run, keep, frame and tell others; reads no body."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request

from inquiries.web.current import settings

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors {ancestors}"
)
_FRAMED: Final = frozenset({"public.embed"})
_HSTS: Final = "max-age=63072000"  # two years, for this host alone: its siblings are not ours to bind


def init_app(app: Flask) -> None:
    """Set the headers on every answer."""
    app.after_request(_set)


def _set(response: Response) -> Response:
    headers = response.headers
    framed = request.endpoint in _FRAMED
    ancestors = " ".join(("'self'", *settings().allowed_origins)) if framed else "'none'"
    headers["Content-Security-Policy"] = _CSP.format(ancestors=ancestors)
    if not framed:
        headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = (
        "same-origin"  # `no-referrer` makes browsers send `Origin: null` with our own forms
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers.setdefault("Cross-Origin-Resource-Policy", "cross-origin" if framed else "same-origin")
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), browsing-topics=()"
    if not settings().development:
        headers["Strict-Transport-Security"] = _HSTS
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")  # whatever is not said to be public is personal
    return response
