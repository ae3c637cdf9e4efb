"""Who gets in, and who does not: invitations, enrolment, sign-in, the lock, revocation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import InvalidItems, NotFound, RightsRefused, SignInRefused
from inquiries.rules.permissions import Role
from inquiries.services import enrolment, people, records, second_factor, sessions
from inquiries.services.attempts import ATTEMPTS, Visit
from inquiries.services.house import House
from inquiries.stores.live import staff as store
from tests.staff import PASSWORD, code, enrol, enrol_with


def why_refused(house: House) -> list[str]:
    return [
        body["detail"]["why"]
        for _, body in records.bodies(house, "access")
        if body["act"] == "sign_in" and body["outcome"] == "refused"
    ]


# -- invitation and enrolment --------------------------------------------------------------------


def test_the_first_officer_enrols_and_is_given_the_seal_key(house: House) -> None:
    token = people.first_enrolment(house)
    assert token is not None
    assert enrolment.invitation(house, token).email == "privacy@example.com"
    assert set(enrolment.invitation(house, token).roles) == {Role.consultation, Role.privacy}
    secret = second_factor.new_secret()
    enrolled = enrolment.enrol(house, token=token, password=PASSWORD, totp_secret=secret, code=code(secret))
    assert enrolled.seal_key is not None
    assert records.verify(house, bytes.fromhex(enrolled.seal_key)).ok
    assert len(set(enrolled.recovery_codes)) == 10
    assert records.officer_known(house)
    assert people.first_enrolment(house) is None


def test_each_start_prints_the_only_link_that_works(house: House) -> None:
    first, second = people.first_enrolment(house), people.first_enrolment(house)
    assert first is not None
    assert second is not None
    with pytest.raises(NotFound):
        enrolment.invitation(house, first)
    assert enrolment.invitation(house, second).email


def test_an_invitation_works_once_and_for_72_hours(house: House) -> None:
    token = people.invite(house, email="Minji@Example.com", roles=[Role.consultation], by=None)
    with time_machine.travel(clock.now() + timedelta(hours=72), tick=False), pytest.raises(NotFound):
        enrolment.invitation(house, token)
    member = enrol_with(house, token)
    assert member.email == "minji@example.com"
    with pytest.raises(NotFound):
        enrolment.invitation(house, token)
    with pytest.raises(NotFound):
        enrol_with(house, token)


def test_an_invitation_is_used_up_once_and_in_time_whoever_looked_before(any_house: House) -> None:
    token = people.invite(any_house, email="minji@example.com", roles=[Role.business], by=None)
    known, moment = people.token_digest(token), clock.now()
    with any_house.live.write() as live:
        used = [store.use_invitation(live, known, at) for at in (moment + people.INVITATION, moment, moment)]
    assert used == [False, True, False]


@pytest.mark.promise("P28")
@pytest.mark.parametrize(
    ("password", "fault"),
    [("fourteen chars", "too_short"), ("aaaaaaaaaaaaaaaaaaaa", "too_simple"), ("x1y2" * 200, "too_long")],
)
def test_a_weak_password_is_refused_and_the_invitation_stays(house: House, password: str, fault: str) -> None:
    token = people.invite(house, email="minji@example.com", roles=[Role.consultation], by=None)
    secret = second_factor.new_secret()
    with pytest.raises(InvalidItems) as refused:
        enrolment.enrol(house, token=token, password=password, totp_secret=secret, code="000000")
    assert [(e.field, e.code) for e in refused.value.errors] == [("password", fault), ("code", "wrong_code")]
    assert enrol_with(house, token).email


def test_whoever_is_enrolled_is_not_invited_again(house: House) -> None:
    enrol(house, "minji@example.com", Role.consultation)
    with pytest.raises(RightsRefused, match="enrolled"):
        people.invite(house, email="minji@example.com", roles=[Role.privacy], by=None)


@pytest.mark.parametrize("given", [{"email": "no address"}, {"roles": []}, {"types": ["nonsense"]}])
def test_an_invitation_names_roles_and_types_that_exist(house: House, given: dict[str, Any]) -> None:
    wanted: dict[str, Any] = {
        "email": "minji@example.com",
        "roles": [Role.consultation],
        "types": ["support"],
    }
    with pytest.raises(RightsRefused):
        people.invite(house, by=None, **(wanted | given))


def test_after_the_first_the_operator_invites_an_officer_by_breaking_the_glass_only(house: House) -> None:
    enrol(house, "oh@example.com", Role.privacy)
    with pytest.raises(RightsRefused, match="break_glass"):
        people.invite(house, email="eve@example.com", roles=[Role.privacy], by=None)
    people.invite(
        house, email="gun@example.com", roles=[Role.privacy], by=None, break_glass="all officers have left"
    )
    newest = [body for _, body in records.bodies(house, "rights")][-1]
    assert newest["detail"]["break_glass"] == "all officers have left"


@pytest.mark.promise("P24")
def test_every_grant_stands_in_the_register(house: House) -> None:
    enrol(house, "minji@example.com", Role.consultation, types=("support",))
    (minji,) = [one for one in people.everyone(house) if one.email == "minji@example.com"]
    people.revoke(house, staff_id=minji.id, by=None, reason="she left")
    acts = [body for _, body in records.bodies(house, "rights") if body["staff"] == minji.id]
    assert [(body["act"], body["by"]) for body in acts] == [
        ("invite", "operator"), ("enrol", minji.id), ("revoke", "operator"),
    ]  # fmt: skip
    assert acts[0]["detail"] == {
        "email": "minji@example.com",
        "roles": ["consultation"],
        "types": ["support"],
    }


@pytest.mark.promise("P28")
def test_the_stores_hold_no_password_no_secret_no_code(house: House) -> None:
    member = enrol(house, "minji@example.com")
    signed_in = member.sign_in(house)
    secrets = [
        PASSWORD.encode(),
        second_factor.spelled(member.secret).encode(),
        member.secret,
        signed_in.token,
    ]
    secrets += [one.encode() for one in member.recovery_codes]
    secrets += [one.replace("-", "").encode() for one in member.recovery_codes]
    for file in house.settings.instance.rglob("*"):
        if file.is_file():
            assert not [file for one in secrets if one in file.read_bytes()]


# -- sign-in -------------------------------------------------------------------------------------


@pytest.mark.promise("P31")
def test_all_three_are_needed(any_house: House) -> None:
    member = enrol(any_house, "minji@example.com", Role.consultation, types=("support",))
    for wrong in (
        {"password": "wrong horse battery staple"},
        {"code": "000000"},
        {"code": ""},
        {"email": "eve@x.kr"},
    ):
        with pytest.raises(SignInRefused):
            member.sign_in(any_house, visit=Visit(), **wrong)
    for odd in ("", "\0", "min\0ji@example.com", "\ud800@example.com", "x" * 5000 + "@example.com"):
        with pytest.raises(SignInRefused):
            member.sign_in(any_house, visit=Visit(), email=odd)
    signed_in = member.sign_in(any_house, email=" MINJI@example.com ")
    assert signed_in.actor.roles == {Role.consultation: frozenset({"support"})}
    assert why_refused(any_house) == ["password", "code", "code"] + ["unknown"] * 6


@pytest.mark.promise("P31")
def test_a_code_works_once_and_a_step_early_or_late(house: House) -> None:
    present = clock.now()
    with time_machine.travel(present, tick=False):
        member = enrol(house, "minji@example.com")
        with pytest.raises(SignInRefused):  # used at enrolment
            member.sign_in(house, code=code(member.secret, -1))
        assert member.sign_in(house, code=code(member.secret)).token
        with pytest.raises(SignInRefused):
            member.sign_in(house, code=code(member.secret))
        assert member.sign_in(house, code=code(member.secret, 1)).token
        with pytest.raises(SignInRefused):
            member.sign_in(house, code=code(member.secret, 2))
    with time_machine.travel(present + timedelta(minutes=5), tick=False):
        spaced = code(member.secret, -1)
        assert member.sign_in(house, code=f"{spaced[:3]} {spaced[3:]}").token


def test_a_code_sent_twice_at_once_lets_one_in(any_house: House) -> None:
    member = enrol(any_house, "minji@example.com")
    same = member.code()

    def attempt(_: int) -> bool:
        try:
            return bool(member.sign_in(any_house, code=same))
        except SignInRefused:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1


def test_a_recovery_code_works_once_however_it_is_typed(house: House) -> None:
    member = enrol(house, "minji@example.com")
    typed = member.recovery_codes[0].lower().replace("-", " ").replace("o", "0").replace("i", "1")
    assert member.sign_in(house, code=typed).token
    with pytest.raises(SignInRefused):
        member.sign_in(house, code=member.recovery_codes[0])
    assert member.sign_in(house, code=member.recovery_codes[1]).token


def test_recovery_codes_of_another_person_do_not_help(house: House) -> None:
    minji, oh = enrol(house, "minji@example.com"), enrol(house, "oh@example.com")
    with pytest.raises(SignInRefused):
        minji.sign_in(house, code=oh.recovery_codes[0])


@pytest.mark.promise("P32")
@pytest.mark.parametrize(
    "wrong", [{"password": "wrong horse battery"}, {"code": "000000"}, {"code": "AAAA" * 4}]
)
def test_five_failures_of_any_kind_lock_the_account(house: House, wrong: dict[str, str]) -> None:
    member = enrol(house, "minji@example.com")
    for _ in range(ATTEMPTS):
        with pytest.raises(SignInRefused):
            member.sign_in(house, **wrong)
    with pytest.raises(SignInRefused):
        member.sign_in(house)
    assert why_refused(house)[-1] == "locked"
    with time_machine.travel(clock.now() + timedelta(minutes=14), tick=False), pytest.raises(SignInRefused):
        member.sign_in(house)
    with time_machine.travel(clock.now() + timedelta(minutes=15, seconds=5), tick=False):
        assert member.sign_in(house).token


@pytest.mark.promise("P32")
def test_guesses_sent_together_are_judged_five_at_most(any_house: House) -> None:
    member = enrol(any_house, "minji@example.com")

    def attempt(_: int) -> None:
        with pytest.raises(SignInRefused):
            member.sign_in(any_house, password="wrong horse battery staple")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(attempt, range(9)))
    assert sorted(why_refused(any_house)) == ["locked"] * 4 + ["password"] * ATTEMPTS


def test_what_was_typed_as_address_is_not_recorded(house: House) -> None:
    member = enrol(house, "minji@example.com")
    with pytest.raises(SignInRefused):
        member.sign_in(house, email=PASSWORD)
    assert PASSWORD not in str(list(records.bodies(house, "access")))


# -- leaving -------------------------------------------------------------------------------------


@pytest.mark.promise("P24")
def test_a_revoked_person_is_out_at_once_and_stays_out(any_house: House) -> None:
    member = enrol(any_house, "minji@example.com", Role.consultation)
    signed_in = member.sign_in(any_house)
    assert sessions.find(any_house, signed_in.token, None)
    people.revoke(any_house, staff_id=signed_in.actor.staff_id, by=None, reason="she left")
    assert sessions.find(any_house, signed_in.token, None) is None
    with pytest.raises(SignInRefused):
        member.sign_in(any_house, code=member.recovery_codes[0])
    with pytest.raises(NotFound):
        people.revoke(any_house, staff_id=signed_in.actor.staff_id, by=None, reason="she left")
    with pytest.raises(RightsRefused, match="revoked"):
        people.invite(any_house, email=member.email, roles=[Role.consultation], by=None)
