"""Grants of single inquiries to members of staff: each runs until its end, then its row goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from inquiries.stores.live.tables import grants


@dataclass(frozen=True)
class GrantRow:
    """One grant; it runs while `until` has not come. `granted_by` is None for the operator."""

    id: int
    staff_id: int
    inquiry_id: int
    reason: str
    granted_by: int | None
    granted_at: datetime
    until: datetime


_ROW = select(*(grants.c[name] for name in GrantRow.__dataclass_fields__))


def put(connection: Connection, row: GrantRow) -> None:
    """Add a grant; one of the same inquiry to the same person gives way to it."""
    same = delete(grants).where(grants.c.staff_id == row.staff_id, grants.c.inquiry_id == row.inquiry_id)
    connection.execute(same)
    connection.execute(insert(grants).values(vars(row)))


def end(connection: Connection, grant_id: int) -> bool:
    """End one; False when it has ended already."""
    return connection.execute(delete(grants).where(grants.c.id == grant_id)).rowcount == 1


def end_all(connection: Connection, staff_id: int) -> int:
    """End all of a person; how many there were."""
    return connection.execute(delete(grants).where(grants.c.staff_id == staff_id)).rowcount


def by_id(connection: Connection, grant_id: int) -> GrantRow | None:
    """One grant."""
    row = connection.execute(_ROW.where(grants.c.id == grant_id)).one_or_none()
    return None if row is None else GrantRow(*row)


def inquiries_of(connection: Connection, staff_id: int, now: datetime) -> list[int]:
    """The inquiries that are granted to a person now."""
    query = select(grants.c.inquiry_id).where(grants.c.staff_id == staff_id, grants.c.until > now)
    return list(connection.scalars(query))


def of_inquiry(connection: Connection, inquiry_id: int, now: datetime) -> list[GrantRow]:
    """The grants of an inquiry that run, the one that ends first before the others."""
    query = _ROW.where(grants.c.inquiry_id == inquiry_id, grants.c.until > now)
    return [GrantRow(*row) for row in connection.execute(query.order_by(grants.c.until))]


def running(connection: Connection, now: datetime) -> Sequence[GrantRow]:
    """All grants that run, the one that ends first before the others."""
    query = _ROW.where(grants.c.until > now).order_by(grants.c.until, grants.c.id)
    return [GrantRow(*row) for row in connection.execute(query)]


def over(connection: Connection, now: datetime) -> Sequence[GrantRow]:
    """The grants whose end has come and whose rows still stand."""
    query = _ROW.where(grants.c.until <= now).order_by(grants.c.id)
    return [GrantRow(*row) for row in connection.execute(query)]
