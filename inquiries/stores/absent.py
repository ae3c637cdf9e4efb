"""Inserts rows that are absent, and leaves those that stand; knows no table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_if_absent(connection: Connection, table: Table) -> Any:  # noqa: ANN401 - two dialects' own classes
    """An insert to which a row with the same primary key is no error, and wins."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing(index_elements=[*table.primary_key])
