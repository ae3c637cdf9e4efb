"""What machines ask of a process; tells nothing of what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, current_app

from inquiries.web.guards import audience

pages: Final = Blueprint("operations", __name__)


@pages.get("/healthz")
@audience("operations")
def healthz() -> Mapping[str, str]:
    """Whether the process answers."""
    return {"status": "ok", "version": str(current_app.config.get("VERSION", ""))}
