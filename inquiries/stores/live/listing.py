"""The list of inquiries, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import product
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Integer, bindparam, select, union_all

from inquiries.stores.among import among
from inquiries.stores.live.inquiries import ON_MAIN, InquiryRow, not_due, shells
from inquiries.stores.live.tables import groups, inquiries
from inquiries.stores.types import Moment

_BEYOND = (1 << 63) - 1  # every id
_AT_ONCE = 100  # lists in one statement, of which SQLite takes 500


def page(
    connection: Connection,
    types: Sequence[str],
    states: Sequence[str],
    before: int | None,
    limit: int,
    now: datetime,
    *,
    alone: Sequence[int] = (),
) -> tuple[list[InquiryRow], bool]:
    """A page of readable inquiries below the id `before`, the newest first, and whether more follow.

    Found by keyset in the list of each type and state, however many inquiries there are.
    `alone`: ids of inquiries of any type that are listed besides.
    """
    asked = {"now": now, "before": _BEYOND if before is None else before, "limit": limit + 1}
    newest: set[int] = set()
    if alone:
        granted = among(connection, inquiries.c.id, alone), inquiries.c.state.in_(states)
        query = select(inquiries.c.id).join(groups, ON_MAIN).where(not_due(now), *granted)
        newest.update(connection.scalars(query.where(inquiries.c.id < asked["before"])))
    lists = list(product(types, states))
    for start in range(0, len(lists), _AT_ONCE):
        some = lists[start : start + _AT_ONCE]
        of = {f"type_{n}": name for n, (name, _) in enumerate(some)}
        of |= {f"state_{n}": state for n, (_, state) in enumerate(some)}
        newest.update(connection.scalars(_newest(len(some)), asked | of))
    found = sorted(newest, reverse=True)
    rows = shells(connection, found[:limit])
    return [rows[one] for one in found[:limit] if one in rows], len(found) > limit


@cache
def _newest(lists: int) -> CompoundSelect[Any]:
    """The newest ids of so many lists together, each of a type and a state.

    The database merges the lists, each along the one index, and stops when the page is full.
    """
    limit = bindparam("limit", type_=Integer)
    of_each = [
        select(inquiries.c.id)
        .join(groups, ON_MAIN)
        .where(
            not_due(bindparam("now", type_=Moment)),
            inquiries.c.type == bindparam(f"type_{n}"),
            inquiries.c.state == bindparam(f"state_{n}"),
            inquiries.c.id < bindparam("before"),
        )
        .order_by(inquiries.c.id.desc())
        .limit(limit)
        .subquery(f"list_{n}")
        for n in range(lists)
    ]
    merged = union_all(*(select(one.c.id) for one in of_each))
    return merged.order_by(merged.selected_columns.id.desc()).limit(limit)
