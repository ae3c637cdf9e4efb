"""Guessing stops: whoever guesses, at whatever, from wherever; and nobody is kept out by a stranger's guesses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import argon2
import pytest
import time_machine
from sqlalchemy import event, select

from inquiries import clock
from inquiries.errors import SignInRefused
from inquiries.rules.permissions import Role
from inquiries.services import attempts, passwords, people, records
from inquiries.services.attempts import ATTEMPTS, Counted, Locked, Visit
from inquiries.services.house import House
from inquiries.stores.live import tables
from tests import warm
from tests.staff import PASSWORD, Member, enrol

HOME = Visit("192.0.2.1", "Firefox, Linux")
EVE = Visit("203.0.113.9")
TODAY = warm.FULL_COST["_HASHER"]

pytestmark = pytest.mark.promise("P32")


class Counting:
    """Argon2 itself, and how often it was asked."""

    def __init__(self) -> None:
        self.hashed = 0
        self.verified = 0
        self._real = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)

    def hash(self, password: bytes) -> str:
        self.hashed += 1
        return self._real.hash(password)

    def verify(self, password_hash: str, password: bytes) -> bool:
        self.verified += 1
        return self._real.verify(password_hash, password)

    def check_needs_rehash(self, password_hash: str) -> bool:
        return self._real.check_needs_rehash(password_hash)


@pytest.fixture(autouse=True)
def argon2_counted(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Guesses cost little here; that they cost much in earnest is asked at the end."""
    counting = Counting()
    monkeypatch.setattr(passwords, "_HASHER", counting)
    monkeypatch.setattr(passwords, "_NOBODY", counting.hash(b"a password that nobody has"))
    return counting


def later(**span: float) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(**span), tick=False)


def guess(house: House, email: str, visit: Visit = EVE, times: int = 1) -> None:
    wrong = Member(email, b"s" * 20, ())
    for _ in range(times):
        with pytest.raises(SignInRefused):
            wrong.sign_in(house, visit=visit, password="a guess of Eve's", code="000000")


def gets_in(house: House, member: Member, visit: Visit, **given: Any) -> bool:
    with suppress(SignInRefused):
        return bool(member.sign_in(house, visit=visit, **given).token)
    return False


def whys(house: House) -> list[str]:
    found = [body for _, body in records.bodies(house, "access") if body["outcome"] == "refused"]
    return [body["detail"]["why"] for body in found]


# -- whom it stops -------------------------------------------------------------------------------------


def test_a_lock_lasts_a_quarter_of_an_hour_then_twice_as_long_each_time() -> None:
    assert [attempts.lock_time(ATTEMPTS * n) for n in (1, 2, 3)] == [
        timedelta(minutes=m) for m in (15, 30, 60)
    ]
    assert attempts.lock_time(ATTEMPTS * 1000) == timedelta(hours=24)


def test_an_account_is_locked_from_wherever_it_is_guessed_at(any_house: House) -> None:
    enrol(any_house, "minji@example.com")
    for number in range(7):
        guess(any_house, "minji@example.com", Visit(f"203.0.113.{number}"))
    assert whys(any_house) == ["password"] * 5 + ["locked"] * 2


def test_an_address_is_locked_at_whichever_accounts_it_guesses(any_house: House) -> None:
    """A few passwords at many accounts: none is tried five times, and yet it ends."""
    minji = enrol(any_house, "minji@example.com")
    for number in range(7):
        guess(any_house, f"somebody{number}@example.com")
    assert whys(any_house) == ["unknown"] * 5 + ["locked"] * 2
    assert not gets_in(any_house, minji, EVE)
    assert gets_in(any_house, minji, HOME)
    with later(minutes=15, seconds=1):
        guess(any_house, "somebody@example.com", times=6)
    assert whys(any_house)[-6:] == ["unknown"] * 5 + ["locked"]
    with later(minutes=15 + 29):
        assert not gets_in(any_house, minji, EVE)


def test_who_has_an_account_cannot_guess_on_and_on_at_others(house: House) -> None:
    """A success forgives its own attempt, not those at other accounts from the same address."""
    insider = enrol(house, "insider@example.com")
    guess(house, "minji@example.com", times=3)
    assert gets_in(house, insider, EVE)
    guess(house, "oh@example.com", times=2)
    assert not gets_in(house, insider, EVE, code=insider.recovery_codes[0])
    assert whys(house)[-1] == "locked"


