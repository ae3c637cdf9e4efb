"""The keys store: one row per retention group, holding its wrapped data key or its tombstone.

It never meets a sealed item. A tombstone is never replaced; a row is inserted only if absent, and only
under an epoch that still stands open here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, literal, select, update

from inquiries.rules.retention import MAIN
from inquiries.stores import tags
from inquiries.stores.among import among
from inquiries.stores.key_tables import epochs, keys, progress
from inquiries.stores.prepared import Insertion
from inquiries.stores.types import Moment

GATE = "epoch"
ARCHIVE = "archive"  # the group of an archived row's key, which is sealed to the archive inside its wrap
#: Not an archived row's key, which has the receipt's lookup id for the certificate, and an id for itself.
THE_INQUIRYS = keys.c.group_name != ARCHIVE


@dataclass(frozen=True)
class KeyRow:
    """A group's key as the keys store holds it; `wrap` is None once destroyed."""

    id: int
    inquiry_id: int
    group: str
    epoch: int
    wrap: bytes | None
    receipt_wrap: bytes | None

    @property
    def destroyed(self) -> bool:
        """Whether this is a tombstone."""
        return self.wrap is None


class NewKey(NamedTuple):
    """A key row about to be adopted."""

    id: int
    inquiry_id: int
    group: str
    wrap: bytes
    receipt_wrap: bytes | None = None
    receipt_lookup: bytes | None = None
    tag_email: bytes | None = None
    tag_phone: bytes | None = None
    due_at: datetime | None = None  # as promised at receipt; None: until withdrawn


_INSERT = Insertion(
    keys, ("id", "inquiry_id", "group_name", "wrap", "receipt_wrap", "receipt_lookup", "due_at", "epoch")
)
ROW = (keys.c.id, keys.c.inquiry_id, keys.c.group_name, keys.c.epoch, keys.c.wrap, keys.c.receipt_wrap)


def adopt(connection: Connection, epoch: int, rows: Sequence[NewKey]) -> None:
    """Insert the rows that are absent, wrapped under `epoch`; a row or tombstone that stands wins.

    Tags go in with their own key alone: beside a tombstone they would come after its end.
    """
    values = [
        (row.id, row.inquiry_id, row.group, row.wrap, row.receipt_wrap, row.receipt_lookup, row.due_at, epoch)
        for row in rows
    ]
    new = _INSERT.put_absent(connection, values)
    tags.put(connection, [(row.id, row.tag_email, row.tag_phone) for row in rows if row.id in new])


def of_others(connection: Connection, lookups: Mapping[int, bytes]) -> frozenset[int]:
    """Of inquiry → lookup id: the inquiries whose lookup id another one has here, living or destroyed."""
    query = select(keys.c.receipt_lookup, keys.c.inquiry_id)
    query = query.where(keys.c.receipt_lookup.in_(lookups.values()), THE_INQUIRYS).distinct()
    owners = {row[0]: row[1] for row in connection.execute(query)}
    return frozenset(one for one, lookup in lookups.items() if owners.get(lookup, one) != one)


def of_inquiries(connection: Connection, inquiry_ids: Sequence[int]) -> list[KeyRow]:
    """Every key row and tombstone of the inquiries."""
    hers = among(connection, keys.c.inquiry_id, inquiry_ids)
    found = connection.execute(select(*ROW).where(hers))
    return [KeyRow(*row) for row in found]


def by_ids(connection: Connection, ids: Sequence[int]) -> list[KeyRow]:
    """The key rows and tombstones of these ids."""
    return [KeyRow(*row) for row in connection.execute(select(*ROW).where(keys.c.id.in_(ids)))]


def by_tag(connection: Connection, kind: str, tag: bytes) -> list[int]:
    """The inquiries whose own items have this tag ("email" or "phone"), the newest first."""
    ids = tags.found(connection, email=tag) if kind == "email" else tags.found(connection, phone=tag)
    query = select(keys.c.inquiry_id).where(keys.c.id.in_(ids), keys.c.group_name == MAIN)
    return list(connection.scalars(query.order_by(keys.c.inquiry_id.desc())))


def known(connection: Connection, ids: Sequence[int]) -> frozenset[int]:
    """Which of the group ids have a key row or a tombstone."""
    return frozenset(connection.scalars(select(keys.c.id).where(among(connection, keys.c.id, ids))))


def known_between(connection: Connection, first: int, last: int) -> frozenset[int]:
    """The ids from the one to the other that have a key row or a tombstone."""
    query = select(keys.c.id).where(keys.c.id.between(first, last))
    return frozenset(connection.scalars(query).all())


