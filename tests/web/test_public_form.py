"""The hosted form: what it asks, what it answers, what it keeps of what was typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from inquiries import clock
from tests.cast import ITEMS
from tests.moments import INSTALLED
from tests.web.site import ALLOWED, code_of, errors_of, fields, hidden, send, site


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("form"), INSTALLED) as made:
        yield made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_form_asks_what_the_policy_declares_and_no_more(client: FlaskClient) -> None:
    page = client.get("/inquiries/support?lang=ko").text
    asked = re.findall(r'<(?:input|textarea)[^>]*\bname="([^"]+)"', page)
    assert asked == ["_once", "_notice", "language", *ITEMS, "consent.inquiry", "consent.marketing"]
    assert 'autocomplete="email"' in page
    assert 'inputmode="tel"' in page
    assert 'maxlength="10000"' in page
    assert "개인정보 수집·이용 안내" in page
    assert page.count('<tr class="row-') == 8  # four rows of the notice, four of the free consent


def test_no_consent_is_ticked_beforehand(client: FlaskClient) -> None:
    assert " checked" not in client.get("/inquiries/support").text


def test_required_and_optional_consents_stand_apart(client: FlaskClient) -> None:
    page = client.get("/inquiries/support").text
    required, free = page.index('name="consent.inquiry"'), page.index('name="consent.marketing"')
    assert required < page.index('id="free-heading"') < free


def test_success_shows_the_code_once_and_the_day_in_words(client: FlaskClient) -> None:
    with time_machine.travel("2026-11-22T03:00:00Z"):
        response = send(client)
    assert response.status_code == 200
    assert code_of(response)
    assert "2027년 11월 22일 월요일" in response.text
    assert response.headers["Cache-Control"] == "no-store"
    assert "Location" not in response.headers


def test_the_page_of_one_person_holds_nothing_of_another(client: FlaskClient) -> None:
    with time_machine.travel("2026-11-22T03:00:00Z"):
        first = send(client)
    with time_machine.travel("2027-03-01T03:00:00Z"):
        second = send(client, name="이건", language="en")
        third = send(client, name="이건")
    codes = {code_of(first), code_of(second), code_of(third)}
    assert len(codes) == 3
    assert "Wednesday, March 1, 2028" in second.text
    assert "2028년 3월 1일 수요일" in third.text
    assert code_of(first) not in third.text
    assert "2027" not in third.text
    assert "@@" not in first.text + second.text + third.text


def test_an_address_cannot_put_anything_into_the_page_of_the_next_person(client: FlaskClient) -> None:
    eve = client.post("/inquiries/recruitment?_next=CANARY&lang=en&x=CANARY", data=fields(language="en"))
    sora = client.post("/inquiries/recruitment", data=fields(language="en"))
    assert eve.status_code == sora.status_code == 200
    assert "CANARY" not in sora.text


def test_multipart_is_accepted_as_browsers_send_the_form(client: FlaskClient) -> None:
    content = "가" * 10_000  # 90 KB when percent-encoded, 30 KB in a part
    response = client.post(
        "/inquiries/support",
        data=fields(content=content, _once=hidden(client.get("/inquiries/support"), "_once")),
        content_type="multipart/form-data",
    )
    assert response.status_code == 200
    assert 'enctype="multipart/form-data"' in client.get("/inquiries/support").text


def test_every_fault_is_shown_at_its_field_and_on_top_and_what_was_typed_is_kept(client: FlaskClient) -> None:
    response = send(
        client, name="", email="no address", contact="abc", consent_inquiry=None, consent_marketing="yes"
    )
    assert response.status_code == 422
    errors = errors_of(response)
    assert list(errors) == ["name", "contact", "email", "consent.inquiry"]
    assert errors["name"] == "이름을 입력해 주세요."
    page = response.text
    assert page.index('role="alert"') < page.index("<h1>")
    for name in errors:
        assert f'<a href="#field-{name}">' in page
        assert f'id="field-{name}"' in page
        assert re.search(rf'aria-describedby="[^"]*error-{re.escape(name)}"', page)
    assert page.count('aria-invalid="true"') == len(errors)
    assert 'value="no address"' in page
    assert ITEMS["content"] in page
    assert re.search(r'name="consent.marketing"\s+value="yes" checked', page)
    assert not re.search(r'name="consent.inquiry"\s+value="yes" checked', page)


@pytest.mark.parametrize("name", ["age", "role", "<b>", "consent.sale", "_method"])
def test_undeclared_fields_are_refused_by_name(client: FlaskClient, name: str) -> None:
    response = client.post("/inquiries/support", data=fields() | {name: "CANARY"})
    assert response.status_code == 422
    assert set(errors_of(response)) == {name}
    assert "<b>" not in response.text
    assert "CANARY" not in response.text


def test_a_field_that_came_twice_or_as_a_file_is_refused_at_its_field(client: FlaskClient) -> None:
    twice = client.post("/inquiries/support", data=fields() | {"name": ["김소라", "이건"]})
    assert twice.status_code == 422
    assert set(errors_of(twice)) == {"name"}
    file = (BytesIO(b"a file"), "x.txt")
    upload = client.post("/inquiries/support", data=fields(content=None) | {"content": file})
    assert upload.status_code == 422
    assert set(errors_of(upload)) == {"content"}


@pytest.mark.parametrize("text", ["a\x00b", "a\u202eb", "a\u2066b", "a\ufffeb", "a\x1bb"])
def test_invisible_characters_are_refused_at_their_field(client: FlaskClient, text: str) -> None:
    response = send(client, name=text)
    assert response.status_code == 422
    assert set(errors_of(response)) == {"name"}


def test_sending_twice_stores_once_and_shows_the_same_code(client: FlaskClient) -> None:
    once = hidden(client.get("/inquiries/support"), "_once")
    first, second = send(client, _once=once), send(client, _once=once)
    assert code_of(first) == code_of(second)


def test_other_content_under_the_same_form_is_shown_again_with_a_fresh_one(client: FlaskClient) -> None:
    once = hidden(client.get("/inquiries/support"), "_once")
    send(client, _once=once)
    refused = send(client, _once=once, name="이건")
    assert refused.status_code == 409
    assert 'value="이건"' in refused.text
    again = send(client, _once=hidden(refused, "_once"), name="이건")
    assert again.status_code == 200


def test_a_form_older_than_a_day_is_shown_again_filled_in(client: FlaskClient) -> None:
    once = hidden(client.get("/inquiries/support"), "_once")
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        old = send(client, _once=once)
        assert old.status_code == 422
        assert "하루가 넘었습니다" in old.text
        assert ITEMS["content"] in old.text
        assert send(client, _once=hidden(old, "_once")).status_code == 200


@pytest.mark.parametrize("forged", ["x", "AAAA.BBBB.CCCC", "é", "=" * 100])
def test_a_forged_nonce_is_refused(client: FlaskClient, forged: str) -> None:
    assert send(client, _once=forged).status_code == 422


@pytest.mark.parametrize("seen", ["999999", "-1", "one", "٣", "9" * 40])
def test_a_notice_that_is_not_in_force_is_shown_anew_with_the_input_kept(
    client: FlaskClient, seen: str
) -> None:
    response = send(client, _notice=seen)
    assert response.status_code == 409
    assert ITEMS["content"] in response.text
    assert 'role="alert"' in response.text
    assert send(client, _notice=hidden(response, "_notice")).status_code == 200


def test_a_form_of_the_companys_own_needs_neither_nonce_nor_notice(client: FlaskClient) -> None:
    assert send(client, language=None).status_code == 200


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (f"{ALLOWED}/thanks?a=1&b=2", True),
        ("http://127.0.0.1:8000/", True),
        ("https://evil.example/", False),
        (f"{ALLOWED}.evil.example/", False),
        (f"{ALLOWED}@evil.example/", False),
        ("//evil.example/", False),
        ("javascript:alert(1)", False),
        (f"{ALLOWED}\\@evil.example", False),
        ("https://[bad", False),
    ],
)
def test_the_way_back_leads_to_allowed_origins_only(client: FlaskClient, target: str, shown: Any) -> None:
    page = send(client, _next=target).text
    escaped = target.replace("&", "&amp;")
    assert (f'href="{escaped}"' in page) is shown
    assert "evil" not in page
    kept = client.get("/inquiries/support", query_string={"_next": target}).text
    assert ('name="_next"' in kept) is shown


@pytest.mark.parametrize("path", ["/inquiries/none", "/embed/none", "/inquiries/..%2f"])
def test_an_unknown_type_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path, data=fields()).status_code == 404


def test_a_closed_intake_keeps_what_was_typed(client: FlaskClient, app: Flask) -> None:
    live = app.extensions["inquiries"]().live
    with live.write() as connection:
        connection.exec_driver_sql("UPDATE epochs SET state = 'closed' WHERE state = 'open'")
    try:
        response = send(client)
    finally:
        with live.write() as connection:
            connection.exec_driver_sql("UPDATE epochs SET state = 'open' WHERE state = 'closed'")
    assert response.status_code == 503
    assert ITEMS["content"] in response.text
    assert send(client).status_code == 200
