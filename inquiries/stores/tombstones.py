"""Tombstones: what the keys store keeps of a destroyed key, and the signed roots that prove them.

A tombstone is never replaced and never changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, insert, select, type_coerce

from inquiries.stores import tags
from inquiries.stores.among import among, array
from inquiries.stores.key_tables import epochs, keys, proofs
from inquiries.stores.keys import ARCHIVE, of_others, open_epoch
from inquiries.stores.prepared import plain
from inquiries.stores.types import Id, to_microseconds

#: Group id, inquiry id, due in microseconds since 1970 (None: it had no end of its own).
Member = tuple[int, int, int | None]
_NONE: Mapping[int, bytes] = MappingProxyType({})


@dataclass(frozen=True)
class Tombstone:
    """What stays of a destroyed key: enough to prove it, nothing that leads to anybody.

    `epoch` is the one whose end makes it final.
    """

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
    epoch: int | None = None


@dataclass(frozen=True)
class Cohort:
    """Groups that one intent ends and that are alike: what their tombstones share, and each one's own."""

    group: str
    reason: str
    type: str
    policy_version: int
    rule: str | None
    members: Sequence[Member]


@dataclass(frozen=True)
class Proof:
    """The signed root over the tombstones of one intent; `ids` are its leaves in order.

    `counts`: (type, reason) → how many of them.
    """

    intent: int
    ids: tuple[int, ...]
    root: bytes
    signed_at: datetime
    signature: bytes
    counts: Mapping[tuple[str, str], int]


# -- burying -------------------------------------------------------------------------------------

_COLUMNS = (
    keys.c.id, keys.c.inquiry_id, keys.c.group_name, keys.c.reason, keys.c.type, keys.c.due_at,
    keys.c.policy_version, keys.c.rule, keys.c.receipt_lookup, keys.c.intent, keys.c.destroyed_at,
    keys.c.epoch,
)  # fmt: skip
#: A key that lives and is adopted becomes a tombstone: nearly always. On SQLite one at a time, which costs
#: 2 us; on PostgreSQL, where each statement is a message, all of a cohort in one.
_END = (
    "UPDATE keys SET wrap = NULL, receipt_wrap = NULL, reason = ?, type = ?, policy_version = ?, rule = ?, "
    "intent = ?, destroyed_at = ?, due_at = ? WHERE id = ? AND destroyed_at IS NULL"
)
_END_ALL = (
    "UPDATE keys SET wrap = NULL, receipt_wrap = NULL, reason = %s, type = %s, policy_version = %s, "
    "rule = %s, intent = %s, destroyed_at = %s, due_at = own.due_at "
    "FROM unnest(%s::bigint[], %s::bigint[]) AS own (due_at, id) "
    "WHERE keys.id = own.id AND keys.destroyed_at IS NULL"
)
#: One that was never adopted gets a tombstone all the same. One that is being adopted at this moment is
#: waited for, and ended.
_INTO = (
    "INSERT INTO keys (reason, type, policy_version, rule, intent, destroyed_at, group_name, epoch, "
    "due_at, id, inquiry_id, receipt_lookup)"
)
_OR_END = (
    "ON CONFLICT (id) DO UPDATE SET wrap = NULL, receipt_wrap = NULL, reason = excluded.reason, "
    "type = excluded.type, policy_version = excluded.policy_version, rule = excluded.rule, "
    "intent = excluded.intent, destroyed_at = excluded.destroyed_at, due_at = excluded.due_at "
    "WHERE keys.destroyed_at IS NULL"
)
_STAND = f"{_INTO} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) {_OR_END}"
_LOOKUP = 3  # which of these columns is no number
_ALL = "unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[]) AS own"
_STAND_ALL = f"{_INTO} SELECT %s, %s, %s, %s, %s, %s, %s, %s, own.* FROM {_ALL} {_OR_END}"  # noqa: S608 - texts above  # nosec B608


def bury(
    connection: Connection,
    intent: int,
    at: datetime,
    cohort: Cohort,
    lookups: Mapping[int, bytes] = _NONE,
) -> None:
    """Null the wraps, delete the tags and write the tombstones; an earlier tombstone stays as it is (P11).

    `lookups`: group id → receipt lookup, for the groups whose key was never adopted; without those that
    another inquiry has here. On the driver's own cursor: there may be a hundred thousand, and until then they
    can be read.
    """
    members = cohort.members
    shared = (
        cohort.reason, cohort.type, cohort.policy_version, cohort.rule, intent, to_microseconds(at),
    )  # fmt: skip
    due = [(due_us, key) for key, _, due_us in members]
    if _run(connection, _END, _END_ALL, shared, due) < len(due):
        # Where no key was adopted, an envelope of the open epoch at the latest holds it.
        also = cohort.group, open_epoch(connection)
        known = {inquiry: lookups[key] for key, inquiry, _ in members if key in lookups}
        for inquiry in of_others(connection, known):
            del known[inquiry]
        own = [(due_us, key, inquiry, known.get(inquiry)) for key, inquiry, due_us in members]
        _run(connection, _STAND, _STAND_ALL, (*shared, *also), own)
    tags.remove(connection, [key for key, _, _ in members])


