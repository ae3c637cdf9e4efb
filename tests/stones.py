"""Tombstones put by hand, as a destruction writes them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from inquiries.stores import tombstones
from inquiries.stores.key_tables import keys
from inquiries.stores.tombstones import Cohort, Tombstone
from inquiries.stores.types import to_microseconds


def bury(connection: Connection, stones: Sequence[Tombstone]) -> None:
    """End these keys, one burial for each."""
    for stone in stones:
        due = None if stone.due_at is None else to_microseconds(stone.due_at)
        member = stone.id, stone.inquiry_id, due
        shared = stone.group, stone.reason, stone.type, stone.policy_version, stone.rule
        lookups = {} if stone.receipt_lookup is None else {stone.id: stone.receipt_lookup}
        tombstones.bury(connection, stone.intent, stone.destroyed_at, Cohort(*shared, [member]), lookups)


def standing(connection: Connection, ids: Sequence[int]) -> list[Tombstone]:
    """The tombstones of those of the groups that are destroyed, in no order."""
    query = select(*tombstones._COLUMNS).where(keys.c.id.in_(ids), keys.c.destroyed_at.is_not(None))
    return [Tombstone(*row) for row in connection.execute(query)]
