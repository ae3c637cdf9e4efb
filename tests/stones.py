"""Tombstones put by hand, as a destruction writes them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from inquiries.stores import tombstones
from inquiries.stores.tombstones import Cohort, Tombstone
from inquiries.stores.types import to_microseconds


def bury(connection: Connection, stones: Sequence[Tombstone]) -> None:
    """End these keys, one burial for each."""
    for stone in stones:
        due = None if stone.due_at is None else to_microseconds(stone.due_at)
        member = stone.id, stone.inquiry_id, due
        shared = stone.group, stone.reason, stone.type, stone.policy_version, stone.rule
        lookups = {} if stone.receipt_lookup is None else {stone.id: stone.receipt_lookup}
        tombstones.bury(connection, stone.intent, stone.destroyed_at, [Cohort(*shared, [member])], lookups)
