"""The ledger: append-only entries, one hash chain per record kind, and the seals over their heads.

An entry's spine (number, times, hashes) stays for ever; its body, salt and labels go when its period ends.
This module appends, reads and prunes; it computes no hash and holds no key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    text,
)

from inquiries.stores.types import Id, Moment, new_metadata

_TOGETHER = {"destruction": 20}  # a body there names up to 5,000 groups
#: The one role that may delete here, on PostgreSQL (docs/postgresql-roles.sql).
PRUNE_ROLE = "inquiries_ledger_prune"

metadata = new_metadata()

entries = Table(
    "entries", metadata,
    Column("chain", String(16), primary_key=True),
    Column("n", Id, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),  # of the hash's format
    Column("at", Moment, nullable=False),
    Column("until", Moment),  # before it a missing body was taken away; NULL: kept for good
    Column("previous", LargeBinary(32), nullable=False),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Index("ix_entries_chain_at", "chain", "at"),
)  # fmt: skip

#: The labels repeat what the body says, so that it is found; `expires_at` repeats the spine's `until`.
bodies = Table(
    "bodies", metadata,
    Column("chain", String(16), primary_key=True),
    Column("n", Id, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary(16), nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON
    Column("expires_at", Moment, index=True),
    Column("act", String(40), nullable=False),
    Column("outcome", String(8)),
    Column("staff", Id),
    Column("inquiry", Id),
    Index("ix_bodies_chain_act_n", "chain", "act", "n"),
    *(
        Index(
            f"ix_bodies_chain_{label}_n", "chain", label, "n",
            sqlite_where=text(f"{label} IS NOT NULL"), postgresql_where=text(f"{label} IS NOT NULL"),
        )
        for label in ("staff", "inquiry")
    ),
    Index(
        "ix_bodies_refused", "chain", "n",
        sqlite_where=text("outcome = 'refused'"), postgresql_where=text("outcome = 'refused'"),
    ),
)  # fmt: skip

#: Each seal covers the heads of all chains; its key is gone the moment after.
seals = Table(
    "seals", metadata,
    Column("n", Integer, primary_key=True, autoincrement=False),  # also the index of its key
    Column("at", Moment, nullable=False),
    Column("heads", Text, nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labels:
    """By what a body is found: the act, how it ended, who did it or whose rights it is about, on what."""

    act: str
    outcome: str | None = None
    staff: int | None = None
    inquiry: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; what follows the hash is None when its period has ended."""

    chain: str
    n: int
    version: int
    at: datetime
    until: datetime | None
    previous: bytes
    commitment: bytes
    hash: bytes
    salt: bytes | None = None
    body: str | None = None
    expires_at: datetime | None = None
    labels: Labels | None = None


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal over the heads of all chains (canonical JSON)."""

    n: int
    at: datetime
    heads: str
    mac: bytes


_BODY = tuple(column for column in bodies.c if column.name not in entries.c)
_OF_ONE = and_(entries.c.chain == bodies.c.chain, entries.c.n == bodies.c.n)
_WHOLE = select(entries, *_BODY).join_from(entries, bodies, _OF_ONE, isouter=True)
STANDING = select(entries, *_BODY).join_from(bodies, entries, _OF_ONE)


_MAY_DELETE = func.has_table_privilege("bodies", "DELETE")
_MAY_BECOME = text(
    "SELECT pg_has_role(oid, 'MEMBER') AND has_table_privilege(oid, 'bodies', 'DELETE') FROM pg_roles"
    " WHERE rolname = :role"
).bindparams(role=PRUNE_ROLE)


def entry_of(row: Sequence[Any]) -> Entry:
    """A row of `STANDING`, or of a spine whose body may be gone."""
    chain, n, version, at, until, previous, commitment, digest, salt, body, expires_at, *labels = row
    of_body = (None, None, None, None) if body is None else (salt, body, expires_at, Labels(*labels))
    return Entry(chain, n, version, at, until, previous, commitment, digest, *of_body)


# -- writing -------------------------------------------------------------------------------------


def append(connection: Connection, entry: Entry) -> None:
    """Add the entry; a number that exists is a fork and the primary key refuses it."""
    labels = entry.labels
    if labels is None:
        raise ValueError("an entry is appended with its body")
    connection.execute(
        insert(entries).values(
            chain=entry.chain, n=entry.n, version=entry.version, at=entry.at, until=entry.until,
            previous=entry.previous, commitment=entry.commitment, hash=entry.hash,
        )
    )  # fmt: skip
    connection.execute(
        insert(bodies).values(
            chain=entry.chain, n=entry.n, salt=entry.salt, body=entry.body, expires_at=entry.expires_at,
            act=labels.act, outcome=labels.outcome, staff=labels.staff, inquiry=labels.inquiry,
        )
    )  # fmt: skip


def become_pruner(connection: Connection) -> bool:
    """Take on the prune role until the transaction ends, where the process's own may not delete.

    False where it may neither delete nor take on the role: on PostgreSQL that is what it is for.
    """
    if connection.dialect.name == "sqlite" or connection.scalar(select(_MAY_DELETE)):
        return True
    if not connection.scalar(_MAY_BECOME):
        return False
    connection.execute(text(f"SET LOCAL ROLE {PRUNE_ROLE}"))
    return True


def prune(connection: Connection, now: datetime) -> int:
    """Delete bodies, salts and labels whose period has ended; the spine stays. Returns how many.

    The spine is asked too: what somebody wrote beside the body ends nothing early.
    """
    ended = exists(entries.c.n).where(_OF_ONE, entries.c.until <= now)
    return connection.execute(delete(bodies).where(bodies.c.expires_at <= now, ended)).rowcount


def stands_from_before(connection: Connection, moment: datetime) -> bool:
    """Whether a body stands whose period ended before the moment."""
    query = select(bodies.c.n).where(bodies.c.expires_at < moment).limit(1)
    return connection.scalar(query) is not None


# -- reading -------------------------------------------------------------------------------------


def head(connection: Connection, chain: str) -> Entry | None:
    """The chain's newest entry, spine only."""
    query = select(entries).where(entries.c.chain == chain).order_by(entries.c.n.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else Entry(*row)


def hash_of(connection: Connection, chain: str, n: int) -> bytes | None:
    """The hash of one entry."""
    found: bytes | None = connection.scalar(
        select(entries.c.hash).where(entries.c.chain == chain, entries.c.n == n)
    )
    return found


def read(connection: Connection, chain: str, after: int | None = 0, limit: int = 1000) -> list[Entry]:
    """Entries with their bodies in order of number, `limit` at a time.

    After None come those of any number: whoever inserts a row chooses it.
    """
    query = _WHOLE.where(entries.c.chain == chain)
    if after is not None:
        query = query.where(entries.c.n > after)
    return [entry_of(row) for row in connection.execute(query.order_by(entries.c.n).limit(limit))]


def read_all(connection: Connection, chain: str, after: int | None = 0) -> Iterator[Entry]:
    """Every entry after the given number, in batches that stay small where bodies are large."""
    while batch := read(connection, chain, after, _TOGETHER.get(chain, 1000)):
        yield from batch
        after = batch[-1].n


def read_back(connection: Connection, chain: str, before: int | None, limit: int) -> list[Entry]:
    """Entries with their bodies, the newest first, below the number `before`, `limit` at a time."""
    query = _WHOLE.where(entries.c.chain == chain)
    if before is not None:
        query = query.where(entries.c.n < before)
    return [entry_of(row) for row in connection.execute(query.order_by(entries.c.n.desc()).limit(limit))]


def latest(
    connection: Connection, chain: str, act: str, limit: int, since: datetime | None = None
) -> list[Entry]:
    """The newest entries of the chain, after `since`, whose body stands and says `act`."""
    query = STANDING.where(bodies.c.chain == chain, bodies.c.act == act)
    if since is not None:
        query = query.where(entries.c.at > since)
    return [entry_of(row) for row in connection.execute(query.order_by(bodies.c.n.desc()).limit(limit))]


def last_before(connection: Connection, chain: str, moment: datetime) -> int:
    """The number of the chain's newest entry from before the moment; 0 when there is none."""
    query = select(entries.c.n).where(entries.c.chain == chain, entries.c.at < moment)
    return connection.scalar(query.order_by(entries.c.at.desc(), entries.c.n.desc()).limit(1)) or 0


def chains(connection: Connection) -> list[str]:
    """The names of all chains that have an entry."""
    return sorted(connection.scalars(select(entries.c.chain).distinct()))


def bodies_alone(connection: Connection, limit: int) -> list[tuple[str, int]]:
    """(chain, number) of bodies without an entry."""
    query = select(bodies.c.chain, bodies.c.n).where(~exists().where(_OF_ONE))
    return [(row[0], row[1]) for row in connection.execute(query.limit(limit))]


# -- seals ---------------------------------------------------------------------------------------


def add_seal(connection: Connection, seal: Seal) -> None:
    """Add a seal; its number must be new."""
    connection.execute(insert(seals).values(n=seal.n, at=seal.at, heads=seal.heads, mac=seal.mac))


def last_seal(connection: Connection) -> Seal | None:
    """The newest seal."""
    row = connection.execute(select(seals).order_by(seals.c.n.desc()).limit(1)).one_or_none()
    return None if row is None else Seal(*row)


def mac_of(connection: Connection, n: int) -> bytes | None:
    """The code of one seal."""
    found: bytes | None = connection.scalar(select(seals.c.mac).where(seals.c.n == n))
    return found


def all_seals(connection: Connection) -> Iterator[Seal]:
    """Every seal, the oldest first, in batches."""
    query = select(seals).order_by(seals.c.n).limit(1000)
    after = None
    while batch := connection.execute(query if after is None else query.where(seals.c.n > after)).all():
        yield from (Seal(*row) for row in batch)
        after = batch[-1].n
