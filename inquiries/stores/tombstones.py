"""Tombstones: what the keys store keeps of a destroyed key, and the signed roots that prove them.

A tombstone is never replaced and never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, type_coerce

from inquiries.stores.keys import ARCHIVE, advance, epochs, keys, open_epoch, proofs
from inquiries.stores.types import Id, to_microseconds

AT_ONCE = 5000  # ids in one question; both databases take many more


@dataclass(frozen=True)
class Tombstone:
    """What stays of a destroyed key: enough to prove it, nothing that leads to anybody."""

    id: int
    inquiry_id: int
    group: str
    reason: str
    type: str
    due_at: datetime | None
    policy_version: int
    rule: str | None
    receipt_lookup: bytes | None
    intent: int
    destroyed_at: datetime


@dataclass(frozen=True)
class Buried:
    """A tombstone as it stands; `epoch` is the one whose end makes it final."""

    stone: Tombstone
    epoch: int | None


@dataclass(frozen=True)
class Proof:
    """The signed root over the tombstones of one intent; `ids` are its leaves in order."""

    intent: int
    ids: tuple[int, ...]
    root: bytes
    signed_at: datetime
    signature: bytes


_COLUMNS = (
    keys.c.id, keys.c.inquiry_id, keys.c.group_name, keys.c.reason, keys.c.type, keys.c.due_at,
    keys.c.policy_version, keys.c.rule, keys.c.receipt_lookup, keys.c.intent, keys.c.destroyed_at,
)  # fmt: skip
_KINDS = (
    "bigint", "bigint", "text", "text", "text", "bigint",
    "integer", "text", "bytea", "bigint", "bigint", "integer",
)  # fmt: skip
_MARKS = ("reason", "type", "due_at", "policy_version", "rule", "intent", "destroyed_at")
_GONE = ("wrap", "receipt_wrap", "tag_email", "tag_phone")
#: One statement, which waits for a key that is being adopted at this moment, and then sees it.
_INTO = f"INSERT INTO keys ({', '.join(column.name for column in _COLUMNS)}, epoch) "
_CHANGED = ", ".join([f"{name} = NULL" for name in _GONE] + [f"{name} = excluded.{name}" for name in _MARKS])
_INSTEAD = f"ON CONFLICT (id) DO UPDATE SET {_CHANGED} WHERE keys.destroyed_at IS NULL"  # nosec B608
_BURY = f"{_INTO} VALUES ({', '.join('?' * len(_COLUMNS))}, ?) {_INSTEAD}"
#: The same for a whole batch, where each statement is a message to a server.
_BURY_ALL = f"{_INTO} SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in _KINDS)}) {_INSTEAD}"  # noqa: S608  # nosec B608


def bury(connection: Connection, stones: Sequence[Tombstone]) -> None:
    """Null the wraps and tags and write the tombstones; an earlier tombstone stays as it is (P11).

    On the driver's own cursor: there may be a hundred thousand, and until then they can be read.
    """
    if not stones:
        return
    epoch = open_epoch(connection)  # where no key was adopted, an envelope of this one at the latest holds it
    rows = [
        (
            stone.id, stone.inquiry_id, stone.group, stone.reason, stone.type,
            None if stone.due_at is None else to_microseconds(stone.due_at),
            stone.policy_version, stone.rule, stone.receipt_lookup, stone.intent,
            to_microseconds(stone.destroyed_at), epoch,
        )
        for stone in stones
    ]  # fmt: skip
    if connection.dialect.name == "postgresql":
        listed = [list(column) for column in zip(*rows, strict=True)]
        connection.exec_driver_sql(_BURY_ALL, tuple(listed))
    else:
        connection.exec_driver_sql(_BURY, rows)
    advance(connection, last=max(stone.intent for stone in stones))


def tombstones(connection: Connection, after: int, limit: int) -> list[tuple[int, int]]:
    """(group id, inquiry id) of destroyed groups in order of id, `limit` at a time."""
    query = select(keys.c.id, keys.c.inquiry_id).where(keys.c.destroyed_at.is_not(None), keys.c.id > after)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(keys.c.id).limit(limit))]


def unkept(connection: Connection) -> dict[int, int]:
    """Group → inquiry, of what was destroyed because it was archived, and has no archived row's key here."""
    kept = keys.alias()
    there = exists().where(kept.c.receipt_lookup == keys.c.receipt_lookup, kept.c.group_name == ARCHIVE)
    query = select(keys.c.id, keys.c.inquiry_id).where(
        keys.c.reason == "archived", keys.c.receipt_lookup.is_not(None), ~there
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def count(connection: Connection, after: datetime, until: datetime | None) -> dict[tuple[str, str], int]:
    """(type, reason) → how many groups were destroyed after the one moment, up to and with the other."""
    kind = (func.coalesce(keys.c.type, ""), func.coalesce(keys.c.reason, ""))
    query = select(*kind, func.count()).where(keys.c.destroyed_at > after)
    if until is not None:
        query = query.where(keys.c.destroyed_at <= until)
    return {(row[0], row[1]): row[2] for row in connection.execute(query.group_by(*kind))}


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Buried]:
    """Those of the groups that are destroyed, in no order."""
    query = select(*_COLUMNS, keys.c.epoch).where(keys.c.id.in_(ids), keys.c.destroyed_at.is_not(None))
    return [Buried(Tombstone(*row[:-1]), row[-1]) for row in connection.execute(query)]


