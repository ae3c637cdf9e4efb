"""One sending key for the inquiries that this process has under way at once; it is never written anywhere.

Who breaks into the public surface reads what passes while he is there. What was sent before stays closed to
him, but for what shares a key with an inquiry that is still under way: at most `MOST`, within `SECONDS`. A
process that is not busy makes a key for each inquiry.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from inquiries import clock
from inquiries.sealing import envelope
from inquiries.services.epochs import OpenEpoch
from inquiries.services.house import House

MOST: Final = 32  # inquiries a key
SECONDS: Final = 1.0  # from its first inquiry to its last


@dataclass
class _Shared:
    key: envelope.SendingKey
    until: float  # on the monotonic clock
    taken: int = 0
    under_way: int = 0


@dataclass
class _Memory:
    lock: Lock = field(default_factory=Lock)
    shared: _Shared | None = None


@contextmanager
def key(house: House, epoch: OpenEpoch) -> Iterator[envelope.SendingKey]:
    """The key to seal one inquiry's envelope with; the block ends when the inquiry is stored."""
    memory = _memory(house)
    with memory.lock:
        shared = memory.shared
        if shared is None or not _good(shared, epoch):
            made = envelope.new_sending_key(epoch.number, epoch.public_key)
            shared = memory.shared = _Shared(made, clock.monotonic() + SECONDS)
        shared.taken += 1
        shared.under_way += 1
    try:
        yield shared.key
    finally:
        with memory.lock:
            shared.under_way -= 1
            if shared.under_way == 0 and memory.shared is shared:
                memory.shared = None


def _good(shared: _Shared, epoch: OpenEpoch) -> bool:
    return shared.key.epoch == epoch.number and shared.taken < MOST and clock.monotonic() < shared.until


def _memory(house: House) -> _Memory:
    return house.recall("sending", _Memory)