def _run(
    connection: Connection,
    each: str,
    everything: str,
    shared: tuple[Any, ...],
    own: Sequence[tuple[Any, ...]],
) -> int:
    """Run the statement over the rows; how many it changed."""
    if connection.dialect.name == "postgresql":
        columns = enumerate(zip(*own, strict=True))
        listed = [list(column) if at == _LOOKUP else array(column) for at, column in columns]
        return connection.exec_driver_sql(everything, (*shared, *listed)).rowcount
    return connection.exec_driver_sql(each, [(*shared, *row) for row in own]).rowcount


# -- reading -------------------------------------------------------------------------------------


def tombstones(
    connection: Connection, after: int, limit: int, until: int | None = None
) -> list[tuple[int, int]]:
    """(group id, inquiry id) of what intents `until` this one destroyed, in order, `limit` at a time."""
    query = select(keys.c.id, keys.c.inquiry_id).where(keys.c.destroyed_at.is_not(None), keys.c.id > after)
    if until is not None:
        query = query.where(keys.c.intent <= until)
    return [(row[0], row[1]) for row in connection.execute(query.order_by(keys.c.id).limit(limit)).all()]


def unkept(connection: Connection) -> dict[int, int]:
    """Group → inquiry, of what was destroyed because it was archived, and has no archived row's key here."""
    kept = keys.alias()
    there = exists().where(kept.c.receipt_lookup == keys.c.receipt_lookup, kept.c.group_name == ARCHIVE)
    query = select(keys.c.id, keys.c.inquiry_id).where(
        keys.c.reason == "archived", keys.c.receipt_lookup.is_not(None), ~there
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def counts(connection: Connection, after: int) -> list[tuple[int, dict[tuple[str, str], int]]]:
    """(intent, its proof's counts) of every proof of a later intent than that, in order."""
    query = select(proofs.c.intent, proofs.c.counts).where(proofs.c.intent > after).order_by(proofs.c.intent)
    return [(row[0], _read_counts(row[1])) for row in connection.execute(query)]


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
    some = among(connection, keys.c.id, ids)
    query = select(*_PLAIN).where(some, keys.c.intent == intent, keys.c.destroyed_at.is_not(None))
    written = {row[0]: row for row in plain(connection, query)}
    return [written[one] for one in ids if one in written]


def by_receipt(connection: Connection, receipt_lookup: bytes) -> list[Tombstone]:
    """What was destroyed of the inquiry with this receipt, the archive's copy included."""
    return _destroyed(connection, keys.c.receipt_lookup == receipt_lookup)


def by_inquiry(connection: Connection, inquiry_id: int) -> list[Tombstone]:
    """What was destroyed under this number: an inquiry's, not its archived copy; or an archived row's."""
    return _destroyed(connection, keys.c.inquiry_id == inquiry_id)


def _destroyed(connection: Connection, whose: ColumnElement[bool]) -> list[Tombstone]:
    query = select(*_COLUMNS).where(whose, keys.c.destroyed_at.is_not(None))
    return [Tombstone(*row) for row in connection.execute(query.order_by(keys.c.id))]


def receipt_of(connection: Connection, inquiry_id: int) -> bytes | None:
    """The lookup id that an inquiry and its archived copy share, by the number of either."""
    query = select(keys.c.receipt_lookup).where(keys.c.inquiry_id == inquiry_id)
    lookup: bytes | None = connection.scalar(query.where(keys.c.receipt_lookup.is_not(None)).limit(1))
    return lookup


def living(connection: Connection, receipt_lookup: bytes) -> list[str]:
    """The groups of the inquiry with this receipt that still have a key."""
    query = select(keys.c.group_name).where(
        keys.c.receipt_lookup == receipt_lookup, keys.c.destroyed_at.is_(None)
    )
    return list(connection.scalars(query.order_by(keys.c.id)))


def by_epoch(connection: Connection) -> list[tuple[int | None, int, int, datetime]]:
    """(epoch, how many tombstones, of them the archive's, the latest) of every epoch that has any."""
    archived = func.count().filter(keys.c.group_name == ARCHIVE)
    latest = func.max(keys.c.destroyed_at)
    query = select(keys.c.epoch, func.count(), archived, latest).where(keys.c.destroyed_at.is_not(None))
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(query.group_by(keys.c.epoch))]


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
            counts=json.dumps([[*kind, count] for kind, count in sorted(proof.counts.items())]),
        )
    )


def proof_of(connection: Connection, intent: int) -> Proof | None:
    """The signed root of an intent."""
    row = connection.execute(select(proofs).where(proofs.c.intent == intent)).one_or_none()
    if row is None:
        return None
    ids = tuple(int.from_bytes(row.ids[at : at + 8], "big") for at in range(0, len(row.ids), 8))
    return Proof(row.intent, ids, row.root, row.signed_at, row.signature, _read_counts(row.counts))


def _read_counts(written: str) -> dict[tuple[str, str], int]:
    return {(kind, reason): count for kind, reason, count in json.loads(written)}
