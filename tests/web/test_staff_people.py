"""The people pages: whom they show, what they take, and what they say when something is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from inquiries import clock
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import delivery, enrolment, grants, inbox, people, register_view, training
from inquiries.services.house import House
from tests.cast import ITEMS, MINJI, send
from tests.relay import SENDER, relay
from tests.staff import Desk, actor_at, actor_of, desk_of, enrol, enrol_with
from tests.web.site import errors_of, site

OFFICER = "privacy@example.com"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    with site(tmp_path) as opened:
        opened.config["LIMIT_SESSION"] = ""
        yield opened


@pytest.fixture
def house(app: Flask) -> House:
    opened: House = app.extensions["inquiries"]()
    return opened


@pytest.fixture
def oh(app: Flask, house: House) -> Desk:
    return desk_of(app, house, Role.privacy)


@pytest.fixture
def minji(house: House) -> int:
    return actor_of(house, enrol(house, "minji@example.com", Role.consultation, types=("support",))).staff_id


def test_the_link_of_an_invitation_is_shown_once_and_works(oh: Desk, house: House) -> None:
    oh.get("/staff/people/invite")
    given: dict[str, Any] = {"email": "Bae@Example.com", "role": ["consultation", "business"]}
    page = oh.post("/staff/people/invite", **given, type=["support", "affiliate"], reason="reports")
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    link = re.search(r'id="invitation"[^>]*>([^<]+)<', page.text)
    assert link
    token = link[1].removeprefix("http://127.0.0.1:8000/staff/enrol/")
    invited = enrolment.invitation(house, token)
    assert (invited.email, dict(invited.roles)) == (
        "bae@example.com",
        {Role.consultation: frozenset({"support", "affiliate"}), Role.business: ALL_TYPES},
    )
    listed = oh.get("/staff/people").text
    assert "bae@example.com" in listed
    assert token not in listed
    assert token not in oh.get("/staff/people/register").text
    assert enrol_with(house, token).email == "bae@example.com"


def test_inviting_again_ends_the_link_before(oh: Desk, house: House) -> None:
    first = people.invite(house, email="bae@example.com", roles=[Role.business], by=None)
    who = people.member(house, email="bae@example.com").id
    oh.get(f"/staff/people/{who}")
    page = oh.post(f"/staff/people/{who}/invitation")
    assert page.status_code == 200
    link = re.search(r'id="invitation"[^>]*>([^<]+)<', page.text)
    assert link
    assert enrolment.invitation(house, link[1].rpartition("/")[2]).email == "bae@example.com"
    with pytest.raises(Exception, match="no such invitation"):
        enrolment.invitation(house, first)
    enrol_with(house, link[1].rpartition("/")[2])
    assert oh.post(f"/staff/people/{who}/invitation").status_code == 404


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"email": "no address"}, {"email"}),
        ({"email": "minji@example.com"}, {"email"}),
        ({"role": []}, {"role"}),
        ({"role": ["admin"]}, {"role"}),
        ({"type": ["nonsense"]}, {"type"}),
        ({"reason": "  "}, {"reason"}),
    ],
)
@pytest.mark.usefixtures("minji")
def test_an_invitation_that_is_refused_keeps_what_was_typed(
    oh: Desk, given: dict[str, Any], fields: set[str]
) -> None:
    oh.get("/staff/people/invite")
    sent: dict[str, Any] = {"email": "new@example.com", "role": ["business"], "reason": "joins <us>"} | given
    page = oh.post("/staff/people/invite", **sent)
    assert page.status_code == 422
    assert set(errors_of(page)) == fields
    assert f'value="{sent["email"]}"' in page.text
    if "reason" not in given:
        assert 'value="joins &lt;us&gt;"' in page.text


def test_roles_are_changed_and_what_is_refused_is_said_at_its_form(
    oh: Desk, house: House, minji: int
) -> None:
    page = oh.get(f"/staff/people/{minji}").text
    ticked = re.findall(r'name="(\w+)"\s+value="(\w+)"\s+checked', page)
    assert ticked == [("role", "consultation"), ("type", "support")]
    refused = oh.post(f"/staff/people/{minji}/rights", role="business", reason="")
    assert refused.status_code == 422
    assert set(errors_of(refused)) == {"change-reason"}
    assert re.findall(r'name="role"\s+value="(\w+)"\s+checked', refused.text) == ["business"]
    done = oh.post(f"/staff/people/{minji}/rights", role="business", reason="reports now")
    assert done.headers["Location"] == f"/staff/people/{minji}"
    after = oh.get(f"/staff/people/{minji}").text
    assert "Changed. It counts from the next request on." in after
    assert "reports now" in after
    assert people.member(house, staff_id=minji).roles == {Role.business: ALL_TYPES}


def test_training_is_recorded_and_a_day_to_come_is_not(oh: Desk, house: House, minji: int) -> None:
    oh.get(f"/staff/people/{minji}")
    tomorrow = training.today(house) + timedelta(days=1)
    for day in (tomorrow.isoformat(), "", "yesterday"):
        refused = oh.post(f"/staff/people/{minji}/training", on=day)
        assert refused.status_code == 422
        assert set(errors_of(refused)) == {"on"}
    assert oh.post(f"/staff/people/{minji}/training", on=training.today(house).isoformat()).status_code == 303
    assert people.member(house, staff_id=minji).trained_on == training.today(house)


def test_access_is_taken_away_with_a_reason(oh: Desk, minji: int) -> None:
    oh.get(f"/staff/people/{minji}")
    refused = oh.post(f"/staff/people/{minji}/revoke", reason=" ")
    assert set(errors_of(refused)) == {"revoke-reason"}
    assert oh.post(f"/staff/people/{minji}/revoke", reason="moved on").status_code == 303
    page = oh.get(f"/staff/people/{minji}").text
    assert "access taken away" in page
    assert "<form" not in page.partition("<h1")[2].partition("</main>")[0]
    assert oh.post(f"/staff/people/{minji}/revoke", reason="again").status_code == 404


def test_who_lost_everything_is_invited_anew_with_a_reason(oh: Desk, house: House, minji: int) -> None:
    page = oh.get(f"/staff/people/{minji}")
    assert "Invite anew" in page.text
    refused = oh.post(f"/staff/people/{minji}/renewal", reason=" ")
    assert set(errors_of(refused)) == {"renew-reason"}
    shown = oh.post(f"/staff/people/{minji}/renewal", reason="she lost her phone")
    link = re.search(r'id="invitation"[^>]*>([^<]+)<', shown.text)
    assert link
    assert people.member(house, staff_id=minji).state == "invited"
    enrol_with(house, link[1].rpartition("/")[2])
    assert people.member(house, staff_id=minji).state == "enrolled"
    assert "Invited anew" in oh.get(f"/staff/people/{minji}").text


def test_the_last_officer_and_her_own_rights_are_refused_in_words(oh: Desk, house: House) -> None:
    me = people.member(house, email=OFFICER)
    page = oh.get(f"/staff/people/{me.id}").text
    assert "These are your own rights" in page
    assert "Record a training" not in page
    for path, given, field in (
        ("revoke", {}, "revoke-role"),
        ("rights", {"role": ["business"]}, "change-role"),
        ("rights", {"role": ["privacy", "business"]}, "change-role"),
        ("training", {"on": training.today(house).isoformat()}, "on"),
    ):
        sent: dict[str, Any] = {"reason": "a reason", **given}
        refused = oh.post(f"/staff/people/{me.id}/{path}", **sent)
        assert refused.status_code == 422
        assert field in refused.text
        assert re.search(r"last officer|Nobody (raises|records)", refused.text)


# -- grants --------------------------------------------------------------------------------------


@pytest.fixture
def inquiry(house: House) -> int:
    send(house)
    return inbox.page(house, MINJI).rows[0].id


def test_a_grant_from_the_form_to_its_end(app: Flask, oh: Desk, house: House, inquiry: int) -> None:
    assert "Nobody has the business role" in oh.get(f"/staff/inquiries/{inquiry}/grant").text
    bae = enrol(house, "bae@example.com", Role.business)
    who = actor_of(house, bae).staff_id
    at_work = Desk(app).carry(bae.sign_in(house))
    at_work.get("/staff/inbox?lang=en")
    assert str(inquiry) not in at_work.get("/staff/inbox").text
    oh.get(f"/staff/inquiries/{inquiry}/grant")
    day = (training.today(house) + timedelta(days=2)).isoformat()
    done = oh.post(f"/staff/inquiries/{inquiry}/grant", person=str(who), until=day, reason="a quote")
    assert done.status_code == 303
    for path in (f"/staff/inquiries/{inquiry}", f"/staff/people/{who}", f"/staff/inquiries/{inquiry}/grant"):
        assert "a quote" in oh.get(path).text
    assert str(inquiry) in at_work.get("/staff/inbox").text
    masked = at_work.get(f"/staff/inquiries/{inquiry}")
    assert "a quote" in masked.text
    assert at_work.post(f"/staff/inquiries/{inquiry}/open").status_code == 422
    opened = at_work.post(f"/staff/inquiries/{inquiry}/open", reason="the quote")
    assert ITEMS["content"] in opened.text
    assert at_work.post(f"/staff/inquiries/{inquiry}/close").status_code == 404
    (running,) = grants.running(house)
    assert 2 <= (running.until - clock.now()).total_seconds() / 86400 <= 3
    oh.get(f"/staff/inquiries/{inquiry}/grant")
    refused = oh.post(f"/staff/grants/{running.id}/cancel", reason="")
    assert refused.status_code == 422
    assert set(errors_of(refused)) == {f"cancel-{running.id}"}
    assert oh.post(f"/staff/grants/{running.id}/cancel", reason="sent").status_code == 303
    assert at_work.get(f"/staff/inquiries/{inquiry}").status_code == 404
    acts = [one.act for one in register_view.page(house, staff_id=who).rows]
    assert acts == ["cancel", "grant", "enrol", "invite"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"person": ""}, "person"),
        ({"person": "4711"}, "person"),
        ({"until": ""}, "until"),
        ({"until": "2020-01-01"}, "until"),
        ({"until": "2199-01-01"}, "until"),
        ({"reason": ""}, "reason"),
    ],
)
def test_a_grant_that_is_refused_says_why(
    oh: Desk, house: House, inquiry: int, given: dict[str, str], field: str
) -> None:
    who = actor_of(house, enrol(house, "bae@example.com", Role.business)).staff_id
    sent = {"person": str(who), "until": training.today(house).isoformat(), "reason": "a quote"}
    oh.get(f"/staff/inquiries/{inquiry}/grant")
    refused = oh.post(f"/staff/inquiries/{inquiry}/grant", **(sent | given))
    assert refused.status_code == 422
    assert set(errors_of(refused)) == {field}
    assert grants.running(house) == ()


# -- the register and the glass --------------------------------------------------------------------


def test_the_register_is_filtered(oh: Desk, house: House, minji: int) -> None:
    actor = actor_at(house, OFFICER)
    people.invite(house, email="new@example.com", roles=[Role.business], by=actor, reason="a hand more")
    whole = oh.get("/staff/people/register").text
    assert "a hand more" in whole
    hers = oh.get(f"/staff/people/register?person={minji}&act=").text
    assert "a hand more" not in hers
    assert hers.count("<time") == 2
    assert oh.get(f"/staff/people/register?person={minji}&act=enrol").text.count("<time") == 1
    for odd in (
        "person=x&act=nonsense",
        "before=0",
        "person=&act=%00",
        "before=-1&person=99999999999999999999",
    ):
        assert oh.get(f"/staff/people/register?{odd}").status_code == 200
    assert "No record matches" in oh.get("/staff/people/register?act=revoke").text


def test_seals_that_were_left_out_are_started_from_the_page(oh: Desk, house: House) -> None:
    assert "not sealed yet" not in oh.get("/staff/people").text
    with house.ledger.write() as connection:
        connection.exec_driver_sql("DELETE FROM seals")
    house.custody.set_seal_key(0, bytes(32))
    assert "not sealed yet" in oh.get("/staff/people").text
    page = oh.post("/staff/people/seals")
    assert f'id="seal-key" translate="no">{"00" * 32}<' in page.text
    assert "not sealed yet" not in oh.get("/staff/people").text
    assert oh.post("/staff/people/seals").headers["Location"] == "/staff/people"


# -- by mail -------------------------------------------------------------------------------------


def test_where_mail_goes_out_the_link_goes_to_the_invited_alone(tmp_path: Path) -> None:
    with relay() as post, site(tmp_path, smtp_url=post.url, mail_from=SENDER) as app:
        house: House = app.extensions["inquiries"]()
        oh = desk_of(app, house, Role.privacy)
        oh.get("/staff/people/invite")
        given: dict[str, Any] = {"email": "bae@example.com", "role": "business", "reason": "reports"}
        page = oh.post("/staff/people/invite", **given)
        assert page.status_code == 200
        assert "/staff/enrol/" not in page.text
        assert delivery.send_waiting(house) == 1
        who = people.member(house, email="bae@example.com").id
        again = oh.post(f"/staff/people/{who}/invitation", show="yes")
        shown = re.search(r'id="invitation"[^>]*>([^<]+)<', again.text)
        assert shown
        assert delivery.send_waiting(house) == 0
        assert "/staff/enrol/" not in oh.post(f"/staff/people/{who}/invitation").text
        assert delivery.send_waiting(house) == 1
        links = [re.findall(r"http://\S+/staff/enrol/\S+", one.get_content()) for one in post.mail]
        assert [one["To"] for one in post.mail] == ["bae@example.com"] * 2
        assert [len(found) for found in links] == [1, 1]
        token = links[1][0].rpartition("/")[2]
        assert token not in (links[0][0], shown[1])
        assert enrol_with(house, token).email == "bae@example.com"
