"""Seals the chains' heads, forward: each key is replaced by its own hash once its seal is durable."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from inquiries import clock
from inquiries.errors import JobBusy
from inquiries.sealing import chain as hashes
from inquiries.sealing import documents
from inquiries.sealing.primitives import new_key
from inquiries.services.house import House
from inquiries.services.records.writing import append, canonical, heads, sealing
from inquiries.stores import ledger
from inquiries.stores.types import to_microseconds

#: A longer time between two seals is put on record: what was written meanwhile lay open as long.
GAP = timedelta(minutes=15)
LONGEST_GAP = 1_000_000  # seals; one further on is not ours, and would cost as many hashes


def start_sealing(house: House) -> str | None:
    """Make the first seal key and return it in hex, once; None when sealing has started.

    A key that was made and has sealed nothing yet is the one: whoever made it was cut short.
    """
    held = house.custody.seal_key()
    if sealing(house) or (held is not None and held[0]):
        return None
    key = new_key() if held is None else held[1]
    house.custody.set_seal_key(0, key)
    with suppress(JobBusy):  # the worker, then, makes the first seal, with this very key
        seal(house)
    return key.hex()


def seal(house: House) -> bool:
    """Seal the heads of all chains and let the key go; False when sealing has not started.

    The key is replaced after its seal is durable. A crash between leaves the used key in the keyring for
    the moment until the next call, which first moves on. A gap is recorded and never bridged: no seal bears
    an earlier time, and numbers that are missing stay missing.
    """
    with house.ledger.job("seal"):
        held = house.custody.seal_key()
        if held is None:
            return False
        index, key = held
        with house.ledger.read() as connection:
            last = ledger.last_seal(connection)
        if last is not None and clock.now() - last.at > GAP:
            append(house, "operation", {"act": "unsealed", "last_seal": documents.written(last.at)})
        heads_now = heads(house)
        with house.ledger.write() as connection:
            last = ledger.last_seal(connection)
            if last is not None and index <= last.n <= index + LONGEST_GAP:
                key, index = hashes.key_at(key, last.n + 1 - index), last.n + 1
            at = clock.now()
            before = hashes.GENESIS if last is None else last.mac
            mac = hashes.seal_heads(key, index, to_microseconds(at), heads_now, before)
            written = canonical({name: [n, digest.hex()] for name, (n, digest) in heads_now.items()})
            ledger.add_seal(connection, ledger.Seal(index, at, written, mac))
        house.custody.set_seal_key(index + 1, hashes.next_seal_key(key))
    return True
