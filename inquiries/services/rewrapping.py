"""Re-wrapping: brings every living key from the epochs that end under the one that is open.

An archived row's key goes along unread: it is sealed to the archive inside its wrap. What nothing opens is
left where it stands and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from inquiries import clock
from inquiries.errors import KeyUnavailable, SealBroken
from inquiries.sealing import epochs as sealing
from inquiries.services import adoption, archive_keys
from inquiries.services import keys as data_keys
from inquiries.services.house import House
from inquiries.stores import keys, wraps

log = structlog.get_logger()

BATCH = 500
SAID_EVERY = 2.0  # seconds between two words on how far it is


@dataclass(frozen=True)
class _Opened:
    """A row with what its wraps hold: the data key (of an archived row, sealed to the archive)."""

    row: keys.KeyRow
    key: bytes
    receipt_wrap: bytes | None = None


def rewrap(house: House, number: int) -> tuple[int, list[keys.KeyRow]]:
    """(how many, rows that nothing opens). In batches, so that adoption and reading go on between them."""
    count, said_at = 0, clock.monotonic()
    lost: list[keys.KeyRow] = []
    for batch in _wrapped_before(house, number):
        opened = _opened(house, batch)
        changes = [_wrapped(house, number, one) for one in opened]
        with house.keys.write() as connection:
            wraps.rewrap(connection, number, changes)
        lost += _without(batch, opened)
        count += len(changes)
        if clock.monotonic() - said_at >= SAID_EVERY:
            said_at = clock.monotonic()
            with house.keys.read() as connection:
                left = wraps.count_wrapped_before(connection, number) - len(lost)
            log.info("rotation.rewrapping", epoch=number, done=count, left=left)
    return count, lost


def unopenable(house: House) -> list[keys.KeyRow]:
    """Living keys that nothing opens: what re-wrapping had to leave behind."""
    with house.keys.read() as connection:
        number = keys.open_epoch(connection) or 0
    batches = _wrapped_before(house, number)
    return [row for batch in batches for row in _without(batch, _opened(house, batch))]


def _wrapped_before(house: House, number: int) -> Iterator[list[keys.KeyRow]]:
    """Living rows under earlier epochs than this one, batch by batch."""
    return house.keys.batches(
        lambda connection, after: wraps.wrapped_before(connection, number, after, BATCH), lambda row: row.id
    )


def _wrapped(house: House, number: int, one: _Opened) -> tuple[keys.KeyRow, bytes, bytes | None]:
    kek = house.custody.epoch_secret(number).kek
    if one.row.group == keys.ARCHIVE:
        return one.row, sealing.wrap_archive_key(kek, number, one.row.id, one.key), None
    covered = one.receipt_wrap and sealing.cover(
        house.custody.surface_key(number), number, one.row.id, one.receipt_wrap
    )
    return one.row, sealing.wrap_data_key(kek, number, one.row.id, one.key), covered


def _opened(house: House, batch: Sequence[keys.KeyRow]) -> list[_Opened]:
    """What opens, by the row itself or else by the envelope that is still kept."""
    opened: list[_Opened] = []
    closed: list[keys.KeyRow] = []
    for row in batch:
        try:
            opened.append(_opened_row(house, row))
        except (KeyUnavailable, SealBroken):
            closed.append(row)
    return [*opened, *_from_envelopes(house, closed)] if closed else opened


def _from_envelopes(house: House, closed: Sequence[keys.KeyRow]) -> list[_Opened]:
    groups = adoption.from_envelopes(house, [row.inquiry_id for row in closed if row.group != keys.ARCHIVE])
    archived = archive_keys.from_envelopes(house, [row.id for row in closed if row.group == keys.ARCHIVE])
    found = {key: (group.dek, group.receipt_wrap) for key, group in groups.items()}
    found |= {key: (wrapped, None) for key, wrapped in archived.items()}
    return [_Opened(row, *found[row.id]) for row in closed if row.id in found]


def _opened_row(house: House, row: keys.KeyRow) -> _Opened:
    assert row.wrap is not None  # noqa: S101 - wrapped_before gives living rows only
    if row.group == keys.ARCHIVE:
        return _Opened(row, archive_keys.unwrapped(house, row))
    dek = data_keys.unwrapped(house, row.epoch, row.id, row.wrap)
    if row.receipt_wrap is None:
        return _Opened(row, dek)
    try:
        surface = house.custody.surface_key(row.epoch)
        return _Opened(row, dek, sealing.uncover(surface, row.epoch, row.id, row.receipt_wrap))
    except (KeyUnavailable, SealBroken):  # the inquiry lives on; only its receipt opens it no more
        log.error("receipt.lost", key=row.id, inquiry=row.inquiry_id)
        return _Opened(row, dek)


def _without(batch: Sequence[keys.KeyRow], opened: Sequence[_Opened]) -> list[keys.KeyRow]:
    found = {one.row.id for one in opened}
    return [row for row in batch if row.id not in found]
