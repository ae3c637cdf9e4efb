"""Inquiries and their groups: the shell that is listed, the groups that are sealed, due and destroyed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import BigInteger, Connection, and_, delete, func, insert, or_, select, type_coerce, update

from inquiries.stores.live.tables import consents, envelopes, groups, inquiries
from inquiries.stores.prepared import Prepared
from inquiries.stores.types import to_microseconds

MAIN = "main"


@dataclass(frozen=True)
class NewInquiry:
    """The shell as intake makes it."""

    id: int
    type: str
    state: str
    channel: str
    language: str
    policy_version: int
    received_at: datetime
    receipt_lookup: bytes
    once: bytes | None


@dataclass(frozen=True)
class NewGroup:
    """A group of sealed items; `due_at` is None when it is kept until withdrawn."""

    id: int
    inquiry_id: int
    name: str
    due_at: datetime | None
    sealed: bytes


@dataclass(frozen=True)
class ConsentRow:
    """One purpose, whether it was agreed to, and what was shown (P03)."""

    inquiry_id: int
    purpose: str
    given: bool
    policy_version: int
    notice_digest: bytes
    notice_shown: bool
    language: str
    recorded_at: datetime


@dataclass(frozen=True)
class InquiryRow:
    """The shell with its main group, when that still stands."""

    id: int
    type: str
    state: str
    channel: str
    language: str
    policy_version: int
    received_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    sealed: bytes | None


@dataclass(frozen=True)
class GroupRow:
    """A group as it stands."""

    id: int
    inquiry_id: int
    name: str
    due_at: datetime | None
    claimed_at: datetime | None
    sealed: bytes


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


@dataclass(frozen=True)
class ForAdoption:
    """What a key row takes from the live store."""

    id: int
    receipt_lookup: bytes
    policy_version: int
    sealed: Mapping[str, bytes]


# -- writing -------------------------------------------------------------------------------------

_INSERT_INQUIRY = Prepared(insert(inquiries), [field.name for field in fields(NewInquiry)])
_INSERT_GROUP = Prepared(insert(groups), [field.name for field in fields(NewGroup)])
_INSERT_CONSENT = Prepared(insert(consents), [field.name for field in fields(ConsentRow)])


def add(
    connection: Connection, inquiry: NewInquiry, members: Iterable[NewGroup], agreed: Iterable[ConsentRow]
) -> None:
    """Store a whole inquiry. Raises IntegrityError when its id, receipt or `once` exists already."""
    _INSERT_INQUIRY.put(connection, [vars(inquiry)])
    _INSERT_GROUP.put(connection, [vars(group) for group in members])
    _INSERT_CONSENT.put(connection, [vars(consent) for consent in agreed])


def set_state(
    connection: Connection, inquiry_id: int, before: str, after: str, moments: Mapping[str, datetime | None]
) -> bool:
    """Move from one state to another; False when it stood in a third one meanwhile."""
    query = update(inquiries).where(inquiries.c.id == inquiry_id, inquiries.c.state == before)
    return connection.execute(query.values(state=after, **moments)).rowcount == 1


def set_due(connection: Connection, inquiry_id: int, due_at: datetime | None) -> None:
    """Set the main group's due date, unless the sweep has claimed it."""
    query = update(groups).where(
        groups.c.inquiry_id == inquiry_id, groups.c.name == MAIN, groups.c.claimed_at.is_(None)
    )
    connection.execute(query.values(due_at=due_at))


# -- reading -------------------------------------------------------------------------------------

_SHELL = select(
    inquiries.c.id,
    inquiries.c.type,
    inquiries.c.state,
    inquiries.c.channel,
    inquiries.c.language,
    inquiries.c.policy_version,
    inquiries.c.received_at,
    inquiries.c.answered_at,
    inquiries.c.closed_at,
    groups.c.due_at,
    groups.c.sealed,
)
_ON_MAIN = and_(groups.c.inquiry_id == inquiries.c.id, groups.c.name == MAIN)


def _readable(now: datetime) -> Any:  # noqa: ANN401 - an SQL condition
    """From the moment that it is due, or claimed, nobody reads it any more (DESIGN §3)."""
    return and_(groups.c.claimed_at.is_(None), or_(groups.c.due_at.is_(None), groups.c.due_at > now))


