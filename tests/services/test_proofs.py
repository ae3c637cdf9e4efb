"""Password, app and recovery codes: she alone changes hers, and nothing given up comes back with an old copy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from inquiries import clock
from inquiries.errors import InvalidItems, SignInRefused
from inquiries.services import (
    attempts,
    installation,
    passkeys,
    people,
    proofs,
    records,
    recovery,
    second_factor,
    sessions,
    sign_in,
)
from inquiries.services.actor import Actor
from inquiries.services.attempts import Visit
from inquiries.services.house import House
from inquiries.services.sign_in import SignedIn
from inquiries.stores.live import proofs as live_proofs
from inquiries.stores.live import sessions as live_sessions
from inquiries.stores.live import staff as live_staff
from inquiries.stores.live import tables
from tests.faults.scenarios import copy_database, put_back_database
from tests.services.test_passkeys import added, asked, comes_in
from tests.staff import PASSWORD, Member, actor_of, code, enrol, officer

HOME = Visit("192.0.2.1", "Firefox, Linux")
OTHER = "another correct horse of hers"


def later(**span: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(**span), tick=False)


def gets_in(house: House, member: Member, **given: Any) -> SignedIn | None:
    with suppress(SignInRefused):
        return member.sign_in(house, **({"visit": Visit()} | given))
    return None


def change(house: House, actor: Actor, current: str = PASSWORD, wanted: str = OTHER) -> None:
    proofs.change_password(house, actor, current=current, wanted=wanted, visit=HOME)


def known(house: House, member: Member, device: bytes) -> bool:
    """Whether this browser counts for itself."""
    counted = attempts.take(house, member.email, Visit("203.0.113.9", device=device))
    assert isinstance(counted, attempts.Counted)
    return counted.device is not None


def rights(house: House) -> list[str]:
    return [body["act"] for _, body in records.bodies(house, "rights") if body["act"] in proofs._ACTS]


# -- changing them ---------------------------------------------------------------------------------------


@pytest.mark.promise("P28")
def test_another_password_ends_the_old_one_and_all_other_sessions(any_house: House) -> None:
    minji = enrol(any_house, "minji@example.com")
    here = minji.sign_in(any_house, visit=HOME)
    there = minji.sign_in(any_house, code=minji.recovery_codes[0], visit=HOME)
    change(any_house, here.actor)
    assert sessions.find(any_house, here.token, None)
    assert sessions.find(any_house, there.token, None) is None
    assert not gets_in(any_house, minji, code=minji.recovery_codes[1])
    assert gets_in(any_house, minji, code=minji.recovery_codes[2], password=OTHER)
    assert rights(any_house)[:2] == ["recovery_code_used", "password"]
    dump = str([body for chain in ("rights", "access") for _, body in records.bodies(any_house, chain)])
    assert PASSWORD not in dump
    assert OTHER not in dump


@pytest.mark.promise("P28")
def test_another_password_makes_strangers_of_other_browsers(house: House) -> None:
    minji = enrol(house, "minji@example.com")
    here = minji.sign_in(house, visit=HOME)
    there = minji.sign_in(house, visit=HOME, code=minji.recovery_codes[0])
    visit = replace(HOME, device=here.device)
    proofs.change_password(house, here.actor, current=PASSWORD, wanted=OTHER, visit=visit)
    assert [known(house, minji, one.device) for one in (here, there)] == [True, False]


@pytest.mark.promise("P24")
@pytest.mark.parametrize("ends", ["revoked", "invited anew", "another password", "another app"])
def test_what_ends_while_a_sign_in_is_judged_gives_no_session(any_house: House, ends: str) -> None:
    """Her password and code were right when they were looked at."""
    oh, minji = officer(any_house), enrol(any_house, "minji@example.com")
    actor = actor_of(any_house, minji)
    with any_house.live.read() as live:
        person = live_staff.by_id(live, actor.staff_id)
    assert person is not None
    actor = minji.sign_in(any_house, visit=HOME, code=minji.recovery_codes[0]).actor
    fresh = second_factor.new_secret()
    reason: dict[str, Any] = {"staff_id": actor.staff_id, "by": oh, "reason": "her telephone was stolen"}
    acts: dict[str, Callable[[], object]] = {
        "revoked": lambda: people.revoke(any_house, **reason),
        "invited anew": lambda: people.invite_anew(any_house, **reason),
        "another password": lambda: change(any_house, actor),
        "another app": lambda: proofs.change_app(any_house, actor, secret=fresh, code=code(fresh)),
    }
    acts[ends]()
    with any_house.live.write() as live:
        assert sign_in.admit(any_house, live, person, HOME, None) is None
        assert live_proofs.active(live, person.id) is ends.startswith("another")  # nor is a passkey added
        left = [one.token_digest for one in live_sessions.of_person(live, person.id)]
    assert left == ([actor.session] if ends.startswith("another") else [])


@pytest.mark.promise("P28")
def test_a_session_that_was_ended_changes_nothing_that_it_was_about_to(any_house: House) -> None:
    """Hers ended a stranger's session; what that had sent was checked before, and is done no more."""
    minji = enrol(any_house, "minji@example.com")
    here = minji.sign_in(any_house, visit=HOME).actor
    strangers = minji.sign_in(any_house, code=minji.recovery_codes[0], visit=HOME).actor
    fresh = second_factor.new_secret()
    change(any_house, here)
    with pytest.raises(SignInRefused, match="ended"):
        change(any_house, strangers, OTHER, "a password of the stranger's")
    with pytest.raises(SignInRefused, match="ended"):
        proofs.change_app(any_house, strangers, secret=fresh, code=code(fresh))
    with pytest.raises(SignInRefused, match="ended"):
        proofs.new_recovery_codes(any_house, strangers)
    assert not gets_in(any_house, minji, password=OTHER, code=code(fresh, 1))
    assert gets_in(any_house, minji, password=OTHER, code=minji.recovery_codes[1])


