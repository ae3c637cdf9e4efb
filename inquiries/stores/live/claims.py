"""Claims on groups, by the sweep or for a reason of its own: set once, and only destruction follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from sqlalchemy import (
    Connection,
    Insert,
    Integer,
    String,
    bindparam,
    exists,
    func,
    insert,
    literal,
    not_,
    select,
    type_coerce,
)

from inquiries.rules.requests import Kind, State
from inquiries.rules.retention import MAIN
from inquiries.stores.among import among, among_listed, listed
from inquiries.stores.live import holds as legal
from inquiries.stores.live.tables import archivals, claims, groups, guardians, holds, inquiries, requests
from inquiries.stores.prepared import plain
from inquiries.stores.types import Id, Moment


class Claimed(NamedTuple):
    """A group that is to be destroyed; moments in microseconds since 1970, since there are many of them."""

    id: int
    inquiry_id: int
    name: str
    due_us: int | None
    type: str
    policy_version: int
    received_us: int
    closed_us: int | None
    receipt_lookup: bytes
    claimed_for: str | None


#: Before every due date, in microseconds since 1970.
EARLIEST = -(1 << 63)
#: The condition on `groups` that nobody has claimed it.
FREE = not_(exists(claims.c.group_id).where(claims.c.group_id == groups.c.id).correlate(groups))
#: The same, for many groups at once: PostgreSQL reads the claims but once, however many it believes they are.
_FREE_AMONG_MANY = groups.c.id.not_in(select(claims.c.group_id))
#: Why a child's inquiry is due before its time.
NO_GUARDIAN = "no_guardian"
_UNCONFIRMED = (
    select(literal(NO_GUARDIAN))
    .where(guardians.c.inquiry_id == groups.c.inquiry_id, guardians.c.confirmed_at.is_(None))
    .correlate(groups)
    .scalar_subquery()
)
#: A guardian has agreed, and it is proved, or nobody has come by yet to do so. Unproved it counts for some
#: days: the key that proves it may be lost.
UNPROVED = timedelta(days=5)
_AGREEING = (
    exists()
    .where(guardians.c.inquiry_id == groups.c.inquiry_id, guardians.c.confirmed_at.is_(None))
    .where(requests.c.inquiry_id == guardians.c.inquiry_id)
    .where(requests.c.kind == Kind.confirm, requests.c.state == State.open)
    .where(requests.c.noted_at.is_not(None) | (requests.c.asked_at > bindparam("lately", type_=Moment)))
    .correlate(groups)
)
_CLAIMED = (
    select(
        groups.c.id,
        groups.c.inquiry_id,
        groups.c.name,
        type_coerce(groups.c.due_at, Id),
        inquiries.c.type,
        inquiries.c.policy_version,
        type_coerce(inquiries.c.received_at, Id),
        type_coerce(inquiries.c.closed_at, Id),
        inquiries.c.receipt_lookup,
        func.coalesce(claims.c.reason, _UNCONFIRMED),
    )
    .select_from(claims)  # which has its group: by an outer join SQLite begins here, and not with all groups
    .join(groups, groups.c.id == claims.c.group_id, isouter=True)
    .join(inquiries, inquiries.c.id == groups.c.inquiry_id, isouter=True)
)


# What runs for every few hundred groups is made once: to make a statement takes longer than to run it.
_NOW = bindparam("now", type_=Moment)
_DUE_US = type_coerce(groups.c.due_at, Id)
_DUE = (
    select(groups.c.id, _DUE_US)
    .where(
        groups.c.due_at <= _NOW,
        bindparam("since") <= _DUE_US,  # else each of many claims walks past all that was claimed before it
        _FREE_AMONG_MANY,
        groups.c.inquiry_id.not_in(legal.held(_NOW)),
        not_((groups.c.name == MAIN) & groups.c.inquiry_id.in_(select(archivals.c.inquiry_id))),
        not_(_AGREEING),
    )
    .order_by(groups.c.due_at)
    .limit(bindparam("limit", type_=Integer))
    .with_for_update(of=groups, skip_locked=True)
)


@cache
def _claiming(dialect: str) -> Insert:
    """A statement of its own, after the one that took the rows' locks.

    A hold that was placed while that one waited is seen by this one.
    """
    free = select(groups.c.id, _NOW, bindparam("reason", type_=String)).where(
        among_listed(dialect, groups.c.id, "ids"),
        _FREE_AMONG_MANY,
        groups.c.inquiry_id.not_in(legal.held(_NOW)),
    )
    claiming = insert(claims).from_select(["group_id", "at", "reason"], free)
    return claiming.execution_options(preserve_rowcount=True)  # PostgreSQL's driver forgets it otherwise


def claim_due(
    connection: Connection, now: datetime, limit: int, since: int = EARLIEST
) -> list[tuple[int, int]]:
    """Claim up to `limit` groups that are due, at `since` or after it, and not held.

    Returns (id, due date) of each in order of the dates, these and `since` in microseconds since 1970; also
    of those on which a hold was placed at this moment. A claim is for good: whoever sees it refuses to read,
    hold or postpone. What was ordered into the archive before it was due is not claimed here: the move takes
    it first, and destroys it. Nor is a child's inquiry whose guardian's word waits to be heard.
    """
    values = {"now": now, "lately": now - UNPROVED, "since": since, "limit": limit}
    due = plain(connection, _DUE, values)
    _claim(connection, [row[0] for row in due], now)
    return due


def claim_overdue(connection: Connection, inquiry_id: int, now: datetime) -> int:
    """Claim what of this inquiry is due, unless a hold runs on it already; how many."""
    due = select(groups.c.id).where(groups.c.inquiry_id == inquiry_id, groups.c.due_at <= now)
    return _claim(connection, list(connection.scalars(due)), now)


def claimed(connection: Connection, limit: int) -> list[Claimed]:
    """Groups that were claimed and are not destroyed yet, the first claimed first."""
    query = _CLAIMED.order_by(claims.c.at, claims.c.group_id).limit(limit)
    return [Claimed._make(row) for row in plain(connection, query)]


def claimed_among(connection: Connection, group_ids: Sequence[int]) -> list[Claimed]:
    """Those of the groups that were claimed and are not destroyed yet."""
    query = _CLAIMED.where(among(connection, claims.c.group_id, group_ids)).order_by(claims.c.group_id)
    return [Claimed._make(row) for row in plain(connection, query)]


def kept_until(connection: Connection) -> dict[int, int]:
    """When the last hold ended that ran on a claimed group before its claim, in microseconds since 1970."""
    query = select(claims.c.group_id, type_coerce(func.max(legal.END), Id)).select_from(holds)
    query = query.join(groups, groups.c.inquiry_id == holds.c.inquiry_id)
    query = query.join(claims, claims.c.group_id == groups.c.id).where(claims.c.at >= legal.END)
    return {row[0]: row[1] for row in connection.execute(query.group_by(claims.c.group_id))}


def unclaimed(connection: Connection, group_ids: Sequence[int]) -> bool:
    """Whether one of the groups stands and is not claimed."""
    query = select(groups.c.id).where(among(connection, groups.c.id, group_ids), FREE).limit(1)
    return connection.execute(query).first() is not None


def claim(connection: Connection, group_ids: Sequence[int], reason: str, now: datetime) -> int:
    """Claim these groups, due or not, but those on which a hold runs; how many were not claimed before."""
    if connection.dialect.name == "postgresql":
        wanted = among(connection, groups.c.id, group_ids)
        group_ids = list(connection.scalars(select(groups.c.id).where(wanted).with_for_update()))
    return _claim(connection, group_ids, now, reason)


def _claim(connection: Connection, group_ids: Sequence[int], now: datetime, reason: str | None = None) -> int:
    """Claim those on which no hold runs; how many were not claimed before."""
    values = {"ids": listed(connection, group_ids), "now": now, "reason": reason}
    return connection.execute(_claiming(connection.dialect.name), values).rowcount
