"""Proofs of destruction: a Merkle tree over statements, its signed root, and signed statements; pure.

One signature covers all that was destroyed together, and each statement is proved by itself, without
showing another (RFC 6962, section 2.1). Whoever has the verify key checks it, with nothing of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from inquiries.errors import SealBroken
from inquiries.sealing.primitives import VERSION, bind

HASH_SIZE = 32

_LEAF = b"\x00"
_NODE = b"\x01"
_ROOT = "inquiries destruction"
_STATEMENT = "inquiries statement"
_HOLE = "\0"  # stands in no statement of ours: no database keeps it in a text
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(statement: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys, no spaces, ASCII only: the same statement always gives the same bytes."""
    return _encode(statement).encode()


def leaf(statement: Mapping[str, Any]) -> bytes:
    """SHA-256(0x00 ‖ canonical JSON), 32 bytes: a leaf of the tree (RFC 6962, 2.1)."""
    return sha256(_LEAF + canonical(statement)).digest()


class Form:
    """The leaves of many statements that differ in a few fields only: JSON is written once for all.

    `varying` names them, in the order of the alphabet; each of their values comes as its JSON.
    """

    def __init__(self, shared: Mapping[str, Any], varying: Sequence[str]) -> None:
        written = _encode(dict(shared) | dict.fromkeys(varying, _HOLE))
        self._form = written.replace("%", "%%").replace(_encode(_HOLE), "%s")

    def leaf(self, *values: object) -> bytes:
        """`leaf` of the statement with these values."""
        return sha256(_LEAF + (self._form % values).encode()).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The tree's root, 32 bytes; of no leaves SHA-256 of nothing (RFC 6962, 2.1)."""
    if not leaves:
        return sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """What leads from leaf `index` to the root, from below: the sibling at each level that has one."""
    if not 0 <= index < len(leaves):
        raise ValueError("the tree has no such leaf")
    level, found = list(leaves), []
    while len(level) > 1:
        if index ^ 1 < len(level):
            found.append(level[index ^ 1])
        level, index = _above(level), index >> 1
    return found


def _above(level: Sequence[bytes]) -> list[bytes]:
    """The level above; a node without a sibling goes up as it is."""
    nodes = [sha256(_NODE + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
    return nodes + [level[-1]] * (len(level) % 2)


def root_from(leaf: bytes, index: int, count: int, path: Sequence[bytes]) -> bytes:
    """The root to which leaf `index` of `count` belongs if `path` is its path (RFC 9162, 2.1.3.2).

    Raises:
        SealBroken: the path is too short or too long for its place, or no path at all.
    """
    if not 0 <= index < count or any(len(node) != HASH_SIZE for node in (leaf, *path)):
        raise SealBroken("not a place in a tree")
    steps, node = iter(path), leaf
    while count > 1:
        if index ^ 1 < count:
            sibling = next(steps, None)
            if sibling is None:
                raise SealBroken("the path is too short")
            pair = sibling + node if index & 1 else node + sibling
            node = sha256(_NODE + pair).digest()
        index, count = index >> 1, (count + 1) >> 1
    if next(steps, None) is not None:
        raise SealBroken("the path is too long")
    return node


# -- signatures ----------------------------------------------------------------------------------


def sign_root(signing_seed: bytes, intent: int, count: int, root: bytes) -> bytes:
    """Ed25519 signature (64 bytes) over bind("inquiries destruction", version, intent, count, root)."""
    return _sign(signing_seed, bind(_ROOT, VERSION, intent, count, root))


def verify_root(verify_key: bytes, intent: int, count: int, root: bytes, signature: bytes) -> None:
    """Make sure that the installation signed this root of this intent.

    Raises:
        SealBroken: it did not.
    """
    _verify(verify_key, bind(_ROOT, VERSION, intent, count, root), signature)


def sign_statement(signing_seed: bytes, use: str, statement: Mapping[str, Any]) -> bytes:
    """Ed25519 signature (64 bytes) over bind("inquiries statement", version, use, canonical JSON)."""
    return _sign(signing_seed, bind(_STATEMENT, VERSION, use, canonical(statement)))


def verify_statement(verify_key: bytes, use: str, statement: Mapping[str, Any], signature: bytes) -> None:
    """Make sure that the installation signed this statement for this use.

    Raises:
        SealBroken: it did not.
    """
    _verify(verify_key, bind(_STATEMENT, VERSION, use, canonical(statement)), signature)


def _sign(signing_seed: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(signing_seed).sign(message)


def _verify(verify_key: bytes, message: bytes, signature: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(verify_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise SealBroken("not signed by this installation") from None
