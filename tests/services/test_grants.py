"""Business grants: one inquiry, one person, thirty days at most, and on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import NotFound, RightsRefused
from inquiries.rules.permissions import Role
from inquiries.services import grants, inbox, people, retention, roles
from inquiries.services.house import House
from tests.cast import MINJI, send
from tests.moments import at
from tests.staff import actor_at, actor_of, enrol, officer

pytestmark = pytest.mark.promise("P23")


@pytest.fixture
def granting(any_house: House) -> dict[str, Any]:
    """Oh, Bae, and an inquiry that may be granted: arguments of `grants.grant`."""
    send(any_house)
    oh = officer(any_house)
    bae = actor_of(any_house, enrol(any_house, "bae@example.com", Role.business)).staff_id
    inquiry = inbox.page(any_house, MINJI).rows[0].id
    until = clock.now() + timedelta(days=3)
    return {"staff_id": bae, "inquiry_id": inquiry, "until": until, "reason": "a quote", "by": oh}


def sees(house: House) -> list[int]:
    return [row.id for row in inbox.page(house, actor_at(house, "bae@example.com")).rows]


def test_a_grant_opens_one_inquiry_to_one_person_until_it_ends(
    any_house: House, granting: dict[str, Any]
) -> None:
    send(any_house)
    enrol(any_house, "other@example.com", Role.business)
    assert sees(any_house) == []
    grants.grant(any_house, **granting)
    assert sees(any_house) == [granting["inquiry_id"]]
    assert inbox.page(any_house, actor_at(any_house, "other@example.com")).rows == ()
    bae = actor_at(any_house, "bae@example.com")
    opened = inbox.open_inquiry(any_house, bae, granting["inquiry_id"], "to answer the quote")
    assert opened.items["name"] == "김소라"
    assert inbox.page(any_house, bae, type="support").rows
    assert not inbox.page(any_house, bae, type="affiliate").rows
    assert not inbox.page(any_house, bae, state="closed").rows


def test_a_grant_ends_by_itself_at_its_moment(any_house: House, granting: dict[str, Any]) -> None:
    grants.grant(any_house, **granting)
    for late, seen in ((timedelta(seconds=-1), 1), (timedelta(0), 0)):
        with time_machine.travel(granting["until"] + late, tick=False):
            assert len(sees(any_house)) == seen


def test_a_second_grant_takes_the_place_of_the_first(any_house: House, granting: dict[str, Any]) -> None:
    first = grants.grant(any_house, **granting)
    grants.grant(any_house, **(granting | {"reason": "longer"}))
    (running,) = grants.running(any_house)
    assert running.reason == "longer"
    with pytest.raises(NotFound):
        grants.cancel(any_house, grant_id=first, by=granting["by"], reason="x")


def test_a_grant_is_cancelled_and_ends_with_the_role_and_with_access(
    any_house: House, granting: dict[str, Any]
) -> None:
    oh, bae = granting["by"], granting["staff_id"]
    number = grants.grant(any_house, **granting)
    with pytest.raises(RightsRefused, match="required"):
        grants.cancel(any_house, grant_id=number, by=oh, reason="")
    grants.cancel(any_house, grant_id=number, by=oh, reason="answered")
    assert sees(any_house) == []
    grants.grant(any_house, **granting)
    both = [Role.consultation]
    roles.change(any_house, staff_id=bae, roles=both, types=["affiliate"], reason="another team", by=oh)
    roles.change(any_house, staff_id=bae, roles=[Role.business], reason="back again", by=oh)
    assert sees(any_house) == [], "a grant came back with the role"
    grants.grant(any_house, **granting)
    people.revoke(any_house, staff_id=bae, by=oh, reason="she left")
    assert grants.running(any_house) == ()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"reason": " "}, "required"),
        ({"until": None}, "required"),
        ({"until": timedelta(0)}, "not_within"),
        ({"until": timedelta(days=30, minutes=1)}, "not_within"),
        ({"staff_id": 4711}, "not_business"),
        ({"by": None}, "break_glass"),
    ],
)
def test_a_grant_says_what_it_must(
    any_house: House, granting: dict[str, Any], given: dict[str, Any], code: str
) -> None:
    if isinstance(given.get("until"), timedelta):
        given = {"until": clock.now() + given["until"]}
    with pytest.raises(RightsRefused, match=code):
        grants.grant(any_house, **(granting | given))
    assert grants.running(any_house) == ()


def test_what_does_not_stand_is_not_granted(any_house: House, granting: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        grants.grant(any_house, **(granting | {"inquiry_id": 4711}))


def test_a_grant_goes_with_its_inquiry(house_at_t0: House) -> None:
    house = house_at_t0
    with at():
        send(house)
    with at(days=364):
        oh = officer(house)
        bae = actor_of(house, enrol(house, "bae@example.com", Role.business)).staff_id
        inquiry = inbox.page(house, MINJI).rows[0].id
        until = clock.now() + timedelta(days=20)
        grants.grant(house, staff_id=bae, inquiry_id=inquiry, until=until, reason="late", by=oh)
    with at(days=366):
        assert sees(house) == []
        assert retention.sweep(house, confirm=True).failed == 0
        assert grants.running(house) == ()
