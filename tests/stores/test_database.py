"""The two kinds of transaction, the single writer, the locks of jobs and gates, and scouring, on real databases."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from pathlib import Path
from sqlite3 import connect

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from inquiries.errors import JobBusy
from inquiries.stores import connections, locks, prepared
from inquiries.stores import database as database_module
from inquiries.stores.database import Database, parse

ROOT = Path(__file__).parents[2]
CANARY = "canary-4e1f7a90"


@pytest.fixture
def database(store_urls: dict[str, str], tmp_path: Path) -> Iterator[Database]:
    """A database with one table of our own."""
    made = Database("live", store_urls.get("live_url", f"sqlite:///{tmp_path / 'live.db'}"), tmp_path)
    with made.write() as connection:
        connection.execute(text("DROP TABLE IF EXISTS counted"))
        connection.execute(text("CREATE TABLE counted (n integer, words text)"))
        connection.execute(text("INSERT INTO counted VALUES (0, '')"))
    yield made
    with made.write() as connection:
        connection.execute(text("DROP TABLE counted"))
    made.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    made = Database("live", f"sqlite:///{tmp_path / 'live.db'}", tmp_path)
    with made.write() as connection:
        connection.execute(text("CREATE TABLE counted (n integer, words text)"))
        connection.execute(text("INSERT INTO counted VALUES (0, '')"))
    yield made
    made.close()


def counted(connection: Connection) -> int:
    return int(connection.execute(text("SELECT n FROM counted")).scalar_one())


def add_one(connection: Connection) -> None:
    connection.execute(text("UPDATE counted SET n = :n"), {"n": counted(connection) + 1})


# -- transactions --------------------------------------------------------------------------------


def test_postgresql_is_spoken_to_by_psycopg() -> None:
    for url in ("postgresql://u@h/live", "postgres://u@h/live"):
        assert parse(url).drivername == "postgresql+psycopg"
    assert parse("sqlite:///live.db").drivername == "sqlite"


def test_a_write_is_whole_or_not_at_all(database: Database) -> None:
    with database.write() as connection:
        add_one(connection)
    with pytest.raises(DBAPIError):
        _add_one_and_fail(database)
    with database.read() as connection:
        assert counted(connection) == 1


def _add_one_and_fail(database: Database) -> None:
    with database.write() as connection:
        add_one(connection)
        connection.execute(text("SELECT * FROM nothing_of_this_name"))


def test_what_the_driver_refuses_is_refused_as_by_sqlalchemy_and_without_the_values(
    database: Database,
) -> None:
    sign = "?" if database.sqlite else "%s"
    for statement in (f"INSERT INTO counted (words) VALUES ({sign}), (1, 2)", f"SELECT {sign} FROM nowhere"):
        with pytest.raises(DBAPIError) as refused, database.write() as connection:
            prepared.run(connection, statement, [CANARY])
        assert CANARY not in str(refused.value)
        assert refused.value.__suppress_context__
    with database.write() as connection:
        prepared.run(connection, f"INSERT INTO counted (n, words) VALUES (7, {sign})", [CANARY]).close()
        assert connection.execute(text("SELECT n FROM counted WHERE words = :w"), {"w": CANARY}).scalar() == 7


def test_a_database_that_cannot_be_written_is_refused_as_by_sqlalchemy(sqlite: Database) -> None:
    with sqlite.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(OperationalError):
            prepared.run(connection, "INSERT INTO counted VALUES (1, '')")
        connection.exec_driver_sql("PRAGMA query_only = OFF")


def test_a_read_changes_nothing(database: Database) -> None:
    with suppress(DBAPIError), database.read() as connection:  # PostgreSQL refuses it
        add_one(connection)
    with database.read() as connection:
        assert counted(connection) == 0


def test_a_read_sees_one_moment(database: Database) -> None:
    with database.read() as reading:
        assert counted(reading) == 0
        with database.write() as writing:
            add_one(writing)
        assert counted(reading) == 0
    with database.read() as reading:
        assert counted(reading) == 1


@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_postgresql_keeps_what_it_prepared_for_who_writes_and_nothing_for_who_reads(
    database: Database,
) -> None:
    for _ in range(8):
        database.write_together(_insert, 7)
        with database.read() as connection:
            connection.execute(text("SELECT max(n) FROM counted"))
    with database.read() as connection:
        kept = "; ".join(connection.scalars(text("SELECT statement FROM pg_prepared_statements")))
    assert "INSERT INTO counted" in kept
    assert "max(n)" not in kept


def test_of_what_is_sent_together_all_is_done_or_nothing(database: Database) -> None:
    """On PostgreSQL the answers come when the block is left; a failure is the one that it would be alone."""
    _put_together(database, 1, 2)
    with database.write() as connection:
        connection.execute(text("CREATE UNIQUE INDEX once ON counted (n)"))
    with pytest.raises(IntegrityError):
        _put_together(database, 3, 1, 4)
    with database.read() as connection:
        assert list(connection.scalars(text("SELECT n FROM counted ORDER BY n"))) == [0, 1, 2]


@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_postgresql_looks_on_one_processor_in_every_transaction(database: Database) -> None:
    for transaction in (database.read, database.write):
        with transaction() as connection:
            assert connection.scalar(text("SHOW max_parallel_workers_per_gather")) == "0"


@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_a_connection_that_the_server_ended_is_noticed_before_it_is_used(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _end_every_connection(database)
    monkeypatch.setattr(connections, "FRESH", 0.0)
    with database.read() as connection:
        assert counted(connection) == 0


def _reads(database: Database) -> None:
    with database.read() as connection:
        counted(connection)


def _writes_together(database: Database) -> None:
    database.write_together(_insert, 1)


@pytest.mark.parametrize("meet", [_reads, _writes_together])
@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_who_meets_an_ended_connection_just_used_is_the_last_to_meet_one(
    database: Database, meet: Callable[[Database], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FRESH", 60.0)
    _end_every_connection(database)
    with pytest.raises(OperationalError):
        meet(database)
    for _ in range(2):
        with database.read() as one, database.read() as another:
            assert counted(one) == counted(another)


def _end_every_connection(database: Database) -> None:
    """All that this database has at hand, as a server does that is started anew."""
    with ExitStack() as held:
        at_hand = [held.enter_context(database.engine.connect()) for _ in range(2)]
        numbers = [one.scalar(text("SELECT pg_backend_pid()")) for one in at_hand]
    address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as aside:
        aside.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) AS pid", [numbers])


def _insert(connection: Connection, numbers: Sequence[int]) -> None:
    """Each number; at 8 we fail after it, at 9 the database does."""
    for n in numbers:
        prepared.run(connection, f"INSERT INTO counted VALUES ({n}, '')").close()
        if n == 8:
            raise ValueError(n)
        if n == 9:
            prepared.run(connection, "INSERT INTO nowhere VALUES (9)").close()


def test_what_is_written_together_is_there_whole_or_not_at_all_and_nobody_after_it_suffers(
    database: Database,
) -> None:
    for _ in range(8):  # so that it is prepared
        database.write_together(_insert, 7)
    with pytest.raises(ValueError, match="8"):
        database.write_together(_insert, 8)
    with pytest.raises(DBAPIError):
        database.write_together(_insert, 9)
    database.write_together(_insert, 7)
    with database.read() as connection:
        assert list(connection.scalars(text("SELECT n FROM counted ORDER BY n"))) == [0, *[7] * 9]


def _put_together(database: Database, *numbers: int) -> None:
    with database.write() as connection, prepared.sent_together(connection):
        for n in numbers:
            prepared.run(connection, f"INSERT INTO counted VALUES ({n}, '')").close()


@pytest.mark.parametrize("store_urls", ["postgresql"], indirect=True)
def test_a_gate_is_asked_behind_whatever_the_servers_default(database: Database, tmp_path: Path) -> None:
    """Else what stands behind it sees what stood in front of it, and an epoch closes over an envelope."""
    url = database.url.render_as_string(hide_password=False)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as aside:
        aside.execute("ALTER DATABASE live SET default_transaction_isolation = 'repeatable read'")
        try:
            fresh = Database("live", url, tmp_path)
            fresh.write_together(_insert_the_level, 1)
            with fresh.write() as connection:
                _insert_the_level(connection, [2])
                assert set(connection.scalars(text("SELECT words FROM counted WHERE n > 0"))) == {
                    "read committed"
                }
            fresh.close()
        finally:
            aside.execute("ALTER DATABASE live RESET default_transaction_isolation")


def _insert_the_level(connection: Connection, numbers: Sequence[int]) -> None:
    for n in numbers:
        level = f"INSERT INTO counted SELECT {n}, current_setting('transaction_isolation')"
        prepared.run(connection, level).close()


def test_every_connection_is_durable_and_leaves_no_bytes(sqlite: Database) -> None:
    wanted = {
        "journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1, "temp_store": 2,
        "page_size": 4096,
    }  # fmt: skip
    for transaction in (sqlite.read, sqlite.write, sqlite.read):
        with transaction() as connection:
            found = {name: connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in wanted}
            assert found == wanted
        sqlite.engine.dispose()


# -- the single writer ---------------------------------------------------------------------------


def test_many_threads_lose_no_update(sqlite: Database) -> None:
    def count() -> None:
        for _ in range(25):
            with sqlite.write() as connection:
                add_one(connection)

    _together([threading.Thread(target=count) for _ in range(4)])
    with sqlite.read() as connection:
        assert counted(connection) == 100


def test_many_processes_lose_no_update(sqlite: Database, tmp_path: Path) -> None:
    url = str(sqlite.url)
    program = (
        "import sys; from pathlib import Path; from sqlalchemy import text\n"
        "from inquiries.stores.database import Database\n"
        "database = Database('live', sys.argv[1], Path(sys.argv[2]))\n"
        "with database.read() as connection:\n"
        "    connection.execute(text('SELECT n FROM counted'))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "for _ in range(100):\n"
        "    with database.write() as connection:\n"
        "        n = connection.execute(text('SELECT n FROM counted')).scalar_one()\n"
        "        connection.execute(text('UPDATE counted SET n = :n'), {'n': n + 1})\n"
    )
    command = [sys.executable, "-c", program, url, str(tmp_path)]
    running = [_talking(command) for _ in range(2)]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in running:
        process.communicate(timeout=60)
    assert [process.returncode for process in running] == [0, 0]
    with sqlite.read() as connection:
        assert counted(connection) == 200


def _talking(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_writer_that_is_killed_holds_nobody_up(sqlite: Database, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from sqlalchemy import text\n"
        "from inquiries.stores.database import Database\n"
        "database = Database('live', sys.argv[1], Path(sys.argv[2]))\n"
        "with database.job('sweep'), database.write() as connection:\n"
        "    connection.execute(text('UPDATE counted SET n = 7'))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", program, str(sqlite.url), str(tmp_path)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    with sqlite.job("sweep"), sqlite.write() as connection:
        assert counted(connection) == 0


# -- locks ---------------------------------------------------------------------------------------


def test_a_job_is_done_by_one_at_a_time(database: Database, tmp_path: Path) -> None:
    other = Database("live", database.url.render_as_string(hide_password=False), tmp_path)
    with database.job("sweep"):
        with pytest.raises(JobBusy), other.job("sweep"):
            pass
        with other.job("rotate"):
            pass
    with other.job("sweep"):
        pass
    with pytest.raises(RuntimeError), database.job("sweep"):
        raise RuntimeError
    with other.job("sweep"):
        pass
    other.close()


def test_who_has_patience_waits_for_anothers_turn_to_end(database: Database, tmp_path: Path) -> None:
    other = Database("live", database.url.render_as_string(hide_password=False), tmp_path)
    begun = threading.Event()

    def turn() -> None:
        with other.job("requests"):
            begun.set()
            time.sleep(0.3)

    thread = threading.Thread(target=turn)
    thread.start()
    assert begun.wait(10)
    with pytest.raises(JobBusy), database.job("requests", patience=0.1):
        pass
    with database.job("requests", patience=10.0):
        pass
    thread.join(10)
    other.close()


def test_a_gate_lets_many_pass_and_waits_to_close(database: Database) -> None:
    """What passes asks first whether it may; who closes waits until all have passed."""
    if database.sqlite:
        pytest.skip("the single writer is the gate")
    closed, passing = threading.Event(), threading.Event()

    def close() -> None:
        passing.wait(10)
        with database.write() as connection:
            database.gate(connection, "epoch", exclusive=True)
            add_one(connection)
        closed.set()

    closing = threading.Thread(target=close)
    closing.start()
    with database.write() as one, database.write() as two:
        database.gate(one, "epoch")
        database.gate(two, "epoch")
        passing.set()
        assert not closed.wait(0.3)
    assert closed.wait(10)
    closing.join()


# -- the log and the file ------------------------------------------------------------------------


def test_who_writes_aside_waits_for_the_disk_with_the_lock_let_go(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it wrote is in the log, the log is flushed, and others write meanwhile; then all is as before."""
    flushed: list[tuple[Path, int]] = []

    def flush(descriptor: int) -> None:
        with sqlite.write() as connection:  # would wait for ever
            file = Path(f"/proc/self/fd/{descriptor}").readlink()
            flushed.append((file, counted(connection)))

    monkeypatch.setattr(database_module, "_sync", flush)
    with sqlite.write_aside() as connection:
        add_one(connection)
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 1  # NORMAL
        assert flushed == []
    assert flushed == [(Path(f"{sqlite.path}-wal"), 1)]
    with pytest.raises(OperationalError), sqlite.write_aside() as connection:
        connection.execute(text("UPDATE nothing SET n = 1"))
    assert len(flushed) == 1
    with sqlite.write() as connection:
        assert counted(connection) == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL


