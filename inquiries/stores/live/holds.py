"""Legal holds: what stops the destruction of an inquiry until it ends or is released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, func, insert, select, update

from inquiries.stores.among import among
from inquiries.stores.live.tables import holds


@dataclass(frozen=True)
class HoldRow:
    """One hold; it runs while it is not released and `until` has not come."""

    id: int
    inquiry_id: int
    basis: str
    reason_sealed: bytes
    placed_by: int
    placed_at: datetime
    until: datetime
    released_by: int | None = None
    released_at: datetime | None = None


_ROW = select(*(holds.c[name] for name in HoldRow.__dataclass_fields__))


def running(now: datetime | BindParameter[datetime]) -> Any:  # noqa: ANN401 - an SQL condition
    """The condition on `holds` that a hold runs then, which may be some time ago."""
    released = holds.c.released_at
    return (released.is_(None) | (released > now)) & (holds.c.until > now)


def held(now: datetime | BindParameter[datetime]) -> Any:  # noqa: ANN401 - a subselect of inquiry ids
    """The ids of all inquiries on which a hold runs."""
    return select(holds.c.inquiry_id).where(running(now))


#: When a hold ends, or ended.
END = func.coalesce(holds.c.released_at, holds.c.until)


def kept_until(connection: Connection, inquiry_ids: Sequence[int], now: datetime) -> dict[int, datetime]:
    """When the last of the holds ended that ran on the inquiries, of those of them that were held."""
    query = select(holds.c.inquiry_id, func.max(END)).where(now >= END)
    query = query.where(among(connection, holds.c.inquiry_id, inquiry_ids)).group_by(holds.c.inquiry_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def place(connection: Connection, row: HoldRow) -> None:
    """Add a hold."""
    connection.execute(insert(holds).values(vars(row)))


def release(connection: Connection, hold_id: int, by: int, at: datetime) -> bool:
    """End a hold; False when it has ended already."""
    query = update(holds).where(holds.c.id == hold_id, running(at))
    return connection.execute(query.values(released_by=by, released_at=at)).rowcount == 1


def by_id(connection: Connection, hold_id: int) -> HoldRow | None:
    """One hold, whether it runs or not."""
    row = connection.execute(_ROW.where(holds.c.id == hold_id)).one_or_none()
    return None if row is None else HoldRow(*row)


def of_inquiries(connection: Connection, inquiry_ids: Sequence[int], now: datetime) -> list[HoldRow]:
    """The holds that run on the inquiries."""
    query = _ROW.where(holds.c.inquiry_id.in_(inquiry_ids), running(now)).order_by(holds.c.id)
    return [HoldRow(*row) for row in connection.execute(query)]


def held_until(connection: Connection, inquiry_id: int, now: datetime) -> datetime | None:
    """When the last of the holds ends that run on the inquiry; all that the public surface reads of them."""
    query = select(func.max(holds.c.until)).where(holds.c.inquiry_id == inquiry_id, running(now))
    latest: datetime | None = connection.scalar(query)
    return latest


def page(connection: Connection, now: datetime, before: int | None, limit: int) -> list[HoldRow]:
    """The holds that run, the newest first; `before` is the id to go on below."""
    query = _ROW.where(running(now))
    if before is not None:
        query = query.where(holds.c.id < before)
    return [HoldRow(*row) for row in connection.execute(query.order_by(holds.c.id.desc()).limit(limit))]


def of_long_held(connection: Connection, now: datetime, before: datetime, limit: int) -> list[HoldRow]:
    """The holds that run on inquiries that were first held before that moment, the oldest first."""
    query = _ROW.where(running(now), _long_held(before)).order_by(holds.c.placed_at, holds.c.id)
    return [HoldRow(*row) for row in connection.execute(query.limit(limit))]


def tally(connection: Connection, now: datetime, before: datetime) -> tuple[int, int]:
    """How many holds run, and how many of these on inquiries that were first held before that moment."""
    old = func.count().filter(_long_held(before))
    every, long = connection.execute(select(func.count(), old).where(running(now))).one()
    return every, long


def _long_held(before: datetime) -> Any:  # noqa: ANN401 - an SQL condition
    """A hold cannot be made longer: who needs one on places another, and that begins no new year."""
    first = holds.alias()
    return holds.c.inquiry_id.in_(select(first.c.inquiry_id).where(first.c.placed_at < before))


def count(connection: Connection, now: datetime) -> int:
    """How many inquiries are held."""
    query = select(func.count(holds.c.inquiry_id.distinct())).where(running(now))
    return connection.scalar(query) or 0
