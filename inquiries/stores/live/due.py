"""Groups whose time comes: counted, brought nearer, and deleted with the shells they leave empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    bindparam,
    case,
    func,
    literal,
    select,
    type_coerce,
    union_all,
    update,
)

from inquiries.rules.retention import MAIN
from inquiries.stores.among import among, among_listed, listed
from inquiries.stores.live import holds as legal
from inquiries.stores.live.claims import FREE
from inquiries.stores.live.tables import (
    archivals,
    claims,
    consents,
    envelopes,
    grants,
    groups,
    guardians,
    holds,
    inquiries,
    openings,
    requests,
    staff,
)
from inquiries.stores.live.written_tables import outbox, thread
from inquiries.stores.prepared import Removal, sent_together
from inquiries.stores.types import Moment, to_microseconds

HOUR = 3_600_000_000  # microseconds


# -- counting ------------------------------------------------------------------------------------


def count_due(connection: Connection, by: datetime) -> int:
    """How many groups are due by then and not held, or claimed."""
    claimed = select(func.count()).select_from(claims)
    due = select(func.count()).select_from(groups)
    due = due.where(groups.c.due_at <= by, FREE)
    return (connection.scalar(claimed) or 0) + (connection.scalar(due) or 0) - count_held(connection, by)


def count_held(connection: Connection, by: datetime) -> int:
    """How many groups are due by then, but held."""
    query = select(func.count()).select_from(groups)
    due = (groups.c.due_at <= by) & FREE
    return connection.scalar(query.where(due, groups.c.inquiry_id.in_(legal.held(by)))) or 0


def count_changed(connection: Connection, by: datetime, since: datetime) -> int:
    """How many of those due by then were closed, or let go from a hold, after `since`.

    No forecast made at that moment could know them.
    """
    released = select(holds.c.inquiry_id).where(holds.c.released_at > since)
    query = select(func.count()).select_from(groups)
    query = query.join(inquiries, inquiries.c.id == groups.c.inquiry_id)
    query = query.where(
        groups.c.due_at <= by,
        FREE,
        groups.c.inquiry_id.not_in(legal.held(by)),
        (inquiries.c.closed_at > since) | inquiries.c.id.in_(released),
    )
    return connection.scalar(query) or 0


def due_by_hour(connection: Connection, now: datetime, hours: int) -> list[list[int]]:
    """[n, count]: so many groups become due in the n-th hour from now (from 1), for as many hours.

    What is held becomes due when its last hold ends, if not later.
    """
    start = to_microseconds(now)
    last = _last_holds(now)
    until = type_coerce(last.c.until, BigInteger)
    promised = type_coerce(groups.c.due_at, BigInteger)
    due = case((until > promised, until), else_=promised)
    step = ((due - start) // HOUR).label("step")
    end = start + hours * HOUR
    free = select(((promised - start) // HOUR).label("step"), func.count().label("count"))
    free = free.where(
        promised > start, promised <= end, groups.c.inquiry_id.not_in(legal.held(now))
    ).group_by("step")
    kept = select(step, func.count().label("count")).select_from(groups)
    kept = kept.join(last, last.c.inquiry_id == groups.c.inquiry_id)
    kept = kept.where(groups.c.due_at.is_not(None), due > start, due <= end).group_by("step")
    found: dict[int, int] = {}
    for part in (free, kept):
        for at, count in connection.execute(part):
            found[int(at) + 1] = found.get(int(at) + 1, 0) + int(count)
    return [[at, found[at]] for at in sorted(found)]


def due_between(connection: Connection, start: datetime, end: datetime, now: datetime) -> dict[str, int]:
    """Inquiry type → how many groups become due from `start` until before `end`, without those held now."""
    query = select(inquiries.c.type, func.count()).select_from(groups)
    query = query.join(inquiries, inquiries.c.id == groups.c.inquiry_id)
    query = query.where(
        groups.c.due_at >= start, groups.c.due_at < end, groups.c.inquiry_id.not_in(legal.held(now))
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(inquiries.c.type))}


def held_ends(connection: Connection, now: datetime) -> list[tuple[str, datetime]]:
    """(inquiry type, when it goes) of each group that is held now and has an end."""
    last = _last_holds(now)
    query = select(inquiries.c.type, groups.c.due_at, last.c.until).select_from(groups)
    query = query.join(last, last.c.inquiry_id == groups.c.inquiry_id)
    query = query.join(inquiries, inquiries.c.id == groups.c.inquiry_id)
    query = query.where(groups.c.due_at.is_not(None), FREE)
    return [(kind, max(due, until)) for kind, due, until in connection.execute(query)]


def _last_holds(now: datetime) -> Any:  # noqa: ANN401 - an SQL subquery
    """(inquiry_id, until): when the last of the holds ends that run on an inquiry."""
    query = select(holds.c.inquiry_id, func.max(holds.c.until).label("until")).where(legal.running(now))
    return query.group_by(holds.c.inquiry_id).subquery()


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """Since when what waits longest could be destroyed: its due date, or the end of the hold that kept it.

    What is claimed no later hold keeps.
    """
    held = groups.c.inquiry_id.in_(select(holds.c.inquiry_id))
    never = select(func.min(groups.c.due_at)).where(groups.c.due_at <= now, ~held)
    last = select(func.max(legal.END)).where(holds.c.inquiry_id == groups.c.inquiry_id)
    last = last.where(func.coalesce(claims.c.at, literal(now, Moment)) >= legal.END).correlate(groups, claims)
    once = select(groups.c.due_at, last.scalar_subquery().label("ended")).where(groups.c.due_at <= now, held)
    once = once.join(claims, claims.c.group_id == groups.c.id, isouter=True)
    once = once.where(claims.c.at.is_not(None) | groups.c.inquiry_id.not_in(legal.held(now)))
    kept = once.subquery().c
    since = case((kept.ended > kept.due_at, kept.ended), else_=kept.due_at)
    found = (connection.scalar(never), connection.scalar(select(func.min(since))))
    return min((one for one in found if one is not None), default=None)


# -- brought nearer by a later policy ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dated:
    """A group with what its due date is made of."""

    id: int
    due_at: datetime | None
    received_at: datetime
    closed_at: datetime | None


def of_version(
    connection: Connection, version: int, type_name: str, name: str, after: int, limit: int
) -> list[Dated]:
    """Unclaimed groups of this name, received under this version, in order of id, `limit` at a time."""
    query = select(groups.c.id, groups.c.due_at, inquiries.c.received_at, inquiries.c.closed_at)
    query = query.join(inquiries, inquiries.c.id == groups.c.inquiry_id)
    query = query.where(
        groups.c.id > after,
        groups.c.name == name,
        FREE,
        inquiries.c.policy_version == version,
        inquiries.c.type == type_name,
    )
    return [Dated(*row) for row in connection.execute(query.order_by(groups.c.id).limit(limit))]


_NEARER = (
    update(groups)
    .where(
        groups.c.id == bindparam("group_id"),
        FREE,
        groups.c.due_at.is_not_distinct_from(bindparam("before", type_=Moment)),
    )
    .values(due_at=bindparam("due"))
)


def bring_nearer(connection: Connection, dates: Sequence[tuple[int, datetime | None, datetime]]) -> int:
    """Set the due dates of (group, its date before, its new date) that nobody moved meanwhile; how many."""
    names = ("group_id", "before", "due")
    return connection.execute(_NEARER, [dict(zip(names, date, strict=True)) for date in dates]).rowcount


# -- deleting ------------------------------------------------------------------------------------


def lookups(connection: Connection, inquiry_ids: Sequence[int]) -> dict[int, bytes]:
    """Inquiry id → receipt lookup, of those that stand."""
    query = select(inquiries.c.id, inquiries.c.receipt_lookup)
    query = query.where(among(connection, inquiries.c.id, inquiry_ids))
    return {row[0]: row[1] for row in connection.execute(query).all()}


_GROUPS, _CLAIMS = Removal(groups.c.id), Removal(claims.c.group_id)
_SEALED_BY_MAIN = tuple(Removal(table.c.inquiry_id) for table in (openings, outbox, thread))
_WHOLE = (
    *(
        Removal(table.c.inquiry_id)
        for table in (
            consents,
            envelopes,
            holds,
            archivals,
            requests,
            grants,
            guardians,
            openings,
            outbox,
            thread,
        )
    ),
    Removal(inquiries.c.id),
)


@cache
def _left(dialect: str) -> Select[int, str]:
    """What still stands of inquiries; made once, for it runs for every few of them."""
    query = select(groups.c.inquiry_id, groups.c.name)
    return query.where(among_listed(dialect, groups.c.inquiry_id, "ids"))


def remove_groups(connection: Connection, group_ids: Sequence[int], inquiry_ids: Sequence[int]) -> int:
    """Delete groups, what else the main ones' keys sealed, and all of inquiries that have no group left.

    Returns how many groups there were. Repeatable.
    """
    gone = listed(connection, group_ids)
    removed = _GROUPS.of(connection, gone)
    _CLAIMS.of(connection, gone)
    left = connection.execute(_left(connection.dialect.name), {"ids": listed(connection, inquiry_ids)})
    found = [(row[0], row[1]) for row in left.all()]
    whole, standing = {one for one, name in found if name == MAIN}, {one for one, _ in found}
    empty = [inquiry_id for inquiry_id in dict.fromkeys(inquiry_ids) if inquiry_id not in standing]
    with sent_together(connection):
        if partly := standing - whole:  # what their main key sealed besides has lost it
            ended = listed(connection, partly)
            for removal in _SEALED_BY_MAIN:
                removal.of(connection, ended)
        if empty:
            shells = among(connection, inquiries.c.id, empty)
            if connection.dialect.name == "postgresql":  # a request being inserted waits, and is refused
                connection.execute(select(inquiries.c.id).where(shells).with_for_update())
            ended = listed(connection, empty)
            for removal in _WHOLE:
                removal.of(connection, ended)
    return removed


def standing(connection: Connection, group_ids: Sequence[int]) -> list[tuple[int, int]]:
    """(group id, inquiry id) of those of the groups that still have rows."""
    query = select(groups.c.id, groups.c.inquiry_id).where(among(connection, groups.c.id, group_ids))
    return [(row[0], row[1]) for row in connection.execute(query).all()]


def stands(connection: Connection, key_id: int) -> bool:
    """Whether the group, member of staff or message that this key belongs to has its row."""
    owners = [select(table.c.id).where(table.c.id == key_id) for table in (groups, staff, outbox)]
    return connection.execute(union_all(*owners)).first() is not None


def newest_before(connection: Connection, key_id: int) -> int:
    """The newest row before this id that a key can belong to; 0 when there is none."""
    owners = [select(func.max(table.c.id)).where(table.c.id < key_id) for table in (groups, staff, outbox)]
    return max((found for found in connection.scalars(union_all(*owners)) if found is not None), default=0)


def groups_after(connection: Connection, after: int, limit: int) -> list[tuple[int, int]]:
    """(group id, inquiry id) in order of group id, `limit` at a time."""
    query = (
        select(groups.c.id, groups.c.inquiry_id).where(groups.c.id > after).order_by(groups.c.id).limit(limit)
    )
    return [(row[0], row[1]) for row in connection.execute(query).all()]
