"""One's own account on the pages: what is shown, what is asked before, and what only its owner reaches."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from werkzeug.test import TestResponse

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.services import proofs, second_factor
from inquiries.services.attempts import Visit
from inquiries.services.house import House
from tests.authenticator import Device
from tests.staff import PASSWORD, Desk, Member, code, enrol
from tests.web.site import errors_of, hidden, site

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
AT = time_machine.travel(START, tick=True)  # stopped, two ids of one moment may be the same
OTHER = "another correct horse of hers"
ORIGIN = "http://localhost"
PAGES = ("", "/password", "/app", "/recovery-codes", "/passkeys")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with AT, site(tmp_path, START - timedelta(hours=1)) as opened:
        opened.config["LIMIT_SIGN_IN"] = ""
        yield opened


@pytest.fixture
def house(app: Flask) -> House:
    opened: House = app.extensions["inquiries"]()
    return opened


@pytest.fixture
def minji(house: House) -> Member:
    return enrol(house, "minji@example.com", Role.consultation)


@pytest.fixture
def desk(app: Flask, house: House, minji: Member) -> Desk:
    opened = Desk(app).carry(minji.sign_in(house, visit=Visit("192.0.2.1", "Firefox, Linux")))
    opened.get("/staff/account?lang=en")
    return opened


def later(**span: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(**span), tick=False)


def follow(opened: Desk, answer: TestResponse, **fields: str) -> TestResponse:
    while answer.status_code == 307:
        answer = opened.post(answer.headers["Location"], **fields)
    return answer


def codes_on(page: TestResponse) -> list[str]:
    return re.findall(r'<code class="recovery-code">([A-Z2-7-]{29})</code>', page.text)


def test_every_role_has_an_account_of_its_own(app: Flask, house: House) -> None:
    for role in Role:
        opened = Desk(app).carry(enrol(house, f"{role}@example.com", role).sign_in(house))
        for path in PAGES:
            assert opened.get(f"/staff/account{path}").status_code == 200, (role, path)


def test_what_one_has_and_where_one_is_signed_in_is_shown(desk: Desk, house: House, minji: Member) -> None:
    minji.sign_in(house, code=minji.recovery_codes[0], visit=Visit("203.0.113.9", "Safari, iPhone"))
    page = desk.get("/staff/account").text
    for shown in ("Firefox, Linux", "192.0.2.1", "Safari, iPhone", "203.0.113.9", "this one", "9 left"):
        assert shown in page
    other = re.findall(r'name="session"\s+value="([0-9a-f]{64})"', page)
    assert len(other) == 1
    ended = desk.post("/staff/account/sessions", session=other[0])
    assert ended.headers["Location"] == "/staff/account"
    page = desk.get("/staff/account").text
    assert "Ended." in page
    assert "203.0.113.9" not in page
    assert desk.post("/staff/account/sessions", session=other[0]).status_code == 404
    minji.sign_in(house, code=minji.recovery_codes[1], visit=Visit("203.0.113.9"))
    desk.post("/staff/account/sessions", others="yes")
    assert "203.0.113.9" not in desk.get("/staff/account").text


def test_pages_that_ask_for_secrets_want_a_fresh_proof_first(desk: Desk, minji: Member) -> None:
    with later(minutes=11):
        for path in ("password", "app", "passkeys"):
            asked = desk.get(f"/staff/account/{path}")
            assert asked.headers["Location"] == "/staff/confirm"
        assert desk.post("/staff/account/password", password=PASSWORD, new_password=OTHER).status_code == 303
        desk.get("/staff/account")
        for which in ({"others": "yes"}, {"session": "00"}):
            asked = desk.post("/staff/account/sessions", **which)
            assert asked.headers["Location"] == "/staff/confirm", "a thief of the cookie ends nobody's"
        desk.get("/staff/account/password")
        desk.get("/staff/confirm")
        done = desk.post("/staff/confirm", password=PASSWORD, code=minji.recovery_codes[0])
        assert done.headers["Location"] == "/staff/account/password"
        assert desk.get("/staff/account/password").status_code == 200


@pytest.mark.promise("P28")
def test_she_changes_her_password(app: Flask, desk: Desk, minji: Member) -> None:
    desk.get("/staff/account/password")
    wrong = desk.post("/staff/account/password", password="not hers", new_password=OTHER)
    assert errors_of(wrong) == {"password": "This is not your present password."}
    weak = desk.post("/staff/account/password", password=PASSWORD, new_password="short")
    assert set(errors_of(weak)) == {"new_password"}
    assert weak.status_code == 422
    assert OTHER not in weak.text
    done = desk.post("/staff/account/password", password=PASSWORD, new_password=OTHER)
    assert done.headers["Location"] == "/staff/account"
    assert "Your password is changed" in desk.get("/staff/account").text
    visitor = Desk(app)
    visitor.get("/staff/sign-in")
    typed = {"email": minji.email, "code": minji.recovery_codes[0]}
    assert visitor.post("/staff/sign-in", password=PASSWORD, **typed).status_code == 422
    assert visitor.post("/staff/sign-in", password=OTHER, **typed).status_code == 303


@pytest.mark.promise("P31")
def test_she_sets_up_another_app(desk: Desk, house: House, minji: Member) -> None:
    def shown() -> bytes:
        found = re.search(r'id="totp-secret"[^>]*>([A-Z2-7]{32})</code>', desk.get("/staff/account/app").text)
        assert found
        return second_factor.unspelled(found[1])

    fresh = shown()
    assert shown() == fresh != minji.secret  # a reload shows the same
    assert "wrong" not in desk.post("/staff/account/app", code=code(fresh, -1)).headers["Location"]
    assert "new authenticator app" in desk.get("/staff/account").text
    assert shown() != fresh
    assert minji.sign_in(house, code=code(fresh)).token


@pytest.mark.promise("P31")
def test_new_recovery_codes_are_shown_once_after_a_proof(desk: Desk, house: House, minji: Member) -> None:
    assert not codes_on(desk.get("/staff/account/recovery-codes"))
    with later(minutes=11):
        asked = desk.post("/staff/account/recovery-codes")
        assert asked.headers["Location"] == "/staff/confirm"
        page = desk.get("/staff/confirm")
        fields = {"draft": hidden(page, "draft"), "password": PASSWORD, "code": minji.recovery_codes[0]}
        shown = follow(desk, desk.post("/staff/confirm", **fields), **fields)
        codes = codes_on(shown)
        assert len(codes) == 10
        assert "download=" in shown.text
        assert not codes_on(desk.get("/staff/account/recovery-codes"))
        assert minji.sign_in(house, code=codes[3]).codes_left == 9


def test_who_has_few_recovery_codes_is_told_until_she_makes_new_ones(
    app: Flask, house: House, minji: Member
) -> None:
    for n in range(7):
        signed_in = minji.sign_in(house, code=minji.recovery_codes[n])
    assert signed_in.codes_left == proofs.FEW
    desk = Desk(app)
    desk.get("/staff/sign-in?lang=en")
    desk.post("/staff/sign-in", email=minji.email, password=PASSWORD, code=minji.recovery_codes[7])
    assert "You have 2 recovery codes left." in desk.get("/staff/inbox").text
    desk.post("/staff/account/recovery-codes")
    assert "recovery codes left" not in desk.get("/staff/inbox").text


# -- passkeys --------------------------------------------------------------------------------------------


def options(desk: Desk, **fields: str) -> str:
    """What the page's script asks for."""
    answer = desk.post("/staff/passkey-options", **fields)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.text


