"""One database: its engine, its pragmas, its single writer; knows no table and decides nothing.

SQLite takes one writer at a time. Letting writers spin on SQLITE_BUSY costs a third of the throughput,
so a writer first takes a lock on a file of the instance (within the process: a mutex), then begins
IMMEDIATE. PostgreSQL needs neither; there the same calls are plain transactions.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text

from inquiries import clock
from inquiries.errors import JobBusy
from inquiries.stores import connections, prepared
from inquiries.stores.locks import flocked, open_lock
from inquiries.stores.together import Together

T = TypeVar("T")

_ON_SQLITE: Final[dict[str, Any]] = {"connect_args": {"check_same_thread": False, "timeout": 10}}

#: Of who writes on PostgreSQL: a statement behind a gate must not see what it saw in front of it.
_EACH_ITS_OWN: Final = "READ COMMITTED"
#: Of who reads there; on SQLite every transaction has one snapshot.
_SNAPSHOT: Final[dict[str, Any]] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

#: How many transactions in this database began before that one; what merely vacuums sees nothing.
_OLDER: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
    "AND (datname IS NULL OR datname = current_database()) "  # none: a standby that says what it sees
    "AND pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum) "
    "AND greatest(age(backend_xid), age(backend_xmin)) > age(CAST(:now AS xid))"
)
READERS_END_WITHIN = 15.0  # seconds; a standby speaks every ten


def parse(url: str) -> URL:
    """The database URL, with psycopg 3 as PostgreSQL's driver."""
    parsed = make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