@dataclass(frozen=True)
class Overdue:
    """A living key whose promised end has passed."""

    id: int
    inquiry_id: int
    group: str
    due_at: datetime
    receipt_lookup: bytes | None


def overdue(connection: Connection, now: datetime, after: int, limit: int) -> list[Overdue]:
    """Living keys whose promised end has passed, in order of id, `limit` at a time."""
    query = select(keys.c.id, keys.c.inquiry_id, keys.c.group_name, keys.c.due_at, keys.c.receipt_lookup)
    query = query.where(keys.c.due_at <= now, keys.c.destroyed_at.is_(None), keys.c.id > after)
    return [Overdue(*row) for row in connection.execute(query.order_by(keys.c.id).limit(limit))]


def newest_living(connection: Connection, until: int | None = None) -> int | None:
    """The newest group that has a key, up to this id; an archived one's id tells no time."""
    living = select(func.max(keys.c.id)).where(keys.c.destroyed_at.is_(None), keys.c.group_name != ARCHIVE)
    newest: int | None = connection.scalar(living if until is None else living.where(keys.c.id <= until))
    return newest


def living_archived(connection: Connection, after: int, limit: int) -> list[int]:
    """The ids of archived rows that have a key, in order, `limit` at a time."""
    query = select(keys.c.id).where(keys.c.group_name == ARCHIVE, keys.c.destroyed_at.is_(None))
    return list(connection.scalars(query.where(keys.c.id > after).order_by(keys.c.id).limit(limit)))


# -- epochs and rotation -------------------------------------------------------------------------


def open_epoch(connection: Connection) -> int | None:
    """The one epoch under which wraps are written now."""
    number: int | None = connection.scalar(select(func.max(epochs.c.number)).where(epochs.c.state == "open"))
    return number


def epoch_states(connection: Connection) -> dict[int, str]:
    """Number → open | closed | retired."""
    return {row[0]: row[1] for row in connection.execute(select(epochs.c.number, epochs.c.state))}


def retired_before(connection: Connection, moment: datetime) -> int | None:
    """The newest epoch that was retired before the moment."""
    query = select(func.max(epochs.c.number)).where(epochs.c.state == "retired", epochs.c.retired_at < moment)
    number: int | None = connection.scalar(query)
    return number


def unscoured(connection: Connection) -> list[int]:
    """Retired epochs after whose retirement this store was not yet scoured."""
    query = select(epochs.c.number).where(epochs.c.state == "retired", epochs.c.scoured_at.is_(None))
    return list(connection.scalars(query.order_by(epochs.c.number)))


def start_epoch(connection: Connection, number: int, at: datetime) -> None:
    """Open epoch `number` and close every earlier one, in one transaction behind the closed gate."""
    connection.execute(
        update(epochs)
        .where(epochs.c.number < number, epochs.c.state == "open")
        .values(state="closed", closed_at=at)
    )
    if connection.scalar(select(epochs.c.number).where(epochs.c.number == number)) is None:
        connection.execute(insert(epochs).values(number=number, state="open"))


def retire_epochs(connection: Connection, before: int, at: datetime) -> None:
    """Every epoch before `before` is retired."""
    connection.execute(
        update(epochs)
        .where(epochs.c.number < before, epochs.c.state != "retired")
        .values(state="retired", retired_at=at)
    )


def mark_scoured(connection: Connection, numbers: Sequence[int], at: datetime) -> None:
    """The named epochs' retirement was carried through to the last page of this store."""
    connection.execute(update(epochs).where(epochs.c.number.in_(numbers)).values(scoured_at=at))


# -- progress ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far the ledger's destruction intents have been followed."""

    done_intent: int = 0
    restored_at: datetime | None = None


def how_far(connection: Connection) -> Progress:
    """The present progress; zeros before the first destruction."""
    row = connection.execute(select(progress.c.done_intent, progress.c.restored_at)).one_or_none()
    return Progress() if row is None else Progress(*row)


def advance(connection: Connection, done: int) -> None:
    """Note an intent as carried through everywhere; never goes back."""
    connection.execute(update(progress).where(progress.c.done_intent < done).values(done_intent=done))


def note_restore(connection: Connection, at: datetime | None) -> None:
    """A restore was noticed (or, with None, confirmed): until confirmed no epoch retires.

    The first moment stays: several starts may notice one and the same.
    """
    first = None if at is None else func.coalesce(progress.c.restored_at, literal(at, Moment))
    connection.execute(update(progress).values(restored_at=first))


def prepare(connection: Connection) -> None:
    """Make the one row of `progress`; harmless when it stands."""
    if connection.scalar(select(progress.c.id)) is None:
        connection.execute(insert(progress).values(id=1, done_intent=0))
