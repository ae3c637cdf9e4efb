"""Rows that nobody writes but who broke into the public surface: each harms itself, and nothing beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from time_machine import travel

from inquiries import clock
from inquiries.errors import InquiriesError
from inquiries.rules.requests import Kind
from inquiries.services import inbox, retention, rights, thread
from inquiries.services.house import House
from inquiries.worker import Worker
from tests.cast import MINJI, OH, send

_REQUEST = """
    INSERT INTO requests (id, inquiry_id, kind, subject, group_name, channel, asked_at, target_at, limit_at, proof)
    VALUES ({id} + 1, {id}, 'suspend', '', 'nothing', 'receipt', {late}, {late}, 1, {proof})
"""
_ANSWER = """
    INSERT INTO thread (id, inquiry_id, kind, written_at, once, sealed)
    VALUES ({id} + 2, {id}, 'answer', {late}, {once}, {proof})
"""
#: What its role may insert (docs/postgresql-roles.sql), as a change of an inquiry that is not adopted yet.
POISONS = (
    "UPDATE inquiries SET policy_version = 99 WHERE id = {id}",
    "UPDATE inquiries SET type = 'nothing' WHERE id = {id}",
    "UPDATE inquiries SET state = 'weird' WHERE id = {id}",
    "UPDATE inquiries SET language = 'x\ny', channel = 'x\ny' WHERE id = {id}",
    "UPDATE inquiries SET received_at = {late} WHERE id = {id}",
    "UPDATE inquiries SET received_at = -{late} WHERE id = {id}",
    "UPDATE inquiry_groups SET due_at = {late} WHERE inquiry_id = {id}",
    "UPDATE inquiry_groups SET sealed = {proof} WHERE inquiry_id = {id}",
    "UPDATE inquiry_groups SET name = 'nothing' WHERE inquiry_id = {id}",
    "UPDATE envelopes SET sealed = {proof} WHERE inquiry_id = {id}",
    "UPDATE consents SET policy_version = 99, language = 'zz' WHERE inquiry_id = {id}",
    _REQUEST,
    _ANSWER,
)


def newest(house: House) -> int:
    with house.live.read() as connection:
        return int(connection.exec_driver_sql("SELECT max(id) FROM inquiries").scalar_one())


@pytest.fixture
def poisoned(any_house: House) -> House:
    sqlite = any_house.live.sqlite
    for number, statement in enumerate(POISONS):
        send(any_house)
        bytes_of = "X'{}'" if sqlite else "'\\x{}'::bytea"
        filled = statement.format(
            id=newest(any_house),
            late=(1 << 63) - 1,
            proof=bytes_of.format("00" * 32),
            once=bytes_of.format(f"{number:032x}"),
        )
        with any_house.live.write() as connection:
            connection.exec_driver_sql(filled)
    thread.answer(any_house, send(any_house).receipt, "sealed under a key that the intruder has")
    answered = newest(any_house)
    rights.suspend(any_house, send(any_house).receipt)
    with any_house.live.write() as connection:
        query = f"UPDATE inquiries SET policy_version = 99, state = 'answered' WHERE id >= {answered}"
        connection.exec_driver_sql(query)
    return any_house


@pytest.mark.promise("P10")
@pytest.mark.promise("P17")
def test_what_intake_never_wrote_holds_up_nothing_that_it_did(poisoned: House) -> None:
    house = poisoned
    code = send(house).receipt
    good = newest(house)
    worker = Worker(house)
    with capture_logs() as logs:
        worker.step()
        assert [one for one in logs if one["event"] == "worker.failed"] == []
        for officer in (MINJI, OH):
            assert good in {row.id for row in inbox.page(house, officer).rows}
        inbox.open_inquiry(house, MINJI, good, None)
        inbox.answered(house, MINJI, good)
        thread.answer(house, code, "one more question")
        rights.suspend(house, code)
        for turn in worker.turns:
            turn.next_at = 0.0
        worker.step()
        assert [one for one in logs if one["event"] == "worker.failed"] == []
    with house.live.read() as connection:
        query = f"SELECT kind FROM requests WHERE inquiry_id = {good} AND state = 'done'"
        assert connection.exec_driver_sql(query).scalars().all() == [Kind.suspend]
    for inquiry_id in (row[0] for row in _all(house)):
        try:
            inbox.open_inquiry(house, OH, inquiry_id, "to see what this is")
        except InquiriesError:
            continue  # refused in our own words, whatever it is
    with travel(clock.now() + timedelta(days=400)):
        retention.sweep(house, confirm=True)
        assert good not in {row[0] for row in _all(house)}


@pytest.mark.promise("P19")
def test_nobody_suspends_an_inquiry_for_good_by_naming_a_group_that_is_none(any_house: House) -> None:
    house = any_house
    send(house)
    poison = _REQUEST.format(
        id=newest(house), late=1, proof=f"X'{'00' * 32}'" if house.live.sqlite else f"'\\x{'00' * 32}'::bytea"
    )
    with house.live.write() as connection:
        connection.exec_driver_sql(poison)
    worker = Worker(house)
    worker.step()
    worker.step()
    inbox.open_inquiry(house, MINJI, newest(house), None)


def _all(house: House) -> list[tuple[int]]:
    with house.live.read() as connection:
        return [(row[0],) for row in connection.exec_driver_sql("SELECT id FROM inquiries")]
