"""What machines ask of a process; the public surface tells no more than yes or no, and has no metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, current_app, request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError

from inquiries.errors import InquiriesError, NotFound
from inquiries.services import metrics, readiness
from inquiries.services.attempts import ip_of
from inquiries.web.current import house, settings
from inquiries.web.guards import audience, from_staff_network

pages: Final = Blueprint("operations", __name__)
inside: Final = Blueprint("inside", __name__)  # not on the surface that the internet reaches
_FORWARDED: Final = frozenset({"forwarded", "x-forwarded-for", "x-real-ip"})


@pages.get("/healthz")
@audience("operations")
def healthz() -> Mapping[str, str]:
    """Whether the process answers."""
    return {"status": "ok", "version": str(current_app.config.get("VERSION", ""))}


@pages.get("/readyz")
@audience("operations")
def readyz() -> tuple[Mapping[str, Any], int]:
    """Whether the promises are being kept: 200, or 503 with the checks that failed."""
    try:
        made = readiness.checks(house())
    except (InquiriesError, SQLAlchemyError, OSError) as failed:  # the house itself does not open
        made = (readiness.Check("house", ok=False, detail=type(failed).__name__),)
    ready = all(check.ok for check in made)
    answer: dict[str, Any] = {"status": "ready" if ready else "not_ready"}
    if settings().surface != "public":
        answer["checks"] = {check.name: {"ok": check.ok, "detail": check.detail} for check in made}
    return answer, 200 if ready else 503


@inside.get("/metrics")
@audience("operations")
def measured() -> Response:
    """The state of the stores for Prometheus; to anybody outside an address that does not exist."""
    try:
        _from_inside()
    except NotFound:
        request.url_rule = None  # as if the router had found nothing: the page must be the very same
        raise
    return Response(metrics.exposition(house()), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _from_inside() -> None:
    """Answer to the staff networks; where none is named, to this machine, and not to what a proxy passes on.

    Raises:
        NotFound: the request comes from elsewhere.
    """
    if settings().staff_networks:
        from_staff_network()
        return
    address = ip_of(request.remote_addr or "")
    here = address is not None and address.is_loopback
    passed_on = not settings().trusted_proxies and _FORWARDED & {name.lower() for name, _ in request.headers}
    if not here or passed_on:
        raise NotFound("metrics are for this machine")
