"""Hands the server each answer in one piece: granian sends a list at once, and an iterator bit by bit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Whole:
    """The application below, its answers made whole; nothing here is too long for memory."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application below does."""
        pieces = self._app(environ, start_response)
        try:
            return list(pieces)
        finally:
            if (close := getattr(pieces, "close", None)) is not None:
                close()
