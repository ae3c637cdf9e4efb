"""Addresses that want no more of something, as keyed hashes; beside the tags, unread by public processes.

A row outlives what it was noted for: by it we know not to write again. It goes when the address agrees anew.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from inquiries.stores.absent import insert_if_absent
from inquiries.stores.key_tables import suppressions

_MOST = 500  # hashes in one question


def note(connection: Connection, scope: str, tag: bytes, at: datetime) -> None:
    """From this moment on nothing of this scope goes to the address; the latest such moment stays."""
    row = {"scope": scope, "tag": tag, "at": at}
    connection.execute(insert_if_absent(connection, suppressions), [row])
    later = update(suppressions).where(
        suppressions.c.scope == scope, suppressions.c.tag == tag, suppressions.c.at < at
    )
    connection.execute(later.values(at=at))


def among(connection: Connection, scope: str, tags: Collection[bytes]) -> dict[bytes, datetime]:
    """Since when, of those of the addresses that are noted."""
    found: dict[bytes, datetime] = {}
    asked = sorted(tags)
    for start in range(0, len(asked), _MOST):
        some = asked[start : start + _MOST]
        query = select(suppressions.c.tag, suppressions.c.at)
        rows = connection.execute(query.where(suppressions.c.scope == scope, suppressions.c.tag.in_(some)))
        found |= {row[0]: row[1] for row in rows}
    return found


def lift(connection: Connection, scope: str, tag: bytes, agreed_at: datetime) -> bool:
    """The address agreed anew at this moment; whether it was noted before that."""
    query = delete(suppressions).where(
        suppressions.c.scope == scope, suppressions.c.tag == tag, suppressions.c.at < agreed_at
    )
    return connection.execute(query).rowcount == 1
