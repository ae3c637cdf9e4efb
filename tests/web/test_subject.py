"""The pages of who has a receipt: what each act answers, to whom, and how often; no code in any address."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from inquiries import clock
from inquiries.services import destruction, fulfilment, holds, inbox
from inquiries.services.house import House
from inquiries.stores.live.tables import groups, inquiries
from tests.cast import ITEMS, MINJI, OH
from tests.web.site import ALLOWED, code_of, errors_of, send, site

ACTS = ("copy", "correct", "suspend", "resume", "withdraw", "delete")
Ask = Callable[..., TestResponse]

pytestmark = pytest.mark.promise("P17")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("subject")) as made:
        yield made


@pytest.fixture
def house(app: Flask) -> House:
    opened: House = app.extensions["inquiries"]()
    return opened


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def code(client: FlaskClient) -> str:
    return code_of(send(client, consent_marketing="yes"))


@pytest.fixture
def ask(client: FlaskClient, code: str) -> Ask:
    """Do something with the code, in English."""

    def asked(act: str = "", **more: str) -> TestResponse:
        path = f"/receipt/{act}" if act else "/receipt"
        return client.post(path, data={"receipt": code, "language": "en", **more})

    return asked


def newest(house: House) -> int:
    with house.live.read() as connection:
        return int(max(connection.scalars(select(inquiries.c.id))))


@pytest.mark.parametrize("act", ACTS)
def test_a_reload_or_another_language_leads_to_where_the_code_is_typed(client: FlaskClient, act: str) -> None:
    answer = client.get(f"/receipt/{act}?lang=en")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/receipt?lang=en")


def test_each_act_answers_with_a_page_and_its_state(ask: Ask, house: House) -> None:
    assert "Your correction is put in place" in ask("correct", name="김소라나").text
    assert "becomes:" in ask().text
    fulfilment.carry_out(house)
    assert "Nothing was changed" in ask("correct", name="김소라나").text
    assert "nobody here sees what you wrote" in ask("suspend").text
    assert "ends within a minute" in ask("resume").text
    assert "withdrawn from now on" in ask("withdraw", purpose="marketing").text
    page = ask().text
    for words in (
        "Correction",
        "Suspension",
        "End of the suspension",
        "Withdrawal of a consent",
        "Under way",
    ):
        assert words in page
    assert re.search(r"answered by [A-Z]\w+, [A-Z]\w+ \d+, \d{4} at the latest", page)


def test_what_cannot_be_taken_back_is_said(ask: Ask) -> None:
    for purpose in ("inquiry", "unknown", ""):
        answer = ask("withdraw", purpose=purpose)
        assert answer.status_code == 422
        assert "There is no consent of yours to withdraw here." in answer.text
        assert ITEMS["content"] in answer.text  # on her own page


def test_a_correction_is_judged_as_the_form_is(ask: Ask) -> None:
    answer = ask("correct", email="nonsense", name="", content="두 줄로\n씁니다.")
    assert answer.status_code == 422
    assert set(errors_of(answer)) == {"name", "email"}
    assert "nonsense" in answer.text
    assert "두 줄로\n씁니다." in answer.text
    assert ask().text.count("becomes:") == 0


def test_a_deletion_asks_once_more_and_then_locks(ask: Ask, house: House) -> None:
    asking = ask("delete")
    assert asking.status_code == 200
    assert "Delete your inquiry?" in asking.text
    assert ask().status_code == 200  # nothing was done
    assert ask("delete", confirm="yes").status_code == 202
    for act in ("", "delete", "certificate"):
        assert ask(act).status_code == 202, act
        assert "Locked" in ask(act).text
        assert ITEMS["content"] not in ask(act).text
    fulfilment.carry_out(house)
    assert (ask("certificate").status_code, ask().status_code) == (200, 404)
    assert "You asked for its deletion." in ask("certificate").text


def test_a_hold_is_told_with_its_day_and_her_wish_waits(ask: Ask, house: House) -> None:
    until = clock.now() + timedelta(days=30)
    holds.place(house, OH, newest(house), reason="x", basis="Civil Procedure Act", until=until)
    assert "it cannot be deleted before" in ask("delete").text
    answer = ask("delete", confirm="yes")
    assert answer.status_code == 200
    assert "Your deletion is waiting" in answer.text
    assert f"{until.year}" in answer.text
    assert "Delete it" not in answer.text
    assert ask("certificate").status_code == 404


def test_the_copy_is_a_page_and_a_file(ask: Ask, house: House) -> None:
    inbox.open_inquiry(house, MINJI, newest(house), None)
    page = ask("copy").text
    for text in (*ITEMS.values(), "127.0.0.1", "Who answers inquiries", "기술·지원 문의"):
        assert text in page
    answer = ask("copy", format="json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    held = json.loads(answer.text)
    assert held["parts"][0] == {
        "group": "main",
        "destroyed_on": held["parts"][0]["destroyed_on"],
        "items": ITEMS,
    }
    assert [one["role"] for one in held["opened"]] == ["consultation"]
    assert [one["kind"] for one in held["requests"]] == ["copy"]  # page and file are one
    assert all(one["text"] and one["sha256"] for one in held["consents"])


def test_what_outlives_the_inquiry_is_shown_and_can_be_withdrawn(ask: Ask, house: House) -> None:
    with house.live.read() as connection:
        main = select(groups.c.id).where(groups.c.inquiry_id == newest(house), groups.c.name == "main")
        ids = connection.scalars(main).all()
    destruction.destroy_now(house, ids, "expired")
    page = ask().text
    assert "Your inquiry itself is destroyed." in page
    assert ITEMS["email"] in page
    assert ITEMS["content"] not in page
    assert ask("withdraw", purpose="inquiry").status_code == 422
    assert "it is destroyed within a minute" in ask("withdraw", purpose="marketing").text
    fulfilment.carry_out(house)
    assert ask().status_code == 404


@pytest.mark.parametrize("act", ["", *ACTS])
def test_who_may_send_it(client: FlaskClient, code: str, act: str) -> None:
    path = f"/receipt/{act}" if act else "/receipt"
    for origin, status in ((ALLOWED, 200), ("https://eve.example", 403), ("null", 403)):
        sent: dict[str, Any] = {"receipt": code, "purpose": "marketing"}
        assert client.post(path, data=sent, headers={"Origin": origin}).status_code == status, origin
    assert client.post(path, data="{}", content_type="text/plain").status_code == 415


@pytest.mark.promise("P32")
def test_wrong_codes_are_put_off_and_the_right_one_with_them(
    app: Flask, client: FlaskClient, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LIMIT_RECEIPT", "3 per minute")
    client.environ_base["REMOTE_ADDR"] = "192.0.2.99"

    def status(act: str, typed: str) -> int:
        return client.post(f"/receipt{act}", data={"receipt": typed}).status_code

    assert [status("", code) for _ in range(5)] == [200] * 5  # whoever has it is not counted as a guesser
    assert [status(f"/{act}", "x") for act in ACTS[:3]] == [404] * 3
    assert {status("", "x"), status("", code), status("/suspend", code)} == {429}


@pytest.mark.promise("P32")
def test_what_is_asked_with_a_right_code_is_counted_too(
    app: Flask, client: FlaskClient, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "LIMIT_LOOK", "2 per minute")
    client.environ_base["REMOTE_ADDR"] = "192.0.2.98"
    answers = [client.post("/receipt", data={"receipt": code}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) <= 60


def test_no_address_that_the_pages_name_holds_the_code(ask: Ask, code: str) -> None:
    for act in ("", "copy", "correct", "delete", "suspend"):
        page = ask(act).text
        assert not re.findall(rf'(?:href|action|src|formaction)="[^"]*{code}', page)
        assert page.count(code) == page.count(f'name="receipt" value="{code}"')
