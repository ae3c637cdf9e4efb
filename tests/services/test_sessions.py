"""Sessions: how long they live, what the database alone tells of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from inquiries import clock
from inquiries.services import people, sessions
from inquiries.services.house import House
from inquiries.stores.live import staff as live_staff
from inquiries.stores.live import tables
from tests.staff import actor_of, enrol


def alive(house: House, token: bytes, after: timedelta) -> bool:
    with time_machine.travel(clock.now() + after, tick=False):
        return sessions.find(house, token, None) is not None


def test_a_session_ends_after_fifteen_idle_minutes(house: House) -> None:
    token = enrol(house, "minji@example.com").sign_in(house).token
    begun = clock.now()
    for minutes in (10, 20, 30):
        with time_machine.travel(begun + timedelta(minutes=minutes), tick=False):
            assert sessions.find(house, token, None)
    assert not alive(house, token, timedelta(minutes=45, seconds=1))


def test_a_session_ends_after_twelve_hours_however_busy(house: House) -> None:
    token = enrol(house, "minji@example.com").sign_in(house).token
    begun = clock.now()
    for minutes in range(10, 720, 10):
        with time_machine.travel(begun + timedelta(minutes=minutes), tick=False):
            assert sessions.find(house, token, None)
    with time_machine.travel(begun + timedelta(hours=12), tick=False):
        assert sessions.find(house, token, None) is None


def test_a_session_without_sign_in_ends_after_an_hour(house: House) -> None:
    token = sessions.begin(house, {"language": "ko"})
    found = sessions.find(house, token, None)
    assert found is not None
    assert (found.actor, found.contents) == (None, {"language": "ko"})
    assert alive(house, token, timedelta(minutes=59))
    assert not alive(house, token, timedelta(minutes=60))


@pytest.mark.promise("P24")
@pytest.mark.parametrize("ends", ["revoked", "to enrol anew"])
def test_a_session_that_outlived_its_persons_access_signs_nobody_in(any_house: House, ends: str) -> None:
    """As one does that a live store brings back, or that began in the moment in which it ended."""
    minji = actor_of(any_house, enrol(any_house, "minji@example.com"))
    with any_house.live.write() as live:
        token = sessions.put(live, minji.staff_id, {})
    assert sessions.find(any_house, token, None)
    with any_house.live.write() as live:
        if ends == "revoked":
            live_staff.revoke(live, minji.staff_id, clock.now())
        else:
            live_staff.disenrol(live, minji.staff_id)
        token = sessions.put(live, minji.staff_id, {})
    assert sessions.find(any_house, token, None) is None


def test_the_expired_are_deleted_when_the_next_begins(house: House) -> None:
    sessions.begin(house, {})
    with time_machine.travel(clock.now() + timedelta(hours=2), tick=False):
        sessions.begin(house, {})
        with house.live.read() as live:
            assert len(live.execute(select(tables.sessions)).all()) == 1


def test_the_database_alone_opens_and_reads_no_session(any_house: House) -> None:
    token = sessions.begin(any_house, {"csrf_token": "canary-of-a-session"})
    with any_house.live.read() as live:
        (row,) = live.execute(select(tables.sessions)).all()
    assert token not in (row.token_digest, row.sealed)
    assert b"canary" not in row.sealed
    assert sessions.find(any_house, row.token_digest, None) is None


def test_contents_moved_to_another_session_do_not_open(house: House) -> None:
    mine, other = sessions.begin(house, {"language": "ko"}), sessions.begin(house, {"language": "en"})
    with house.live.write() as live:
        sealed = live.scalar(
            select(tables.sessions.c.sealed).where(tables.sessions.c.token_digest == sessions.digest(other))
        )
        live.execute(update(tables.sessions).values(sealed=sealed))
    assert sessions.find(house, mine, None) is None
    assert sessions.find(house, other, None) is not None


@pytest.mark.parametrize("everywhere", [False, True])
def test_signing_out_ends_this_session_or_all_of_mine(house: House, *, everywhere: bool) -> None:
    minji, oh = enrol(house, "minji@example.com"), enrol(house, "oh@example.com")
    here, there = minji.sign_in(house), minji.sign_in(house, code=minji.recovery_codes[0])
    others = oh.sign_in(house)
    sessions.sign_out(house, here.actor, everywhere=everywhere)
    assert sessions.find(house, here.token, None) is None
    assert (sessions.find(house, there.token, None) is None) is everywhere
    assert sessions.find(house, others.token, None)


def test_a_change_of_roles_holds_from_the_next_request(house: House) -> None:
    member = enrol(house, "minji@example.com")
    token = member.sign_in(house).token
    with house.live.write() as live:
        live.execute(tables.staff_roles.delete().where(tables.staff_roles.c.role == "privacy"))
    found = sessions.find(house, token, None)
    assert found is not None
    assert found.actor is not None
    assert [role.value for role in found.actor.roles] == ["consultation"]
    assert people.everyone(house)
