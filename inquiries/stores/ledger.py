"""The ledger: append-only entries, one hash chain per record kind, and the seals over their heads.

An entry's spine (number, time, hashes) stays for ever; its body and salt go when its period ends. This
module appends, reads and prunes; it computes no hash and holds no key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
    func,
    insert,
    select,
)

from inquiries.stores.types import Id, Moment

metadata = MetaData(naming_convention={
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
})  # fmt: skip

entries = Table(
    "entries", metadata,
    Column("chain", String(16), primary_key=True),
    Column("n", Id, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Index("ix_entries_at", "at"),
)  # fmt: skip

bodies = Table(
    "bodies", metadata,
    Column("chain", String(16), primary_key=True),
    Column("n", Id, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON
    Column("expires_at", Moment, nullable=False, index=True),
)  # fmt: skip

#: Each seal covers the heads of all chains; its key is gone the moment after.
seals = Table(
    "seals", metadata,
    Column("n", Integer, primary_key=True, autoincrement=False),  # also the index of its key
    Column("at", Moment, nullable=False),
    Column("heads", Text, nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One entry; `salt` and `body` are None when its period has ended."""

    chain: str
    n: int
    at: datetime
    previous: bytes
    commitment: bytes
    hash: bytes
    salt: bytes | None = None
    body: str | None = None


@dataclass(frozen=True)
class Seal:
    """One seal over the heads of all chains (canonical JSON)."""

    n: int
    at: datetime
    heads: str
    mac: bytes


_SPINE = (
    entries.c.chain,
    entries.c.n,
    entries.c.at,
    entries.c.previous,
    entries.c.commitment,
    entries.c.hash,
)
_WHOLE = select(*_SPINE, bodies.c.salt, bodies.c.body).join_from(
    entries, bodies, and_(entries.c.chain == bodies.c.chain, entries.c.n == bodies.c.n), isouter=True
)


def head(connection: Connection, chain: str) -> Entry | None:
    """The chain's newest entry, spine only."""
    row = connection.execute(
        select(*_SPINE).where(entries.c.chain == chain).order_by(entries.c.n.desc()).limit(1)
    )
    found = row.one_or_none()
    return None if found is None else Entry(*found)


def append(connection: Connection, entry: Entry, expires_at: datetime) -> None:
    """Add the entry; a number that exists is a fork and the primary key refuses it."""
    connection.execute(
        insert(entries).values(
            chain=entry.chain, n=entry.n, at=entry.at, previous=entry.previous,
            commitment=entry.commitment, hash=entry.hash,
        )
    )  # fmt: skip
    connection.execute(
        insert(bodies).values(
            chain=entry.chain, n=entry.n, salt=entry.salt, body=entry.body, expires_at=expires_at
        )
    )


def read(connection: Connection, chain: str, after: int = 0, limit: int = 1000) -> list[Entry]:
    """Entries with their bodies in order of number, `limit` at a time."""
    query = _WHOLE.where(entries.c.chain == chain, entries.c.n > after).order_by(entries.c.n).limit(limit)
    return [Entry(*row) for row in connection.execute(query)]


def read_all(connection: Connection, chain: str, after: int = 0) -> Iterator[Entry]:
    """Every entry after the given number, in batches."""
    while batch := read(connection, chain, after):
        yield from batch
        after = batch[-1].n


def read_back(connection: Connection, chain: str, before: int | None, limit: int) -> list[Entry]:
    """Entries with their bodies, the newest first, below the number `before`, `limit` at a time."""
    query = _WHOLE.where(entries.c.chain == chain)
    if before is not None:
        query = query.where(entries.c.n < before)
    return [Entry(*row) for row in connection.execute(query.order_by(entries.c.n.desc()).limit(limit))]


def latest(connection: Connection, chain: str, act: str, limit: int, *, after: int = 0) -> list[Entry]:
    """The newest entries of the chain after the given number whose body says `act`.

    Canonical JSON puts it first.
    """
    wanted = bodies.c.body.startswith(f'{{"act":"{act}"', autoescape=True)
    query = (
        _WHOLE.where(entries.c.chain == chain, entries.c.n > after, wanted)
        .order_by(entries.c.n.desc())
        .limit(limit)
    )
    return [Entry(*row) for row in connection.execute(query)]


def last_before(connection: Connection, chain: str, moment: datetime) -> int:
    """The number of the chain's newest entry from before the moment; 0 when there is none."""
    query = select(func.max(entries.c.n)).where(entries.c.chain == chain, entries.c.at < moment)
    return connection.scalar(query) or 0


def chains(connection: Connection) -> list[str]:
    """The names of all chains that have an entry."""
    return sorted(connection.scalars(select(entries.c.chain).distinct()))


def add_seal(connection: Connection, seal: Seal) -> None:
    """Add a seal; its number must be new."""
    connection.execute(insert(seals).values(n=seal.n, at=seal.at, heads=seal.heads, mac=seal.mac))


def last_seal(connection: Connection) -> Seal | None:
    """The newest seal."""
    row = connection.execute(select(seals).order_by(seals.c.n.desc()).limit(1)).one_or_none()
    return None if row is None else Seal(*row)


def all_seals(connection: Connection) -> list[Seal]:
    """Every seal, the oldest first."""
    return [Seal(*row) for row in connection.execute(select(seals).order_by(seals.c.n))]


def prune(connection: Connection, now: datetime) -> int:
    """Delete bodies and salts whose period has ended; the spine stays. Returns how many."""
    return connection.execute(bodies.delete().where(bodies.c.expires_at <= now)).rowcount