def test_a_success_at_the_fifth_attempt_lifts_the_lock_that_it_caused(house: House) -> None:
    minji = enrol(house, "minji@example.com")
    guess(house, minji.email, HOME, times=4)
    assert gets_in(house, minji, HOME)
    assert gets_in(house, minji, HOME, code=minji.recovery_codes[0])


def test_after_a_quiet_day_counting_begins_anew(house: House) -> None:
    guess(house, "minji@example.com", times=4)
    with later(hours=24):
        guess(house, "minji@example.com", times=4)
    assert "locked" not in whys(house)
    with later(hours=73):
        guess(house, "minji@example.com")
        assert [row.failures for row in rows(house)] == [
            1,
            1,
        ]  # of account and address; nothing older is left


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9%eth0", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("not an address", "", True),
    ],
)
def test_what_one_caller_is(one: str, other: str, *, same: bool) -> None:
    assert (attempts.network_of(one) == attempts.network_of(other)) is same


# -- whom it lets in all the same ------------------------------------------------------------------------


def test_a_stranger_keeps_nobody_out_of_the_browser_she_knows(any_house: House) -> None:
    minji = enrol(any_house, "minji@example.com")
    known = replace(HOME, device=minji.sign_in(any_house, visit=HOME).device)
    for _ in range(8):  # for as long as Eve likes
        guess(any_house, minji.email, times=5)
        with later(minutes=1):
            assert not gets_in(any_house, minji, Visit("192.0.2.77"))
    assert gets_in(any_house, minji, known, code=minji.recovery_codes[0])
    assert not gets_in(any_house, minji, Visit("192.0.2.77"))  # and the stranger gains nothing by it
    with later(days=181):
        guess(any_house, minji.email, times=5)
        assert not gets_in(any_house, minji, known, code=minji.recovery_codes[1])


def test_a_colleague_behind_the_same_address_keeps_nobody_out(house: House) -> None:
    minji = enrol(house, "minji@example.com")
    known = replace(HOME, device=minji.sign_in(house, visit=HOME).device)
    guess(house, "colleague@example.com", HOME, times=5)
    assert not gets_in(house, minji, HOME, code=minji.recovery_codes[0])
    assert gets_in(house, minji, known, code=minji.recovery_codes[0])


def test_a_browser_that_she_knows_is_locked_alone(house: House) -> None:
    """A stolen laptop has five guesses, too, and takes nobody else along."""
    minji = enrol(house, "minji@example.com")
    known = replace(HOME, device=minji.sign_in(house, visit=HOME).device)
    guess(house, minji.email, known, times=6)
    assert whys(house) == ["password"] * 5 + ["locked"]
    assert not gets_in(house, minji, known, code=minji.recovery_codes[0])
    assert gets_in(house, minji, HOME, code=minji.recovery_codes[1])


def test_a_browser_that_was_not_seen_for_half_a_year_is_a_strangers(house: House) -> None:
    minji = enrol(house, "minji@example.com")
    known = replace(HOME, device=minji.sign_in(house, visit=HOME).device)
    with later(days=179):
        guess(house, minji.email, times=5)
        known = replace(HOME, device=minji.sign_in(house, visit=known).device)  # from now on anew
    with later(days=179 + 181):
        guess(house, minji.email, times=5)
        assert not gets_in(house, minji, known)


def test_a_browser_counts_for_itself_for_those_alone_who_signed_in_there(house: House) -> None:
    minji, oh = enrol(house, "minji@example.com"), enrol(house, "oh@example.com")
    known = replace(HOME, device=minji.sign_in(house, visit=HOME).device)
    guess(house, oh.email, times=5)
    assert not gets_in(house, oh, known)
    assert not gets_in(house, oh, replace(HOME, device=b"x" * attempts.DEVICE_SIZE))
    with later(minutes=16):
        again = oh.sign_in(house, visit=known)
        assert again.device == known.device  # one token for both of them
        assert gets_in(house, minji, known, code=minji.recovery_codes[0])


