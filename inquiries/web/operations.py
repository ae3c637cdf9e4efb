"""What machines ask of a process; the public surface tells no more than yes or no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, current_app
from sqlalchemy.exc import SQLAlchemyError

from inquiries.errors import InquiriesError
from inquiries.services import readiness
from inquiries.web.current import house, settings
from inquiries.web.guards import audience

pages: Final = Blueprint("operations", __name__)


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
