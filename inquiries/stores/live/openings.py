"""When an inquiry was opened, as the person is told: in which role and why, sealed under its own key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from inquiries.stores.live.tables import openings


@dataclass(frozen=True)
class OpeningRow:
    """One opening."""

    id: int
    inquiry_id: int
    at: datetime
    sealed: bytes


_ROW = select(openings.c.id, openings.c.inquiry_id, openings.c.at, openings.c.sealed)


def add(connection: Connection, *rows: OpeningRow) -> None:
    """Add openings: one, or those of an export."""
    connection.execute(insert(openings), [vars(row) for row in rows])


def of_inquiry(connection: Connection, inquiry_id: int, limit: int) -> list[OpeningRow]:
    """The newest openings of the inquiry, the newest first."""
    query = _ROW.where(openings.c.inquiry_id == inquiry_id)
    query = query.order_by(openings.c.at.desc(), openings.c.id.desc()).limit(limit)
    return [OpeningRow(*row) for row in connection.execute(query)]
