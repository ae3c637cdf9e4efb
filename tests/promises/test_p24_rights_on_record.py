"""P24: access rights are granted, changed and cancelled on record; a leaver's sessions end at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from inquiries import clock
from inquiries.errors import RightsRefused, SignInRefused
from inquiries.rules.permissions import Role
from inquiries.services import grants, inbox, people, records, register_view, roles, training
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores.live.tables import sessions
from tests.cast import MINJI, send
from tests.moments import at
from tests.promises.pages import application, desk
from tests.staff import actor_of, enrol, officer

ALONE = frozenset({"staff", "act", "by", "detail"})


def rights(house: House) -> list[dict[str, object]]:
    return [body for _, body in records.bodies(house, "rights")]


def test_p24_a_revoked_persons_live_session_fails_on_its_next_request(any_house: House) -> None:
    with at():
        send(any_house)
        oh = officer(any_house)
        member = desk(application(any_house), any_house, "minji@example.com", Role.consultation)
        assert member.get("/staff/inbox").status_code == 200
        minji = people.member(any_house, email="minji@example.com")
        people.revoke(any_house, staff_id=minji.id, by=oh, reason="she left")
        answer = member.get("/staff/inbox")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/sign-in")
        assert "김**" not in answer.text
        with any_house.live.read() as connection:
            # what is left is the one of asking to sign in
            assert list(connection.scalars(select(sessions.c.staff_id))) == [None]


def test_p24_nor_does_she_sign_in_again(any_house: House) -> None:
    with at():
        minji = enrol(any_house, "minji@example.com", Role.consultation)
        people.revoke(any_house, staff_id=actor_of(any_house, minji).staff_id, by=None, reason="she left")
        with pytest.raises(SignInRefused):
            minji.sign_in(any_house)
    assert [body for _, body in records.bodies(any_house, "access")][-1]["detail"] == {"why": "unknown"}


def test_p24_a_lowered_role_counts_from_the_next_request_on(any_house: House) -> None:
    with at():
        send(any_house, type="support")
        app, oh = application(any_house), officer(any_house)
        member = desk(app, any_house, "minji@example.com", Role.consultation, Role.privacy)
        assert member.get("/staff/people").status_code == 200
        minji = people.member(any_house, email="minji@example.com")
        given = {"staff_id": minji.id, "by": oh, "reason": "another team"}
        roles.change(any_house, roles=[Role.consultation], types=["affiliate"], **given)  # type: ignore[arg-type]
        assert member.get("/staff/people").status_code == 404
        assert "김**" not in member.get("/staff/inbox").text
        assert people.member(any_house, email="minji@example.com").roles == {
            Role.consultation: frozenset({"affiliate"})
        }


def test_p24_everything_that_changes_rights_is_recorded(any_house: House) -> None:
    """Who, when, for whom, why: for each act, in the order in which they were done."""
    with at():
        send(any_house)
        oh = officer(any_house)
        before = len(rights(any_house))
        token = people.invite(
            any_house,
            email="Bae@example.com",
            roles=[Role.consultation],
            by=oh,
            types=["support"],
            reason="new",
        )
        bae = people.member(any_house, email="bae@example.com").id
        people.invite_again(any_house, staff_id=bae, by=oh)
        people.revoke(any_house, staff_id=bae, by=oh, reason="a mistake")
        minji = actor_of(any_house, enrol(any_house, "minji@example.com", Role.business)).staff_id
        inquiry = inbox.page(any_house, MINJI).rows[0].id
        until = clock.now() + timedelta(days=3)
        one, two = (
            grants.grant(any_house, staff_id=minji, inquiry_id=inquiry, until=until, reason="a quote", by=oh)
            for _ in range(2)
        )
        grants.cancel(any_house, grant_id=two, by=oh, reason="done")
        grants.grant(any_house, staff_id=minji, inquiry_id=inquiry, until=until, reason="again", by=oh)
        roles.train(any_house, staff_id=minji, on=training.today(any_house), by=oh)
        roles.change(
            any_house, staff_id=minji, roles=[Role.business, Role.consultation], by=oh, reason="more"
        )
    with at(days=3, minutes=1):
        assert grants.expire(any_house) == 2  # and the first officer's invitation, which nobody took up
        assert grants.expire(any_house) == 0
    written = [body for body in rights(any_house)[before:] if body["staff"] in (bae, minji)]
    assert [(body["act"], body["by"], body["staff"]) for body in written] == [
        ("invite", oh.staff_id, bae), ("invite", oh.staff_id, bae), ("revoke", oh.staff_id, bae),
        ("invite", "operator", minji), ("enrol", minji, minji),
        ("grant", oh.staff_id, minji), ("grant", oh.staff_id, minji), ("cancel", oh.staff_id, minji),
        ("grant", oh.staff_id, minji), ("training", oh.staff_id, minji), ("change", oh.staff_id, minji),
        ("expire", "time", minji),
    ]  # fmt: skip
    assert all(body.keys() == ALONE for body in written)
    read = [one for one in register_view.page(any_house).rows[::-1] if one.staff_id in (bae, minji)]
    assert [one.reason for one in read] == [
        "new", None, "a mistake", None, None, "a quote", "a quote", "done", "again", None, "more", None,
    ]  # fmt: skip
    assert {one.email for one in read} == {"bae@example.com", "minji@example.com"}
    assert [one.inquiry for one in read if one.act in ("grant", "cancel", "expire")] == [inquiry] * 5
    assert token not in str(rights(any_house))
    assert one != two


def test_p24_no_right_without_its_record(house: House) -> None:
    """The ledger cannot be written: nothing that anybody may do changes."""
    with at():
        send(house)
        oh = officer(house)
        minji = actor_of(house, enrol(house, "minji@example.com", Role.business)).staff_id
        inquiry = inbox.page(house, MINJI).rows[0].id
        until = clock.now() + timedelta(days=1)
        before = people.everyone(house)
        with house.ledger.write() as connection:
            connection.exec_driver_sql("ALTER TABLE bodies RENAME TO away")
        changes: list[Callable[[], object]] = [
            lambda: people.invite(house, email="eve@example.com", roles=[Role.business], by=oh, reason="new"),
            lambda: people.revoke(house, staff_id=minji, by=oh, reason="she left"),
            lambda: roles.change(house, staff_id=minji, roles=[Role.consultation], by=oh, reason="more"),
            lambda: roles.train(house, staff_id=minji, on=training.today(house), by=oh),
            lambda: grants.grant(
                house, staff_id=minji, inquiry_id=inquiry, until=until, reason="a quote", by=oh
            ),
        ]
        for change in changes:
            with pytest.raises(Exception, match="bodies"):
                change()
        assert people.everyone(house) == before
        assert grants.running(house) == ()


def test_p24_nobody_raises_her_own_rights(house: House) -> None:
    with at():
        send(house)
        oh, inquiry = officer(house), inbox.page(house, MINJI).rows[0].id
        until = clock.now() + timedelta(days=1)
        both = [Role.privacy, Role.business]
        changes: list[Callable[[], object]] = [
            lambda: roles.change(house, staff_id=oh.staff_id, roles=both, by=oh, reason="more"),
            lambda: roles.train(house, staff_id=oh.staff_id, on=training.today(house), by=oh),
            lambda: grants.grant(
                house, staff_id=oh.staff_id, inquiry_id=inquiry, until=until, reason="to see", by=oh
            ),
        ]
        for change in changes:
            with pytest.raises(RightsRefused):
                change()
        assert people.member(house, email=oh.email).roles == {Role.privacy: frozenset({"*"})}
        other = officer(house, "other@example.com")
        roles.change(house, staff_id=oh.staff_id, roles=both, by=other, reason="she reports, too")
        oh_now = Actor(oh.staff_id, oh.email, people.member(house, email=oh.email).roles)
        with pytest.raises(RightsRefused, match="own_rights"):
            grants.grant(house, staff_id=oh.staff_id, inquiry_id=inquiry, until=until, reason="x", by=oh_now)
        roles.change(house, staff_id=oh.staff_id, roles=[Role.privacy], by=oh, reason="I do not need it")


def test_p24_what_the_operator_did_in_an_officers_stead_is_shown_to_every_officer_for_30_days(
    house: House,
) -> None:
    with at():
        app = application(house)
        oh, minji = (
            desk(app, house, f"{name}@example.com", role)
            for name, role in (("oh", Role.privacy), ("minji", Role.consultation))
        )
        banner = re.compile("the lock &lt;was&gt; lost")
        reason = "the lock <was> lost"
        people.invite(house, email="eve@example.com", roles=[Role.privacy], by=None, break_glass=reason)
        for path in ("/staff/inbox", "/staff/people", "/staff/retention"):
            assert banner.search(oh.get(path).text), path
        assert not banner.search(minji.get("/staff/inbox").text)
    with at(days=29, hours=23):
        assert register_view.broken_glass(house)[0].reason == reason
    with at(days=30, minutes=1):
        assert register_view.broken_glass(house) == ()


def test_p24_rights_records_are_kept_three_years(house: House) -> None:
    with at():
        people.invite(house, email="minji@example.com", roles=[Role.consultation], by=None)
        before = rights(house)
    for days, kept in ((3 * 365, before), (3 * 366, [])):
        with at(days):
            records.prune(house, clock.now())
            assert rights(house) == kept
            assert records.verify(house).ok
