"""The archive: what a statute orders kept, apart from everything else, each row with its own end (P12).

Its rows are sealed under data keys that only the archive's private key opens; the keys store holds the
wraps and the tombstones. Knows no inquiry beyond its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from inquiries.stores.absent import insert_if_absent
from inquiries.stores.among import among
from inquiries.stores.types import Id, Moment, new_metadata

metadata = new_metadata()

archived = Table(
    "archived", metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # from inquiry and statute; also its key row's
    Column("inquiry_id", Id, nullable=False, index=True),
    Column("receipt_lookup", LargeBinary(16), nullable=False),
    Column("type", String(64), nullable=False),
    Column("statute", String(64), nullable=False),
    Column("policy_version", Integer, nullable=False),  # whose statutory table ordered it
    Column("received_at", Moment, nullable=False),
    Column("archived_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False, index=True),
    Column("claimed_at", Moment, index=True),  # set once, by the sweep: from here on only destruction follows
    Column("sealed", LargeBinary, nullable=False),  # sealing.items.pack
    Column("epoch", Integer, nullable=False),
    Column("envelope", LargeBinary),  # its key on the way to the keys store; gone once no backup needs it
)  # fmt: skip


@dataclass(frozen=True)
class ArchivedRow:
    """One archived inquiry, sealed."""

    id: int
    inquiry_id: int
    receipt_lookup: bytes
    type: str
    statute: str
    policy_version: int
    received_at: datetime
    archived_at: datetime
    due_at: datetime
    claimed_at: datetime | None
    sealed: bytes
    epoch: int
    envelope: bytes | None


@dataclass(frozen=True)
class Carried:
    """What carries a row's data key to the keys store."""

    id: int
    inquiry_id: int
    receipt_lookup: bytes
    statute: str
    due_at: datetime
    epoch: int
    envelope: bytes | None


_CARRIED = select(*(archived.c[name] for name in Carried.__dataclass_fields__))
_ROW = select(*(archived.c[name] for name in ArchivedRow.__dataclass_fields__))


def put(connection: Connection, row: ArchivedRow, *, instead_of: Carried | None = None) -> None:
    """Insert the row if none stands: archiving twice is archiving once.

    `instead_of`: a row to delete first, unless another was put in its place meanwhile.
    """
    if instead_of is not None:
        old = (archived.c.id == instead_of.id) & (archived.c.envelope == instead_of.envelope)
        connection.execute(delete(archived).where(old))
    connection.execute(insert_if_absent(connection, archived).values(vars(row)))


def by_id(connection: Connection, archive_id: int) -> ArchivedRow | None:
    """One row, whether due or not."""
    row = connection.execute(_ROW.where(archived.c.id == archive_id)).one_or_none()
    return None if row is None else ArchivedRow(*row)


def by_ids(connection: Connection, ids: Sequence[int]) -> list[ArchivedRow]:
    """Those of the rows that stand."""
    return [ArchivedRow(*row) for row in connection.execute(_ROW.where(archived.c.id.in_(ids)))]


def page(connection: Connection, now: datetime, before: int | None, limit: int) -> list[ArchivedRow]:
    """Rows that are not due, the latest archived first; `before` is the id of the row to go on after."""
    place = (archived.c.archived_at, archived.c.id)
    query = _ROW.where(archived.c.due_at > now, archived.c.claimed_at.is_(None))
    if before is not None:
        query = query.where(tuple_(*place) < select(*place).where(archived.c.id == before).scalar_subquery())
    query = query.order_by(*(column.desc() for column in place)).limit(limit)
    return [ArchivedRow(*row) for row in connection.execute(query)]


def ids_after(connection: Connection, archive_id: int, limit: int) -> list[int]:
    """Every id in order, `limit` at a time."""
    query = select(archived.c.id).where(archived.c.id > archive_id)
    return list(connection.scalars(query.order_by(archived.c.id).limit(limit)))


def carried(connection: Connection, ids: Sequence[int]) -> list[Carried]:
    """Of those of the rows that stand, what carries their keys."""
    query = _CARRIED.where(among(connection, archived.c.id, ids))
    return [Carried(*row) for row in connection.execute(query.order_by(archived.c.id))]


def claim_due(connection: Connection, now: datetime, limit: int) -> list[ArchivedRow]:
    """Claim up to `limit` rows that are due, and return them with those claimed before and never finished."""
    due = select(archived.c.id).where(archived.c.due_at <= now, archived.c.claimed_at.is_(None))
    due = due.order_by(archived.c.due_at).limit(limit)
    if connection.dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
    connection.execute(update(archived).where(archived.c.id.in_(due)).values(claimed_at=now))
    claimed = _ROW.where(archived.c.claimed_at.is_not(None)).order_by(archived.c.id).limit(limit)
    return [ArchivedRow(*row) for row in connection.execute(claimed)]


def standing(connection: Connection, ids: Sequence[int]) -> list[tuple[int, int]]:
    """(id, inquiry id) of those of the ids that have rows."""
    query = select(archived.c.id, archived.c.inquiry_id).where(among(connection, archived.c.id, ids))
    return [(row[0], row[1]) for row in connection.execute(query)]


def inquiries(connection: Connection, inquiry_ids: Sequence[int]) -> frozenset[int]:
    """Those of the inquiries of which a row stands."""
    query = select(archived.c.inquiry_id).where(among(connection, archived.c.inquiry_id, inquiry_ids))
    return frozenset(connection.scalars(query))


def due_between(connection: Connection, start: datetime, end: datetime) -> dict[str, int]:
    """Inquiry type → how many rows become due from `start` until before `end`."""
    query = select(archived.c.type, func.count()).where(archived.c.due_at >= start, archived.c.due_at < end)
    return {row[0]: row[1] for row in connection.execute(query.group_by(archived.c.type))}


def count_since(connection: Connection, moment: datetime) -> int:
    """How many rows were moved here after the moment."""
    query = select(func.count()).select_from(archived).where(archived.c.archived_at > moment)
    return connection.scalar(query) or 0


def count(connection: Connection) -> int:
    """How many rows stand."""
    return connection.scalar(select(func.count()).select_from(archived)) or 0


def by_statute(connection: Connection) -> list[tuple[str, int, int]]:
    """(statute, the newest policy version that ordered one, how many) of the rows that stand."""
    query = select(archived.c.statute, func.max(archived.c.policy_version), func.count())
    query = query.group_by(archived.c.statute).order_by(archived.c.statute)
    return [(statute, version, number) for statute, version, number in connection.execute(query)]


def count_due(connection: Connection, by: datetime) -> int:
    """How many rows are due by then or claimed."""
    due = or_(archived.c.due_at <= by, archived.c.claimed_at.is_not(None))
    return connection.scalar(select(func.count()).select_from(archived).where(due)) or 0


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """The earliest due date that has passed."""
    oldest: datetime | None = connection.scalar(
        select(func.min(archived.c.due_at)).where(archived.c.due_at <= now)
    )
    return oldest


def remove(connection: Connection, ids: Sequence[int]) -> int:
    """Delete the rows; returns how many there were. Repeatable."""
    return connection.execute(delete(archived).where(archived.c.id.in_(ids))).rowcount


def drop_envelopes(connection: Connection, before: int) -> None:
    """Let go of the envelopes of epochs before `before`, from which nobody can bring a key back any more."""
    connection.execute(
        update(archived)
        .where(archived.c.epoch < before, archived.c.envelope.is_not(None))
        .values(envelope=None)
    )
