"""What a failure tells whom: a designed page or problem to the person, kind and place to the log."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog
from flask import Flask
from sqlalchemy import update

from inquiries import logs
from inquiries.stores.live.tables import epochs
from tests.cast import ITEMS
from tests.web.site import site

CANARY = "CANARY of what somebody typed"
BODY = {
    "type": "support",
    "items": ITEMS | {"content": CANARY},
    "consents": {"inquiry": True},
    "language": "en",
}


def close_intake(app: Flask) -> None:
    with app.extensions["inquiries"]().live.write() as connection:
        connection.execute(update(epochs).values(state="retired"))


@pytest.mark.promise("P29")
def test_a_failed_inquiry_leaves_no_item_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with site(tmp_path) as app:
        close_intake(app)
        answer = app.test_client().post("/api/inquiries", json=BODY)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "intake_closed")
    logged = capsys.readouterr().err
    assert "kind=IntakeClosed" in logged
    assert "CANARY" not in logged


def test_a_logged_trace_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(development=True)
    typed = f"{CANARY}, in a local"
    try:
        int(typed[:0])
    except ValueError:
        structlog.get_logger().exception("failed")
    logged = capsys.readouterr().err
    assert "ValueError" in logged
    assert "CANARY" not in logged
