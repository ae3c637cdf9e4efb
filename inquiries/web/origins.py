"""Which pages of the web may send to us, be linked to, or frame us; knows nothing of what is sent.

Public forms carry no cookie and no token: there is no authority to borrow. The origin is checked so that
a stranger's page cannot fill the controller's inbox through its visitors' browsers (DESIGN §6).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, request
from werkzeug.exceptions import Forbidden

from inquiries.settings import is_loopback
from inquiries.web.current import settings


class ForeignOrigin(Forbidden):
    """The page that sent this is neither ours nor on the list of allowed origins."""


def check() -> None:
    """Accept an absent, own or allowed `Origin`.

    Raises ForeignOrigin for any other, `null` included.
    """
    origin = request.headers.get("Origin")
    if origin is not None and not own(origin) and origin not in settings().allowed_origins:
        raise ForeignOrigin


def own(origin: str) -> bool:
    """Whether this is our own origin; while developing, any loopback name under which we were called."""
    if origin == settings().origin:
        return True
    if not settings().development or origin != request.host_url.rstrip("/"):
        return False
    return is_loopback(urlsplit(origin).hostname or "")


def next_link(target: object) -> str | None:
    """The `_next` address when it lies on an allowed origin or our own, else None: no open redirect."""
    if not isinstance(target, str) or len(target) > 2000 or any(c <= " " or c == "\\" for c in target):  # noqa: PLR2004
        return None
    try:
        parts = urlsplit(target)
        origin = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        return None
    return target if origin == settings().origin or origin in settings().allowed_origins else None


def share(response: Response) -> Response:
    """Let the scripts of allowed origins read this answer (CORS), without credentials."""
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin in settings().allowed_origins:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def preflight() -> Response:
    """Answer a browser's question whether a page of its origin may send."""
    response = Response(status=204)
    if request.headers.get("Origin") in settings().allowed_origins:
        response.headers["Access-Control-Allow-Methods"] = "POST"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type, Idempotency-Key"
        response.headers["Access-Control-Max-Age"] = "600"
    return response
