"""Groups found by their own id, as a link names it, and those that are for the same; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from inquiries.stores.among import among
from inquiries.stores.live.claims import FREE
from inquiries.stores.live.inquiries import not_due
from inquiries.stores.live.tables import groups, inquiries


@dataclass(frozen=True)
class Linked:
    """Which group of which inquiry an id is of."""

    inquiry_id: int
    name: str
    type: str
    policy_version: int


def standing(connection: Connection, group_id: int, now: datetime) -> Linked | None:
    """The group of this id, if it is not due, or a hold keeps it."""
    query = select(groups.c.inquiry_id, groups.c.name, inquiries.c.type, inquiries.c.policy_version)
    query = query.join(inquiries, inquiries.c.id == groups.c.inquiry_id)
    query = query.where(groups.c.id == group_id, not_due(now, held=True))
    row = connection.execute(query).one_or_none()
    return None if row is None else Linked(*row)


def alike(
    connection: Connection, group_ids: Sequence[int], name: str, kind: str | None, before: datetime
) -> list[int]:
    """The inquiries of those of the groups that bear this name, of this type or any, received before."""
    query = select(groups.c.inquiry_id).join(inquiries, inquiries.c.id == groups.c.inquiry_id)
    query = query.where(among(connection, groups.c.id, group_ids), groups.c.name == name)
    query = query.where(FREE, inquiries.c.received_at < before)
    return list(connection.scalars(query if kind is None else query.where(inquiries.c.type == kind)))
