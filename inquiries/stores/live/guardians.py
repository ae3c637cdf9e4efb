"""Inquiries of children: which wait for a guardian's consent, and when and how it was given."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update

from inquiries.stores.among import among
from inquiries.stores.live.tables import guardians
from inquiries.stores.prepared import Insertion


class NewGuardian(NamedTuple):
    """A child's inquiry, as intake stores it: until when a guardian may agree."""

    inquiry_id: int
    asked_at: datetime
    until: datetime


_INSERT = Insertion(guardians, NewGuardian._fields)


def add(connection: Connection, rows: Sequence[NewGuardian]) -> None:
    """Store what waits, in the commit of the inquiries."""
    _INSERT.put(connection, rows)


def all_waiting() -> Any:  # noqa: ANN401 - a subselect of inquiry ids
    """The ids of all inquiries that nobody reads until a guardian has agreed."""
    return select(guardians.c.inquiry_id).where(guardians.c.confirmed_at.is_(None))


def waiting(connection: Connection, inquiry_ids: Collection[int]) -> dict[int, datetime]:
    """Inquiry id → until when, of those that wait."""
    query = select(guardians.c.inquiry_id, guardians.c.until)
    hers = among(connection, guardians.c.inquiry_id, inquiry_ids)
    query = query.where(hers, guardians.c.confirmed_at.is_(None))
    return {row[0]: row[1] for row in connection.execute(query)}


def waiting_until(inquiry_id: Any) -> Any:  # noqa: ANN401 - a column, and a subselect
    """Until when this inquiry waits; nothing where it does not."""
    query = select(guardians.c.until).where(guardians.c.inquiry_id == inquiry_id)
    return query.where(guardians.c.confirmed_at.is_(None)).scalar_subquery()


def uninvited(connection: Connection, after: int, limit: int) -> list[int]:
    """Inquiries whose guardian was not written to yet, in order, `limit` at a time."""
    query = select(guardians.c.inquiry_id).where(
        guardians.c.invited_at.is_(None), guardians.c.confirmed_at.is_(None), guardians.c.inquiry_id > after
    )
    return list(connection.scalars(query.order_by(guardians.c.inquiry_id).limit(limit)))


def invited(connection: Connection, inquiry_id: int, at: datetime) -> bool:
    """The guardian is written to in this very transaction, or cannot be; False when that was done before."""
    query = update(guardians).where(guardians.c.inquiry_id == inquiry_id, guardians.c.invited_at.is_(None))
    return connection.execute(query.values(invited_at=at)).rowcount == 1


def confirm(connection: Connection, inquiry_id: int, at: datetime, how: str, by: int | None) -> bool:
    """A guardian has agreed; False when none was waited for."""
    query = update(guardians).where(guardians.c.inquiry_id == inquiry_id, guardians.c.confirmed_at.is_(None))
    return connection.execute(query.values(confirmed_at=at, how=how, confirmed_by=by)).rowcount == 1
