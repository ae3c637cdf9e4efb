"""Enrolment, sign-in and sign-out as a browser sees them, and what the cookie is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.services import people, records, second_factor
from inquiries.services.house import House
from inquiries.stores.live.tables import sessions
from tests.staff import PASSWORD, Desk, code, enrol
from tests.web.site import errors_of, site

COOKIE = re.compile(r"inquiries=([\w-]{43}); HttpOnly; Path=/; SameSite=Strict")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with site(tmp_path) as opened:
        opened.config["LIMIT_SIGN_IN"] = ""
        yield opened


def house_of(app: Flask) -> House:
    opened: House = app.extensions["inquiries"]()
    return opened


def secret_on(page: TestResponse) -> bytes:
    found = re.search(r'id="totp-secret"[^>]*>([A-Z2-7]{32})</code>', page.text)
    assert found
    return second_factor.unspelled(found[1])


def test_the_first_officer_enrols_and_signs_in(app: Flask) -> None:
    token, desk = people.first_enrolment(house_of(app)), Desk(app)
    path = f"/staff/enrol/{token}"
    page = desk.get(path, headers={"Accept-Language": "en"})
    assert "privacy@example.com" in page.text
    assert '<svg viewBox="' in page.text
    assert "style=" not in page.text  # the content security policy would drop it
    secret = secret_on(page)
    assert secret_on(desk.get(path)) == secret  # a reload shows the same, so the app need not scan again

    refused = desk.post(path, password="too short", code="12")
    assert refused.status_code == 422
    assert set(errors_of(refused)) == {"password", "code"}
    assert secret_on(refused) == secret

    done = desk.post(path, password=PASSWORD, code=code(secret))
    assert done.status_code == 200
    assert done.headers["Cache-Control"] == "no-store"
    codes = re.findall(r'<code class="recovery-code">([A-Z2-7-]{29})</code>', done.text)
    key = re.search(r'id="seal-key"[^>]*>([0-9a-f]{64})</code>', done.text)
    assert len(codes) == 10
    assert key
    assert records.verify(house_of(app), bytes.fromhex(key[1])).ok
    assert desk.get(path).status_code == 404

    desk.get("/staff/sign-in")
    signed_in = desk.post("/staff/sign-in", email="privacy@example.com", password=PASSWORD, code=codes[0])
    assert signed_in.headers["Location"] == "/staff/inbox"
    assert desk.get("/staff/inbox").status_code == 200


def test_the_second_officer_sees_no_seal_key(app: Flask) -> None:
    for email in ("first@example.com", "second@example.com"):
        token, desk = (
            people.invite(house_of(app), email=email, roles=[Role.privacy], by=None, break_glass="test"),
            Desk(app),
        )
        secret = secret_on(desk.get(f"/staff/enrol/{token}"))
        done = desk.post(f"/staff/enrol/{token}", password=PASSWORD, code=code(secret))
        assert ('id="seal-key"' in done.text) is (email == "first@example.com")


@pytest.mark.parametrize("token", ["nothing", "%00", "a" * 3000, "한글"])
def test_an_unknown_invitation_is_not_found(app: Flask, token: str) -> None:
    assert Desk(app).get(f"/staff/enrol/{token}").status_code == 404


def test_every_refusal_reads_the_same(app: Flask) -> None:
    member, desk = enrol(house_of(app), "minji@example.com"), Desk(app)
    right = {"email": member.email, "password": PASSWORD, "code": "000000"}
    answers = []
    for wrong in (
        {"email": "eve@example.com"},
        {"password": "wrong"},
        {},
        {"code": ""},
        {},
        {},
    ):  # the last: locked
        desk.get("/staff/sign-in")
        answer = desk.post("/staff/sign-in", **(right | wrong))
        assert answer.status_code == 422
        answers.append(re.sub(r'value="[^"]*"', "", answer.text))
        assert PASSWORD not in answer.text
    assert len(set(answers)) == 1


@pytest.mark.promise("P31")
def test_a_password_alone_gives_no_session(app: Flask) -> None:
    member, desk = enrol(house_of(app), "minji@example.com"), Desk(app)
    desk.get("/staff/sign-in")
    desk.post("/staff/sign-in", email=member.email, password=PASSWORD)
    assert desk.get("/staff/inbox").headers["Location"] == "/staff/sign-in"


def test_sign_in_gives_a_fresh_token_and_leads_back(app: Flask) -> None:
    member, desk = enrol(house_of(app), "minji@example.com"), Desk(app)
    assert desk.get("/staff/inbox?state=closed").headers["Location"] == "/staff/sign-in"
    before = desk.client.get_cookie("inquiries")
    desk.get("/staff/sign-in")
    done = desk.post("/staff/sign-in", email=member.email, password=PASSWORD, code=member.code())
    assert done.headers["Location"] == "/staff/inbox?state=closed"
    after = desk.client.get_cookie("inquiries")
    assert before
    assert after
    assert COOKIE.fullmatch(done.headers["Set-Cookie"])
    assert before.value != after.value
    desk.client.set_cookie("inquiries", before.value)  # the old one is worth nothing
    assert desk.get("/staff/inbox").status_code == 303


def test_proving_oneself_anew_ends_the_session_before(app: Flask) -> None:
    house = house_of(app)
    member = enrol(house, "minji@example.com")
    desk = Desk(app).carry(member.sign_in(house))
    before = desk.client.get_cookie("inquiries")
    assert before
    desk.get("/staff/confirm")
    done = desk.post("/staff/confirm", password=PASSWORD, code=member.recovery_codes[0])
    assert done.headers["Location"] == "/staff/inbox"
    assert desk.get("/staff/inbox").status_code == 200
    desk.client.set_cookie("inquiries", before.value)
    assert desk.get("/staff/inbox").headers["Location"] == "/staff/sign-in"


@pytest.mark.promise("P30")
def test_outside_development_the_cookie_is_bound_to_https_and_host(tmp_path: Path) -> None:
    with site(tmp_path, base_url="https://forms.example.com") as app:
        answer = app.test_client().get("/staff/sign-in", base_url="https://forms.example.com")
        assert answer.headers["Set-Cookie"].startswith("__Host-inquiries=")
        assert "; Secure; HttpOnly; Path=/; SameSite=Strict" in answer.headers["Set-Cookie"]
        assert "Domain" not in answer.headers["Set-Cookie"]


@pytest.mark.promise("P32")
def test_a_browser_that_signed_her_in_counts_for_itself(app: Flask) -> None:
    member, desk, eve = enrol(house_of(app), "minji@example.com"), Desk(app), Desk(app)
    desk.get("/staff/sign-in")
    done = desk.post("/staff/sign-in", email=member.email, password=PASSWORD, code=member.code())
    session, device = done.headers.getlist("Set-Cookie")
    assert COOKIE.fullmatch(session)
    known = r"inquiries-device=[\w-]{43}; Expires=[^;]+; Max-Age=15552000; HttpOnly; Path=/; SameSite=Strict"
    assert re.fullmatch(known, device)
    desk.post("/staff/sign-out")
    for _ in range(5):
        eve.get("/staff/sign-in")
        eve.post("/staff/sign-in", email=member.email, password="a guess", code="000000")
    typed = {"email": member.email, "password": PASSWORD}
    eve.get("/staff/sign-in")
    assert eve.post("/staff/sign-in", **typed, code=member.recovery_codes[0]).status_code == 422
    desk.get("/staff/sign-in")
    assert desk.post("/staff/sign-in", **typed, code=member.recovery_codes[0]).status_code == 303


@pytest.mark.promise("P32")
def test_enrolment_links_are_guessed_five_times_by_one_address(app: Flask) -> None:
    token = people.first_enrolment(house_of(app))
    answers = [Desk(app).get(f"/staff/enrol/guess{n}") for n in range(6)]
    assert [one.status_code for one in answers] == [404] * 5 + [429]
    assert 890 <= int(answers[-1].headers["Retry-After"]) <= 900
    assert Desk(app).get(f"/staff/enrol/{token}").status_code == 429  # not even the right one
    elsewhere = app.test_client().get(f"/staff/enrol/{token}", environ_base={"REMOTE_ADDR": "192.0.2.9"})
    assert elsewhere.status_code == 200


@pytest.mark.promise("P05")
def test_public_pages_neither_set_nor_read_the_cookie(app: Flask) -> None:
    desk = Desk(app).carry(enrol(house_of(app), "minji@example.com").sign_in(house_of(app)))
    for path in ("/", "/inquiries/support", "/receipt", "/privacy"):
        answer = desk.get(path)
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers.get("Vary", "")
        assert "minji@example.com" not in answer.text


def test_without_its_token_no_form_is_taken(app: Flask) -> None:
    desk = Desk(app).carry(enrol(house_of(app), "minji@example.com").sign_in(house_of(app)))
    desk.csrf = ""
    assert desk.post("/staff/sign-out").status_code == 400
    assert desk.get("/staff/inbox").status_code == 200
    other = Desk(app)
    other.get("/staff/sign-in")
    desk.csrf = other.csrf  # of another session
    assert desk.post("/staff/sign-out").status_code == 400


def test_a_sign_in_page_left_open_says_so(app: Flask) -> None:
    desk = Desk(app)
    desk.get("/staff/sign-in")
    with time_machine.travel(clock.now() + timedelta(hours=2), tick=False):
        answer = desk.post("/staff/sign-in", email="minji@example.com", password=PASSWORD, code="000000")
    assert answer.status_code == 400
    assert 'href="/staff/sign-in"' in answer.text


def test_signing_out_here_and_everywhere(app: Flask) -> None:
    member = enrol(house_of(app), "minji@example.com")
    here = Desk(app).carry(member.sign_in(house_of(app)))
    there = Desk(app).carry(member.sign_in(house_of(app), code=member.recovery_codes[0]))
    gone = here.post("/staff/sign-out").headers
    assert "Max-Age=0" in gone["Set-Cookie"]
    assert gone["Clear-Site-Data"] == '"cache"'
    assert here.get("/staff/inbox").status_code == 303
    assert there.get("/staff/inbox").status_code == 200
    again = Desk(app).carry(member.sign_in(house_of(app), code=member.recovery_codes[1]))
    again.post("/staff/sign-out", everywhere="yes")
    assert there.get("/staff/inbox").status_code == 303


@pytest.mark.promise("P24")
def test_a_revoked_persons_session_fails_at_its_next_request(app: Flask) -> None:
    signed_in = enrol(house_of(app), "minji@example.com", Role.consultation).sign_in(house_of(app))
    desk = Desk(app).carry(signed_in)
    people.revoke(house_of(app), staff_id=signed_in.actor.staff_id, by=None, reason="she left")
    assert desk.get("/staff/inbox").headers["Location"] == "/staff/sign-in"


def test_the_language_chosen_is_kept(app: Flask) -> None:
    member, desk = enrol(house_of(app), "minji@example.com"), Desk(app)
    assert '<html lang="ko">' in desk.get("/staff/sign-in?lang=ko").text
    desk.post("/staff/sign-in", email=member.email, password=PASSWORD, code=member.code())
    assert '<html lang="ko">' in desk.get("/staff/inbox").text
    assert '<html lang="en">' in desk.get("/staff/inbox?lang=en").text
    assert '<html lang="en">' in desk.get("/staff/inbox").text


@pytest.mark.promise("P32")
def test_only_the_staff_networks_see_staff_pages(tmp_path: Path) -> None:
    with site(tmp_path, staff_networks=("192.0.2.0/24", "2001:db8::/32")) as app:
        for address, status in (
            ("192.0.2.7", 200),
            ("2001:db8::7", 200),
            ("198.51.100.1", 404),
            ("::1", 404),
        ):
            answer = app.test_client().get("/staff/sign-in", environ_base={"REMOTE_ADDR": address})
            assert answer.status_code == status
        assert app.test_client().get("/", environ_base={"REMOTE_ADDR": "198.51.100.1"}).status_code == 200


@pytest.mark.promise("P32")
def test_one_address_cannot_try_without_end(app: Flask) -> None:
    app.config["LIMIT_SIGN_IN"] = "2 per minute"
    desk = Desk(app)
    for status in (422, 422, 429):
        desk.get("/staff/sign-in")
        assert (
            desk.post("/staff/sign-in", email="eve@example.com", password="x", code="1").status_code == status
        )


def sessions_of(app: Flask) -> list[int]:
    """The size of what each stored session keeps."""
    with house_of(app).live.read() as connection:
        return list(connection.scalars(select(func.length(sessions.c.sealed))))


@pytest.mark.promise("P32")
def test_looking_at_staff_pages_fills_no_store(app: Flask) -> None:
    app.config["LIMIT_SESSION"] = "3 per minute"
    answers = [app.test_client().get(f"/staff/inbox?{'A' * 5000}") for _ in range(4)]
    assert [one.status_code for one in answers] == [303, 303, 303, 429]
    assert int(answers[-1].headers["Retry-After"]) <= 60
    assert "Set-Cookie" not in answers[-1].headers
    assert app.test_client().get("/staff/sign-in?lang=ko").status_code == 429
    assert len(sessions_of(app)) <= 3
    assert all(size < 1000 for size in sessions_of(app))


def test_whoever_keeps_a_session_is_not_counted(app: Flask) -> None:
    app.config["LIMIT_SESSION"] = "1 per minute"
    desk = Desk(app)
    assert [desk.get("/staff/sign-in").status_code for _ in range(3)] == [200] * 3


def test_an_overlong_address_is_not_led_back_to(app: Flask) -> None:
    member, desk = enrol(house_of(app), "minji@example.com"), Desk(app)
    desk.get(f"/staff/inbox?{'A' * 200}")
    desk.get("/staff/sign-in")
    done = desk.post("/staff/sign-in", email=member.email, password=PASSWORD, code=member.code())
    assert done.headers["Location"] == "/staff/inbox"
