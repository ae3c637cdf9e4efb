"""What an export takes: groups whose purpose the person agreed to, and that may be used at this moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, select

from inquiries.stores.among import among
from inquiries.stores.live import agreed
from inquiries.stores.live import requests as asked
from inquiries.stores.live.inquiries import not_due
from inquiries.stores.live.tables import consents, groups, inquiries


@dataclass(frozen=True)
class ExportRow:
    """An inquiry with the group that the purpose covers."""

    id: int
    type: str
    state: str
    received_at: datetime
    due_at: datetime | None
    agreed_at: datetime
    sealed: bytes


def rows(
    connection: Connection,
    *,
    purpose: str,
    group: str,
    types: Collection[str],
    received: tuple[datetime, datetime],
    now: datetime,
    limit: int,
) -> list[ExportRow]:
    """Up to `limit` rows of these types, received from the first moment until before the second, by id."""
    query = _covered(
        purpose,
        group,
        now,
        inquiries.c.id,
        inquiries.c.type,
        inquiries.c.state,
        inquiries.c.received_at,
        groups.c.due_at,
        consents.c.recorded_at,
        groups.c.sealed,
    ).where(
        inquiries.c.type.in_(sorted(types)),
        inquiries.c.received_at >= received[0],
        inquiries.c.received_at < received[1],
    )
    return [ExportRow(*row) for row in connection.execute(query.order_by(inquiries.c.id).limit(limit))]


def usable(
    connection: Connection, inquiry_ids: Sequence[int], *, purpose: str, group: str, now: datetime
) -> frozenset[int]:
    """Those of the inquiries that an export for this purpose may still take."""
    query = _covered(purpose, group, now, inquiries.c.id)
    return frozenset(connection.scalars(query.where(among(connection, inquiries.c.id, inquiry_ids))))


def _covered(purpose: str, group: str, now: datetime, *columns: Any) -> Select[Any]:
    """The columns of what a consent to the purpose covers: nothing suspended, withdrawn, due or claimed."""
    consent = and_(consents.c.inquiry_id == inquiries.c.id, consents.c.purpose == purpose)
    query = select(*columns).select_from(inquiries)
    query = query.join(groups, and_(groups.c.inquiry_id == inquiries.c.id, groups.c.name == group))
    return query.join(consents, consent).where(
        not_due(now), agreed.standing(), inquiries.c.id.not_in(asked.all_suspended())
    )