@pytest.mark.promise("P28")
@pytest.mark.promise("P32")
def test_the_present_password_is_guessed_five_times_and_no_more(house: House) -> None:
    minji = enrol(house, "minji@example.com")
    actor = minji.sign_in(house, visit=HOME).actor
    for _ in range(5):
        with pytest.raises(SignInRefused):
            change(house, actor, current="a guess at an open desk")
    with pytest.raises(SignInRefused):
        change(house, actor)
    assert not gets_in(house, minji, visit=HOME, code=minji.recovery_codes[0])
    with later(minutes=16):
        change(house, actor)


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        ("too short", "too_short"),
        ("minji.long@example.com", "too_simple"),
        ("a" * 20, "too_simple"),
        ("Minji.Long-minji!", "too_simple"),
        ("example company 127.0.0.1:8000", "too_simple"),
        ("password-password-inquiries", "too_simple"),
        (PASSWORD, "unchanged"),
    ],
)
def test_a_weak_password_is_not_taken(house: House, wanted: str, fault: str) -> None:
    actor = enrol(house, "minji.long@example.com").sign_in(house).actor
    with pytest.raises(InvalidItems, match=fault):
        change(house, actor, wanted=wanted)


@pytest.mark.promise("P31")
def test_another_app_takes_the_place_of_the_old_one(any_house: House) -> None:
    minji = enrol(any_house, "minji@example.com")
    here = minji.sign_in(any_house)
    there = minji.sign_in(any_house, code=minji.recovery_codes[0])
    fresh = second_factor.new_secret()
    with pytest.raises(InvalidItems, match="wrong_code"):
        proofs.change_app(any_house, here.actor, secret=fresh, code=code(minji.secret, 1))
    proofs.change_app(any_house, here.actor, secret=fresh, code=code(fresh, -1))
    assert sessions.find(any_house, there.token, None) is None
    assert not gets_in(any_house, minji, code=code(minji.secret, 1))
    assert not gets_in(any_house, minji, code=code(fresh, -1))  # used to set it up
    assert gets_in(any_house, minji, code=code(fresh))
    with any_house.live.read() as live:
        (sealed,) = live.scalars(
            select(tables.staff.c.totp_sealed).where(tables.staff.c.email == minji.email)
        )
    assert second_factor.spelled(fresh).encode() not in sealed


@pytest.mark.promise("P31")
def test_new_recovery_codes_end_those_before(any_house: House) -> None:
    minji = enrol(any_house, "minji@example.com")
    signed_in = minji.sign_in(any_house, code=minji.recovery_codes[0])
    assert signed_in.codes_left == 9
    codes = proofs.new_recovery_codes(any_house, signed_in.actor)
    assert len(set(codes) | set(minji.recovery_codes)) == 20
    assert not gets_in(any_house, minji, code=minji.recovery_codes[1])
    again = gets_in(any_house, minji, code=codes[0])
    assert again
    assert again.codes_left == 9
    assert proofs.own(any_house, signed_in.actor).codes_left == 9
    told = str([body for _, body in records.bodies(any_house, "rights")])
    assert not any(one in told for one in (*codes, *minji.recovery_codes))


def test_where_she_is_signed_in_is_hers_to_see_and_to_end(any_house: House) -> None:
    minji, oh = enrol(any_house, "minji@example.com"), enrol(any_house, "oh@example.com")
    here = minji.sign_in(any_house, visit=HOME)
    there = minji.sign_in(
        any_house, code=minji.recovery_codes[0], visit=Visit("203.0.113.9", "Safari, iPhone")
    )
    theirs = oh.sign_in(any_house)
    shown = {(one.address, one.browser, one.here) for one in sessions.mine(any_house, here.actor)}
    assert shown == {("192.0.2.1", "Firefox, Linux", True), ("203.0.113.9", "Safari, iPhone", False)}
    (phone,) = [one for one in sessions.mine(any_house, here.actor) if not one.here]
    with pytest.raises(Exception, match="no such session"):
        sessions.end_one(any_house, theirs.actor, phone.id)
    assert sessions.find(any_house, there.token, None)
    sessions.end_one(any_house, here.actor, phone.id)
    assert sessions.find(any_house, there.token, None) is None
    again = minji.sign_in(any_house, code=minji.recovery_codes[1], visit=HOME)
    sessions.end_others(any_house, here.actor, Visit(device=here.device))
    assert [one.here for one in sessions.mine(any_house, here.actor)] == [True]
    assert sessions.find(any_house, again.token, None) is None
    with later(minutes=16):
        assert sessions.mine(any_house, here.actor) == ()  # asleep


