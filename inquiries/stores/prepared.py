"""Statements of the hot path: compiled once, run on the driver's own cursor, in a fraction of the time.

They take and give what the driver does: moments as microseconds (`types.Moment` by hand), no result objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Dialect, Select, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from inquiries.stores.types import to_microseconds


class Insertion:
    """Inserts rows of one table in one statement, from objects whose attributes are named as its columns.

    One statement for all, because SQLite's driver gives the interpreter away at each, and the writer would
    hold the database while others compute.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._values = attrgetter(*columns)
        self._written: dict[tuple[str, int], str] = {}

    def put(self, connection: Connection, rows: Sequence[object]) -> None:
        """Insert the rows. Raises IntegrityError as SQLAlchemy would, without the values."""
        if not rows:
            return
        values = [_plain(value) for row in rows for value in self._values(row)]
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._text(connection.dialect, len(rows)), values)
        except connection.dialect.loaded_dbapi.IntegrityError as refused:
            raise IntegrityError(None, None, refused) from None
        finally:
            cursor.close()

    def _text(self, dialect: Dialect, count: int) -> str:
        key = dialect.name, count
        if key not in self._written:
            quoted = dialect.identifier_preparer.quote
            sign = "?" if dialect.name == "sqlite" else "%s"
            one = f"({', '.join([sign] * len(self._columns))})"
            names = ", ".join(map(quoted, self._columns))
            rows = ", ".join([one] * count)
            self._written[key] = f"INSERT INTO {quoted(self._table.name)} ({names}) VALUES {rows}"  # noqa: S608 - names of ours  # nosec B608
        return self._written[key]


class Question:
    """A select whose parameters are named, asked for whether it gives a row."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._written: dict[str, str] = {}

    def found(self, connection: Connection, values: Mapping[str, Any]) -> bool:
        """Whether the select gives a row."""
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._text(connection.dialect), values)
            return cursor.fetchone() is not None
        finally:
            cursor.close()

    def _text(self, dialect: Dialect) -> str:
        if dialect.name not in self._written:
            named = sqlite.dialect(paramstyle="named") if dialect.name == "sqlite" else dialect
            self._written[dialect.name] = str(self._statement.compile(dialect=named))
        return self._written[dialect.name]


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a column takes
    return to_microseconds(value) if isinstance(value, datetime) else value
