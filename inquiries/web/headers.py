"""The headers of every answer: what a browser may run, keep, frame and tell others; reads no body."""

from __future__ import annotations

from functools import cache
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
    given = {name.lower() for name, _ in response.headers}
    framed, chosen = request.endpoint in _FRAMED, settings()
    ours = _ours(chosen.allowed_origins, framed=framed, https=not chosen.development)
    response.headers.extend([header for header in ours if header[0].lower() not in given])
    if request.endpoint != "static" and "cache-control" not in given:
        response.headers["Cache-Control"] = "no-store"  # whatever is not said to be public is personal
    return response


@cache
def _ours(origins: tuple[str, ...], *, framed: bool, https: bool) -> tuple[tuple[str, str], ...]:
    """What an answer has that says nothing else of its own."""
    ancestors = " ".join(("'self'", *origins)) if framed else "'none'"
    headers = [
        ("Content-Security-Policy", _CSP.format(ancestors=ancestors)),
        # `no-referrer` makes browsers send `Origin: null` with our own forms
        ("Referrer-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "cross-origin" if framed else "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"),
    ]
    if not framed:
        headers.append(("X-Frame-Options", "DENY"))
    if https:
        headers.append(("Strict-Transport-Security", _HSTS))
    return tuple(headers)
