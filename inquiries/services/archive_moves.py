"""Carries out the moves to the archive that were ordered; asks nobody's permission and opens no archived row.

Order: sealed to the archive's public key → row with its envelope in the archive → its key in the keys store →
the inquiry's own group destroyed → the order struck off. After a crash at any point the same steps again lead
to the same end: what is archived is neither lost nor kept twice (P12).
"""

from __future__ import annotations

from contextlib import suppress

import structlog

from inquiries import clock
from inquiries.errors import IntakeClosed, KeyUnavailable, SealBroken
from inquiries.rules.purposes import Use
from inquiries.rules.retention import MAIN
from inquiries.sealing import archive as sealing
from inquiries.sealing import items
from inquiries.services import archive_keys, destruction, purposes, records
from inquiries.services import epochs as open_epochs
from inquiries.services.house import House
from inquiries.stores import archive as store
from inquiries.stores import keys as key_store
from inquiries.stores.live import archivals

log = structlog.get_logger()


def carry_out(house: House) -> int:
    """Finish every move that was ordered; returns how many. One that fails stops no other.

    Raises:
        JobBusy: a sweep is at work.
    """
    with house.live.read() as connection:
        moves = archivals.every(connection)
    count = 0
    for move in moves:
        try:
            count += _carry(house, move)
        except (IntakeClosed, KeyUnavailable, SealBroken) as failed:
            log.error("archive.not_moved", inquiry=move.inquiry_id, reason=failed.code)
    return count


def _carry(house: House, move: archivals.ArchivalRow) -> bool:
    with house.live.read() as connection:
        taken = archivals.moved(connection, move.inquiry_id)
    seen = _row(house, move)
    if taken is None:  # the crash came after its destruction, or that came before the move
        if seen is None:
            log.error("archive.nothing_to_move", inquiry=move.inquiry_id)
        _strike_off(house, move)
        return seen is not None
    if (seen is None or not archive_keys.settle(house, seen)) and not _archive(house, move, taken, seen):
        return False
    destruction.destroy_now(house, [taken.group_id], "archived")
    with house.live.read() as connection:
        if archivals.moved(connection, move.inquiry_id) is not None:  # a hold was placed meanwhile
            return False
    _strike_off(house, move)
    return True


def _archive(
    house: House, move: archivals.ArchivalRow, taken: archivals.Moved, seen: store.Carried | None
) -> bool:
    """Seal what the statute needs, put it in the archive, and its key in the keys store.

    In the place of a row that was `seen` and whose key nothing gives: its epoch ended before it was adopted.
    """
    texts = _texts(house, move, taken)
    if texts is None:
        return False
    epoch = open_epochs.current(house, again=True)
    dek = items.new_data_key()
    wrapped = sealing.wrap_key(house.custody.archive.public_key, move.archive_id, move.statute, dek)
    row = store.ArchivedRow(
        id=move.archive_id,
        inquiry_id=move.inquiry_id,
        receipt_lookup=taken.receipt_lookup,
        type=taken.type,
        statute=move.statute,
        policy_version=move.policy_version,
        received_at=taken.received_at,
        archived_at=move.ordered_at,
        due_at=move.until,
        claimed_at=None,
        sealed=sealing.seal_items(dek, move.archive_id, move.statute, texts),
        epoch=epoch.number,
        envelope=sealing.seal_envelope(epoch.number, epoch.public_key, move.archive_id, wrapped),
    )
    with house.archive.write() as connection:
        store.put(connection, row, instead_of=seen)
    standing = _row(house, move)
    return standing is not None and archive_keys.settle(house, standing)


def _texts(house: House, move: archivals.ArchivalRow, taken: archivals.Moved) -> dict[str, str] | None:
    """The items that the statute needs, in clear for this moment; None where nothing opens them."""
    key = purposes.data_keys(house, Use.archive, [move.inquiry_id]).get((move.inquiry_id, MAIN))
    wanted = move.items.split()
    with suppress(SealBroken):
        sealed = {name: blob for name, blob in items.unpack(taken.sealed).items() if name in wanted}
        if key is not None:
            return items.open_items(key.dek, move.inquiry_id, MAIN, sealed)
    log.error("archive.does_not_open", inquiry=move.inquiry_id)
    with house.keys.read() as connection:
        restored = key_store.how_far(connection).restored_at is not None
    if taken.due_at is not None and taken.due_at <= clock.now() and not restored:
        records.append(house, "operation", {"act": "archive_lost", "inquiry": move.inquiry_id})
        _strike_off(house, move)  # so that it is destroyed on its day all the same (P10)
    return None


def _row(house: House, move: archivals.ArchivalRow) -> store.Carried | None:
    with house.archive.read() as connection:
        return next(iter(store.carried(connection, [move.archive_id])), None)


def _strike_off(house: House, move: archivals.ArchivalRow) -> None:
    with house.live.write() as connection:
        archivals.done(connection, move.archive_id)