@pytest.mark.promise("P31")
def test_a_passkey_is_added_used_and_removed(app: Flask, desk: Desk, minji: Member) -> None:
    laptop = Device(ORIGIN, "localhost")
    desk.get("/staff/account/passkeys")
    made = laptop.make(options(desk, make="yes"))
    done = desk.post("/staff/account/passkeys", credential=made, name="<b>my laptop</b>")
    assert done.headers["Location"] == "/staff/account"
    page = desk.get("/staff/account").text
    assert "&lt;b&gt;my laptop&lt;/b&gt;" in page

    visitor = Desk(app)
    assert "data-passkey=" in visitor.get("/staff/sign-in").text
    answer = laptop.show(options(visitor))
    assert visitor.post("/staff/sign-in", credential=answer).headers["Location"] == "/staff/inbox"
    assert "minji@example.com" in visitor.get("/staff/inbox").text

    found = re.search(r'name="passkey" value="([0-9a-f]+)"', page)
    assert found
    with later(minutes=11):
        assert (
            desk.post("/staff/account/passkeys/remove", passkey=found[1]).headers["Location"]
            == "/staff/confirm"
        )
        confirm = desk.get("/staff/confirm")
        fields = {"draft": hidden(confirm, "draft"), "credential": laptop.show(options(desk))}
        removed = follow(desk, desk.post("/staff/confirm", **fields), **fields)
        assert removed.headers["Location"] == "/staff/account"
        again = Desk(app)
        again.get("/staff/sign-in")
        assert again.post("/staff/sign-in", credential=laptop.show(options(again))).status_code == 422
    assert minji.email not in json.dumps(json.loads(made))