class Database:
    """One of the stores: `read()` and `write()` are its only two kinds of transaction."""

    def __init__(self, name: str, url: str, lock_directory: Path) -> None:
        self.name = name
        self.url = parse(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self._lock_directory = lock_directory
        self._mutex = threading.Lock()
        self._lock_file: int | None = None
        self._pid = os.getpid()
        self.engine: Engine = create_engine(
            self.url,
            hide_parameters=True,  # an error message must not quote what was to be stored
            pool_size=16,
            max_overflow=16,
            pool_use_lifo=True,  # the one that was used last knows its statements and pages best
            **(_ON_SQLITE if self.sqlite else {"isolation_level": _EACH_ITS_OWN}),
        )
        connections.watch(self.engine)
        self._together = Together(self.write)
        self._reading = self.engine.execution_options(**_SNAPSHOT)
        # Who says BEGIN himself, whose answer the driver would wait for; and what is in no transaction.
        self._by_hand = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._immediate = self.engine.execution_options(inquiries_write="FULL")
        self._unsettled = self.engine.execution_options(inquiries_write="NORMAL")

    @property
    def path(self) -> Path | None:
        """The database file, for SQLite."""
        return Path(self.url.database) if self.sqlite and self.url.database else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that reads one snapshot and changes nothing.

        PostgreSQL's is committed: at a rollback the driver forgets what it has prepared for who writes.
        """
        if self.sqlite:
            with self.engine.connect() as connection:
                yield connection
            return
        with self._reading.begin() as connection, connections.planned_anew(connection):
            yield connection

    def batches(
        self, fetch: Callable[[Connection, int], list[T]], last: Callable[[T], int], after: int = 0
    ) -> Iterator[list[T]]:
        """Walk in order of id: what `fetch` gives after an id, until it gives nothing.

        `last` is the id of one of them. Each batch is read by itself, so that others write in between.
        """
        while True:
            with self.read() as connection:
                batch = fetch(connection, after)
            if not batch:
                return
            yield batch
            after = last(batch[-1])

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits when the block ends and rolls back when it raises.

        Durable when the block has been left.
        """
        if not self.sqlite:
            with self.engine.begin() as connection:
                yield connection
            return
        with self._mutex, flocked(self._writer_lock()), self._immediate.begin() as connection:
            yield connection

    @contextmanager
    def write_aside(self) -> Iterator[Connection]:
        """As `write`, and durable when the block has been left, but others may write while the disk does.

        For who writes much. SQLite's commit waits for the disk while it holds the lock; this one does not,
        and flushes the log when the lock is free. Meanwhile others see what a power cut would take back.
        """
        if not self.sqlite:
            with self.write() as connection:
                yield connection
            return
        with self._mutex, flocked(self._writer_lock()), self._unsettled.begin() as connection:
            yield connection
        with Path(f"{self.path}-wal").open("rb") as log:
            _sync(log.fileno())

    @contextmanager
    def migration(self) -> Iterator[Connection]:
        """A write in which tables may be made anew that others refer to, which is how SQLite changes them.

        It looks after references at the end of it, not at each row.

        Raises:
            RuntimeError: a row would refer to one that is gone; nothing was changed.
        """
        if not self.sqlite:
            with self.write() as connection:
                yield connection
            return
        with self._mutex, flocked(self._writer_lock()), self._immediate.connect() as connection:
            prepared.run(connection, "PRAGMA foreign_keys = OFF").close()  # not within a transaction
            try:
                with connection.begin():
                    yield connection
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise RuntimeError(f"{self.name}: a row refers to one that is gone")
            finally:
                prepared.run(connection, "PRAGMA foreign_keys = ON").close()

    def _writer_lock(self) -> int:
        """The open lock file; made anew after a fork, whose child would share its parent's lock."""
        if self._lock_file is None or self._pid != os.getpid():
            self._lock_file = open_lock(self._lock_directory / f"{self.name}.lock")
            self._pid = os.getpid()
        return self._lock_file

    def write_together(self, put: Callable[[Connection, Sequence[T]], None], thing: T) -> None:
        """Put the thing in a transaction that other writers of this process may share; durable on return.

        `put` reads no results. It gets all things that wait for the same `put`, and may get them twice. On
        PostgreSQL, whose commits wait side by side, each has a transaction of its own, and waits once.
        """
        if self.sqlite:
            self._together.run(put, thing)
            return
        with self._by_hand.connect() as connection, prepared.sent_together(connection):
            prepared.run(connection, f"BEGIN ISOLATION LEVEL {_EACH_ITS_OWN}").close()
            put(connection, [thing])
            prepared.run(connection, "COMMIT").close()

    @contextmanager
    def job(self, name: str, patience: float = 0.0) -> Iterator[None]:
        """Only one process at a time does the named job; the lock dies with its process.

        Who has patience waits so many seconds for another's turn to end.

        Raises:
            JobBusy: another process does it now.
        """
        until = clock.monotonic() + patience
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(
                        self._job_on_sqlite(name) if self.sqlite else self._job_on_postgresql(name)
                    )
                    break
                except JobBusy:
                    if clock.monotonic() >= until:
                        raise
                    time.sleep(0.05)
            yield

    @contextmanager
    def _job_on_sqlite(self, name: str) -> Iterator[None]:
        lock = open_lock(self._lock_directory / f"{name}.job.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            os.close(lock)
            raise JobBusy(name) from busy
        try:
            yield
        finally:
            os.close(lock)

    @contextmanager
    def _job_on_postgresql(self, name: str) -> Iterator[None]:
        with self._by_hand.connect() as connection:
            number = {"key": f"inquiries.job.{name}"}
            if not connection.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))"), number):
                raise JobBusy(name)
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), number)

    @staticmethod
    def gate(connection: Connection, name: str, *, exclusive: bool = False) -> None:
        """Hold the named gate until this transaction ends: shared by those who pass, exclusive to close.

        On SQLite the single writer is the gate. On PostgreSQL an insert that asks "is this epoch open?"
        would answer from its snapshot while another transaction closes it; the advisory lock, taken in
        a statement before, makes the question and the answer one.
        """
        if connection.dialect.name != "sqlite":
            lock = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
            query = f"SELECT {lock}(hashtextextended(%s, 0))"
            prepared.run(connection, query, (f"inquiries.gate.{name}",)).close()

    def checkpoint(self) -> None:
        """Move what was committed from SQLite's write-ahead log into its file; writers wait a millisecond.

        Whoever commits when the log is full does it himself, and all others wait for that. So who writes much
        does it between his transactions. The first turn copies; the second, soon over, waits for the disk. In
        the last nobody adds to the log: it copies what came meanwhile, so that the log begins anew.
        """
        if self.sqlite:
            with closing(self.engine.raw_connection()) as raw:
                for _ in range(2):
                    raw.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
                with self._mutex, flocked(self._writer_lock()):
                    raw.execute("PRAGMA wal_checkpoint(PASSIVE)").close()

    def scour(self, *tables: str) -> None:
        """Leave nothing behind of what was deleted or changed in the tables (P11).

        SQLite makes the whole file anew and empties the write-ahead log. PostgreSQL makes each table anew,
        for which its owner needs no further right, without what nobody can see any more.

        Raises:
            JobBusy: a reader kept the log from being emptied, or may still see what was; do it again.
        """
        if not self.sqlite:
            with self._by_hand.connect() as connection:
                self._outwait(connection)
                for table in tables:
                    connection.execute(text(f"VACUUM FULL {table}"))
            return
        with self._mutex, flocked(self._writer_lock()), closing(self.engine.raw_connection()) as raw:
            cursor = raw.cursor()
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if cursor.fetchall()[0][0]:  # 0: everything moved and the log cut to nothing
                raise JobBusy(f"{self.name}: its write-ahead log is being read")

    def _outwait(self, connection: Connection) -> None:
        """Wait until nobody here sees what was before this moment. Raises JobBusy."""
        now = connection.scalar(text("SELECT CAST(CAST(pg_current_xact_id() AS xid) AS text)"))
        until = clock.monotonic() + READERS_END_WITHIN
        while connection.scalar(_OLDER, {"now": now}):
            if clock.monotonic() >= until:
                raise JobBusy(f"{self.name}: somebody has been reading it for long")
            time.sleep(0.05)

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()
        if self._lock_file is not None:
            with suppress(OSError):
                os.close(self._lock_file)
            self._lock_file = None


_sync = getattr(os, "fdatasync", os.fsync)  # macOS has the latter alone