def test_who_writes_aside_has_written(database: Database) -> None:
    with database.write_aside() as connection:
        add_one(connection)
    with database.read() as connection:
        assert counted(connection) == 1


def test_the_log_begins_anew_though_somebody_wrote_during_the_checkpoint(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "live.db-wal"
    locked = locks.flocked

    def after_another_wrote(descriptor: int) -> AbstractContextManager[None]:
        with closing(connect(tmp_path / "live.db")) as other:
            other.execute("INSERT INTO counted VALUES (1, '')")
            other.commit()
        return locked(descriptor)

    def turn() -> bytes:
        return log.read_bytes()[16:20]  # the salt, another each time the log begins anew

    with monkeypatch.context() as patched:
        patched.setattr(database_module, "flocked", after_another_wrote)
        sqlite.checkpoint()
    before = turn()
    with sqlite.write() as connection:
        connection.execute(text("INSERT INTO counted VALUES (2, '')"))
    assert turn() != before
    with sqlite.read() as connection:
        assert connection.scalar(text("SELECT sum(n) FROM counted")) == 3


# -- scouring ------------------------------------------------------------------------------------


def test_scouring_leaves_no_byte_in_any_file(sqlite: Database, tmp_path: Path) -> None:
    with sqlite.write() as connection:
        connection.execute(text("UPDATE counted SET words = :w"), {"w": CANARY * 1000})
    with sqlite.write() as connection:
        connection.execute(text("UPDATE counted SET words = ''"))
    assert any(CANARY.encode() in file.read_bytes() for file in tmp_path.iterdir())
    sqlite.scour("counted")
    assert not [file for file in tmp_path.iterdir() if CANARY.encode() in file.read_bytes()]
    with sqlite.read() as connection:
        assert counted(connection) == 0


def test_scouring_needs_no_more_than_ownership_and_nobody_who_sees_what_was(
    postgres: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role of its own for each store (DESIGN §2): it owns its tables and is nobody special."""
    assert callable(postgres)
    url: str = postgres("keys")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS keys_role")
        connection.execute("CREATE ROLE keys_role LOGIN")
        connection.execute("CREATE SCHEMA plain AUTHORIZATION keys_role")
    database = Database("keys", url.replace("postgres:@", "keys_role:@"), tmp_path)
    try:
        with database.write() as connection:
            assert connection.execute(text("SELECT current_user")).scalar_one() == "keys_role"
            connection.execute(text("CREATE TABLE plain.counted (n integer, words text)"))
            connection.execute(text("INSERT INTO plain.counted VALUES (0, 'x')"))
        with database.write() as connection:
            before = connection.execute(text("SELECT pg_relation_filepath('plain.counted')")).scalar_one()
        with psycopg.connect(url) as another:  # of another role, who may still see what was
            another.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            another.execute("SELECT 1")
            with database.write() as connection:
                connection.execute(text("UPDATE plain.counted SET words = ''"))
            monkeypatch.setattr(database_module, "READERS_END_WITHIN", 0.1)
            with pytest.raises(JobBusy):
                database.scour("plain.counted")
        database.scour("plain.counted")
        with database.read() as connection:
            after = connection.execute(text("SELECT pg_relation_filepath('plain.counted')")).scalar_one()
        assert after != before  # made anew
    finally:
        database.close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA plain CASCADE")
            connection.execute("DROP ROLE keys_role")


def test_scouring_says_when_a_reader_is_in_the_way(sqlite: Database) -> None:
    with sqlite.write() as connection:
        add_one(connection)
    with sqlite.read() as reading, pytest.MonkeyPatch.context() as patch:
        assert counted(reading) == 1
        patch.setattr("inquiries.stores.connections.PRAGMAS", ("PRAGMA busy_timeout = 50",))
        other = Database("live", str(sqlite.url), sqlite.path.parent if sqlite.path else Path())
        with pytest.raises(JobBusy):
            other.scour("counted")
        other.close()
    sqlite.scour("counted")


def _together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
