"""Groups whose time comes: counted, claimed for good, and deleted with the shells they leave empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Connection, delete, func, or_, select, type_coerce, union_all, update

from inquiries.stores.live.tables import archivals, consents, envelopes, groups, holds, inquiries, staff
from inquiries.stores.types import to_microseconds


@dataclass(frozen=True)
class DueGroup:
    """A group whose time has come, with what its tombstone will say."""

    id: int
    inquiry_id: int
    name: str
    due_at: datetime | None
    type: str
    policy_version: int
    closed_at: datetime | None
    receipt_lookup: bytes


_DUE = select(
    groups.c.id,
    groups.c.inquiry_id,
    groups.c.name,
    groups.c.due_at,
    inquiries.c.type,
    inquiries.c.policy_version,
    inquiries.c.closed_at,
    inquiries.c.receipt_lookup,
).join(inquiries, inquiries.c.id == groups.c.inquiry_id)


def claim_due(connection: Connection, now: datetime, limit: int) -> list[DueGroup]:
    """Claim up to `limit` groups that are due, and return them with those claimed before and never finished.

    A claim is for good: whoever sees it refuses to read, hold or postpone.
    """
    due = select(groups.c.id).where(groups.c.due_at <= now, groups.c.claimed_at.is_(None))
    due = due.order_by(groups.c.due_at).limit(limit)
    if connection.dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
    connection.execute(update(groups).where(groups.c.id.in_(due)).values(claimed_at=now))
    claimed = _DUE.where(groups.c.claimed_at.is_not(None)).order_by(groups.c.id).limit(limit)
    return [DueGroup(*row) for row in connection.execute(claimed)]


def count_due(connection: Connection, by: datetime, *, closed_by: datetime | None = None) -> int:
    """How many groups are due by then or claimed; with `closed_by`, without those closed after it.

    What was closed after a forecast was made could not stand in it.
    """
    query = (
        select(func.count())
        .select_from(groups)
        .where(or_(groups.c.due_at <= by, groups.c.claimed_at.is_not(None)))
    )
    if closed_by is not None:
        query = query.join(inquiries, inquiries.c.id == groups.c.inquiry_id)
        query = query.where(or_(inquiries.c.closed_at.is_(None), inquiries.c.closed_at <= closed_by))
    return connection.scalar(query) or 0


def due_by_hour(connection: Connection, now: datetime, hours: int) -> list[list[int]]:
    """[n, count]: so many groups become due in the n-th hour from now (from 1), for as many hours."""
    hour = 3_600_000_000
    start = to_microseconds(now)
    due = type_coerce(groups.c.due_at, BigInteger)
    step = ((due - start) // hour).label("step")
    query = (
        select(step, func.count())
        .where(due > start, due <= start + hours * hour)
        .group_by(step)
        .order_by(step)
    )
    return [[int(row[0]) + 1, int(row[1])] for row in connection.execute(query)]


def lookups(connection: Connection, inquiry_ids: Sequence[int]) -> dict[int, bytes]:
    """Inquiry id → receipt lookup, of those that stand."""
    query = select(inquiries.c.id, inquiries.c.receipt_lookup).where(inquiries.c.id.in_(inquiry_ids))
    return {row[0]: row[1] for row in connection.execute(query)}


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """The earliest due date that has passed."""
    oldest: datetime | None = connection.scalar(
        select(func.min(groups.c.due_at)).where(groups.c.due_at <= now)
    )
    return oldest


def remove_groups(connection: Connection, group_ids: Sequence[int], inquiry_ids: Sequence[int]) -> int:
    """Delete groups, then the shells, consents and envelopes of inquiries that have none left.

    Returns how many groups there were. Repeatable.
    """
    removed = connection.execute(delete(groups).where(groups.c.id.in_(group_ids))).rowcount
    left = select(groups.c.inquiry_id).where(groups.c.inquiry_id.in_(inquiry_ids)).distinct()
    standing = set(connection.scalars(left))
    empty = [inquiry_id for inquiry_id in set(inquiry_ids) if inquiry_id not in standing]
    if empty:
        connection.execute(delete(consents).where(consents.c.inquiry_id.in_(empty)))
        connection.execute(delete(envelopes).where(envelopes.c.inquiry_id.in_(empty)))
        connection.execute(delete(holds).where(holds.c.inquiry_id.in_(empty)))
        connection.execute(delete(archivals).where(archivals.c.inquiry_id.in_(empty)))
        connection.execute(delete(inquiries).where(inquiries.c.id.in_(empty)))
    return removed


def standing(connection: Connection, group_ids: Sequence[int]) -> list[tuple[int, int]]:
    """(group id, inquiry id) of those of the groups that still have rows."""
    query = select(groups.c.id, groups.c.inquiry_id).where(groups.c.id.in_(group_ids))
    return [(row[0], row[1]) for row in connection.execute(query)]


def stands(connection: Connection, key_id: int) -> bool:
    """Whether the group, or member of staff, that this key belongs to has its row."""
    group = select(groups.c.id).where(groups.c.id == key_id)
    person = select(staff.c.id).where(staff.c.id == key_id)
    return connection.execute(union_all(group, person)).first() is not None


def groups_after(connection: Connection, after: int, limit: int) -> list[tuple[int, int]]:
    """(group id, inquiry id) in order of group id, `limit` at a time."""
    query = (
        select(groups.c.id, groups.c.inquiry_id).where(groups.c.id > after).order_by(groups.c.id).limit(limit)
    )
    return [(row[0], row[1]) for row in connection.execute(query)]
