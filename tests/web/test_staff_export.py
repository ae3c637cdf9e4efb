"""The export page: asks for a fresh proof, gives a file, says what is wrong at its field."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pysequoia
import pytest
from flask import Flask

from inquiries.rules.permissions import Role
from inquiries.services import exports
from inquiries.services.house import House
from tests import cast
from tests.staff import Desk, desk_of
from tests.web.site import errors_of, site

PHRASE = "correct horse battery staple"
SENT = {"purpose": "inquiry", "form": "csv", "reason": "the yearly report", "password": PHRASE}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with site(tmp_path) as opened:
        yield opened


@pytest.fixture
def house(app: Flask) -> House:
    opened: House = app.extensions["inquiries"]()
    return opened


@pytest.fixture
def oh(app: Flask, house: House) -> Desk:
    return desk_of(app, house, Role.privacy)


def test_the_answer_is_the_encrypted_file(oh: Desk, house: House) -> None:
    cast.send(house)
    oh.get("/staff/export")
    answer = oh.post("/staff/export", **SENT)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=inquiries-inquiry-")
    assert answer.headers["Cache-Control"] == "no-store"
    opened = pysequoia.decrypt(answer.data, passwords=[PHRASE]).bytes or b""
    assert cast.ITEMS["content"].encode() in opened


def test_what_is_wrong_is_said_at_its_field_and_the_rest_is_kept(oh: Desk, house: House) -> None:
    cast.send(house)
    oh.get("/staff/export")
    page = oh.post(
        "/staff/export", **(SENT | {"reason": "for <us>", "password": "short", "first": "2026-01-05"})
    )
    assert page.status_code == 422
    assert set(errors_of(page)) == {"password"}
    assert "for &lt;us&gt;" in page.text
    assert 'value="2026-01-05"' in page.text
    assert "short" not in page.text.replace("shorter", "")


def test_where_the_day_allows_no_more_there_is_no_form(
    oh: Desk, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MOST_A_DAY", 1)
    cast.send(house)
    oh.get("/staff/export")
    assert oh.post("/staff/export", **SENT).status_code == 200
    assert "<form" not in oh.get("/staff/export").text.partition("<main")[2].partition("</main>")[0]
    assert oh.post("/staff/export", **SENT).status_code == 422


def test_nobody_else_finds_the_page(app: Flask, house: House) -> None:
    minji = desk_of(app, house, Role.consultation)
    assert minji.get("/staff/export").status_code == 404
    assert "/staff/export" not in minji.get("/staff/inbox").text
