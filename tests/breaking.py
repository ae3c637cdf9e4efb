"""Stores that fail: really, by an error of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from inquiries.stores.database import Database


@contextmanager
def broken(database: Database, table: str = "keys") -> Iterator[None]:
    """The store answers every statement on this table with an error."""
    _rename(database, table, f"{table}_away")
    try:
        yield
    finally:
        _rename(database, f"{table}_away", table)


def _rename(database: Database, before: str, after: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")
