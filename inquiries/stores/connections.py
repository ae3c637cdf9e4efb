"""What a connection is told when it is made, and asked before it is used."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from inquiries import clock
from inquiries.stores import prepared

PRAGMAS = (
    "PRAGMA page_size = 4096",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # what was acknowledged is on the disk
    "PRAGMA secure_delete = ON",  # a deleted row's bytes are overwritten (P11)
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",  # no sealed row is spilled into a temporary file
    "PRAGMA busy_timeout = 10000",
    "PRAGMA wal_autocheckpoint = 8000",  # 32 MB: measured, a sweep writes the same pages half as often
)
#: Seconds for which a server that answered is taken to be there; to ask it is a turn of another process.
FRESH: Final = 1.0


def watch(engine: Engine) -> None:
    """Do so with every connection of this engine."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _with_pragmas)
        event.listen(engine, "begin", _begin)
        return

    lost = -math.inf  # when a connection was last found broken

    def broken(*_given: object) -> None:
        nonlocal lost
        lost = clock.monotonic()

    def alive(connection: Any, entry: ConnectionPoolEntry, _proxy: object) -> None:  # noqa: ANN401 - the driver's own
        used = entry.info["used"]
        if clock.monotonic() - used < FRESH and used > lost:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as gone:
            raise InvalidatePoolError("the server was started anew, or ended this connection") from gone

    event.listen(engine, "connect", _on_one_processor)
    event.listen(engine, "connect", _used)
    event.listen(engine, "checkin", _used)
    event.listen(engine, "checkout", alive)
    event.listen(engine, "invalidate", broken)


@contextmanager
def planned_anew(connection: Connection) -> Iterator[None]:
    """PostgreSQL plans each statement of the block for what stands at that moment, and keeps no plan.

    Who reads asks of tables that are empty for most of the day, and hold thousands of rows during a sweep.
    """
    driver: Any = connection.connection.driver_connection
    usual, driver.prepare_threshold = driver.prepare_threshold, None
    try:
        yield
    finally:
        driver.prepare_threshold = usual


def _used(_connection: object, entry: ConnectionPoolEntry) -> None:
    entry.info["used"] = clock.monotonic()


def _with_pragmas(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the driver's own objects
    connection.isolation_level = None  # we say BEGIN ourselves, see _begin
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _on_one_processor(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the driver's own objects
    """PostgreSQL else looks through a large table on three at once, and who sends waits for a processor."""
    connection.execute("SET max_parallel_workers_per_gather = 0")
    connection.commit()


def _begin(connection: Connection) -> None:
    level = connection.get_execution_options().get("inquiries_write")
    if level is not None and connection.info.get("synchronous", "FULL") != level:
        prepared.run(connection, f"PRAGMA synchronous = {level}").close()
        connection.info["synchronous"] = level
    prepared.run(connection, "BEGIN" if level is None else "BEGIN IMMEDIATE").close()
