"""Asks for many ids at once, with one parameter however many there are; knows no table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Text,
    any_,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY


def among(connection: Connection, column: Column[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """The condition that the column is one of the ids.

    A list of parameters would be a statement of its own for each length, and has a limit on SQLite.
    """
    if connection.dialect.name == "postgresql":
        return column == any_(cast(bindparam(None, array(ids), type_=Text, unique=True), ARRAY(BigInteger)))
    listed = func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(select(listed.c.value))


def array(numbers: Iterable[int | None]) -> str:
    """PostgreSQL's own spelling of an array; the driver, in Python, takes ten times as long for it."""
    return "{" + ",".join(["NULL" if one is None else str(one) for one in numbers]) + "}"
