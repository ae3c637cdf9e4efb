"""Asks for many ids at once, with one parameter however many there are; knows no table."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY


def among(connection: Connection, column: Column[int], ids: Sequence[int]) -> ColumnElement[bool]:
    """The condition that the column is one of the ids.

    A list of parameters would be a statement of its own for each length, and has a limit on SQLite.
    """
    if connection.dialect.name == "postgresql":
        return column == any_(bindparam(None, list(ids), type_=ARRAY(BigInteger), unique=True))
    listed = func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(select(listed.c.value))
