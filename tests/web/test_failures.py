"""What a failure tells whom: a designed page or problem to the person, kind and place to the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from flask import Flask
from sqlalchemy import update

from inquiries import create_app, logs
from inquiries.services.house import House
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


def lose(house: House) -> None:
    """No connection to the live store can be made any more."""
    path = house.live.path
    assert path is not None
    house.live.close()
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    house.memory.clear()


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


# -- a store that does not answer ------------------------------------------------------------------


@pytest.fixture(params=["at the start", "later"])
def lost(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An application whose live store is gone, before the house was opened or after."""
    with site(tmp_path) as app:
        house: House = app.extensions["inquiries"]()
        lose(house)
        found = app if request.param == "later" else create_app(house.settings)
        found.config["PROPAGATE_EXCEPTIONS"] = False
        yield found


@pytest.mark.parametrize(
    "path",
    ["/", "/inquiries/support", "/privacy", "/staff/sign-in?lang=en", "/staff/sign-in", "/staff/inbox"],
)
def test_a_lost_store_has_its_page(lost: Flask, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(development=True)  # to the standard error of now
    answer = lost.test_client().get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert "Closed for a moment" in answer.text
    assert not {"Set-Cookie", "Location"} & set(answer.headers.keys())
    logged = capsys.readouterr().err
    assert "kind=OperationalError" in logged
    for told in ("SELECT", "INSERT", "Traceback", "unable to open"):
        assert told not in answer.text + logged


def test_a_lost_store_is_a_problem_to_programs(lost: Flask) -> None:
    answer = lost.test_client().post("/api/inquiries", json=BODY)
    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.get_json()["code"] == "unavailable"


def test_with_a_lost_store_what_needs_none_still_answers(lost: Flask) -> None:
    client = lost.test_client()
    assert client.get("/nothing").status_code == 404
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["status"]) == (503, "not_ready")
    assert "unable to open" not in ready.text
