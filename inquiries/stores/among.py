"""Asks for many ids at once, with one parameter however many there are; knows no table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    any_,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import NullType, TypeEngine

#: Of the parameter: PostgreSQL then takes it for an array, once. A text it would read anew for every row.
_AS_IT_IS: TypeEngine[Any] = NullType()


def among(connection: Connection, column: Column[int], ids: Iterable[int]) -> ColumnElement[bool]:
    """The condition that the column is one of the ids.

    A list of parameters would be a statement of its own for each length, and has a limit on SQLite.
    """
    bound = bindparam(None, listed(connection, ids), type_=_AS_IT_IS, unique=True)
    return _among(connection.dialect.name, column, bound)


def among_listed(dialect: str, column: Column[int], name: str) -> ColumnElement[bool]:
    """The same for a statement that is made once: the parameter of this name gets the ids as `listed`."""
    return _among(dialect, column, bindparam(name, type_=_AS_IT_IS))


def _among(dialect: str, column: Column[int], bound: BindParameter[Any]) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return column == any_(cast(bound, ARRAY(BigInteger)))
    return column.in_(select(func.json_each(bound).table_valued("value").c.value))


def listed(connection: Connection, ids: Iterable[int]) -> str:
    """Many ids as one parameter, as the database spells them."""
    return array(ids) if connection.dialect.name == "postgresql" else json.dumps(list(ids))


def array(numbers: Iterable[int | None]) -> str:
    """PostgreSQL's own spelling of an array; the driver, in Python, takes ten times as long for it."""
    return "{" + ",".join(["NULL" if one is None else str(one) for one in numbers]) + "}"
