"""The list of inquiries, page by page, and what may be shown of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Integer,
    Select,
    Text,
    bindparam,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from inquiries.stores.among import among, among_listed, listed
from inquiries.stores.live import guardians, requests, thread
from inquiries.stores.live.inquiries import ON_MAIN, InquiryRow, not_due, readable_now, shells
from inquiries.stores.live.tables import groups, inquiries
from inquiries.stores.types import Moment

_BEYOND = (1 << 63) - 1  # every id
_AT_ONCE = 100  # lists in one statement, of which SQLite takes 500
_LIMIT = bindparam("limit", type_=Integer)


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
        query, of = _newest(connection.dialect.name, lists[start : start + _AT_ONCE])
        newest.update(connection.scalars(query, asked | of))
    found = sorted(newest, reverse=True)
    rows = shells(connection, found[:limit])
    return [rows[one] for one in found[:limit] if one in rows], len(found) > limit


def _newest(dialect: str, lists: Sequence[tuple[str, str]]) -> tuple[Any, dict[str, Any]]:
    """The newest ids of these lists together, each of a type and a state; and the statement's parameters."""
    if dialect == "postgresql":
        types, states = zip(*lists, strict=True)
        return _of_each(), {"types": list(types), "states": list(states)}
    of = {f"type_{n}": name for n, (name, _) in enumerate(lists)}
    return _merged(len(lists)), of | {f"state_{n}": state for n, (_, state) in enumerate(lists)}


@cache
def _of_each() -> Select[tuple[int]]:
    """On PostgreSQL: each list by the same plan; to plan them one by one takes longer than to read them."""
    arrays = (bindparam(name, type_=ARRAY(Text)) for name in ("types", "states"))
    lists = func.unnest(*arrays).table_valued("type", "state").render_derived("lists")
    each = _along(lists.c.type, lists.c.state).order_by(inquiries.c.id.desc()).limit(_LIMIT).lateral("newest")
    return select(each.c.id).select_from(lists.join(each, true())).order_by(each.c.id.desc()).limit(_LIMIT)


@cache
def _merged(lists: int) -> CompoundSelect[Any]:
    """On SQLite, which has no such join: it merges so many lists and stops when the page is full."""
    merged = union_all(*(_along(bindparam(f"type_{n}"), bindparam(f"state_{n}")) for n in range(lists)))
    return merged.order_by(merged.selected_columns.id.desc()).limit(_LIMIT)


def _along(of_type: ColumnElement[str], in_state: ColumnElement[str]) -> Select[tuple[int]]:
    """The readable ids of one list below `before`, for which there is an index."""
    one, now = inquiries.c.id, bindparam("now", type_=Moment)
    mine = inquiries.c.type == of_type, inquiries.c.state == in_state, one < bindparam("before")
    return select(one).where(*mine, readable_now(one, now))


class Look(NamedTuple):
    """What may be shown of an inquiry at one moment."""

    usable: bool  # it may be read, and is not suspended
    suspended: bool  # nothing of it may be used: at her wish, or before a guardian agrees (P07, P19)
    guardian_until: datetime | None  # until when one may agree; None: nobody is waited for
    unread: bool  # there is an answer of hers that nobody has read


def look(
    connection: Connection, inquiry_ids: Sequence[int], now: datetime, *, held: bool = False
) -> dict[int, Look]:
    """Inquiry id → what may be shown, of those whose shell stands.

    `held`: what only a hold keeps is usable, too.
    """
    found = connection.execute(
        _look(connection.dialect.name, held), {"ids": listed(connection, inquiry_ids), "now": now}
    )
    return {
        inquiry_id: Look(
            usable=readable and not suspended,
            suspended=suspended,
            guardian_until=until,
            unread=unread,
        )
        for inquiry_id, readable, suspended, until, unread in found
    }


@cache
def _look(dialect: str, held: bool) -> Select[Any]:  # noqa: FBT001 - of this module alone
    one, now = inquiries.c.id, bindparam("now", type_=Moment)
    readable, suspended = readable_now(one, now, held=held), one.in_(requests.all_suspended())
    columns = readable, suspended, guardians.waiting_until(one), thread.unread(one)
    return select(one, *columns).where(among_listed(dialect, one, "ids"))
