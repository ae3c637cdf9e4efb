"""Claims on groups, by the sweep or for a reason of its own: set once, and only destruction follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, func, literal, not_, select, type_coerce, update

from inquiries.rules.requests import Kind, State
from inquiries.rules.retention import MAIN
from inquiries.stores.among import among
from inquiries.stores.live import holds as legal
from inquiries.stores.live.tables import archivals, groups, guardians, inquiries, requests
from inquiries.stores.types import Id


@dataclass(frozen=True, slots=True)
class Claimed:
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
    claimed_for: str | None = None


#: Why a child's inquiry is due before its time.
NO_GUARDIAN = "no_guardian"
_UNCONFIRMED = (
    select(literal(NO_GUARDIAN))
    .where(guardians.c.inquiry_id == groups.c.inquiry_id, guardians.c.confirmed_at.is_(None))
    .correlate(groups)
    .scalar_subquery()
)
#: A guardian has agreed, and nobody has come by yet to prove it.
_AGREEING = (
    exists()
    .where(guardians.c.inquiry_id == groups.c.inquiry_id, guardians.c.confirmed_at.is_(None))
    .where(requests.c.inquiry_id == guardians.c.inquiry_id)
    .where(requests.c.kind == Kind.confirm, requests.c.state == State.open)
    .correlate(groups)
)
_CLAIMED = select(
    groups.c.id,
    groups.c.inquiry_id,
    groups.c.name,
    type_coerce(groups.c.due_at, Id),
    inquiries.c.type,
    inquiries.c.policy_version,
    type_coerce(inquiries.c.received_at, Id),
    type_coerce(inquiries.c.closed_at, Id),
    inquiries.c.receipt_lookup,
    func.coalesce(groups.c.claimed_for, _UNCONFIRMED),
).join(inquiries, inquiries.c.id == groups.c.inquiry_id)


def claim_due(
    connection: Connection, now: datetime, limit: int, since: datetime | None = None
) -> list[datetime]:
    """Claim up to `limit` groups that are due, at `since` or after it, and not held; returns their due dates.

    A claim is for good: whoever sees it refuses to read, hold or postpone. What was ordered into the archive
    before it was due is not claimed here: the move takes it first, and destroys it. Nor is a child's inquiry
    whose guardian's word waits to be heard.
    """
    moving = (groups.c.name == MAIN) & groups.c.inquiry_id.in_(select(archivals.c.inquiry_id))
    due = select(groups.c.id).where(
        groups.c.due_at <= now,
        groups.c.claimed_at.is_(None),
        groups.c.inquiry_id.not_in(legal.held(now)),
        not_(moving),
        not_(_AGREEING),
    )
    if since is not None:  # else each of many claims walks past all that was claimed before it
        due = due.where(groups.c.due_at >= since)
    due = due.order_by(groups.c.due_at).limit(limit)
    if connection.dialect.name == "postgresql":
        rows = connection.execute(due.add_columns(groups.c.due_at).with_for_update(skip_locked=True)).all()
        _claim(connection, [row[0] for row in rows], now)
        return [row[1] for row in rows]
    claiming = update(groups).where(groups.c.id.in_(due)).values(claimed_at=now).returning(groups.c.due_at)
    return list(connection.scalars(claiming))


def claimed(connection: Connection, limit: int) -> list[Claimed]:
    """Groups that were claimed and are not destroyed yet, the first claimed first."""
    query = _CLAIMED.where(groups.c.claimed_at.is_not(None))
    query = query.order_by(groups.c.claimed_at, groups.c.id).limit(limit)
    return [Claimed(*row) for row in connection.execute(query).all()]


def claimed_among(connection: Connection, group_ids: Sequence[int]) -> list[Claimed]:
    """Those of the groups that were claimed and are not destroyed yet."""
    wanted = among(connection, groups.c.id, group_ids)
    query = _CLAIMED.where(wanted, groups.c.claimed_at.is_not(None)).order_by(groups.c.id)
    return [Claimed(*row) for row in connection.execute(query).all()]


def unclaimed(connection: Connection, group_ids: Sequence[int]) -> bool:
    """Whether one of the groups stands and is not claimed."""
    wanted = among(connection, groups.c.id, group_ids)
    query = select(groups.c.id).where(wanted, groups.c.claimed_at.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def claim(connection: Connection, group_ids: Sequence[int], reason: str, now: datetime) -> int:
    """Claim these groups, due or not, but those on which a hold runs; how many were not claimed before."""
    if connection.dialect.name == "postgresql":
        wanted = among(connection, groups.c.id, group_ids)
        group_ids = list(connection.scalars(select(groups.c.id).where(wanted).with_for_update()))
    return _claim(connection, group_ids, now, reason)


def _claim(connection: Connection, group_ids: Sequence[int], now: datetime, reason: str | None = None) -> int:
    """Claim those on which no hold runs.

    A statement of its own, after the one that took the rows' locks: a hold that was placed while that one
    waited is seen by this one.
    """
    free = groups.c.claimed_at.is_(None) & groups.c.inquiry_id.not_in(legal.held(now))
    query = update(groups).where(among(connection, groups.c.id, group_ids), free)
    return connection.execute(query.values(claimed_at=now, claimed_for=reason)).rowcount
