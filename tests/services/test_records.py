"""The ledger's writer: numbers without gap, heads sealed forward, the first officer never forgotten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from alembic import command
from sqlalchemy import text

from inquiries import clock
from inquiries.rules.permissions import Role
from inquiries.sealing import chain as hashes
from inquiries.services import people, records
from inquiries.services.house import House, open_house
from inquiries.stores import ledger, migrate
from inquiries.stores.database import Database
from inquiries.stores.types import to_microseconds
from tests.cast import OH
from tests.running import ROOT
from tests.staff import enrol_with


def test_numbers_count_from_one_in_each_chain(any_house: House) -> None:
    before = records.heads(any_house)
    assert [records.append(any_house, "access", {"act": "look"}) for _ in range(3)] == [1, 2, 3]
    assert records.append(any_house, "operation", {"act": "sweep"}) == before["operation"][0] + 1
    assert records.verify(any_house).ok


def test_a_body_is_canonical(house: House) -> None:
    assert records.canonical({"b": "가", "a": [1, None]}) == '{"a":[1,null],"b":"\\uac00"}'
    records.append(house, "access", {"z": 1, "act": "look"})
    with house.ledger.read() as connection:
        (entry,) = ledger.read(connection, "access")
    assert entry.body == '{"act":"look","z":1}'


def test_writers_at_the_same_time_fork_nothing(any_house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(
            pool.map(lambda n: records.append(any_house, "access", {"act": "look", "n": n}), range(80))
        )
    assert sorted(numbers) == list(range(1, 81))
    verdict = records.verify(any_house)
    assert verdict.ok
    assert verdict.heads["access"][0] == 80


PROCESS = """
import sys
from inquiries import settings
from inquiries.services import records
from inquiries.services.house import open_house
house = open_house(settings.load(instance=sys.argv[1]))
for n in range(40):
    records.append(house, "access", {"act": "look", "n": n})
