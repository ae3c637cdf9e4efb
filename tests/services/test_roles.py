"""Rights change by somebody else's hand, one change at a time, and there is always an officer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from inquiries.errors import InquiriesError, NotFound, RightsRefused
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import enrolment, people, records, register_view, roles, sessions, training
from inquiries.services.actor import Actor
from inquiries.services.house import House
from tests.staff import actor_at, actor_of, enrol, enrol_with, officer

pytestmark = pytest.mark.promise("P24")


def rights(house: House) -> list[dict[str, Any]]:
    return [body for _, body in records.bodies(house, "rights")]


def minji(house: House, *held: Role) -> int:
    return actor_of(house, enrol(house, "minji@example.com", *held or (Role.consultation,))).staff_id


# -- changing ------------------------------------------------------------------------------------


def test_a_change_counts_at_once_and_says_how_things_stand(any_house: House) -> None:
    oh, member = officer(any_house), enrol(any_house, "minji@example.com", Role.consultation)
    token = member.sign_in(any_house).token
    who = actor_of(any_house, member).staff_id
    roles.change(
        any_house,
        staff_id=who,
        roles=[Role.business, Role.consultation],
        types=["support"],
        reason="  takes\nover ",
        by=oh,
    )
    found = sessions.find(any_house, token, None)
    assert found is not None
    assert found.actor is not None
    assert found.actor.roles == {Role.business: ALL_TYPES, Role.consultation: frozenset({"support"})}
    assert rights(any_house)[-1]["detail"] == {
        "email": "minji@example.com",
        "reason": "takes over",
        "roles": ["business", "consultation"],
        "types": ["support"],
    }


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"roles": []}, "role", "required"),
        ({"types": ["nonsense"]}, "type", "unknown_type"),
        ({"reason": " \n "}, "reason", "required"),
        ({"roles": [Role.consultation], "types": []}, "role", "unchanged"),
    ],
)
def test_a_change_says_what_it_must(house: House, given: dict[str, Any], field: str, code: str) -> None:
    oh, who = officer(house), minji(house)
    before = rights(house)
    wanted: dict[str, Any] = {"roles": [Role.consultation], "types": ["support"], "reason": "less"}
    wanted |= {"by": oh, "staff_id": who}
    with pytest.raises(RightsRefused) as refused:
        roles.change(house, **(wanted | given))
    assert [(one.field, one.code) for one in refused.value.errors] == [(field, code)]
    assert rights(house) == before


def test_only_an_officer_of_this_moment_changes_anything(any_house: House) -> None:
    """What she was when her request began does not count: a revoked or lowered officer changes nothing."""
    oh, other = officer(any_house), officer(any_house, "other@example.com")
    who = minji(any_house)
    eve = Actor(4711, "eve@example.com", {Role.privacy: ALL_TYPES})
    consultant = Actor(who, "minji@example.com", {Role.privacy: ALL_TYPES})
    people.revoke(any_house, staff_id=other.staff_id, by=oh, reason="she left")
    before = rights(any_house)
    for somebody in (eve, consultant, other):
        for act in (
            lambda by=somebody: roles.change(
                any_house, staff_id=oh.staff_id, roles=[Role.business], reason="x", by=by
            ),
            lambda by=somebody: people.revoke(any_house, staff_id=who, by=by, reason="x"),
            lambda by=somebody: people.invite(
                any_house, email="x@example.com", roles=[Role.privacy], by=by, reason="x"
            ),
            lambda by=somebody: roles.train(any_house, staff_id=who, on=training.today(any_house), by=by),
        ):
            with pytest.raises(NotFound):
                act()
    assert rights(any_house) == before
    refused = [body for _, body in records.bodies(any_house, "access") if body["outcome"] == "refused"]
    assert {(body["email"], body["act"]) for body in refused} == {
        (one.email, "manage_people") for one in (eve, consultant, other)
    }


def test_the_operator_makes_an_officer_by_breaking_the_glass_only(house: House) -> None:
    officer(house)
    who = minji(house)
    given: dict[str, Any] = {"staff_id": who, "by": None}
    with pytest.raises(RightsRefused, match="break_glass"):
        roles.change(house, roles=[Role.privacy], reason="the only one left", **given)
    with pytest.raises(RightsRefused, match="break_glass"):
        roles.train(house, on=training.today(house), **given)
    roles.change(house, roles=[Role.privacy], reason=None, break_glass="no officer answers", **given)
    roles.train(house, on=training.today(house), break_glass="no officer answers", **given)
    assert [one.reason for one in register_view.broken_glass(house)[:2]] == ["no officer answers"] * 2
    assert people.member(house, staff_id=who).roles == {Role.privacy: ALL_TYPES}


# -- the last officer ----------------------------------------------------------------------------


def test_the_last_officer_stays(any_house: House) -> None:
    oh, other = officer(any_house), officer(any_house, "other@example.com")
    people.invite(any_house, email="third@example.com", roles=[Role.privacy], by=oh, reason="a third")
    people.revoke(any_house, staff_id=other.staff_id, by=oh, reason="she left")
    for by in (oh, None):  # who is only invited is no officer yet
        with pytest.raises(RightsRefused, match="last_officer"):
            people.revoke(any_house, staff_id=oh.staff_id, by=by, reason="she leaves")
        with pytest.raises(RightsRefused, match="last_officer"):
            roles.change(any_house, staff_id=oh.staff_id, roles=[Role.consultation], reason="x", by=None)
    assert list(people.officers(any_house).values()) == [oh.email]


def together(*acts: Callable[[], object]) -> list[bool]:
    """Do them at the same time; which of them were done."""

    def attempt(act: Callable[[], object]) -> bool:
        try:
            act()
        except InquiriesError:
            return False
        return True

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(attempt, acts))


def test_officers_who_remove_one_another_at_once_leave_one(any_house: House) -> None:
    """Each of them is another's: who was removed removes nobody; who was lowered may still be revoked."""
    for turn in range(4):
        first, *others = people.officers(any_house).values() or [officer(any_house).email]
        pair = [first, officer(any_house, f"officer{turn}@example.com").email]
        assert not others
        one, two = (actor_at(any_house, email) for email in pair)
        done = together(
            lambda: people.revoke(any_house, staff_id=two.staff_id, by=one, reason="a"),  # noqa: B023
            lambda: roles.change(
                any_house, staff_id=one.staff_id, roles=[Role.business], reason="b", by=two  # noqa: B023
            ),
            lambda: people.revoke(any_house, staff_id=one.staff_id, by=None, reason="c"),  # noqa: B023
        )  # fmt: skip
        assert done in ([True, False, False], [False, True, True], [False, False, True])
        assert len(people.officers(any_house)) == 1


