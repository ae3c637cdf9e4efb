"""P27: whoever handles inquiries is trained, with date and plan version; lapsed training closes the inbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from inquiries.errors import NotFound, TrainingLapsed
from inquiries.rules.permissions import Role
from inquiries.services import archive, inbox, people, records, roles, training
from inquiries.services.house import House
from tests.cast import MINJI, send
from tests.moments import at
from tests.promises.pages import application, desk
from tests.staff import Desk, Member, actor_at, actor_of, enrol, officer

ALL = (Role.consultation, Role.business, Role.privacy)
CLOSED = "Your inbox is closed"


def test_p27_lapsed_every_way_to_an_inquiry_is_closed_and_recorded(any_house: House) -> None:
    """Thirty days after she came nobody had trained her: list, look, open, answer, archive are refused."""
    with at():
        send(any_house)
        officer(any_house)
        minji = enrol(any_house, "minji@example.com", *ALL)
        inquiry = inbox.page(any_house, MINJI).rows[0].id
    with at(days=30):
        assert inbox.page(any_house, actor_of(any_house, minji)).rows
    with at(days=31):
        before = len(list(records.bodies(any_house, "access")))
        lapsed = actor_of(any_house, minji)
        acts: list[Callable[[], object]] = [
            lambda: inbox.page(any_house, lapsed),
            lambda: inbox.summary(any_house, lapsed, inquiry),
            lambda: inbox.open_inquiry(any_house, lapsed, inquiry, "to answer"),
            lambda: inbox.answered(any_house, lapsed, inquiry),
            lambda: inbox.close(any_house, lapsed, inquiry),
            lambda: archive.page(any_house, lapsed),
        ]
        for act in acts:
            with pytest.raises((TrainingLapsed, NotFound)):
                act()
        refused = [body for _, body in records.bodies(any_house, "access")][before:]
        assert [body["outcome"] for body in refused] == ["refused"] * len(acts)


def as_english(house: House, member: Member) -> Desk:
    member_desk = Desk(application(house)).carry(member.sign_in(house))
    member_desk.get("/staff/?lang=en")
    return member_desk


def test_p27_she_is_told_so_and_whom_to_turn_to_and_nothing_else_is_closed(house: House) -> None:
    with at():
        send(house)
        officer(house)
        minji, gun = (
            enrol(house, "minji@example.com", Role.consultation),
            enrol(house, "gun@example.com", *ALL),
        )
        inquiry = inbox.page(house, MINJI).rows[0].id
    with at(days=31):
        at_work = as_english(house, minji)
        for path in ("/staff/inbox", f"/staff/inquiries/{inquiry}"):
            answer = at_work.get(path)
            assert answer.status_code == 403
            assert CLOSED in answer.text
            assert 'href="mailto:oh@example.com"' in answer.text
            assert "김**" not in answer.text
        assert at_work.post(f"/staff/inquiries/{inquiry}/open").status_code == 403
        assert at_work.get("/staff/retention").status_code == 404  # not hers with any training
        also = as_english(house, gun)
        for path, status in (
            ("/staff/inbox", 403), ("/staff/archive", 403), (f"/staff/inquiries/{inquiry}/grant", 403), ("/staff/export", 403),
            ("/staff/people", 200), ("/staff/people/invite", 200), ("/staff/people/register", 200),
            ("/staff/retention", 200),
        ):  # fmt: skip
            assert also.get(path).status_code == status, path
        assert "mailto:gun@" not in also.get("/staff/inbox").text
        assert at_work.post("/staff/sign-out").status_code == 303


def test_p27_once_recorded_the_inbox_opens_at_once_for_a_year(house: House) -> None:
    with at():
        send(house)
        oh, minji = officer(house), enrol(house, "minji@example.com", Role.consultation)
        who = actor_of(house, minji).staff_id
    with at(days=40):
        at_work = as_english(house, minji)
        assert at_work.get("/staff/inbox").status_code == 403
        roles.train(house, staff_id=who, on=training.today(house) - timedelta(days=2), by=oh)
        answer = at_work.get("/staff/inbox")
        assert answer.status_code == 200
        assert "training" not in answer.text
    for days, status in ((40 - 2 + 365, 200), (40 - 2 + 366, 403)):
        with at(days=days):
            answer = as_english(house, minji).get("/staff/inbox")
            assert (answer.status_code, "lapse" in answer.text) == (status, True)


def test_p27_she_is_warned_before_it_lapses(house: House) -> None:
    with at():
        oh, minji = officer(house), enrol(house, "minji@example.com", Role.consultation)
        roles.train(house, staff_id=actor_of(house, minji).staff_id, on=training.today(house), by=oh)
    for days, warned in ((335, False), (336, True)):
        with at(days=days):
            text = as_english(house, minji).get("/staff/inbox").text
            assert ("lapses after March 2, 2027" in text) is warned


def test_p27_each_person_has_date_and_plan_version(house: House) -> None:
    """Shown to the officer, with who has lapsed; the version is the one of the policy in force that day."""
    with at():
        app = application(house)
        oh = desk(app, house, "oh@example.com", Role.privacy)
        minji = actor_of(house, enrol(house, "minji@example.com", Role.consultation))
        oh.get("/staff/people?lang=en")
        page = oh.post(f"/staff/people/{minji.staff_id}/training", on="2026-03-01")
        assert page.status_code == 303
        text = oh.get(f"/staff/people/{minji.staff_id}").text
        assert "March 1, 2026" in text
        assert "internal management plan, version 1" in text
        found = people.member(house, staff_id=minji.staff_id)
        assert (str(found.trained_on), found.plan) == ("2026-03-01", "1")
    with at(days=365):
        oh = desk(app, house, "other@example.com", Role.privacy)
        oh.get("/staff/people?lang=en")
        text = oh.get("/staff/people").text
        assert "lapsed on March 1, 2027" in text


def test_p27_an_officer_who_is_alone_and_lapsed_can_still_mend_it(house: House) -> None:
    """She invites a second officer, who records her training."""
    with at():
        app = application(house)
        token = people.first_enrolment(house)
        assert token is not None
        from tests.staff import enrol_with

        first = enrol_with(house, token)
    with at(days=365):
        assert not actor_at(house, first.email).may("list_inquiries").lapsed  # type: ignore[arg-type]
    with at(days=367):
        alone = Desk(app).carry(first.sign_in(house))
        answer = alone.get("/staff/inbox?lang=en")
        assert answer.status_code == 403
        assert "You are the only officer" in answer.text
        alone.get("/staff/people/invite")
        given = {"email": "second@example.com", "role": "privacy", "reason": "my training has lapsed"}
        invited = alone.post("/staff/people/invite", **given)
        link = invited.text.partition('id="invitation"')[2].partition(">")[2].partition("<")[0]
        second = Desk(app).carry(enrol_with(house, link.rpartition("/")[2]).sign_in(house))
        second.get("/staff/people")
        who = people.member(house, email=first.email).id
        assert second.post(f"/staff/people/{who}/training", on="2027-03-03").status_code == 303
        assert alone.get("/staff/inbox").status_code == 200
