"""The receipt: it opens the inquiry for who has it, and tells everyone else nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from inquiries import clock
from inquiries.services import retention
from tests.cast import ITEMS
from tests.moments import INSTALLED
from tests.web.site import code_of, send, site


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("receipt"), INSTALLED) as made:
        yield made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_code_shows_state_day_items_and_consents(client: FlaskClient) -> None:
    with time_machine.travel("2026-11-22T03:00:00Z"):
        code = code_of(send(client, content="두 줄로\r\n씁니다.", consent_marketing="yes"))
        page = client.post("/receipt", data={"receipt": code, "language": "ko"}).text
    assert "접수 완료" in page
    assert "2026년 11월 22일 오후 12:00" in page
    assert "2027년 11월 22일 월요일" in page
    for text in (ITEMS["name"], ITEMS["email"], ITEMS["contact"], "두 줄로\n씁니다."):
        assert f">{text}</dd>" in page
    assert page.count("동의함") == 2
    assert (
        page.count(code) == page.count(f'name="receipt" value="{code}"') > 0
    )  # for the next act, and not shown
    assert 'href="/privacy/1?lang=ko"' in page


def test_a_refused_consent_is_shown_as_refused(client: FlaskClient) -> None:
    code = code_of(send(client, language="en"))
    page = client.post("/receipt", data={"receipt": code, "language": "en"}).text
    assert "not agreed" in page


def test_case_spaces_hyphens_and_lookalikes_do_not_matter(client: FlaskClient) -> None:
    code = code_of(send(client))
    loose = " " + code.replace("-", " ").lower().replace("0", "o").replace("1", "l") + " "
    assert client.post("/receipt", data={"receipt": loose}).status_code == 200


def test_unknown_malformed_and_destroyed_are_one_answer(client: FlaskClient, app: Flask) -> None:
    code = code_of(send(client))
    with time_machine.travel(clock.now() + timedelta(days=800)):
        due = client.post("/receipt", data={"receipt": code})
        assert retention.sweep(app.extensions["inquiries"](), confirm=True).destroyed
        destroyed = client.post("/receipt", data={"receipt": code})
    unknown = client.post("/receipt", data={"receipt": "00000-00000-00000-00000-00000"})
    others = [
        client.post("/receipt", data=data)
        for data in (
            {"receipt": "x"},
            {"receipt": ""},
            {"code": "x"},
            {"receipt": ["a", "b"]},
            {"receipt": "é" * 1000},
        )
    ]
    for answer in (due, destroyed, *others):
        assert answer.status_code == 404
        assert answer.data == unknown.data
        assert dict(answer.headers) == dict(unknown.headers)


def test_the_answer_to_an_unknown_code_offers_another_try(client: FlaskClient) -> None:
    page = client.post("/receipt", data={"receipt": "x", "language": "en"}).text
    assert "There is no inquiry under this code" in page
    assert 'name="receipt"' in page


def test_what_was_sent_is_shown_as_text_never_as_markup(client: FlaskClient) -> None:
    code = code_of(send(client, name="<script>alert(1)</script>"))
    page = client.post("/receipt", data={"receipt": code}).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
