"""Data keys: those of inquiries for the services that read, of staff, of mail; decides nobody's permission.

Adopts first what the worker has not come to yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from inquiries.errors import IntakeClosed, KeyUnavailable, SealBroken
from inquiries.sealing import envelope, epochs, items
from inquiries.services import adoption
from inquiries.services import epochs as open_epochs
from inquiries.services.house import House
from inquiries.stores import keys
from inquiries.stores.live import epochs as live_epochs

log = structlog.get_logger()

STAFF = "staff"  # the group of a member of staff's own secrets
MAIL = "mail"  # the group of a message that outlives its inquiry, or has none


@dataclass(frozen=True)
class DataKey:
    """A living group's key."""

    id: int
    inquiry_id: int
    group: str
    dek: bytes


# -- reading -------------------------------------------------------------------------------------


def of_inquiries(house: House, inquiry_ids: Sequence[int]) -> dict[tuple[int, str], DataKey]:
    """(inquiry id, group) → living key; destroyed groups and groups without a key are absent.

    Adopts what was not adopted yet. Whoever reads comes by the gate of purposes (`purposes.py`), and has
    decided that somebody may, and recorded it.
    """
    open_epochs.forget_retired(house)
    rows = _rows(house, inquiry_ids)
    absent = set(inquiry_ids) - {row.inquiry_id for row in rows if not row.destroyed}
    if absent:
        adoption.adopt(house, sorted(absent))
        rows += _rows(house, sorted(absent))  # of which the others were tombstones
    found, closed = _unwrapped(house, rows)
    if closed:  # a rotation passed between our two looks: now they stand under the new epoch, or are lost
        again, lost = _unwrapped(house, _rows(house, closed))
        found |= again
        if lost:
            log.error("keys.unopenable", inquiries=lost)
    return found


def _rows(house: House, inquiry_ids: Sequence[int]) -> list[keys.KeyRow]:
    with house.keys.read() as connection:
        return keys.of_inquiries(connection, inquiry_ids)


def _unwrapped(house: House, rows: Iterable[keys.KeyRow]) -> tuple[dict[tuple[int, str], DataKey], list[int]]:
    """(what opens, the inquiries of what does not)."""
    house.custody.must_hold_root()
    found: dict[tuple[int, str], DataKey] = {}
    closed: set[int] = set()
    for row in rows:
        if row.wrap is not None:
            try:
                dek = unwrapped(house, row.epoch, row.id, row.wrap)
            except (KeyUnavailable, SealBroken):
                closed.add(row.inquiry_id)
            else:
                found[row.inquiry_id, row.group] = DataKey(row.id, row.inquiry_id, row.group, dek)
    return found, sorted(closed)


def unwrapped(house: House, epoch: int, key_id: int, wrap: bytes) -> bytes:
    """The data key of a living row.

    Raises:
        KeyUnavailable, SealBroken: its epoch's secret is gone, or is not the one that wrapped it.
    """
    return epochs.unwrap_data_key(house.custody.epoch_secret(epoch).kek, epoch, key_id, wrap)


# -- keys that are no inquiry's ------------------------------------------------------------------


def born(house: House, connection: Connection, owner_id: int, group: str) -> bytes:
    """A fresh data key for what belongs to no inquiry, in an envelope under its owner's id.

    In the caller's transaction of the live store, so that both stand or neither. Needs no private key.

    Raises:
        IntakeClosed: no epoch is open.
    """
    house.live.gate(connection, live_epochs.GATE)
    epoch = open_epochs.current(house, again=True)
    dek = items.new_data_key()
    sealed = envelope.seal_envelope(
        sending=envelope.new_sending_key(epoch.number, epoch.public_key),
        surface_key=epoch.surface_key,
        inquiry_id=owner_id,
        groups=[envelope.GroupKey(group, owner_id, dek)],
        code=None,
    )
    try:
        live_epochs.post(connection, [live_epochs.NewEnvelope(owner_id, epoch.number, sealed)])
    except IntegrityError:
        raise IntakeClosed(f"epoch {epoch.number} closed in between; try again") from None
    return dek


# -- of staff and of mail --------------------------------------------------------------------------


def of_staff(house: House, staff_id: int) -> bytes | None:
    """The data key of a member of staff's own secrets; None where it was destroyed or lost."""
    key = of_inquiries(house, [staff_id]).get((staff_id, STAFF))
    return None if key is None else key.dek


def of_mail(house: House, mail_id: int) -> DataKey | None:
    """The data key of a message that has one of its own; None where it was destroyed or lost."""
    return of_inquiries(house, [mail_id]).get((mail_id, MAIL))
