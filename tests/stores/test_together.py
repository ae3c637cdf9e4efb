"""Writers that share a commit: each is told only what is durable, and one's failure is nobody else's."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import IntegrityError

from inquiries.stores.database import Database
from inquiries.stores.live import epochs, tables
from inquiries.stores.prepared import Insertion

WRITERS = 12


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database("notes", f"sqlite:///{tmp_path / 'notes.db'}", tmp_path)
    with opened.write() as connection:
        connection.execute(text("CREATE TABLE notes (n INTEGER PRIMARY KEY)"))
    yield opened
    opened.close()


@contextmanager
def counted_commits(engine: Engine) -> Iterator[list[int]]:
    commits: list[int] = []

    def count(_connection: Connection) -> None:
        commits.append(1)

    event.listen(engine, "commit", count)
    yield commits
    event.remove(engine, "commit", count)


def put(connection: Connection, numbers: Sequence[int]) -> None:
    connection.exec_driver_sql(f"INSERT INTO notes VALUES {', '.join(f'({n})' for n in numbers)}")


def put_negative(connection: Connection, numbers: Sequence[int]) -> None:
    put(connection, [-n for n in numbers])


def write(database: Database, n: int, failures: list[Exception]) -> None:
    try:
        if n % 3 == 2:
            database.write_together(put_negative, -n)
        else:
            database.write_together(put, n)
    except IntegrityError as failed:
        failures.append(failed)


def write_all(database: Database, numbers: list[int]) -> list[Exception]:
    """Every number from a thread of its own, all queued while somebody else holds the database."""
    failures: list[Exception] = []
    threads = [threading.Thread(target=write, args=(database, n, failures)) for n in numbers]
    with database.write():
        for thread in threads:
            thread.start()
        while len(database._together._queue) < len(numbers) - 1:  # one leads, the others wait
            pass
    for thread in threads:
        thread.join()
    return failures


def stored(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(text("SELECT n FROM notes ORDER BY n")))


def test_those_who_wait_share_one_commit(database: Database) -> None:
    with counted_commits(database.engine) as commits:
        assert write_all(database, list(range(WRITERS))) == []
    assert stored(database) == list(range(WRITERS))
    assert len(commits) == 2  # the one that was waited for, and theirs


def test_one_failure_is_nobody_elses(database: Database) -> None:
    numbers = [*range(WRITERS), 3]
    assert len(write_all(database, numbers)) == 1
    assert stored(database) == list(range(WRITERS))


def test_who_is_told_is_stored(database: Database) -> None:
    for n in range(20):
        write(database, n, [])
        assert stored(database)[-1] == n  # on another connection


def test_a_refused_row_is_named_without_its_values(tmp_path: Path) -> None:
    database = Database("live", f"sqlite:///{tmp_path / 'live.db'}", tmp_path)
    tables.metadata.create_all(database.engine)
    envelopes = Insertion(tables.envelopes, epochs.NewEnvelope._fields)
    row = epochs.NewEnvelope(7, 1, b"what was sealed")
    with pytest.raises(IntegrityError) as refused, database.write() as connection:
        envelopes.put(connection, [row, row])
    assert "sealed" not in str(refused.value)
    with database.read() as connection:
        assert epochs.envelope(connection, 7) is None  # rolled back whole
    database.close()
