"""Who lost what she signs in with is invited anew: the old ends at once, the new is hers alone, her rights stay."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import NotFound, RightsRefused, SignInRefused
from inquiries.rules.permissions import Role
from inquiries.services import people, proofs, records, sessions
from inquiries.services.attempts import Visit
from inquiries.services.house import House
from tests.faults.scenarios import copy_database
from tests.services.test_passkeys import added, asked, comes_in
from tests.services.test_proofs import put_back
from tests.staff import Member, enrol, enrol_with

pytestmark = [pytest.mark.promise("P24"), pytest.mark.promise("P28")]


def later(**span: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(**span), tick=False)


def gets_in(house: House, member: Member, **given: Any) -> bool:
    with suppress(SignInRefused):
        return bool(member.sign_in(house, **({"visit": Visit()} | given)).token)
    return False


def test_the_old_ends_at_once_and_the_new_is_good(any_house: House) -> None:
    house = any_house
    oh = enrol(house, "oh@example.com", Role.privacy).sign_in(house).actor
    minji = enrol(house, "minji@example.com", Role.consultation, types=("support",))
    open_session = minji.sign_in(house)
    phone = added(house, open_session.actor)
    staff_id = open_session.actor.staff_id
    token = people.invite_anew(house, staff_id=staff_id, by=oh, reason="she lost her phone")
    with later(minutes=1):
        assert sessions.find(house, open_session.token, None) is None
        assert not gets_in(house, minji)
        assert not gets_in(house, minji, code=minji.recovery_codes[0])
        fresh, options = asked(house)
        assert comes_in(house, fresh, phone.show(options)) is None
        again = enrol_with(house, token)
        signed_in = again.sign_in(house, visit=Visit())
        assert (signed_in.actor.staff_id, signed_in.codes_left) == (staff_id, 10)
        assert signed_in.actor.roles == {Role.consultation: frozenset({"support"})}
        assert proofs.end_given_up(house) == 0
    acts = [body for _, body in records.bodies(house, "rights") if body["act"] == "renew"]
    assert [(one["by"], one["detail"]["reason"]) for one in acts] == [(oh.staff_id, "she lost her phone")]


def test_who_may_not(house: House) -> None:
    oh = enrol(house, "oh@example.com", Role.privacy).sign_in(house).actor
    minji = enrol(house, "minji@example.com", Role.consultation).sign_in(house).actor
    with pytest.raises(RightsRefused, match="required"):
        people.invite_anew(house, staff_id=minji.staff_id, by=oh, reason=" ")
    for by, staff_id in ((minji, oh.staff_id), (oh, oh.staff_id), (oh, 7)):
        with pytest.raises(NotFound):
            people.invite_anew(house, staff_id=staff_id, by=by, reason="a wish")
    people.invite(house, email="new@example.com", roles=[Role.business], by=oh, reason="new")
    (waiting,) = [one for one in people.everyone(house) if one.email == "new@example.com"]
    with pytest.raises(NotFound):
        people.invite_anew(house, staff_id=waiting.id, by=oh, reason="a wish")


@pytest.mark.promise("P31")
def test_what_a_renewal_ended_does_not_come_back_with_an_old_live_store(house: House, tmp_path: Path) -> None:
    oh = enrol(house, "oh@example.com", Role.privacy).sign_in(house).actor
    minji = enrol(house, "minji@example.com", Role.consultation)
    stolen = added(house, minji.sign_in(house).actor)
    copy_database(house.settings.instance / "live.db", tmp_path / "copy")
    staff_id = next(one.id for one in people.everyone(house) if one.email == minji.email)
    people.invite_anew(house, staff_id=staff_id, by=oh, reason="her bag was stolen")
    after = put_back(house, tmp_path / "copy")
    with later(minutes=2):
        assert not gets_in(after, minji)
        assert not gets_in(after, minji, code=minji.recovery_codes[0])
        fresh, options = asked(after)
        assert comes_in(after, fresh, stolen.show(options)) is None
        token = people.invite_anew(after, staff_id=staff_id, by=oh, reason="after the restore")
        assert gets_in(after, enrol_with(after, token))
    after.close()


def test_who_enrolled_after_the_copy_enrols_again_and_comes_in(house: House, tmp_path: Path) -> None:
    """Her key is in the keys store still: a second one would never be adopted, and her app open nothing."""
    oh = enrol(house, "oh@example.com", Role.privacy)
    copy_database(house.settings.instance / "live.db", tmp_path / "copy")
    enrol(house, "minji@example.com", Role.consultation)
    after = put_back(house, tmp_path / "copy")
    (minji,) = [one for one in people.everyone(after) if one.email == "minji@example.com"]
    with later(minutes=2):
        token = people.invite_again(after, staff_id=minji.id, by=oh.sign_in(after).actor)
        assert gets_in(after, enrol_with(after, token))
    after.close()
