"""Moves to the archive that were ordered: what the archive service carries through, also after a crash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from inquiries.rules.retention import MAIN
from inquiries.stores.live.claims import FREE
from inquiries.stores.live.tables import archivals, groups, inquiries


@dataclass(frozen=True)
class ArchivalRow:
    """One move; `items` are the names of what the statute needs, parted by spaces."""

    archive_id: int
    inquiry_id: int
    statute: str
    policy_version: int
    items: str
    until: datetime
    ordered_by: int
    ordered_at: datetime


@dataclass(frozen=True)
class Moved:
    """What a move takes from the live store: an inquiry's main group that nothing has claimed."""

    group_id: int
    due_at: datetime | None
    type: str
    received_at: datetime
    receipt_lookup: bytes
    sealed: bytes


_ROW = select(*(archivals.c[name] for name in ArchivalRow.__dataclass_fields__))
_MOVED = select(
    groups.c.id,
    groups.c.due_at,
    inquiries.c.type,
    inquiries.c.received_at,
    inquiries.c.receipt_lookup,
    groups.c.sealed,
).join(groups, groups.c.inquiry_id == inquiries.c.id)


def order(connection: Connection, row: ArchivalRow) -> None:
    """Add a move. Raises IntegrityError when one is ordered for this inquiry."""
    connection.execute(insert(archivals).values(vars(row)))


def of_inquiry(connection: Connection, inquiry_id: int) -> ArchivalRow | None:
    """The move ordered for an inquiry."""
    row = connection.execute(_ROW.where(archivals.c.inquiry_id == inquiry_id)).one_or_none()
    return None if row is None else ArchivalRow(*row)


def kept_until(connection: Connection, inquiry_id: int) -> datetime | None:
    """Until when the statute of a move that was ordered has it kept; all that the public surface reads."""
    query = select(archivals.c.until).where(archivals.c.inquiry_id == inquiry_id)
    until: datetime | None = connection.scalar(query)
    return until


def every(connection: Connection) -> list[ArchivalRow]:
    """Every move that was not carried through, the oldest first."""
    return [ArchivalRow(*row) for row in connection.execute(_ROW.order_by(archivals.c.ordered_at))]


def moved(connection: Connection, inquiry_id: int) -> Moved | None:
    """What an ordered move takes, whether it has become due meanwhile or not."""
    query = _MOVED.where(inquiries.c.id == inquiry_id, groups.c.name == MAIN, FREE)
    row = connection.execute(query).one_or_none()
    return None if row is None else Moved(*row)


def done(connection: Connection, archive_id: int) -> None:
    """The move was carried through, or is none any more."""
    connection.execute(delete(archivals).where(archivals.c.archive_id == archive_id))
