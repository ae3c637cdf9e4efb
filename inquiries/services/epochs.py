"""The open epoch as every surface may know it: read from `live`, verified, never an older one than seen.

Needs no private key; this is what the public surface seals to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from inquiries import clock
from inquiries.errors import IntakeClosed, KeyUnavailable, SealBroken
from inquiries.sealing import epochs as sealing
from inquiries.services.house import House
from inquiries.stores.live import epochs as live_epochs

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
    """Drop from this process what it still remembers of epochs that were retired; asks once a second."""
    memory = _memory(house)
    now = clock.monotonic()
    if now - memory.forgot_at >= FRESH_SECONDS:
        memory.forgot_at = now
        with house.live.read() as connection:
            retired = live_epochs.last_retired(connection)
        house.custody.forget_before(retired + 1)


def _memory(house: House) -> _Memory:
    found = house.memory.setdefault("epochs", _Memory())
    assert isinstance(found, _Memory)  # noqa: S101 - narrows the type; nobody else uses the name
    return found


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
