"""The data keys of archived rows on their way into the keys store, sealed to the archive; opens none of them.

What a row's envelope and its wrap in the keys store hold is K, which only the archive's private key opens. So
whoever holds the epochs' secrets adopts and re-wraps, and reads nothing (DESIGN §3, Archive).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from inquiries.errors import IntakeClosed, KeyUnavailable, NotFound, SealBroken
from inquiries.sealing import archive as sealing
from inquiries.sealing import epochs
from inquiries.services.house import House
from inquiries.stores import archive as archive_store
from inquiries.stores import keys, tombstones, wraps
from inquiries.stores.archive import Carried

BATCH = 5000


def settle(house: House, row: Carried) -> bool:
    """Make the keys store hold the very key that this row was sealed under; False when nothing gives it.

    A tombstone stands as it is: then the row is a leftover. Another key can stand here only for an earlier
    row of the same id, which a move that was cut short and an older copy of the archive may leave.
    """
    try:
        wrapped = _open(house, row)
    except (KeyUnavailable, SealBroken):
        with house.keys.read() as connection:
            return row.envelope is None and bool(keys.known(connection, [row.id]))
    with house.keys.write() as connection:
        house.keys.gate(connection, keys.GATE)
        number = keys.open_epoch(connection)
        if number is None:
            raise IntakeClosed("no epoch is open in the keys store")
        new = _new_key(house, number, row, wrapped)
        keys.adopt(connection, number, [new])
        (standing,) = keys.by_ids(connection, [row.id])
        if not standing.destroyed and not _holds(house, standing, wrapped):
            wraps.rewrap(connection, number, [(standing, new.wrap, None)])
    return True


def adopt_pending(house: House) -> int:
    """Adopt every archived row whose key the keys store does not know; returns how many. Repeatable."""
    count = 0
    for row in _unknown(house):
        count += settle(house, row)
    return count


def unadopted(house: House, epochs_before: int) -> list[int]:
    """Archived rows whose key is still to be adopted from an envelope of an earlier epoch, and can be."""
    return [row.id for row in _unknown(house) if row.epoch < epochs_before and _opens(house, row)]


def keyless(house: House) -> dict[int, int]:
    """Archived rows (id → id) with neither key nor tombstone, and no envelope that gives one."""
    return {row.id: row.id for row in _unknown(house) if not _opens(house, row)}


def rowless(house: House) -> dict[int, int]:
    """Archived rows (id → id) that are gone though their keys live: an older archive was put back.

    No crash leaves that: the row comes before its key, and goes after it.
    """
    gone: dict[int, int] = {}
    for living in house.keys.batches(lambda c, after: keys.living_archived(c, after, BATCH), int):
        with house.archive.read() as connection:
            standing = {one for one, _ in archive_store.standing(connection, living)}
        absent = [one for one in living if one not in standing]
        with house.keys.read() as connection:  # asked again: it may have been destroyed just now
            gone |= {row.id: row.id for row in keys.by_ids(connection, absent) if not row.destroyed}
    return gone


def unkept(house: House) -> dict[int, int]:
    """Group → inquiry, of what was archived and is in neither the archive nor the keys store.

    Both were put back from before the move; that it was made, the ledger's intent has brought back.
    """
    with house.keys.read() as connection:
        unkept = tombstones.unkept(connection)
    with house.archive.read() as connection:
        there = archive_store.inquiries(connection, list(unkept.values()))
    return {group: inquiry for group, inquiry in unkept.items() if inquiry not in there}


def from_envelopes(house: House, ids: Sequence[int]) -> dict[int, bytes]:
    """Id → K, of those archived rows whose envelope is still kept and opens."""
    with house.archive.read() as connection:
        rows = archive_store.carried(connection, ids)
    found: dict[int, bytes] = {}
    for row in rows:
        with suppress(KeyUnavailable, SealBroken):
            found[row.id] = _open(house, row)
    return found


def of(house: House, archive_id: int) -> bytes:
    """K of an archived row, adopted first where the worker has not come to it; for who may open it.

    Raises:
        NotFound: it is destroyed, or lost.
    """
    with house.archive.read() as connection:
        rows = archive_store.carried(connection, [archive_id])
    for again in (False, True):
        with house.keys.read() as connection:
            standing = keys.by_ids(connection, [archive_id])
        if not standing and not again:
            for row in rows:
                settle(house, row)
            continue
        with suppress(KeyUnavailable, SealBroken):  # a rotation may pass between our two looks
            if standing and not standing[0].destroyed:
                return unwrapped(house, standing[0])
    raise NotFound("no key of what is archived")


def unwrapped(house: House, row: keys.KeyRow) -> bytes:
    """K of a living key row.

    Raises:
        KeyUnavailable, SealBroken: its epoch's secret is gone, or is not the one that wrapped it.
    """
    assert row.wrap is not None  # noqa: S101 - a living row
    return epochs.unwrap_archive_key(house.custody.epoch_secret(row.epoch).kek, row.epoch, row.id, row.wrap)


def _unknown(house: House) -> Iterator[Carried]:
    """Archived rows that the keys store knows neither alive nor destroyed."""
    for ids in house.archive.batches(lambda c, after: archive_store.ids_after(c, after, BATCH), int):
        with house.keys.read() as connection:
            known = keys.known(connection, ids)
        with house.archive.read() as connection:
            rows = archive_store.carried(connection, [one for one in ids if one not in known])
        yield from rows


def _open(house: House, row: Carried) -> bytes:
    """K, from the row's envelope; only under the id that inquiry and statute give."""
    if row.envelope is None or row.id != sealing.id_of(row.inquiry_id, row.statute):
        raise SealBroken("the archived row brings no key")
    return sealing.open_envelope(house.custody.epoch_secret(row.epoch), row.id, row.envelope)


def _opens(house: House, row: Carried) -> bool:
    house.custody.must_hold_root()
    try:
        _open(house, row)
    except (KeyUnavailable, SealBroken):
        return False
    return True


def _holds(house: House, standing: keys.KeyRow, wrapped: bytes) -> bool:
    try:
        return unwrapped(house, standing) == wrapped
    except (KeyUnavailable, SealBroken):
        return False


def _new_key(house: House, number: int, row: Carried, wrapped: bytes) -> keys.NewKey:
    kek = house.custody.epoch_secret(number).kek
    return keys.NewKey(
        id=row.id,
        inquiry_id=row.id,  # not the inquiry's: what is asked for its keys is never handed this one
        group=keys.ARCHIVE,
        wrap=epochs.wrap_archive_key(kek, number, row.id, wrapped),
        receipt_lookup=row.receipt_lookup,
        due_at=row.due_at,
    )
