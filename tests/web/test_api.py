"""The API: one call sends one inquiry; every refusal is a problem that a program can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.cast import ITEMS
from tests.moments import INSTALLED
from tests.web.site import ALLOWED, CODE, site

PATH = "/api/inquiries"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    with site(tmp_path_factory.mktemp("api"), INSTALLED) as made:
        yield made


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def whole(**changed: Any) -> dict[str, Any]:
    body = {"type": "support", "items": ITEMS, "consents": {"inquiry": True}, "language": "ko"} | changed
    return {name: value for name, value in body.items() if value is not None}


def send(client: FlaskClient, headers: dict[str, str] | None = None, **changed: Any) -> TestResponse:
    return client.post(PATH, json=whole(**changed), headers=headers)


def faults(response: TestResponse) -> list[tuple[str, str]]:
    assert response.mimetype == "application/problem+json"
    return [(error["field"], error["code"]) for error in response.get_json()["errors"]]


def test_an_inquiry_is_received(client: FlaskClient) -> None:
    with time_machine.travel("2026-11-22T03:00:00Z", tick=False):
        response = send(client, notice_version=1)
    assert response.status_code == 201
    told = response.get_json()
    assert set(told) == {"receipt", "due", "notice_version"}
    assert re.fullmatch(CODE, told["receipt"])
    due = datetime.fromisoformat(told["due"])
    assert due.isoformat() == "2027-11-22T12:00:00+09:00"
    assert told["notice_version"] == 1
    assert response.headers["Cache-Control"] == "no-store"
    shown = client.post("/receipt", data={"receipt": told["receipt"]})
    assert ITEMS["content"] in shown.text


def test_every_fault_is_listed_with_field_code_and_sentence(client: FlaskClient) -> None:
    items = ITEMS | {"name": "", "email": "x", "age": "7"}
    response = send(client, items=items, consents={"marketing": "perhaps"}, language="en")
    assert response.status_code == 422
    assert faults(response) == [
        ("name", "required"),
        ("email", "invalid_email"),
        ("consent.inquiry", "consent_required"),
        ("consent.marketing", "consent_invalid"),
        ("age", "undeclared"),
    ]
    assert response.get_json()["errors"][0]["message"] == "Name: please fill this in."
    assert response.headers["Content-Language"] == "en"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"type": None}, ("type", "required")),
        ({"type": 1}, ("type", "not_text")),
        ({"items": []}, ("items", "not_a_table")),
        ({"consents": "yes"}, ("consents", "not_a_table")),
        ({"language": "xx"}, ("language", "not_offered")),
        ({"language": 1}, ("language", "not_offered")),
        ({"notice_version": "1"}, ("notice_version", "not_a_version")),
        ({"notice_version": True}, ("notice_version", "not_a_version")),
        ({"extra": 1}, ("extra", "undeclared")),
        ({"items": ITEMS | {"name": 7}}, ("name", "not_text")),
        ({"items": ITEMS | {"name": ["a"]}}, ("name", "not_text")),
        ({"items": ITEMS | {"name": None}}, ("name", "not_text")),
        ({"items": ITEMS | {"name": "a\ud800"}}, ("name", "control_character")),
        ({"items": ITEMS | {"name": "a\x00"}}, ("name", "control_character")),
        ({"items": ITEMS | {"content": "x" * 10_001}}, ("content", "too_long")),
        ({"items": ITEMS | {"\ud800": "x"}}, ("\N{REPLACEMENT CHARACTER}", "undeclared")),
        ({"consents": {"inquiry": 1}}, ("consent.inquiry", "consent_invalid")),
    ],
)
def test_wrong_shapes_are_told_at_their_field(
    client: FlaskClient, changed: dict[str, Any], fault: tuple[str, str]
) -> None:
    body = json.dumps(whole(**changed))
    response = client.post(PATH, data=body, content_type="application/json")
    assert response.status_code == 422
    assert fault in faults(response)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"\xff",
        b'{"type": NaN}',
        b'{"type": "support", "type": "support"}',
        b'{"items": {"name": "a", "name": "b"}}',
        b"[" * 50_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        '{"type": "support"}'.encode("utf-16"),
    ],
)
def test_what_is_no_json_object_is_a_400(client: FlaskClient, body: bytes) -> None:
    response = client.post(PATH, data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.get_json()["code"] == "encoding"


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(["type", "items", "consents", "language", "notice_version"]) | st.text(max_size=5),
        _values,
    )
)
def test_no_json_makes_it_fail(client: FlaskClient, changed: dict[str, Any]) -> None:
    body = json.dumps(whole() | changed)
    answered = client.post(PATH, data=body, content_type="application/json").status_code
    assert answered in {201, 400, 404, 409, 413, 422}


def test_the_other_statuses_of_the_contract(client: FlaskClient) -> None:
    assert send(client, type="none").status_code == 404
    assert send(client, notice_version=7).status_code == 409
    assert send(client, items=ITEMS | {"content": "x" * 70_000}).status_code == 413
    assert client.post(PATH, data=b"{}", content_type="text/plain").status_code == 415
    assert client.get(PATH).status_code == 405


def test_too_many_are_put_off(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "LIMIT_SUBMIT", "1 per minute")
    eve = app.test_client()
    eve.environ_base["REMOTE_ADDR"] = "192.0.2.66"
    assert send(eve).status_code == 201
    put_off = send(eve)
    assert put_off.status_code == 429
    assert put_off.get_json()["code"] == "too_many"
    assert put_off.headers["Retry-After"]


# -- sent twice ---------------------------------------------------------------------------------------


def test_the_same_key_gives_the_same_receipt(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}
    first, second = send(client, key), send(client, key)
    assert first.get_json() == second.get_json()
    assert send(client, key, items=ITEMS | {"name": "이건"}).status_code == 409
    other = send(client, {"Idempotency-Key": "another"})
    assert other.get_json()["receipt"] != first.get_json()["receipt"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
def test_a_key_that_cannot_be_one_is_refused(client: FlaskClient, key: str) -> None:
    assert send(client, {"Idempotency-Key": key}).status_code == 400


# -- from other pages ---------------------------------------------------------------------------------


def test_scripts_of_allowed_pages_may_send_and_read_the_answer(client: FlaskClient) -> None:
    asked = client.options(
        PATH,
        headers={
            "Origin": ALLOWED,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,idempotency-key",
        },
    )
    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == ALLOWED
    assert "Idempotency-Key" in asked.headers["Access-Control-Allow-Headers"]
    variants: list[dict[str, Any]] = [{}, {"type": "none"}, {"items": {}}]
    for changed in variants:
        answer = send(client, {"Origin": ALLOWED}, **changed)
        assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", ["null", "https://evil.example"])
def test_strange_pages_may_neither_ask_nor_send(client: FlaskClient, origin: str) -> None:
    asked = client.options(PATH, headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert not any(name.startswith("Access-Control") for name, _ in asked.headers)
    refused = send(client, {"Origin": origin})
    assert refused.status_code == 403
    assert refused.get_json()["code"] == "origin"
    assert "Access-Control-Allow-Origin" not in refused.headers