def test_an_answer_that_does_not_hold_says_so_at_the_form(desk: Desk) -> None:
    desk.get("/staff/account/passkeys")
    refused = desk.post("/staff/account/passkeys", credential="{}", name="x")
    assert refused.status_code == 422
    assert "The passkey was not made" in refused.text
    desk.get("/staff/account/passkeys")
    visitor = Desk(desk.client.application)
    visitor.get("/staff/sign-in?lang=en")
    failed = visitor.post("/staff/sign-in", credential="{}")
    assert failed.status_code == 422
    assert "You are not signed in" in failed.text


def test_only_who_proved_herself_just_now_is_told_how_to_make_one(app: Flask, desk: Desk) -> None:
    visitor = Desk(app)
    visitor.get("/staff/sign-in")
    assert visitor.post("/staff/passkey-options", make="yes").status_code == 403
    with later(minutes=11):
        assert desk.post("/staff/passkey-options", make="yes").status_code == 403
        assert desk.post("/staff/passkey-options").status_code == 200  # to prove herself by one
    visitor.csrf = "forged"
    assert visitor.post("/staff/passkey-options").status_code == 400


@pytest.mark.parametrize(
    ("base_url", "asked", "works"),
    [
        ("", "http://localhost:8000", True),
        ("", "http://127.0.0.1:8000", False),
        ("https://forms.example.com", "https://forms.example.com", True),
        ("https://forms.example.com:8443", "https://forms.example.com:8443", True),
        ("https://192.0.2.1", "https://192.0.2.1", False),
    ],
)
def test_passkeys_belong_to_the_name_of_base_url(
    tmp_path: Path, base_url: str, asked: str, *, works: bool
) -> None:
    with site(tmp_path, base_url=base_url) as app:
        client = app.test_client()
        referrer = {"Referer": f"{asked}/staff/sign-in"}
        page = client.get("/staff/sign-in", base_url=asked)
        assert ("data-passkey=" in page.text) is works
        csrf = {"csrf_token": hidden(page, "csrf_token")}
        answer = client.post("/staff/passkey-options", base_url=asked, data=csrf, headers=referrer)
        assert answer.status_code == (200 if works else 404)
        if works:
            named = "forms.example.com" if base_url else "localhost"
            assert answer.get_json()["rpId"] == named


def test_in_development_the_account_says_under_which_name_passkeys_work(
    app: Flask, house: House, minji: Member
) -> None:
    here = {"base_url": "http://127.0.0.1:8000"}
    assert "data-passkey=" not in app.test_client().get("/staff/sign-in", **here).text
    client = app.test_client()
    token = urlsafe_b64encode(minji.sign_in(house).token).decode().rstrip("=")
    client.set_cookie("inquiries", token, domain="127.0.0.1")
    page = client.get("/staff/account?lang=en", **here)
    assert 'href="http://localhost:8000/staff/account"' in page.text