def intents_of(connection: Connection, inquiry_id: int) -> list[int]:
    """The numbers of the ledger's intents by which groups of this inquiry were destroyed."""
    query = select(keys.c.intent).where(keys.c.inquiry_id == inquiry_id, keys.c.intent.is_not(None))
    return sorted(connection.scalars(query.distinct()))


#: What a proof says of a tombstone, as it stands: a hundred thousand are read in one sweep.
_PLAIN = (
    keys.c.id, type_coerce(keys.c.due_at, Id), keys.c.receipt_lookup, keys.c.group_name, keys.c.type,
    keys.c.reason, keys.c.rule, keys.c.policy_version, keys.c.epoch, type_coerce(keys.c.destroyed_at, Id),
)  # fmt: skip
Plain = tuple[int, int | None, bytes | None, str, str, str, str | None, int, int | None, int]


def of_intent(connection: Connection, intent: int, ids: Sequence[int]) -> list[Plain]:
    """The tombstones among `ids` that this intent wrote, in the order of `ids`.

    Each as (id, due, receipt lookup, group, type, reason, rule, policy version, epoch, destroyed), moments
    in microseconds since 1970 in UTC.
    """
    written: dict[int, Any] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = keys.c.id.in_(ids[start : start + AT_ONCE])
        query = select(*_PLAIN).where(some, keys.c.intent == intent, keys.c.destroyed_at.is_not(None))
        written.update((row[0], row) for row in connection.execute(query))
    return [written[one] for one in ids if one in written]


def by_receipt(connection: Connection, receipt_lookup: bytes) -> list[Buried]:
    """What was destroyed of the inquiry with this receipt, the archive's copy included."""
    query = select(*_COLUMNS, keys.c.epoch).where(
        keys.c.receipt_lookup == receipt_lookup, keys.c.destroyed_at.is_not(None)
    )
    return [Buried(Tombstone(*row[:-1]), row[-1]) for row in connection.execute(query.order_by(keys.c.id))]


def living(connection: Connection, receipt_lookup: bytes) -> list[str]:
    """The groups of the inquiry with this receipt that still have a key."""
    query = select(keys.c.group_name).where(
        keys.c.receipt_lookup == receipt_lookup, keys.c.destroyed_at.is_(None)
    )
    return list(connection.scalars(query.order_by(keys.c.id)))


def by_epoch(connection: Connection) -> list[tuple[int | None, int, datetime]]:
    """(epoch, how many tombstones, the latest) of every epoch under which something was destroyed."""
    latest = func.max(keys.c.destroyed_at)
    query = select(keys.c.epoch, func.count(), latest).where(keys.c.destroyed_at.is_not(None))
    return [(row[0], row[1], row[2]) for row in connection.execute(query.group_by(keys.c.epoch))]


def scoured(connection: Connection, numbers: Iterable[int]) -> dict[int, datetime]:
    """Of these epochs those whose end was carried through here, and when."""
    query = select(epochs.c.number, epochs.c.scoured_at).where(epochs.c.number.in_(list(numbers)))
    return {row[0]: row[1] for row in connection.execute(query.where(epochs.c.scoured_at.is_not(None)))}


def prove(connection: Connection, proof: Proof) -> None:
    """Keep the signed root of an intent, in the place of an earlier one."""
    ids = b"".join(one.to_bytes(8, "big") for one in proof.ids)
    connection.execute(proofs.delete().where(proofs.c.intent == proof.intent))
    connection.execute(
        insert(proofs).values(
            intent=proof.intent,
            ids=ids,
            root=proof.root,
            signed_at=proof.signed_at,
            signature=proof.signature,
        )
    )


def proof_of(connection: Connection, intent: int) -> Proof | None:
    """The signed root of an intent."""
    row = connection.execute(select(proofs).where(proofs.c.intent == intent)).one_or_none()
    if row is None:
        return None
    ids = tuple(int.from_bytes(row.ids[at : at + 8], "big") for at in range(0, len(row.ids), 8))
    return Proof(row.intent, ids, row.root, row.signed_at, row.signature)