house.close()
"""


def test_nor_do_processes(house: House) -> None:
    command = [sys.executable, "-c", PROCESS, str(house.settings.instance)]
    running = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(2)]
    for _ in range(40):
        records.append(house, "access", {"act": "look"})
    assert [process.communicate()[1] for process in running] == [b"", b""]
    assert records.verify(house).heads["access"][0] == 120
    assert records.verify(house).ok


def test_the_latest_of_an_act(any_house: House) -> None:
    assert records.latest(any_house, "operation", "sweep") is None
    for n in range(3):
        records.append(any_house, "operation", {"act": "sweep", "n": n})
    records.append(any_house, "operation", {"act": "sweep_other"})
    records.append(any_house, "operation", {"act": "rotate"})
    found = records.latest(any_house, "operation", "sweep")
    assert found is not None
    assert found[1]["n"] == 2
    assert abs(clock.now() - found[0]) < timedelta(minutes=1)


def test_an_access_says_no_more_than_it_was_given(house: House) -> None:
    n = records.access(house, act="look", actor=OH, subject=7, reason="because", address="192.0.2.9")
    assert dict(records.bodies(house, "access"))[n] == {
        "act": "look", "outcome": "done", "staff": OH.staff_id, "email": OH.email, "inquiry": 7,
        "reason": "because", "from": "192.0.2.9",
    }  # fmt: skip
    n = records.access(house, act="sign_in", outcome="refused")
    assert dict(records.bodies(house, "access"))[n] == {"act": "sign_in", "outcome": "refused"}


# -- seals ---------------------------------------------------------------------------------------


def seals(house: House) -> list[ledger.Seal]:
    with house.ledger.read() as connection:
        return list(ledger.all_seals(connection))


def test_sealing_starts_once_and_gives_its_key_once(any_house: House) -> None:
    assert not records.seal(any_house)
    key = records.start_sealing(any_house)
    assert key is not None
    assert records.start_sealing(any_house) is None
    assert records.seal(any_house)
    assert [one.n for one in seals(any_house)] == [0, 1]
    assert records.verify(any_house, bytes.fromhex(key)).ok


def test_each_seal_covers_every_chain(house: House) -> None:
    records.start_sealing(house)
    records.access(house, act="look", actor=OH)
    records.seal(house)
    heads = json.loads(seals(house)[-1].heads)
    assert {name: (n, bytes.fromhex(digest)) for name, (n, digest) in heads.items()} == records.heads(house)
    assert set(heads) == {"access", "rights", "operation"}


def test_killed_between_seal_and_new_key_it_goes_on(any_house: House) -> None:
    key = records.start_sealing(any_house)
    assert key is not None
    held = any_house.custody.seal_key()
    assert held is not None
    records.seal(any_house)
    any_house.custody.set_seal_key(*held)  # as if it had died before the key was replaced
    assert records.seal(any_house)
    assert [one.n for one in seals(any_house)] == [0, 1, 2]
    assert records.verify(any_house, bytes.fromhex(key)).ok


def test_a_forged_seal_far_ahead_is_found_without_counting_up_to_it(house: House) -> None:
    key = records.start_sealing(house)
    assert key is not None
    with house.ledger.write() as connection:
        (real,) = ledger.all_seals(connection)
        ledger.add_seal(connection, replace(real, n=2**31 - 1))
    problems = {(p.chain, p.kind) for p in records.verify(house, bytes.fromhex(key)).problems}
    assert ("seals", "unreadable") in problems


def test_a_ledger_put_back_leaves_a_gap_that_stays_visible(house: House) -> None:
    """Gaps are recorded, never bridged: after a restore of the ledger the loss can always be seen."""
    key = records.start_sealing(house)
    assert key is not None
    with house.ledger.write() as connection:
        connection.execute(ledger.seals.delete().where(ledger.seals.c.n > 0))
    for _ in range(2):
        records.seal(house)
    with house.ledger.write() as connection:
        connection.execute(ledger.seals.delete().where(ledger.seals.c.n == 1))
    problems = {(one.chain, one.n, one.kind) for one in records.verify(house, bytes.fromhex(key)).problems}
    assert ("seals", 1, "gap") in problems
    assert not [kind for _, _, kind in problems if kind == "not_as_sealed"]


def test_a_used_seal_key_is_overwritten_where_it_lay(house: House, tmp_path: Path) -> None:
    records.start_sealing(house)
    os.link(house.settings.keyring_path / "seal.key", tmp_path / "held")
    before = (tmp_path / "held").read_bytes()
    records.seal(house)
    after = (tmp_path / "held").read_bytes()
    assert before != (house.settings.keyring_path / "seal.key").read_bytes()
    assert not any(before[i : i + 8] in after for i in range(0, len(before) - 8, 8))


def test_keys_of_seals_only_lead_forwards() -> None:
    key = b"k" * 32
    assert hashes.key_at(key, 2) == hashes.next_seal_key(hashes.next_seal_key(key))
    assert hashes.key_at(hashes.key_at(key, 2), 1) == hashes.key_at(key, 3)


# -- the first officer ---------------------------------------------------------------------------


def test_an_officer_is_known_from_her_enrolment_on(any_house: House) -> None:
    assert not records.officer_known(any_house)
    people.invite(any_house, email="oh@example.com", roles=[Role.privacy], by=None)
    assert not records.officer_known(any_house)
    token = people.first_enrolment(any_house)
    assert token is not None
    enrol_with(any_house, token)
    assert records.officer_known(any_house)


def test_who_only_answers_is_no_officer(house: House) -> None:
    enrol_with(house, people.invite(house, email="minji@example.com", roles=[Role.consultation], by=None))
    assert not records.officer_known(house)


@pytest.mark.promise("P24")
def test_she_stays_known_when_the_record_of_her_enrolment_has_been_pruned(house: House) -> None:
    """Else, three years on, every start would print a link that makes anybody the first officer."""
    token = people.first_enrolment(house)
    assert token is not None
    enrol_with(house, token)
    with time_machine.travel(clock.now() + timedelta(days=4 * 365), tick=True):
        assert records.prune(house, clock.now()) > 0
        assert list(records.bodies(house, "rights")) == []
        assert records.officer_known(house)


def test_she_stays_known_when_live_was_put_back_from_before(house: House) -> None:
    token = people.first_enrolment(house)
    assert token is not None
    enrol_with(house, token)
    with house.live.write() as connection:
        for table in ("recovery_codes", "sessions", "invitations", "staff_roles", "staff"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    assert people.first_enrolment(house) is None


def test_the_newest_of_an_act_is_known_whoever_wrote_it_and_however_long_ago(any_house: House) -> None:
    """Each process remembers up to where it looked; what another one writes after that is seen at once."""
    here, there = any_house, open_house(any_house.settings)
    assert records.latest(here, "operation", "drill") is None
    for turn in range(3):
        records.append(there, "operation", {"act": "drill", "turn": turn})
        records.append(there, "rights", {"act": "drill", "turn": "of another chain"})
        for house in (here, here, there):
            found = records.latest(house, "operation", "drill")
            assert found is not None
            assert found[1]["turn"] == turn
        for _ in range(3):
            records.append(here, "operation", {"act": "other"})
    records.prune(here, clock.now() + timedelta(days=10_000))
    for house in (here, there):
        assert records.latest(house, "operation", "drill") is None  # its period has ended
    there.close()


# -- what was written before the spine said until when ----------------------------------------------


def test_records_of_version_1_still_verify_and_are_found(house: House, tmp_path: Path) -> None:
    old = Database("ledger", f"sqlite:///{tmp_path / 'old.db'}", tmp_path)
    _as_it_was(old)
    migrate.upgrade(old)
    then = replace(house, ledger=old)
    assert records.append(then, "access", {"act": "look"}) == 4
    assert records.verify(then).problems == ()
    assert [n for n, _, _ in records.newest(then, "access", "sign_in", 9)] == [2]
    with old.read() as connection:
        labels = [entry.labels for entry in ledger.read(connection, "access")]
    assert labels == [
        ledger.Labels("open", "done", 7, 5), ledger.Labels("sign_in", "refused", 7), ledger.Labels("open"),
        ledger.Labels("look"),
    ]  # fmt: skip
    with old.write() as connection:
        connection.exec_driver_sql("UPDATE entries SET until = until + 1 WHERE n = 2")
        connection.exec_driver_sql("UPDATE bodies SET expires_at = expires_at + 1 WHERE n = 2")
    assert [(p.n, p.kind) for p in records.verify(then).problems] == [(2, "changed_spine")]
    old.close()


def _as_it_was(old: Database) -> None:
    """A ledger of the first tables, with three records."""
    config = migrate.configuration("ledger")
    bodies: tuple[dict[str, Any], ...] = (
        {"act": "open", "outcome": "done", "staff": 7, "inquiry": 5},
        {"act": "sign_in", "outcome": "refused", "detail": {"why": "password", "staff": "7"}},
        {"act": "open"},
    )
    at, previous = to_microseconds(clock.now()), hashes.GENESIS
    with old.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for n, body in enumerate(bodies, 1):
            salt, written = os.urandom(16), records.canonical(body)
            committed = hashes.commitment(salt, written.encode())
            digest = hashes.entry_hash_v1("access", n, at, previous, committed)
            connection.execute(
                text("INSERT INTO entries VALUES ('access', :n, :at, :previous, :committed, :hash)"),
                {"n": n, "at": at, "previous": previous, "committed": committed, "hash": digest},
            )
            connection.execute(
                text("INSERT INTO bodies VALUES ('access', :n, :salt, :body, :expires)"),
                {"n": n, "salt": salt, "body": written, "expires": at + 2 * 366 * 86_400_000_000},
            )
            previous = digest