# -- what is seen of it ----------------------------------------------------------------------------------


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """What the stores are asked meanwhile, without its values."""
    asked: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    for database in house.databases:
        event.listen(database.engine, "before_cursor_execute", note)
    yield asked
    for database in house.databases:
        event.remove(database.engine, "before_cursor_execute", note)


def revoked(house: House) -> None:
    gone = enrol(house, "gone@example.com", Role.consultation)
    people.revoke(house, staff_id=gone.sign_in(house).actor.staff_id, by=None, reason="she left")


@pytest.mark.parametrize(
    ("email", "prepare"),
    [
        ("nobody@example.com", lambda _: None),
        ("gone@example.com", revoked),
        (
            "invited@example.com",
            lambda house: people.invite(
                house, email="invited@example.com", roles=[Role.consultation], by=None
            ),
        ),
    ],
)
def test_the_same_work_is_done_whether_or_not_an_account_is_there(
    house: House, argon2_counted: Counting, email: str, prepare: Callable[[House], object]
) -> None:
    enrol(house, "minji@example.com")
    prepare(house)
    counting = argon2_counted
    seen = []
    for at, typed in enumerate(("minji@example.com", email)):
        for turn in range(7):  # the sixth and seventh are locked
            counting.verified = counting.hashed = 0
            with statements(house) as asked:
                guess(house, typed, Visit(f"203.0.113.{at * 100 + turn}"))
            assert (counting.verified, counting.hashed) == (1, 0), (typed, turn)
            seen.append(asked)
    assert seen[:7] == seen[7:]
    assert len(seen[0]) > 5


def test_a_dump_shows_neither_addresses_nor_accounts(house: House) -> None:
    minji = enrol(house, "minji@example.com")
    minji.sign_in(house, visit=HOME)
    guess(house, "sora@example.com")
    people_stop = attempts.take_enrolment(house, "203.0.113.77")
    assert isinstance(people_stop, Counted)
    dump = b"".join(
        str(value).encode() if not isinstance(value, bytes) else value
        for table in (tables.attempts, tables.sessions)
        for row in rows(house, table)
        for value in row
    )
    for canary in (b"192.0.2.1", b"203.0.113", b"sora", b"minji", b"Firefox"):
        assert canary not in dump
    assert len({bytes(row.key) for row in rows(house)}) == len(rows(house)) == 4


# -- enrolment -------------------------------------------------------------------------------------------


def test_an_address_guesses_five_enrolment_links_and_no_more(any_house: House) -> None:
    counted = [attempts.take_enrolment(any_house, "203.0.113.9") for _ in range(6)]
    assert [isinstance(one, Locked) for one in counted] == [False] * 5 + [True]
    assert isinstance(attempts.take_enrolment(any_house, "203.0.113.10"), Counted)
    minji = enrol(any_house, "minji@example.com")
    assert gets_in(
        any_house, minji, EVE
    )  # it may sign in still: who has an old link is no guesser of passwords


def test_a_good_link_may_be_opened_as_often_as_one_likes(house: House) -> None:
    for _ in range(9):
        counted = attempts.take_enrolment(house, "203.0.113.9")
        assert isinstance(counted, Counted)
        attempts.give_back_enrolment(house, counted)


# -- hashing anew ----------------------------------------------------------------------------------------


@pytest.mark.promise("P28")
def test_a_password_is_hashed_anew_when_the_parameters_have_risen(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stored() -> str:
        found = {row.email: row.password_hash for row in rows(house, tables.staff)}
        return str(found["minji@example.com"])

    monkeypatch.setattr(passwords, "_HASHER", argon2.PasswordHasher(2, 19456, 1))
    minji = enrol(house, "minji@example.com")
    assert "m=19456,t=2,p=1" in stored()
    monkeypatch.setattr(passwords, "_HASHER", TODAY)
    guess(house, minji.email)
    assert "m=19456,t=2,p=1" in stored()  # only she knows it
    assert gets_in(house, minji, HOME)
    assert "m=65536,t=3,p=1" in stored()
    assert passwords.matches(stored(), PASSWORD)
    before = stored()
    assert gets_in(house, minji, HOME, code=minji.recovery_codes[0])
    assert stored() == before


def rows(house: House, table: Any = tables.attempts) -> list[Any]:
    with house.live.read() as live:
        return list(live.execute(select(table)).all())
