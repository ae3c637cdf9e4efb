"""Statements of the hot path: compiled once, run on the driver's own cursor, in a fraction of the time.

They take and give what the driver does: moments as microseconds (`types.Moment` by hand), no result objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Select, Table
from sqlalchemy.exc import DBAPIError

from inquiries.stores.types import Moment, to_microseconds


def run(connection: Connection, statement: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:  # noqa: ANN401 - the driver's own
    """Execute a statement in the driver's own words; returns its cursor, to be closed.

    Raises DBAPIError as SQLAlchemy would, without the values.
    """
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement, values)
    except connection.dialect.loaded_dbapi.Error as failed:
        cursor.close()
        raise _alike(connection, failed) from None
    return cursor


@contextmanager
def sent_together(connection: Connection) -> Iterator[None]:
    """PostgreSQL gets what is executed in the block without a wait, and answers when the block is left.

    For statements of whose results nobody reads anything: each answer is a turn of another process. On
    SQLite, where a statement is a call, nothing changes.

    Raises DBAPIError, of which IntegrityError is one, when one failed; none after it was executed.
    """
    if connection.dialect.name != "postgresql":
        yield
        return
    driver: Any = connection.connection.driver_connection
    try:
        with driver.pipeline():
            yield
    except connection.dialect.loaded_dbapi.Error as failed:
        raise _alike(connection, failed) from None


def _alike(connection: Connection, failed: Exception) -> Exception:
    """What SQLAlchemy would raise for it, without the values."""
    base = connection.dialect.loaded_dbapi.Error
    return DBAPIError.instance("", None, failed, base, dialect=connection.dialect)


def plain(
    connection: Connection, query: Select[Any], values: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """The rows as the driver gives them: for who reads a hundred thousand."""
    result = connection.execute(query, values)
    try:
        return list(result.cursor.fetchall())
    finally:
        result.close()


class Insertion:
    """Inserts rows of one table, each a sequence of its columns' values, in one statement.

    One for all, because SQLite's driver gives the interpreter away at each, and the writer would
    hold the database while others compute.
    """

    def __init__(self, table: Table, columns: Sequence[str], asked: Mapping[str, str] | None = None) -> None:
        """`asked`: by column, a query with its value as the parameter `{}`, whose answer is stored."""
        self._table = table
        self._columns = tuple(columns)
        self._asked = asked or {}
        self._moments = [at for at, name in enumerate(columns) if isinstance(table.c[name].type, Moment)]
        self._written: dict[tuple[str, int], str] = {}

    def put(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Insert the rows.

        Raises DBAPIError, of which IntegrityError is one, without the values.
        """
        if rows:
            self._run(connection, rows).close()

    def put_absent(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> frozenset[int]:
        """Insert the rows whose key, one number, stands in no row yet, and leave those that do.

        Returns the keys of those that were inserted.
        """
        if not rows:
            return frozenset()
        cursor = self._run(connection, rows, absent=True)
        try:
            return frozenset(row[0] for row in cursor.fetchall())
        finally:
            cursor.close()

    def _run(self, connection: Connection, rows: Sequence[Sequence[Any]], *, absent: bool = False) -> Any:  # noqa: ANN401 - the driver's own
        text = self._text(connection.dialect, len(rows))
        if absent:
            key = connection.dialect.identifier_preparer.quote(self._table.primary_key.columns[0].name)
            text += f" ON CONFLICT ({key}) DO NOTHING RETURNING {key}"
        return run(connection, text, [value for row in rows for value in self._values(row)])

    def _values(self, row: Sequence[Any]) -> Sequence[Any]:
        values = list(row)
        for at in self._moments:
            if values[at] is not None:
                values[at] = to_microseconds(values[at])
        return values

    def _text(self, dialect: Dialect, count: int) -> str:
        key = dialect.name, count
        if key not in self._written:
            quoted = dialect.identifier_preparer.quote
            one = f"({', '.join(self._signs(dialect))})"
            names = ", ".join(map(quoted, self._columns))
            rows = ", ".join([one] * count)
            self._written[key] = f"INSERT INTO {quoted(self._table.name)} ({names}) VALUES {rows}"  # noqa: S608 - names of ours  # nosec B608
        return self._written[key]

    def _signs(self, dialect: Dialect) -> list[str]:
        sign = "?" if dialect.name == "sqlite" else "%s"
        asked = {name: f"({query.format(sign)})" for name, query in self._asked.items()}
        return [asked.get(name, sign) for name in self._columns]


class Removal:
    """Deletes the rows whose column is one of many ids, which come as one parameter (`among.listed`)."""

    def __init__(self, column: Column[int]) -> None:
        self._column = column
        self._written: dict[str, str] = {}

    def of(self, connection: Connection, ids: str) -> int:
        """Delete them; returns how many there were, which nobody knows yet of what is `sent_together`."""
        cursor = run(connection, self._text(connection.dialect), (ids,))
        try:
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def _text(self, dialect: Dialect) -> str:
        if dialect.name not in self._written:
            quoted = dialect.identifier_preparer.quote
            among = (
                "IN (SELECT value FROM json_each(?))" if dialect.name == "sqlite" else "= ANY(%s::bigint[])"
            )
            table, column = quoted(self._column.table.name), quoted(self._column.name)
            self._written[dialect.name] = f"DELETE FROM {table} WHERE {column} {among}"  # noqa: S608 - names of ours  # nosec B608
        return self._written[dialect.name]
