"""Who is asked for a fresh proof, and that nothing typed is lost on the way: neither then nor by being away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.services import holds, inbox, records, sessions
from inquiries.services.house import House
from inquiries.stores.live import tables
from inquiries.web import guards
from tests import cast
from tests.staff import PASSWORD, Desk, Member, enrol
from tests.web.site import hidden, site

#: What weighs so much that she proves anew who she is.
GRAVE = {"staff.move", "staff.open_archived", "staff.hold", "staff.release", "staff.restore"}

HOLD = {"basis": "civil suit 2026-17", "reason": "evidence, named by counsel", "until": "2027-06-01"}
START = datetime(2026, 11, 2, 9, tzinfo=UTC)
AT = time_machine.travel(START, tick=True)  # stopped, two ids of one moment may be the same


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with AT, site(tmp_path, START - timedelta(hours=1)) as opened:
        yield opened


@pytest.fixture
def house(app: Flask) -> House:
    opened: House = app.extensions["inquiries"]()
    return opened


@pytest.fixture
def oh(house: House) -> Member:
    return enrol(house, "oh@example.com", Role.privacy)


@pytest.fixture
def inquiry(house: House) -> int:
    cast.send(house)
    return inbox.page(house, cast.OH).rows[0].id


def later(**span: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(**span), tick=False)


def desk(app: Flask, house: House, member: Member, **given: str) -> Desk:
    opened = Desk(app).carry(member.sign_in(house, **given))
    opened.get("/staff/inbox?lang=en")
    return opened


def follow(opened: Desk, answer: TestResponse, **fields: str) -> TestResponse:
    """Send the form of this page again to where a 307 leads, as browsers do."""
    while answer.status_code == 307:
        answer = opened.post(answer.headers["Location"], **fields)
    return answer


def proved(opened: Desk, page: TestResponse, path: str, **typed: str) -> TestResponse:
    """Fill in the page that asks who she is."""
    fields = {"draft": hidden(page, "draft"), **typed}
    return follow(opened, opened.post(path, **fields), **fields)


def held(house: House) -> list[tuple[str, str]]:
    return [(one.basis, one.reason or "") for one in holds.listed(house, cast.OH).rows]


def test_these_acts_want_a_fresh_proof(app: Flask) -> None:
    fresh = {
        name
        for name, view in app.view_functions.items()
        if (declared := guards.declared(view)) is not None and declared.fresh
    }
    assert fresh >= GRAVE


def test_within_ten_minutes_nobody_is_asked_again(app: Flask, house: House, oh: Member, inquiry: int) -> None:
    opened = desk(app, house, oh)
    with later(minutes=9, seconds=59):
        done = opened.post(f"/staff/inquiries/{inquiry}/hold", **HOLD)
    assert done.headers["Location"] == f"/staff/inquiries/{inquiry}"
    assert held(house) == [(HOLD["basis"], HOLD["reason"])]


def test_after_that_she_is_and_what_she_sent_is_done_once_she_has_confirmed(
    app: Flask, house: House, oh: Member, inquiry: int
) -> None:
    opened = desk(app, house, oh)
    path = f"/staff/inquiries/{inquiry}/hold"
    with later(minutes=10):
        assert opened.get(path).status_code == 200  # looking is free
        asked = opened.post(path, **HOLD)
        assert asked.headers["Location"] == "/staff/confirm"
        assert not held(house)
        page = opened.get("/staff/confirm")
        assert HOLD["reason"] not in page.text
        wrong = opened.post("/staff/confirm", draft=hidden(page, "draft"), password="a guess", code="000000")
        assert wrong.status_code == 422
        assert not held(house)
        before = opened.client.get_cookie("inquiries")
        done = proved(opened, wrong, "/staff/confirm", password=PASSWORD, code=oh.code())
        after = opened.client.get_cookie("inquiries")
        assert done.headers["Location"] == f"/staff/inquiries/{inquiry}"
        assert held(house) == [(HOLD["basis"], HOLD["reason"])]
        assert before
        assert after
        assert before.value != after.value  # a proof begins a session of its own
        again = opened.post(path, **HOLD)  # she is not asked again, and nothing of the draft is left
        assert again.headers["Location"] == f"/staff/inquiries/{inquiry}"
    acts = [body["act"] for _, body in records.bodies(house, "access")]
    assert acts.count("confirm") == 2  # the wrong one, too


def test_a_session_that_idled_out_loses_nothing_typed(
    app: Flask, house: House, oh: Member, inquiry: int
) -> None:
    opened = desk(app, house, oh)
    opened.get(f"/staff/inquiries/{inquiry}/hold")
    with later(minutes=40):
        assert opened.post(f"/staff/inquiries/{inquiry}/hold", **HOLD).headers["Location"] == "/staff/sign-in"
        page = opened.get("/staff/sign-in")
        assert "It is kept for an hour" in page.text
        typed = {"email": oh.email, "password": PASSWORD, "code": oh.code()}
        done = proved(opened, page, "/staff/sign-in", **typed)
        assert done.headers["Location"] == f"/staff/inquiries/{inquiry}"
        assert held(house) == [(HOLD["basis"], HOLD["reason"])]


def test_being_away_while_asked_to_confirm_loses_nothing_either(
    app: Flask, house: House, oh: Member, inquiry: int
) -> None:
    opened = desk(app, house, oh)
    with later(minutes=12):
        opened.post(f"/staff/inquiries/{inquiry}/hold", **HOLD)
        page = opened.get("/staff/confirm")
        with later(minutes=30):
            late = opened.post(
                "/staff/confirm", draft=hidden(page, "draft"), password=PASSWORD, code=oh.code()
            )
            assert late.headers["Location"] == "/staff/sign-in"
            page = opened.get("/staff/sign-in")
            typed = {"email": oh.email, "password": PASSWORD, "code": oh.code()}
            proved(opened, page, "/staff/sign-in", **typed)
    assert held(house) == [(HOLD["basis"], HOLD["reason"])]


def test_a_draft_is_hers_alone(app: Flask, house: House, oh: Member, inquiry: int) -> None:
    other = enrol(house, "other@example.com", Role.privacy)
    opened = desk(app, house, oh)
    with later(minutes=40):
        opened.post(f"/staff/inquiries/{inquiry}/hold", **HOLD)
        page = opened.get("/staff/sign-in")
        typed = {"email": other.email, "password": PASSWORD, "code": other.code()}
        done = proved(opened, page, "/staff/sign-in", **typed)
        assert done.headers["Location"] == "/staff/inbox"
        assert "draft" not in contents(house, opened)
    assert not held(house)


def test_no_foreign_page_leaves_a_draft(app: Flask, house: House, oh: Member, inquiry: int) -> None:
    """It knows no CSRF token of hers, whether her session lives, sleeps or was never there."""
    opened = desk(app, house, oh)
    opened.csrf = "forged"
    with later(minutes=12):
        assert opened.post(f"/staff/inquiries/{inquiry}/hold", **HOLD).status_code == 400
    opened.csrf = "forged"
    with later(minutes=40):
        opened.post(f"/staff/inquiries/{inquiry}/hold", **HOLD)
        assert 'name="draft"' not in opened.get("/staff/sign-in").text
    stranger = Desk(app)
    stranger.post(f"/staff/inquiries/{inquiry}/hold", **HOLD)
    assert 'name="draft"' not in stranger.get("/staff/sign-in").text


@pytest.mark.parametrize("minutes", [12, 40])
def test_she_may_let_it_be(app: Flask, house: House, oh: Member, inquiry: int, minutes: int) -> None:
    opened = desk(app, house, oh)
    with later(minutes=minutes):
        path = opened.post(f"/staff/inquiries/{inquiry}/hold", **HOLD).headers["Location"]
        page = opened.get(path)
        dropped = opened.post(path, draft=hidden(page, "draft"), discard="yes")
        assert dropped.status_code == 303
        assert 'name="draft"' not in opened.get(path).text
    assert not held(house)


def test_a_session_that_was_signed_out_leaves_nothing(
    app: Flask, house: House, oh: Member, inquiry: int
) -> None:
    """Who signs out wants to be forgotten; a page left open in another tab brings nothing back."""
    opened = desk(app, house, oh)
    cookie = opened.client.get_cookie("inquiries")
    assert cookie
    csrf = opened.csrf
    opened.post("/staff/sign-out")
    opened.client.set_cookie("inquiries", cookie.value)
    opened.csrf = csrf
    opened.post(f"/staff/inquiries/{inquiry}/hold", **HOLD)
    assert 'name="draft"' not in opened.get("/staff/sign-in").text


def test_what_is_kept_is_sealed_and_holds_no_password(
    app: Flask, house: House, oh: Member, inquiry: int
) -> None:
    opened = desk(app, house, oh)
    with later(minutes=12):
        opened.post(f"/staff/inquiries/{inquiry}/hold", **HOLD, new_password="a secret of hers")
        kept = contents(house, opened)
        with house.live.read() as live:
            sealed = b"".join(live.scalars(select(tables.sessions.c.sealed)))
    assert HOLD["reason"] in kept["draft"]
    assert "a secret of hers" not in kept["draft"]
    assert HOLD["reason"].encode() not in sealed


def test_an_ended_session_is_remembered_for_a_day_and_signs_nobody_in(house: House, oh: Member) -> None:
    token = oh.sign_in(house).token
    assert sessions.asleep(house, token) is None  # it is awake
    with later(minutes=16):
        assert sessions.find(house, token, None) is None
        assert sessions.asleep(house, token)
    with later(hours=24):
        assert sessions.asleep(house, token) is None
        sessions.begin(house, {})
        with house.live.read() as live:
            assert len(live.execute(select(tables.sessions)).all()) == 1


def contents(house: House, opened: Desk) -> dict[str, str]:
    """What the store keeps for this browser, opened with its token."""
    from base64 import urlsafe_b64decode

    cookie = opened.client.get_cookie("inquiries")
    assert cookie
    found = sessions.find(house, urlsafe_b64decode(cookie.value + "="), None)
    assert found
    return dict(found.contents)
