"""Epoch records as published, and the envelopes sealed to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    delete,
    func,
    insert,
    select,
    update,
)

from inquiries.stores.among import among
from inquiries.stores.live.tables import envelopes, epochs, groups, staff
from inquiries.stores.live.written_tables import outbox
from inquiries.stores.prepared import Insertion

#: Held shared by whoever inserts an envelope, exclusive by whoever closes an epoch.
GATE = "epoch"


class NewEnvelope(NamedTuple):
    """An envelope to be stored."""

    inquiry_id: int
    epoch: int
    sealed: bytes
    receipt_lookup: bytes | None = None
    once: bytes | None = None


#: Asked and done in one statement, since it stands in every submission: a closed epoch gives no number, and
#: without one there is no envelope.
_POST = Insertion(
    envelopes,
    NewEnvelope._fields,
    asked={"epoch": "SELECT number FROM epochs WHERE number = {} AND state = 'open'"},
)


@dataclass(frozen=True)
class EpochRow:
    """A signed epoch record."""

    number: int
    public_key: bytes
    state: str
    at: datetime
    signature: bytes


class EnvelopeRow(NamedTuple):
    """An envelope and the key ids that are expected of it: of groups (staff, mail) that stand in `live`."""

    inquiry_id: int
    epoch: int
    sealed: bytes
    receipt_lookup: bytes | None
    key_ids: frozenset[int]


def newest(connection: Connection) -> EpochRow | None:
    """The newest open epoch."""
    query = select(epochs).where(epochs.c.state == "open").order_by(epochs.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else EpochRow(*row)


def last_retired(connection: Connection) -> EpochRow | None:
    """The newest retired epoch."""
    query = select(epochs).where(epochs.c.state == "retired").order_by(epochs.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else EpochRow(*row)


def every(connection: Connection) -> list[EpochRow]:
    """All records, the oldest first."""
    return [EpochRow(*row) for row in connection.execute(select(epochs).order_by(epochs.c.number))]


def of(connection: Connection, numbers: Iterable[int]) -> list[EpochRow]:
    """The records of these epochs, as far as there are any."""
    query = select(epochs).where(epochs.c.number.in_(list(numbers))).order_by(epochs.c.number)
    return [EpochRow(*row) for row in connection.execute(query)]


def put(connection: Connection, record: EpochRow) -> None:
    """Publish a record, in the place of an earlier one of the same number."""
    connection.execute(delete(epochs).where(epochs.c.number == record.number))
    connection.execute(insert(epochs).values(vars(record)))


# -- envelopes -----------------------------------------------------------------------------------


def post(connection: Connection, new: Sequence[NewEnvelope]) -> None:
    """Store envelopes in the transaction of what their keys sealed; on PostgreSQL, under the gate.

    Raises IntegrityError where an epoch is not open, which must be rolled back.
    """
    _POST.put(connection, new)


def envelope(connection: Connection, inquiry_id: int) -> tuple[int, bytes] | None:
    """(epoch, envelope) of one inquiry."""
    query = select(envelopes.c.epoch, envelopes.c.sealed).where(envelopes.c.inquiry_id == inquiry_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def inquiry_of(connection: Connection, receipt_lookup: bytes) -> int | None:
    """The inquiry with this lookup id, while its envelope stands."""
    query = select(envelopes.c.inquiry_id).where(envelopes.c.receipt_lookup == receipt_lookup)
    return connection.scalar(query)


def sent_before(connection: Connection, once: bytes) -> tuple[int, bytes] | None:
    """(inquiry, its lookup id) of what came under this `once`, while its envelope stands."""
    query = select(envelopes.c.inquiry_id, envelopes.c.receipt_lookup).where(envelopes.c.once == once)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def _with_key_ids(*conditions: Any) -> Select[Any]:
    return (
        select(
            envelopes.c.inquiry_id,
            envelopes.c.epoch,
            envelopes.c.sealed,
            envelopes.c.receipt_lookup,
            groups.c.id,
            staff.c.id,
            outbox.c.id,
        )
        .join(groups, groups.c.inquiry_id == envelopes.c.inquiry_id, isouter=True)
        .join(staff, staff.c.id == envelopes.c.inquiry_id, isouter=True)
        .join(outbox, outbox.c.id == envelopes.c.inquiry_id, isouter=True)
        .where(*conditions)
        .order_by(envelopes.c.inquiry_id)
    )


def _gather(rows: Iterable[Any]) -> list[EnvelopeRow]:
    found: dict[int, tuple[int, bytes, bytes | None, set[int]]] = {}
    for inquiry_id, epoch, sealed, lookup, *owners in rows:
        ids = found.setdefault(inquiry_id, (epoch, sealed, lookup, set()))[3]
        ids.update(key for key in owners if key is not None)
    return [EnvelopeRow(key, *row[:3], frozenset(row[3])) for key, row in found.items()]


def envelopes_of(connection: Connection, inquiry_ids: Sequence[int]) -> list[EnvelopeRow]:
    """The envelopes of these inquiries, members of staff or messages, but for quarantined ones."""
    asked = among(connection, envelopes.c.inquiry_id, inquiry_ids)
    return _gather(connection.execute(_with_key_ids(envelopes.c.quarantined_at.is_(None), asked)))


def last_envelope(connection: Connection) -> int:
    """The id of the newest envelope."""
    return connection.scalar(select(func.max(envelopes.c.inquiry_id))) or 0


def envelope_ids(connection: Connection, after: int, until: int, limit: int) -> list[int]:
    """The ids of the next `limit` envelopes that are not quarantined, in order, up to and with `until`."""
    between = (envelopes.c.inquiry_id > after, envelopes.c.inquiry_id <= until)
    page = select(envelopes.c.inquiry_id).where(*between, envelopes.c.quarantined_at.is_(None))
    return list(connection.scalars(page.order_by(envelopes.c.inquiry_id).limit(limit)))


def quarantine(connection: Connection, inquiry_ids: Sequence[int], at: datetime) -> None:
    """Mark envelopes that do not open."""
    query = update(envelopes).where(
        envelopes.c.inquiry_id.in_(inquiry_ids), envelopes.c.quarantined_at.is_(None)
    )
    connection.execute(query.values(quarantined_at=at))


def release(connection: Connection, numbers: Sequence[int]) -> None:
    """Let quarantined envelopes of these epochs be tried again."""
    connection.execute(update(envelopes).where(envelopes.c.epoch.in_(numbers)).values(quarantined_at=None))


def quarantined(connection: Connection) -> list[EnvelopeRow]:
    """The envelopes that did not open."""
    return _gather(connection.execute(_with_key_ids(envelopes.c.quarantined_at.is_not(None))))


def remove_envelopes(connection: Connection, ids: Sequence[int]) -> None:
    """Delete the envelopes of these inquiries, members of staff or messages."""
    connection.execute(delete(envelopes).where(among(connection, envelopes.c.inquiry_id, ids)))


def drop_envelopes(connection: Connection, epochs_before: int, limit: int) -> int:
    """Delete up to `limit` envelopes of epochs before the given one. Returns how many."""
    page = select(envelopes.c.inquiry_id).where(envelopes.c.epoch < epochs_before).limit(limit)
    return connection.execute(delete(envelopes).where(envelopes.c.inquiry_id.in_(page))).rowcount
