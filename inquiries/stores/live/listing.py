"""The list of inquiries, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import product

from sqlalchemy import Connection, Integer, bindparam, select

from inquiries.stores.among import among
from inquiries.stores.live.inquiries import ON_MAIN, InquiryRow, not_due, shells
from inquiries.stores.live.tables import groups, inquiries
from inquiries.stores.types import Moment

_BEYOND = (1 << 63) - 1  # every id
#: Made once: a list asks it for each type and state.
_LISTED = (
    select(inquiries.c.id)
    .join(groups, ON_MAIN)
    .where(
        not_due(bindparam("now", type_=Moment)),
        inquiries.c.type == bindparam("type"),
        inquiries.c.state == bindparam("state"),
        inquiries.c.id < bindparam("before"),
        inquiries.c.id > bindparam("after"),
    )
    .order_by(inquiries.c.id.desc())
    .limit(bindparam("limit", type_=Integer))
)


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

    One keyset query per type and state, each along the one index, however many inquiries there are.
    `alone`: ids of inquiries of any type that are listed besides.
    """
    asked = {"now": now, "before": _BEYOND if before is None else before, "limit": limit + 1}
    newest: list[int] = []
    if alone:
        granted = among(connection, inquiries.c.id, alone), inquiries.c.state.in_(states)
        query = select(inquiries.c.id).join(groups, ON_MAIN).where(not_due(now), *granted)
        newest = sorted(connection.scalars(query.where(inquiries.c.id < asked["before"])), reverse=True)
    for name, state in product(types, states):
        least = newest[limit] if len(newest) > limit else 0  # what is older has no place on the page
        found = connection.scalars(_LISTED, asked | {"type": name, "state": state, "after": least})
        newest = sorted({*newest, *found}, reverse=True)[: limit + 1]
    rows = shells(connection, newest[:limit])
    return [rows[one] for one in newest[:limit] if one in rows], len(newest) > limit
