"""P25: every tampering with the ledger is found, by the check that docs/ledger.md names."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Connection, Row, text

from inquiries.rules.permissions import Role
from inquiries.sealing import chain as hashes
from inquiries.services import people, records
from inquiries.services.house import House
from inquiries.stores import ledger
from inquiries.stores.types import to_microseconds
from tests.cast import OH
from tests.moments import at, fresh
from tests.promises.forger import rewrite, seal_anew


@dataclass(frozen=True)
class Sealed:
    """A ledger with seals between its entries, and the first seal key that the officer keeps offline."""

    house: House
    key: bytes
    pristine: sqlite3.Connection
    seal_key: bytes

    def put_back(self) -> None:
        """As it was before anybody tampered with it."""
        path = self.house.ledger.path
        assert path is not None
        with closing(sqlite3.connect(path)) as present:
            self.pristine.backup(present)
        self.house.custody.keyring.write("seal.key", self.seal_key)


@pytest.fixture(scope="module")
def built() -> Iterator[Sealed]:
    with at(), fresh() as house, closing(sqlite3.connect(":memory:")) as pristine:
        people.invite(house, email="minji@example.com", roles=[Role.consultation], by=None)
        first = records.start_sealing(house)
        assert first is not None
        for n in range(4):
            records.access(house, act="look", actor=OH, subject=n)
            records.access(house, act="open", actor=OH, subject=n, reason=f"reason {n}")
            assert records.seal(house)
        path, seal_key = house.ledger.path, house.custody.keyring.read("seal.key")
        assert path is not None
        assert seal_key is not None
        with closing(sqlite3.connect(path)) as present:
            present.backup(pristine)
        yield Sealed(house, bytes.fromhex(first), pristine, seal_key)


@pytest.fixture
def sealed(built: Sealed) -> Iterator[tuple[House, bytes]]:
    with at(minutes=1):
        yield built.house, built.key
    built.put_back()


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
FIELDS = "version, at, until, previous, commitment, hash"
COPIED = f"{FIELDS} FROM entries WHERE chain = 'access' AND n = 8"

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
    "let a body end early": (
        sql(f"UPDATE entries SET until = at WHERE {HERE} = 4", f"UPDATE bodies SET expires_at = 1 WHERE {HERE} = 4"),
        ("access", "changed_spine"),
    ),
    "let a body end early, beside it alone": (
        sql(f"UPDATE bodies SET expires_at = 1 WHERE {HERE} = 4"), ("access", "changed_labels"),
    ),
    "hide a record from who looks for a person": (
        sql(f"UPDATE bodies SET staff = 7 WHERE {HERE} = 4"), ("access", "changed_labels"),
    ),
    "say that a hash is of version 1": (
        sql(f"UPDATE entries SET version = 1 WHERE {HERE} = 4"), ("access", "changed_spine"),
    ),
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
            f"INSERT INTO entries (chain, n, {FIELDS}) SELECT chain, 4, {COPIED}",
        ),
        ("access", "broken_link"),
    ),
    "insert one before the first": (
        sql(f"INSERT INTO entries (chain, n, {FIELDS}) SELECT chain, -1, {COPIED}"), ("access", "misnumbered"),
    ),
    "insert a body alone": (
        sql(
            "INSERT INTO bodies (chain, n, salt, body, expires_at, act)"
            f" SELECT chain, 99, salt, body, expires_at, act FROM bodies WHERE {HERE} = 8"
        ),
        ("access", "body_without_entry"),
    ),
    "insert a chain": (
        sql(f"INSERT INTO entries (chain, n, {FIELDS}) SELECT 'other', 1, {COPIED}"), ("other", "unknown_chain"),
    ),
    "truncate": (
        sql(f"DELETE FROM bodies WHERE {HERE} > 5", f"DELETE FROM entries WHERE {HERE} > 5"),
        ("access", "not_as_sealed"),
    ),
    "remove a chain": (
        sql("DELETE FROM bodies WHERE chain = 'rights'", "DELETE FROM entries WHERE chain = 'rights'"),
        ("rights", "not_as_sealed"),
    ),
    "insert a seal": (
        sql("INSERT INTO seals SELECT n + 1, at, heads, mac FROM seals WHERE n = 4"), ("seals", "forged_seal"),
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


# -- every column of every row -----------------------------------------------------------------------


def _other(value: Any) -> Any:
    """Another value of the same kind; of none, a number."""
    if isinstance(value, str):
        return value[:-1] + ("x" if value[-1] != "x" else "y")
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    return 1 if value is None else value + 1000


#: What no check without the first seal key sees: a seal's own time and code stand in its code alone.
BY_KEY_ALONE = {("seals", "at"), ("seals", "mac")}


@pytest.mark.parametrize("table", ["entries", "bodies", "seals"])
def test_p25_every_column_of_every_row_is_guarded(sealed: tuple[House, bytes], table: str) -> None:
    house, key = sealed
    with house.ledger.read() as connection:
        rows = connection.execute(text(f"SELECT rowid AS row_id, * FROM {table}")).all()
    assert len(rows) >= 5
    for row in rows:
        for column in row._fields[1:]:
            verdict = _changed(house, table, row, column, key)
            assert not verdict.ok, (table, row, column)
            if (table, column) not in BY_KEY_ALONE:
                assert not _changed(house, table, row, column, None).ok, (table, row, column)
    assert records.verify(house, key).ok  # all was put back


def _changed(house: House, table: str, row: Row[Any], column: str, key: bytes | None) -> records.Verdict:
    """The verdict while one value of the row is another."""
    value, other = getattr(row, column), _other(getattr(row, column))
    _set(house, table, row.row_id, column, other)
    try:
        return records.verify(house, key)
    finally:
        _set(house, table, _now_at(table, column, row.row_id, other), column, value)


def _now_at(table: str, column: str, row_id: int, value: Any) -> int:
    """Where the row stands after the change: a seal's number is its row's."""
    return int(value) if (table, column) == ("seals", "n") else row_id


def _set(house: House, table: str, rowid: int, column: str, value: Any) -> None:
    with house.ledger.write() as connection:
        connection.execute(
            text(f"UPDATE {table} SET {column} = :value WHERE rowid = :row"), {"value": value, "row": rowid}
        )


@pytest.mark.parametrize(
    ("table", "column"),
    [("entries", "at"), ("entries", "hash"), ("entries", "n"), ("bodies", "body"), ("bodies", "staff"), ("seals", "at"),
     ("seals", "heads"), ("seals", "mac"), ("seals", "n")],
)  # fmt: skip
def test_p25_what_cannot_even_be_read_is_found_and_not_stumbled_over(
    sealed: tuple[House, bytes], table: str, column: str
) -> None:
    """SQLite keeps whatever is written into a column."""
    house, key = sealed
    for value in ("rubbish", b"\xff", -(2**63), 2**63 - 1):
        with house.ledger.read() as connection:
            row = connection.execute(
                text(f"SELECT rowid AS row_id, {column} FROM {table} LIMIT 1 OFFSET 2")
            ).one()
        if (table, column) == ("seals", "n") and not isinstance(value, int):
            continue  # the one column of this type that SQLite itself holds to it
        _set(house, table, row.row_id, column, value)
        assert not records.verify(house, key).ok, value
        _set(house, table, _now_at(table, column, row.row_id, value), column, row[1])
    assert records.verify(house, key).ok


# -- with every hash as it should be -----------------------------------------------------------------


REWRITING: dict[str, Callable[[int, str], str | None]] = {
    "edited": lambda n, body: body.replace("reason 1", "another") if n == 4 else body,
    "deleted": lambda n, body: None if n == 4 else body,
}


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_p25_a_chain_written_anew_is_not_as_sealed(sealed: tuple[House, bytes], how: str) -> None:
    house, _ = sealed
    rewrite(house, REWRITING[how])
    assert ("access", "not_as_sealed") in {(one.chain, one.kind) for one in records.verify(house).problems}


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_p25_a_chain_and_seals_written_anew_are_betrayed_by_the_first_key(
    sealed: tuple[House, bytes], how: str
) -> None:
    """Without the offline key a whole new ledger looks whole; that is what the key is for."""
    house, key = sealed
    rewrite(house, REWRITING[how])
    seal_anew(house)
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
        made = list(ledger.all_seals(connection))
    assert index == len(made)
    used = [hashes.key_at(key, n) for n in range(index)]
    assert present == hashes.key_at(key, index)
    assert present not in used
    whole = b"".join(path.read_bytes() for path in house.settings.keyring_path.iterdir() if path.is_file())
    assert not [one for one in used if one in whole]
    key_file = house.settings.keyring_path / "seal.key"
    assert not key_file.with_name("seal.old").exists()


def test_p25_a_wrong_first_key_verifies_nothing(sealed: tuple[House, bytes]) -> None:
    house, _ = sealed
    problems = records.verify(house, b"\0" * 32).problems
    assert {(one.chain, one.kind) for one in problems} == {("seals", "forged_seal")}


def test_p25_an_older_ledger_put_back_is_missed_by_the_keyring(sealed: tuple[House, bytes]) -> None:
    """Seals that were made since are not there; and that stays to be seen, whatever is sealed after."""
    house, key = sealed
    with house.ledger.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM bodies WHERE {HERE} > 4")
        connection.exec_driver_sql(f"DELETE FROM entries WHERE {HERE} > 4")
        connection.exec_driver_sql("DELETE FROM seals WHERE n > 2")
    for given in (None, key):
        assert {(one.chain, one.kind) for one in records.verify(house, given).problems} == {
            ("seals", "truncated")
        }
    for n in range(10, 13):
        records.access(house, act="look", actor=OH, subject=n)
        records.seal(house)
    for given in (None, key):
        assert {(one.chain, one.kind) for one in records.verify(house, given).problems} == {("seals", "gap")}


def test_p25_a_body_may_be_missing_only_once_its_period_is_over(sealed: tuple[House, bytes]) -> None:
    house, key = sealed
    with house.ledger.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM bodies WHERE {HERE} = 4")
    for days, expected in ((730, {("access", "missing_body")}), (732, set())):
        with at(days):
            assert {(one.chain, one.kind) for one in records.verify(house, key).problems} == expected


def test_p25_a_record_that_says_it_may_end_at_once_deceives_nobody(sealed: tuple[House, bytes]) -> None:
    """Whoever appends for us could give his own records no time to live: no policy may promise that little."""
    house, _ = sealed
    with house.ledger.write() as connection:
        before = ledger.head(connection, "access")
        assert before is not None
        at_us = to_microseconds(before.at)
        committed = hashes.commitment(b"0" * 16, b"{}")
        digest = hashes.entry_hash("access", before.n + 1, at_us, at_us, before.hash, committed)
        spine = replace(
            before, n=before.n + 1, until=before.at, previous=before.hash, commitment=committed, hash=digest,
            salt=b"0" * 16, body="{}", labels=ledger.Labels("look"),
        )  # fmt: skip
        ledger.append(connection, spine)
        connection.exec_driver_sql(f"DELETE FROM bodies WHERE {HERE} = {spine.n}")
    assert [(one.n, one.kind) for one in records.verify(house).problems] == [(spine.n, "missing_body")]


def test_p25_of_very_many_problems_the_first_are_listed_and_the_rest_counted(house: House) -> None:
    with at():
        for n in range(1, 8):
            records.access(house, act="look", actor=OH, subject=n)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("inquiries.services.records.verification.SHOWN", 3)
            with house.ledger.write() as connection:
                connection.exec_driver_sql("UPDATE bodies SET salt = zeroblob(16) WHERE chain = 'access'")
            verdict = records.verify(house)
    assert (len(verdict.problems), verdict.more) == (3, 4)
