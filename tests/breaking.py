"""Stores that fail, really, by an error of their own; and what a killed sweep leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select, update

from inquiries import clock
from inquiries.sealing import items
from inquiries.services.house import House
from inquiries.stores.database import Database
from inquiries.stores.live import claims
from inquiries.stores.live.tables import groups


@contextmanager
def broken(database: Database, table: str = "keys") -> Iterator[None]:
    """The store answers every statement on this table with an error."""
    _rename(database, table, f"{table}_away")
    try:
        yield
    finally:
        _rename(database, f"{table}_away", table)


def claim_all(house: House) -> None:
    """As a sweep leaves it that was killed after its claim."""
    with house.live.write() as connection:
        claims.claim(connection, list(connection.scalars(select(groups.c.id))), "expired", clock.now())


def spoil(house: House, name: str) -> None:
    """Change the last byte of this item, wherever it is sealed."""
    with house.live.write() as connection:
        for group_id, packed in connection.execute(select(groups.c.id, groups.c.sealed)).all():
            sealed = items.unpack(packed)
            if name in sealed:
                sealed[name] = changed(sealed[name])
                spoilt = update(groups).where(groups.c.id == group_id).values(sealed=items.pack(sealed))
                connection.execute(spoilt)


def changed(blob: bytes) -> bytes:
    """The same with its last bit changed."""
    return blob[:-1] + bytes([blob[-1] ^ 1])


def _rename(database: Database, before: str, after: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {before} RENAME TO {after}")
