"""Somebody who can write the ledger and has read our source: what he makes holds together by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from inquiries.sealing import chain as hashes
from inquiries.sealing.primitives import new_key
from inquiries.services import records
from inquiries.services.house import House
from inquiries.stores import ledger
from inquiries.stores.types import to_microseconds


def rewrite(house: House, change: Callable[[int, str], str | None]) -> None:
    """A whole new chain of accesses, with every hash as it should be: what only seals can betray."""
    with house.ledger.write() as connection:
        old = [entry for entry in ledger.read(connection, "access") if entry.body is not None]
        connection.execute(ledger.bodies.delete().where(ledger.bodies.c.chain == "access"))
        connection.execute(ledger.entries.delete().where(ledger.entries.c.chain == "access"))
        previous, n = hashes.GENESIS, 0
        for entry in old:
            body = change(entry.n, entry.body or "")
            if body is None:
                continue
            n += 1
            salt = entry.salt or b""
            committed = hashes.commitment(salt, body.encode())
            assert entry.until is not None
            at_us, until_us = to_microseconds(entry.at), to_microseconds(entry.until)
            digest = hashes.entry_hash("access", n, at_us, until_us, previous, committed)
            ledger.append(
                connection,
                replace(entry, n=n, previous=previous, commitment=committed, hash=digest, body=body),
            )
            previous = digest


def seal_anew(house: House) -> None:
    """Put the heads of the new chain into every seal, with a key of her own: the old ones are gone."""
    key, before = new_key(), hashes.GENESIS
    with house.ledger.write() as connection:
        hash_of = {entry.n: entry.hash for entry in ledger.read(connection, "access")}
        seals = list(ledger.all_seals(connection))
        connection.execute(ledger.seals.delete())
        for one in seals:
            heads = json.loads(one.heads)
            if "access" in heads:
                n = min(heads["access"][0], max(hash_of))
                heads["access"] = [n, hash_of[n].hex()]
            named = {name: (head[0], bytes.fromhex(head[1])) for name, head in heads.items()}
            at_us = to_microseconds(one.at)
            mac = hashes.seal_heads(key, one.n, at_us, named, before)
            ledger.add_seal(connection, ledger.Seal(one.n, one.at, records.canonical(heads), mac))
            key, before = hashes.next_seal_key(key), mac
