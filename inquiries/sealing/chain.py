"""The ledger's hash chain and the forward-secure seals over its heads; it stores no entry.

An entry's body can be pruned when its period ends: the chain covers a salted commitment to it. A seal's
key is replaced by its own hash at once, so that whoever breaks in later cannot rewrite what was sealed.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256

from inquiries.sealing.primitives import KEY_SIZE, VERSION, bind

GENESIS = bytes(32)
ENTRY_VERSION = 2
SALT_SIZE = 16

#: Of each chain its name, and the number and hash of its last entry.
Heads = Mapping[str, tuple[int, bytes]]


def commitment(salt: bytes, body: bytes) -> bytes:
    """SHA-256 of bind("inquiries ledger body", version, salt, body), 32 bytes.

    The salt is random, 16 bytes or more, of this entry alone; without it the commitment tells nothing of
    the body.
    """
    if len(salt) < SALT_SIZE:
        raise ValueError("a salt is at least 16 bytes")
    return sha256(bind("inquiries ledger body", VERSION, salt, body)).digest()


def entry_hash(chain: str, n: int, at_us: int, until_us: int, previous: bytes, commitment: bytes) -> bytes:
    """SHA-256 of bind("inquiries ledger entry", 2, chain, n, at, until, previous, commitment), 32 bytes.

    `at_us` and `until_us` count microseconds since 1970 in UTC; before `until_us` a body that is missing was
    taken away (0: it is kept for good). `previous` is the hash of entry n - 1, of the first entry `GENESIS`.
    """
    parts = (chain, n, at_us, until_us, previous, commitment)
    return sha256(bind("inquiries ledger entry", ENTRY_VERSION, *parts)).digest()


def entry_hash_v1(chain: str, n: int, at_us: int, previous: bytes, commitment: bytes) -> bytes:
    """The same of version 1, which does not say until when the body is kept."""
    return sha256(bind("inquiries ledger entry", 1, chain, n, at_us, previous, commitment)).digest()


def next_seal_key(key: bytes) -> bytes:
    """The key of the next seal: SHA-256 of bind("inquiries next seal key", version, key); no way back."""
    if len(key) != KEY_SIZE:
        raise ValueError("a seal key is 32 bytes")
    return sha256(bind("inquiries next seal key", VERSION, key)).digest()


def key_at(first_key: bytes, index: int) -> bytes:
    """The key of seal `index`, counted from the first seal key at 0."""
    if index < 0:
        raise ValueError("seals are counted from 0")
    key = first_key
    for _ in range(index):
        key = next_seal_key(key)
    return key


def seal_heads(key: bytes, index: int, at_us: int, heads: Heads, previous_mac: bytes) -> bytes:
    """The seal over every chain's head, 32 bytes.

    Layout: HMAC-SHA-256(key, bind("inquiries ledger seal", version, index, at, previous mac, then name, n
    and hash of each chain in order of name)); before the first seal the previous mac is `GENESIS`.
    """
    if len(key) != KEY_SIZE:
        raise ValueError("a seal key is 32 bytes")
    named = [part for chain in sorted(heads) for part in (chain, *heads[chain])]
    message = bind("inquiries ledger seal", VERSION, index, at_us, previous_mac, *named)
    return hmac.digest(key, message, "sha256")