@pytest.mark.slow
def test_many_who_act_at_once_leave_a_register_and_a_store_that_agree(any_house: House) -> None:
    """Sixteen changes of four people from eight threads: what the register says last is what holds."""
    oh = officer(any_house)
    members = [
        actor_of(any_house, enrol(any_house, f"m{n}@example.com", Role.consultation)).staff_id
        for n in range(4)
    ]
    wanted = [[Role.business], [Role.consultation, Role.business], [Role.consultation], [Role.privacy]]

    def change(who: int, held: list[Role]) -> None:
        roles.change(any_house, staff_id=who, roles=held, reason="a race", by=oh)

    acts = [partial(change, who, held) for held in wanted for who in members]
    acts.append(partial(people.revoke, any_house, staff_id=members[0], by=oh, reason="she left"))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(together, acts))
    for who in members:
        last = [body for body in rights(any_house) if body["staff"] == who][-1]
        person = people.member(any_house, staff_id=who)
        expected = [] if last["act"] == "revoke" else last["detail"]["roles"]
        assert sorted(person.roles) == expected
    assert records.verify(any_house).ok


@pytest.mark.slow
def test_an_invitation_taken_up_twice_at_once_enrols_one(any_house: House) -> None:
    token = people.invite(any_house, email="minji@example.com", roles=[Role.business], by=None)
    assert sum(together(*(lambda: enrol_with(any_house, token) for _ in range(4)))) == 1
    enrolled = [body for body in rights(any_house) if body["act"] == "enrol"]
    assert len(enrolled) == 1


# -- training ------------------------------------------------------------------------------------


@pytest.mark.promise("P27")
def test_a_training_is_recorded_with_its_day_and_plan(any_house: House) -> None:
    oh, who = officer(any_house), minji(any_house)
    day = training.today(any_house) - timedelta(days=3)
    roles.train(any_house, staff_id=who, on=day, by=oh)
    found = people.member(any_house, staff_id=who)
    assert (found.trained_on, found.plan) == (day, "1")
    assert found.training is not None
    assert (found.training.until, found.training.recorded) == (day.replace(year=day.year + 1), True)
    assert rights(any_house)[-1]["detail"] == {"email": found.email, "on": day.isoformat(), "plan": "1"}


@pytest.mark.promise("P27")
@pytest.mark.parametrize(("days", "code"), [(None, "required"), (1, "to_come"), (-367, "long_ago")])
def test_a_training_has_a_day_that_counts(house: House, days: int | None, code: str) -> None:
    oh, who = officer(house), minji(house)
    day = None if days is None else training.today(house) + timedelta(days=days)
    with pytest.raises(RightsRefused, match=code):
        roles.train(house, staff_id=who, on=day, by=oh)


@pytest.mark.promise("P27")
def test_who_is_not_enrolled_is_not_trained(house: House) -> None:
    oh, who = officer(house), minji(house)
    people.invite(house, email="new@example.com", roles=[Role.business], by=oh, reason="new")
    people.revoke(house, staff_id=who, by=oh, reason="she left")
    for one in (who, people.member(house, email="new@example.com").id, 4711):
        with pytest.raises(NotFound):
            roles.train(house, staff_id=one, on=training.today(house), by=oh)


@pytest.mark.promise("P27")
def test_the_officer_who_is_alone_acknowledges_the_plan_by_enrolling(house: House) -> None:
    token = people.first_enrolment(house)
    assert token is not None
    assert enrolment.invitation(house, token).plan == "1"
    first = enrol_with(house, token)
    assert people.member(house, email=first.email).trained_on == training.today(house)
    second = people.invite(
        house,
        email="oh@example.com",
        roles=[Role.privacy],
        by=actor_at(house, first.email),
        reason="a second",
    )
    assert enrolment.invitation(house, second).plan is None
    enrol_with(house, second)
    assert people.member(house, email="oh@example.com").trained_on is None


# -- a start that was cut short ------------------------------------------------------------------


def test_an_officer_can_start_the_seals_that_a_crash_left_out(house: House) -> None:
    officer(house)
    with house.ledger.write() as connection:
        connection.exec_driver_sql("DELETE FROM seals")
    house.custody.set_seal_key(0, bytes(32))  # made, and cut short before it sealed anything
    assert not records.sealing(house)
    key = records.start_sealing(house)
    assert key == "00" * 32
    assert records.sealing(house)
    assert records.start_sealing(house) is None
    assert records.verify(house, bytes.fromhex(key)).ok