def page(
    connection: Connection,
    types: Sequence[str],
    states: Sequence[str],
    before: int | None,
    limit: int,
    now: datetime,
) -> list[InquiryRow]:
    """Readable inquiries of these types and states, the newest first, below the id `before`.

    One keyset query per type and state, each along the one index, however many inquiries there are.
    """
    found: list[InquiryRow] = []
    for name, state in product(types, states):
        query = _SHELL.join(groups, _ON_MAIN).where(_readable(now))
        query = query.where(inquiries.c.type == name, inquiries.c.state == state)
        if before is not None:
            query = query.where(inquiries.c.id < before)
        rows = connection.execute(query.order_by(inquiries.c.id.desc()).limit(limit))
        found += [InquiryRow(*row) for row in rows]
    return sorted(found, key=lambda row: row.id, reverse=True)[:limit]


def readable(connection: Connection, inquiry_id: int, now: datetime) -> InquiryRow | None:
    """One inquiry whose main group may still be read."""
    query = _SHELL.join(groups, _ON_MAIN).where(inquiries.c.id == inquiry_id, _readable(now))
    row = connection.execute(query).one_or_none()
    return None if row is None else InquiryRow(*row)


def by_receipt(connection: Connection, lookup: bytes) -> InquiryRow | None:
    """The inquiry that this receipt belongs to, with its main group if that stands."""
    query = _SHELL.join(groups, _ON_MAIN, isouter=True).where(inquiries.c.receipt_lookup == lookup)
    row = connection.execute(query).one_or_none()
    return None if row is None else InquiryRow(*row)


def once_used(connection: Connection, once: bytes) -> bool:
    """Whether something was stored under this `once`."""
    return connection.scalar(select(inquiries.c.id).where(inquiries.c.once == once)) is not None


def groups_of(connection: Connection, inquiry_id: int, now: datetime) -> list[GroupRow]:
    """The readable groups of one inquiry."""
    query = select(
        groups.c.id, groups.c.inquiry_id, groups.c.name, groups.c.due_at, groups.c.claimed_at, groups.c.sealed
    ).where(groups.c.inquiry_id == inquiry_id, _readable(now))
    return [GroupRow(*row) for row in connection.execute(query)]


def consents_of(connection: Connection, inquiry_id: int) -> list[ConsentRow]:
    """What was agreed to."""
    query = select(consents).where(consents.c.inquiry_id == inquiry_id)
    return [ConsentRow(*row) for row in connection.execute(query)]


def for_adoption(connection: Connection, inquiry_ids: Sequence[int]) -> list[ForAdoption]:
    """Receipt lookup, policy version and sealed groups of these inquiries."""
    query = (
        select(
            inquiries.c.id,
            inquiries.c.receipt_lookup,
            inquiries.c.policy_version,
            groups.c.name,
            groups.c.sealed,
        )
        .join(groups, groups.c.inquiry_id == inquiries.c.id)
        .where(inquiries.c.id.in_(inquiry_ids))
    )
    found: dict[int, tuple[bytes, int, dict[str, bytes]]] = {}
    for inquiry_id, lookup, version, name, sealed in connection.execute(query):
        found.setdefault(inquiry_id, (lookup, version, {}))[2][name] = sealed
    return [ForAdoption(key, *rest) for key, rest in found.items()]


# -- the end -------------------------------------------------------------------------------------

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
        connection.execute(delete(inquiries).where(inquiries.c.id.in_(empty)))
    return removed


def standing(connection: Connection, group_ids: Sequence[int]) -> list[tuple[int, int]]:
    """(group id, inquiry id) of those of the groups that still have rows."""
    query = select(groups.c.id, groups.c.inquiry_id).where(groups.c.id.in_(group_ids))
    return [(row[0], row[1]) for row in connection.execute(query)]


def groups_after(connection: Connection, after: int, limit: int) -> list[tuple[int, int]]:
    """(group id, inquiry id) in order of group id, `limit` at a time."""
    query = (
        select(groups.c.id, groups.c.inquiry_id).where(groups.c.id > after).order_by(groups.c.id).limit(limit)
    )
    return [(row[0], row[1]) for row in connection.execute(query)]
