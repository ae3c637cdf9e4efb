"""The last layer: each answer leaves whole, with the headers that every answer has; reads no body.

It stands outside Flask, so that an answer of whatever part has them, and since there they cost a tenth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from inquiries.settings import Settings

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors {ancestors}"
)
_FRAMED: Final = re.compile("/embed/[^/]+/?")
_HSTS: Final = "max-age=63072000"  # two years, for this host alone: its siblings are not ours to bind


class Outermost:
    """The application below; what it says itself of a header stands."""

    def __init__(self, app: WSGIApplication, chosen: Settings) -> None:
        self._app = app
        self._own = _headers(chosen, framed=False)
        self._framed = _headers(chosen, framed=chosen.surface != "staff")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer in one piece: granian sends a list at once, and an iterator bit by bit."""
        ours = self._framed if _FRAMED.fullmatch(environ["PATH_INFO"]) else self._own

        def begin(
            status: str, headers: list[tuple[str, str]], failure: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            given = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in ours if name.lower() not in given]
            return start_response(status, headers, failure)

        pieces = self._app(environ, begin)
        try:
            return list(pieces)
        finally:
            if (close := getattr(pieces, "close", None)) is not None:
                close()


def _headers(chosen: Settings, *, framed: bool) -> list[tuple[str, str]]:
    """What a browser may run, keep, frame and tell others."""
    ancestors = " ".join(("'self'", *chosen.allowed_origins)) if framed else "'none'"
    headers = [
        ("Content-Security-Policy", _CSP.format(ancestors=ancestors)),
        # `no-referrer` makes browsers send `Origin: null` with our own forms
        ("Referrer-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "cross-origin" if framed else "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"),
        ("Cache-Control", "no-store"),  # whatever is not said to be public is personal
    ]
    if not framed:
        headers.append(("X-Frame-Options", "DENY"))
    if not chosen.development:
        headers.append(("Strict-Transport-Security", _HSTS))
    return headers
