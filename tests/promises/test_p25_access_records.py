"""P25: who read what, when, from where and why stands in a ledger in which every tampering is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import NotFound, ReasonRequired
from inquiries.rules.permissions import Role
from inquiries.sealing import chain as hashes
from inquiries.services import inbox, people, records
from inquiries.services.house import House
from inquiries.stores import ledger
from inquiries.stores.types import to_microseconds
from tests.cast import BAE, MINJI, MINJI_SUPPORT, OH, send
from tests.moments import T0, at
from tests.promises.pages import application, desk


def accesses(house: House) -> list[dict[str, Any]]:
    return [body for _, body in records.bodies(house, "access")]


# -- what is recorded --------------------------------------------------------------------------------


def test_p25_list_look_open_act_and_refusal_are_recorded(any_house: House) -> None:
    with at():
        send(any_house, type="recruitment")
        (row,) = inbox.page(any_house, OH, type="recruitment").rows
        inbox.summary(any_house, OH, row.id)
        inbox.open_inquiry(any_house, OH, row.id, "  a request\n of the person ")
        with pytest.raises(ReasonRequired):
            inbox.open_inquiry(any_house, OH, row.id, " ")
        inbox.open_inquiry(any_house, MINJI, row.id, None)
        inbox.answered(any_house, MINJI, row.id)
        for stranger in (MINJI_SUPPORT, BAE):
            with pytest.raises(NotFound):
                inbox.open_inquiry(any_house, stranger, row.id, "curiosity")
        with pytest.raises(NotFound):
            inbox.close(any_house, OH, row.id)
    of_row = {"inquiry": row.id}
    by_oh = {"staff": OH.staff_id, "email": OH.email}
    by_minji = {"staff": MINJI.staff_id, "email": MINJI.email}
    whose = {"newest": str(row.id), "oldest": str(row.id)}
    done, refused = {"outcome": "done"}, {"outcome": "refused"}
    assert accesses(any_house) == [
        {"act": "list", **by_oh, **done, "detail": {"type": "recruitment", "rows": "1"} | whose},
        {"act": "look", **by_oh, **of_row, **done},
        {"act": "open", **by_oh, **of_row, **done, "reason": "a request of the person"},
        {"act": "open", **by_minji, **of_row, **done},
        {"act": "answer", **by_minji, **of_row, **done},
        {"act": "open_inquiry", "staff": 102, "email": MINJI_SUPPORT.email, **of_row, **refused},
        {"act": "open_inquiry", "staff": 103, "email": BAE.email, **of_row, **refused},
        {"act": "close_inquiry", **by_oh, **of_row, **refused},
    ]
    with any_house.ledger.read() as connection:
        moments = [entry.at for entry in ledger.read_all(connection, "access")]
    assert all(timedelta(0) <= moment - T0 < timedelta(minutes=5) for moment in moments)


def test_p25_signing_in_and_its_failures_are_recorded_with_the_address(house: House) -> None:
    with at():
        app = application(house)
        member = desk(app, house, "minji@example.com", Role.consultation)
        member.get("/staff/inbox")
        outsider = desk(app, house, "eve@example.com", Role.business)
        outsider.get("/staff/sign-in")
        outsider.client.delete_cookie("inquiries")
        outsider.get("/staff/sign-in")
        outsider.post("/staff/sign-in", email="minji@example.com", password="wrong", code="123456")
        outsider.post("/staff/sign-in", email="nobody@example.com", password="wrong", code="123456")
        found = [body for body in accesses(house) if body["act"] == "sign_in"]
        listed = [body for body in accesses(house) if body["act"] == "list"]
    assert [(body["outcome"], body["detail"]) for body in found[-2:]] == [
        ("refused", {"why": "password", "staff": str(people.everyone(house)[1].id)}),
        ("refused", {"why": "unknown"}),
    ]
    assert {body["from"] for body in found} == {"192.0.2.1", "127.0.0.1"}
    assert {body["from"] for body in listed} == {"127.0.0.1"}
    assert "nobody@example.com" not in json.dumps(accesses(house))  # people type passwords there


def test_p25_nothing_is_shown_that_is_not_on_record(house: House) -> None:
    """The ledger cannot be written: no list, no look, no opening, no act."""
    with at():
        send(house)
        (row,) = inbox.page(house, MINJI).rows
        inbox.open_inquiry(house, MINJI, row.id, None)
        with house.ledger.write() as connection:
            connection.exec_driver_sql("ALTER TABLE bodies RENAME TO away")
        for act in (
            lambda: inbox.page(house, MINJI),
            lambda: inbox.summary(house, MINJI, row.id),
            lambda: inbox.open_inquiry(house, MINJI, row.id, None),
            lambda: inbox.answered(house, MINJI, row.id),
            lambda: inbox.close(house, MINJI, row.id),
            lambda: inbox.open_inquiry(house, BAE, row.id, None),
        ):
            with pytest.raises(Exception, match="bodies"):
                act()
        with house.ledger.write() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO bodies")
        assert inbox.summary(house, MINJI, row.id).state == "open"


def test_p25_records_are_kept_two_years_and_their_spine_for_ever(house: House) -> None:
    assert records.PERIODS["access"].days >= 2 * 365
    with at():
        records.access(house, act="look", actor=OH, subject=1)
    with at(730):
        assert len(accesses(house)) == 1
    with at(740), house.ledger.write() as connection:
        assert ledger.prune(connection, clock.now()) >= 1
    with at(741):
        assert accesses(house) == []
        verdict = records.verify(house)
        assert verdict.ok
        assert verdict.heads["access"][0] == 1


# -- tampering ---------------------------------------------------------------------------------------


@pytest.fixture
def sealed(house: House) -> Iterator[tuple[House, bytes]]:
    """A ledger with seals between its entries, and the first seal key that the officer keeps offline."""
    with at():
        first = records.start_sealing(house)
        assert first is not None
        for n in range(4):
            records.access(house, act="look", actor=OH, subject=n)
            records.access(house, act="open", actor=OH, subject=n, reason=f"reason {n}")
            assert records.seal(house)
        yield house, bytes.fromhex(first)


def test_p25_an_untouched_ledger_verifies(sealed: tuple[House, bytes]) -> None:
    house, key = sealed
    assert records.verify(house, key).problems == ()
    assert records.verify(house).problems == ()
    records.access(house, act="look", actor=OH, subject=9)  # and with entries that no seal covers yet
    assert records.verify(house, key).ok


Tampering = Callable[[Connection], None]


def sql(*statements: str) -> Tampering:
    def run(connection: Connection) -> None:
        for statement in statements:
            assert connection.exec_driver_sql(statement).rowcount != 0, statement

    return run


HERE = "chain = 'access' AND n"
SWAP = "CASE n WHEN 3 THEN 5 ELSE 3 END"
COPIED = "previous, commitment, hash FROM entries WHERE chain = 'access' AND n = 8"

#: What is done → (where it is found, what is said).
SIMPLE: dict[str, tuple[Tampering, tuple[str, str]]] = {
    "edit a body": (
        sql(f"UPDATE bodies SET body = replace(body, 'reason 1', 'reason 2') WHERE {HERE} = 4"),
        ("access", "changed_body"),
    ),
    "edit who": (
        sql(f"UPDATE bodies SET body = replace(body, 'oh@', 'eve@') WHERE {HERE} = 1"),
        ("access", "changed_body"),
    ),
    "edit the time": (sql(f"UPDATE entries SET at = at + 1 WHERE {HERE} = 4"), ("access", "changed_spine")),
    "edit a commitment": (
        sql(f"UPDATE entries SET commitment = zeroblob(32) WHERE {HERE} = 4"), ("access", "changed_spine"),
    ),
    "edit a salt": (sql(f"UPDATE bodies SET salt = zeroblob(16) WHERE {HERE} = 4"), ("access", "changed_body")),
    "delete one": (
        sql(f"DELETE FROM bodies WHERE {HERE} = 4", f"DELETE FROM entries WHERE {HERE} = 4"), ("access", "missing"),
    ),
    "delete the first": (
        sql(f"DELETE FROM bodies WHERE {HERE} = 1", f"DELETE FROM entries WHERE {HERE} = 1"), ("access", "missing"),
    ),
    "delete a body before its time": (sql(f"DELETE FROM bodies WHERE {HERE} = 4"), ("access", "missing_body")),
    "reorder bodies": (
        sql(
            f"UPDATE bodies SET n = -n WHERE {HERE} IN (3, 5)",
            f"UPDATE bodies SET n = CASE n WHEN -3 THEN 5 ELSE 3 END WHERE {HERE} < 0",
        ),
        ("access", "changed_body"),
    ),
    "reorder entries": (
        sql(
            f"UPDATE entries SET n = -n WHERE {HERE} IN (3, 5)",
            f"UPDATE entries SET n = CASE n WHEN -3 THEN 5 ELSE 3 END WHERE {HERE} < 0",
        ),
        ("access", "broken_link"),
    ),
    "insert one between": (
        sql(
            f"UPDATE entries SET n = -n - 1 WHERE {HERE} >= 4", f"UPDATE entries SET n = -n WHERE {HERE} < 0",
            f"UPDATE bodies SET n = -n - 1 WHERE {HERE} >= 4", f"UPDATE bodies SET n = -n WHERE {HERE} < 0",
            f"INSERT INTO entries SELECT chain, 4, at, {COPIED}",
        ),
        ("access", "broken_link"),
    ),
    "truncate": (
        sql(f"DELETE FROM bodies WHERE {HERE} > 5", f"DELETE FROM entries WHERE {HERE} > 5"),
        ("access", "not_as_sealed"),
    ),
    "remove a chain": (
        sql("DELETE FROM bodies WHERE chain = 'rights'", "DELETE FROM entries WHERE chain = 'rights'"),
        ("rights", "not_as_sealed"),
    ),
    "delete a seal": (sql("DELETE FROM seals WHERE n = 2"), ("seals", "gap")),
    "delete the first seal": (sql("DELETE FROM seals WHERE n = 0"), ("seals", "gap")),
    "truncate with its seals": (
        sql(
            f"DELETE FROM bodies WHERE {HERE} > 5", f"DELETE FROM entries WHERE {HERE} > 5",
            "DELETE FROM seals WHERE n > 2",
        ),
        ("seals", "truncated"),
    ),
    "delete every seal": (sql("DELETE FROM seals"), ("seals", "truncated")),
}  # fmt: skip


@pytest.mark.parametrize("tampering", SIMPLE)
def test_p25_tampering_is_found(sealed: tuple[House, bytes], tampering: str) -> None:
    house, key = sealed
    change, expected = SIMPLE[tampering]
    with house.ledger.write() as connection:
        change(connection)
    for given in (None, key):
        verdict = records.verify(house, given)
        assert not verdict.ok
        assert expected in {(problem.chain, problem.kind) for problem in verdict.problems}


def _rewrite(house: House, change: Callable[[int, str], str | None]) -> None:
    """A whole new chain of accesses, with every hash as it should be: what only seals can betray."""
    with house.ledger.write() as connection:
        old = [entry for entry in ledger.read(connection, "access") if entry.body is not None]
        connection.execute(ledger.bodies.delete().where(ledger.bodies.c.chain == "access"))
        connection.execute(ledger.entries.delete().where(ledger.entries.c.chain == "access"))
        previous, n = hashes.GENESIS, 0
        for entry in old:
            body = change(entry.n, entry.body or "")
            if body is None:
                continue
            n += 1
            salt = entry.salt or b""
            committed = hashes.commitment(salt, body.encode())
            digest = hashes.entry_hash("access", n, to_microseconds(entry.at), previous, committed)
            made = ledger.Entry("access", n, entry.at, previous, committed, digest, salt, body)
            ledger.append(connection, made, entry.at + records.PERIODS["access"])
            previous = digest


def _seal_anew(house: House) -> None:
    """Put the heads of the new chain into every seal, with a key of her own: the old ones are gone."""
    key, before = hashes.new_seal_key(), hashes.GENESIS
    with house.ledger.write() as connection:
        hash_of = {entry.n: entry.hash for entry in ledger.read(connection, "access")}
        seals = ledger.all_seals(connection)
        connection.execute(ledger.seals.delete())
        for one in seals:
            heads = json.loads(one.heads)
            if "access" in heads:
                n = min(heads["access"][0], max(hash_of))
                heads["access"] = [n, hash_of[n].hex()]
            named = {name: (head[0], bytes.fromhex(head[1])) for name, head in heads.items()}
            at_us = to_microseconds(one.at)
            mac = hashes.seal_heads(key, one.n, at_us, named, before)
            ledger.add_seal(connection, ledger.Seal(one.n, one.at, records.canonical(heads), mac))
            key, before = hashes.next_seal_key(key), mac


REWRITING: dict[str, Callable[[int, str], str | None]] = {
    "edited": lambda n, body: body.replace("reason 1", "another") if n == 4 else body,
    "deleted": lambda n, body: None if n == 4 else body,
}


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_p25_a_chain_written_anew_is_not_as_sealed(sealed: tuple[House, bytes], how: str) -> None:
    house, _ = sealed
    _rewrite(house, REWRITING[how])
    assert ("access", "not_as_sealed") in {(one.chain, one.kind) for one in records.verify(house).problems}


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_p25_a_chain_and_seals_written_anew_are_betrayed_by_the_first_key(
    sealed: tuple[House, bytes], how: str
) -> None:
    """Without the offline key a whole new ledger looks whole; that is what the key is for."""
    house, key = sealed
    _rewrite(house, REWRITING[how])
    _seal_anew(house)
    assert records.verify(house).ok
    assert {(one.chain, one.kind) for one in records.verify(house, key).problems} == {
        ("seals", "forged_seal")
    }


def test_p25_seals_are_forward_secure(sealed: tuple[House, bytes]) -> None:
    """Whoever takes the keyring now has no key of a seal that was made: each is replaced by its own hash."""
    house, key = sealed
    held = house.custody.seal_key()
    assert held is not None
    index, present = held
    with house.ledger.read() as connection:
        made = ledger.all_seals(connection)
    assert index == len(made)
    used = [hashes.key_at(key, n) for n in range(index)]
    assert present == hashes.key_at(key, index)
    assert present not in used
    whole = b"".join(path.read_bytes() for path in house.settings.keyring_path.iterdir() if path.is_file())
    with suppress(ValueError):
        assert not [one for one in used if one in whole]
    key_file = house.settings.keyring_path / "seal.key"
    assert not key_file.with_name("seal.old").exists()


def test_p25_a_wrong_first_key_verifies_nothing(sealed: tuple[House, bytes]) -> None:
    house, _ = sealed
    problems = records.verify(house, b"\0" * 32).problems
    assert {(one.chain, one.kind) for one in problems} == {("seals", "forged_seal")}