def test_where_a_session_was_begun_cannot_be_moved_to_another(house: House) -> None:
    minji = enrol(house, "minji@example.com")
    here = minji.sign_in(house, visit=HOME)
    minji.sign_in(house, code=minji.recovery_codes[0], visit=Visit("203.0.113.9"))
    with house.live.write() as live:
        sealed = live.scalars(select(tables.sessions.c.origin_sealed)).all()
        live.execute(tables.sessions.update().values(origin_sealed=sealed[0]))
    shown = [one.address for one in sessions.mine(house, here.actor)]
    assert sorted(shown) in (["", "192.0.2.1"], ["", "203.0.113.9"])


# -- an old copy -----------------------------------------------------------------------------------------


def put_back(house: House, copy: Any) -> House:
    """Live as it was, everything else as it is; then the start that follows."""
    house.close()
    put_back_database(copy, house.settings.instance / "live.db")
    return installation.install(house.settings).house


@pytest.mark.promise("P31")
def test_nothing_that_was_given_up_comes_back_with_an_old_live_store(house: House, tmp_path: Any) -> None:
    minji, oh = enrol(house, "minji@example.com"), enrol(house, "oh@example.com")
    signed_in = minji.sign_in(house)
    lost_phone = added(house, signed_in.actor)
    kept_laptop = added(house, signed_in.actor)
    copy_database(house.settings.instance / "live.db", tmp_path / "copy")

    minji.sign_in(house, code=minji.recovery_codes[0])
    oh.sign_in(house, code=oh.recovery_codes[0])
    oh_now = oh.sign_in(house, code=oh.recovery_codes[1]).actor
    proofs.new_recovery_codes(house, oh_now)
    change(house, signed_in.actor)
    fresh = second_factor.new_secret()
    proofs.change_app(house, signed_in.actor, secret=fresh, code=code(fresh, -1))
    (phone_id, _) = [one.id for one in passkeys.mine(house, signed_in.actor)]
    passkeys.remove(house, signed_in.actor, phone_id)

    after = put_back(house, tmp_path / "copy")
    assert recovery.gate(after) is not None
    with later(minutes=2):
        assert not gets_in(after, minji)  # neither the old password with the old app
        assert not gets_in(after, minji, code=minji.recovery_codes[0])  # nor a used code
        token, options = asked(after)
        assert comes_in(after, token, lost_phone.show(options)) is None
        token, options = asked(after)
        assert comes_in(after, token, kept_laptop.show(options))  # what she still has is good
        for one in oh.recovery_codes[:3]:
            assert not gets_in(after, oh, code=one)  # the whole set was replaced
        assert gets_in(after, oh, code=code(oh.secret))
        assert proofs.own(after, oh_now).codes_left == 0  # and she is told
    after.close()


def test_a_start_on_stores_that_agree_ends_nothing(house: House) -> None:
    minji = enrol(house, "minji@example.com")
    signed_in = minji.sign_in(house, code=minji.recovery_codes[0])
    codes = proofs.new_recovery_codes(house, signed_in.actor)
    minji.sign_in(house, code=codes[0])
    change(house, signed_in.actor)
    added(house, signed_in.actor)
    passkeys.remove(house, signed_in.actor, passkeys.mine(house, signed_in.actor)[0].id)
    fresh = second_factor.new_secret()
    proofs.change_app(house, signed_in.actor, secret=fresh, code=code(fresh, -1))
    assert proofs.end_given_up(house) == 0
    with later(minutes=2):
        assert gets_in(house, minji, password=OTHER, code=code(fresh))
        assert gets_in(house, minji, password=OTHER, code=codes[1])


def test_a_crash_before_the_record_ends_nothing_that_holds(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change stands, its record does not: then the next start must not take it for an old one."""
    minji = enrol(house, "minji@example.com")
    actor = minji.sign_in(house).actor

    def killed(*_given: object, **_named: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(records, "rights", killed)
        with pytest.raises(KeyboardInterrupt):
            change(house, actor)
        with pytest.raises(KeyboardInterrupt):
            proofs.new_recovery_codes(house, actor)
    assert proofs.end_given_up(house) == 0
    with later(minutes=2):
        assert gets_in(house, minji, password=OTHER, code=code(minji.secret))


def test_ending_all_others_makes_strangers_of_other_browsers(house: House) -> None:
    minji = enrol(house, "minji@example.com")
    here = minji.sign_in(house, visit=HOME)
    there = minji.sign_in(house, visit=HOME, code=minji.recovery_codes[0])
    sessions.end_others(house, here.actor, Visit(device=here.device))
    assert [known(house, minji, one.device) for one in (here, there)] == [True, False]
