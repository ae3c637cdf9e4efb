"""The register leads and the live store follows: after a crash, and after a copy was put back, both ways."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import (
    adoption,
    grants,
    inbox,
    installation,
    people,
    records,
    recovery,
    register,
    register_view,
    roles,
    training,
)
from inquiries.services.house import House
from tests.cast import MINJI, send
from tests.staff import actor_at, actor_of, enrol, officer

pytestmark = pytest.mark.promise("P24")


def put_back(house: House, copy: Path, change: Callable[[], object]) -> House:
    """Do it; then the live store as it was before is put back, and everything starts again."""
    assert house.live.path is not None
    house.live.scour("staff")  # everything into the one file
    shutil.copy(house.live.path, copy)
    change()
    house.close()
    for leftover in house.live.path.parent.glob("live.db-*"):
        leftover.unlink()
    shutil.copy(copy, house.live.path)
    return installation.install(house.settings).house


def stands(house: House) -> dict[str, tuple[str, object, object]]:
    return {one.email: (one.state, dict(one.roles), one.plan) for one in people.everyone(house)}


def test_a_store_that_was_put_back_is_brought_to_where_the_register_stands(
    house: House, tmp_path: Path
) -> None:
    """Given and taken, both ways; who enrolled since is known, and must be invited anew."""
    send(house)
    adoption.adopt_pending(house)
    oh = officer(house)
    for name in ("bae", "minji", "gun", "leaving"):
        enrol(house, f"{name}@example.com", Role.business)
    ids = {one.email.partition("@")[0]: one.id for one in people.everyone(house)}
    inquiry = inbox.page(house, MINJI).rows[0].id
    common: dict[str, Any] = {
        "inquiry_id": inquiry,
        "until": clock.now() + timedelta(days=9),
        "reason": "a",
        "by": oh,
    }
    kept, gone = (grants.grant(house, staff_id=ids[name], **common) for name in ("minji", "gun"))

    def change() -> None:
        by: dict[str, Any] = {"reason": "b", "by": oh}
        roles.change(house, staff_id=ids["minji"], roles=[Role.business, Role.privacy], **by)
        roles.change(house, staff_id=ids["minji"], roles=[Role.business, Role.consultation], **by)
        roles.train(house, staff_id=ids["minji"], on=training.today(house), by=oh)
        grants.cancel(house, grant_id=gone, **by)
        grants.grant(house, staff_id=ids["bae"], **common)
        people.revoke(house, staff_id=ids["leaving"], **by)
        enrol(house, "new@example.com", Role.consultation, types=("support",))
        roles.train(
            house,
            staff_id=people.member(house, email="new@example.com").id,
            on=training.today(house),
            by=oh,
        )

    known: dict[str, Any] = {}

    def and_look() -> None:
        change()
        known.update(stands(house), grants={(one.email, one.reason) for one in grants.running(house)})

    again = put_back(house, tmp_path / "copy.db", and_look)
    expected_grants = known.pop("grants")
    found = stands(again)
    assert found.pop("new@example.com") == ("invited", {Role.consultation: frozenset({"support"})}, "1")
    del known["new@example.com"]
    assert found == known
    assert {(one.email, one.reason) for one in grants.running(again)} == expected_grants
    assert kept in {one.id for one in grants.running(again)}
    gate = recovery.gate(again)
    assert gate is not None
    assert (gate.revoked, gate.uninvited, gate.rights > 0) == (1, 1, True)
    before = records.heads(again)["rights"]
    assert register.catch_up(again) == register.Followed()
    assert records.heads(again)["rights"] == before, "following wrote to the register"
    newcomer = people.member(again, email="new@example.com")
    assert people.invite_again(again, staff_id=newcomer.id, by=actor_at(again, "oh@example.com"))
    again.close()


def test_an_older_ledger_revives_nothing(house: House, tmp_path: Path) -> None:
    """What it does not know any more is found by its seals; it gives back no right that was taken."""
    oh = officer(house)
    who = actor_of(house, enrol(house, "minji@example.com", Role.consultation)).staff_id
    path = house.settings.instance / "ledger.db"
    house.ledger.scour("bodies")
    shutil.copy(path, tmp_path / "ledger.db")
    roles.change(house, staff_id=who, roles=[Role.business], reason="less", by=oh)
    people.revoke(house, staff_id=who, by=oh, reason="she left")
    house.close()
    for leftover in path.parent.glob("ledger.db-*"):
        leftover.unlink()
    shutil.copy(tmp_path / "ledger.db", path)
    again = installation.install(house.settings).house
    assert people.member(again, staff_id=who).state == "revoked"
    again.close()


@pytest.mark.parametrize("act", ["change", "revoke"])
def test_a_change_that_was_cut_short_is_carried_out_at_the_next_start(any_house: House, act: str) -> None:
    """Recorded, and not committed: what an officer was told nothing of, the register says was done."""
    oh = officer(any_house)
    member = enrol(any_house, "minji@example.com", Role.consultation)
    who = actor_of(any_house, member).staff_id
    detail = {"email": member.email, "reason": "x"}
    if act == "change":
        detail |= register.on_record(member.email, [("business", "*")])  # type: ignore[arg-type]
    records.append(any_house, "rights", {"act": act, "staff": who, "by": oh.staff_id, "detail": detail})
    found = recovery.start(any_house)
    assert found is not None
    assert recovery.gate(any_house) is None, "a crash taken for a restored backup"
    person = people.member(any_house, staff_id=who)
    assert (person.state, dict(person.roles)) == (
        ("revoked", {}) if act == "revoke" else ("enrolled", {Role.business: ALL_TYPES})
    )


def test_what_was_cut_short_is_carried_out_before_the_next_change(any_house: House) -> None:
    oh = officer(any_house)
    who = actor_of(any_house, enrol(any_house, "minji@example.com", Role.consultation)).staff_id
    detail = {"email": "minji@example.com", "reason": "she left"}
    records.append(any_house, "rights", {"act": "revoke", "staff": who, "by": oh.staff_id, "detail": detail})
    with pytest.raises(NotFound):
        roles.change(any_house, staff_id=who, roles=[Role.business], reason="more", by=oh)
    people.invite(any_house, email="bae@example.com", roles=[Role.business], by=oh, reason="new")
    assert people.member(any_house, staff_id=who).revoked


def test_an_enrolment_that_was_cut_short_can_be_done_again(any_house: House) -> None:
    officer(any_house)
    token = people.invite(any_house, email="minji@example.com", roles=[Role.business], by=None)
    who = people.member(any_house, email="minji@example.com").id
    detail = register.on_record("minji@example.com", [("business", "*")])
    records.append(any_house, "rights", {"act": "enrol", "staff": who, "by": who, "detail": detail})
    assert recovery.start(any_house) is not None
    assert recovery.gate(any_house) is None
    from tests.staff import enrol_with

    assert enrol_with(any_house, token).email == "minji@example.com"


# -- reading -------------------------------------------------------------------------------------


def test_the_register_is_read_whole_by_person_by_act_and_page_by_page(house: House) -> None:
    oh = officer(house)
    who = actor_of(house, enrol(house, "minji@example.com", Role.consultation)).staff_id
    for turn in range(register_view.PAGE + 10):
        held = [Role.business] if turn % 2 else [Role.business, Role.consultation]
        roles.change(house, staff_id=who, roles=held, reason=str(turn), by=oh)
    first = register_view.page(house)
    assert len(first.rows) == register_view.PAGE
    second = register_view.page(house, before=first.next)
    assert second.next is None
    numbers = [one.n for one in (*first.rows, *second.rows)]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[-1] == 1
    assert len(numbers) == len(set(numbers)) == len(list(records.bodies(house, "rights")))
    assert {one.email for one in register_view.page(house, staff_id=oh.staff_id).rows} == {oh.email}
    assert [one.act for one in register_view.page(house, staff_id=who, act="enrol").rows] == ["enrol"]
    assert register_view.page(house, staff_id=4711).rows == ()


def test_a_record_of_nobody_stands_in_no_ones_way(house: House) -> None:
    """An officer's word on the clock is written into every chain."""
    records.append(house, "rights", {"act": "clock_confirmed"})
    officer(house)
    assert register.catch_up(house) == register.Followed()
    assert {one.act for one in register_view.page(house).rows} == {"invite", "enrol"}
