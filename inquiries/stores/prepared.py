"""Statements of the hot path: compiled once, run on the driver's own cursor, in a fraction of the time.

They take and give what the driver does: moments as microseconds (`types.Moment` by hand), no result objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from inquiries.stores.types import to_microseconds


class Prepared:
    """An insert or a select whose parameters are named by column or bind name."""

    def __init__(self, statement: Insert | Select[Any], columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._written: dict[str, str] = {}

    def put(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows. Raises IntegrityError as SQLAlchemy would, without the values."""
        plain = [{name: _plain(value) for name, value in row.items()} for row in rows]
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(self._text(connection), plain)
        except connection.dialect.loaded_dbapi.IntegrityError as refused:
            raise IntegrityError(None, None, refused) from None
        finally:
            cursor.close()

    def found(self, connection: Connection, values: Mapping[str, Any]) -> bool:
        """Whether the select gives a row."""
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._text(connection), values)
            return cursor.fetchone() is not None
        finally:
            cursor.close()

    def _text(self, connection: Connection) -> str:
        name = connection.dialect.name
        if name not in self._written:
            dialect = sqlite.dialect(paramstyle="named") if name == "sqlite" else connection.dialect
            self._written[name] = str(self._statement.compile(dialect=dialect, column_keys=self._columns))
        return self._written[name]


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a column takes
    return to_microseconds(value) if isinstance(value, datetime) else value
