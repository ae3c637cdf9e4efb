"""The open epoch as every surface may know it: read from `live`, verified, never an older one than seen.

Needs no private key; this is what the public surface seals to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import structlog

from inquiries import clock
from inquiries.errors import IntakeClosed, KeyUnavailable, SealBroken
from inquiries.sealing import epochs as sealing
from inquiries.services.house import House
from inquiries.stores import keys
from inquiries.stores.live import epochs as live_epochs

log = structlog.get_logger()

#: For how long a process seals to what it last read; the insert asks again whether it is still open.
FRESH_SECONDS = 1.0


@dataclass(frozen=True)
class OpenEpoch:
    """What sealing an envelope takes."""

    number: int
    public_key: bytes
    surface_key: bytes


@dataclass
class _Memory:
    lock: Lock = field(default_factory=Lock)
    epoch: OpenEpoch | None = None
    read_at: float = -FRESH_SECONDS
    forgot_at: float = -FRESH_SECONDS
    forgotten: int = 0


def current(house: House, *, again: bool = False) -> OpenEpoch:
    """The open epoch, at most a second old; read anew with `again`.

    Raises:
        IntakeClosed: none is open, or the record is older than one seen before, or its key is gone.
        SealBroken: the record is not signed by this installation.
    """
    memory = _memory(house)
    now = clock.monotonic()
    if memory.epoch is None or again or now - memory.read_at >= FRESH_SECONDS:
        with memory.lock:
            memory.epoch = _read(house, memory.epoch)
            memory.read_at = now
        forget_retired(house)
    return memory.epoch


def forget_retired(house: House) -> None:
    """Drop and erase what this holder still has of epochs that were retired; asks once a second.

    Every host with a keyring of its own does this, or its surface keys would open old copies for ever.
    Both stores must call an epoch retired: one that was put back from a backup may need its keys again.
    """
    memory = _memory(house)
    now = clock.monotonic()
    if now - memory.forgot_at < FRESH_SECONDS:
        return
    memory.forgot_at = now
    with house.live.read() as connection:
        row = live_epochs.last_retired(connection)
    if row is None or row.number <= memory.forgotten:
        return
    with house.keys.read() as connection:
        agreed = keys.epoch_states(connection).get(row.number) == "retired"
    if not agreed:
        return
    record = sealing.EpochRecord(row.number, row.public_key, "retired", row.at)
    try:
        sealing.verify_record(house.custody.verify_key, record, row.signature)
        house.custody.erase_before(row.number + 1)
    except (SealBroken, KeyUnavailable) as failed:
        log.error("epochs.not_forgotten", epoch=row.number, reason=failed.code)
        return
    house.custody.forget_before(row.number + 1)
    memory.forgotten = row.number


def _memory(house: House) -> _Memory:
    return house.recall("epochs", _Memory)


def _read(house: House, pinned: OpenEpoch | None) -> OpenEpoch:
    with house.live.read() as connection:
        row = live_epochs.newest(connection)
    if row is None:
        raise IntakeClosed("no epoch is open")
    if pinned is not None and row.number < pinned.number:
        raise IntakeClosed(
            f"epoch {row.number} is offered after {pinned.number}: the live store was put back"
        )
    if pinned is not None and row.number == pinned.number:
        return pinned
    record = sealing.EpochRecord(row.number, row.public_key, "open", row.at)
    try:
        sealing.verify_record(house.custody.verify_key, record, row.signature)
    except SealBroken:
        raise IntakeClosed(f"the record of epoch {row.number} is not signed by this installation") from None
    try:
        surface_key = house.custody.surface_key(row.number)
    except KeyUnavailable:
        raise IntakeClosed(f"the surface key of epoch {row.number} is gone") from None
    return OpenEpoch(row.number, row.public_key, surface_key)
