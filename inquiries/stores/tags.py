"""The tags (blind indexes) of living keys: what finds the inquiries of an address; knows no address.

A key's tags go in with it and are deleted in the commit that writes its tombstone: no destroyed key is ever
found by them (P11).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, func, select

from inquiries.stores.among import among
from inquiries.stores.key_tables import ERA_BITS, keys, tags
from inquiries.stores.prepared import Insertion

_INSERT = Insertion(tags, ("key_id", "era", "email", "phone"))


def put(connection: Connection, rows: Iterable[tuple[int, bytes | None, bytes | None]]) -> None:
    """Insert the tags (of email, of phone) of keys that have none yet."""
    found = [(key, key >> ERA_BITS, email, phone) for key, email, phone in rows if email or phone]
    _INSERT.put_absent(connection, found)


def found(
    connection: Connection, *, email: bytes | None = None, phone: bytes | None = None
) -> frozenset[int]:
    """The ids of the living keys with one of these tags; each era of the index is asked by itself."""
    ends = (select(end(tags.c.era)).scalar_subquery() for end in (func.min, func.max))
    first, last = connection.execute(select(*ends)).one()  # each by itself, else SQLite reads the whole index
    eras = among(connection, tags.c.era, () if first is None else range(first, last + 1))
    ids: set[int] = set()
    for column, tag in ((tags.c.email, email), (tags.c.phone, phone)):
        if tag is not None:
            ids.update(connection.scalars(select(tags.c.key_id).where(eras, column == tag)))
    return frozenset(ids)


def replace(connection: Connection, key_id: int, email: bytes | None, phone: bytes | None) -> None:
    """Give a living key other tags, since the items under it were corrected; a destroyed one gets none."""
    living = select(keys.c.id).where(keys.c.id == key_id, keys.c.destroyed_at.is_(None))
    if connection.scalar(living.with_for_update()) is not None:  # whoever ends it waits, or was first
        remove(connection, [key_id])
        put(connection, [(key_id, email, phone)])


def remove(connection: Connection, key_ids: Sequence[int]) -> None:
    """Delete the tags of keys that end in this very transaction."""
    connection.execute(delete(tags).where(among(connection, tags.c.key_id, key_ids)))
