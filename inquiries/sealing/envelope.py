"""The envelope: how an inquiry's data keys travel from the public surface to the key store.

It names no item. Whoever holds the surface key alone sees which groups there are and what a receipt
opens; only the epoch's private key opens the rest (DESIGN §3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

from inquiries.errors import SealBroken
from inquiries.sealing.epochs import EpochSecret, parse_public_key
from inquiries.sealing.primitives import (
    KEY_SIZE,
    NONCE_SIZE,
    VERSION,
    VERSION_BYTE,
    Reader,
    bind,
    lasting_cipher,
    open_with,
    random_parts,
    seal_with,
)
from inquiries.sealing.receipts import wrap_for_receipt

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
HEADER_SIZE = 9

_OUTER = "inquiries envelope"
_INNER = "inquiries envelope keys"


@dataclass(frozen=True)
class GroupKey:
    """A group of an inquiry, the id of its key row, and its data key (32 bytes)."""

    group: str
    key_id: int
    dek: bytes = field(repr=False)


@dataclass(frozen=True)
class OpenedGroup:
    """A group as it stood in an envelope; `receipt_wrap` is None when no receipt was given out."""

    group: str
    key_id: int
    dek: bytes = field(repr=False)
    receipt_wrap: bytes | None = field(repr=False)


@dataclass(frozen=True)
class _Entry:
    group: str
    key_id: int
    receipt_wrap: bytes  # empty: none


def seal_envelope(
    *,
    epoch: int,
    public_key: bytes,
    surface_key: bytes,
    inquiry_id: int,
    groups: Sequence[GroupKey],
    code: str | None,
) -> bytes:
    """Seal the data keys of all groups of one inquiry for epoch `epoch`.

    Layout, numbers big endian:

        0x01 ‖ epoch (u64) ‖ outer
        outer = `primitives.seal` of inner under HKDF(P_e, "inquiries envelope", version)
        associated data = bind("inquiries envelope", version, epoch, inquiry id)

        inner = count (u16)
              ‖ count × (name length (u16) ‖ name ‖ key id (u64) ‖ wrap length (u16) ‖ receipt wrap)
              ‖ HPKE encapsulation (1120) ‖ HPKE ciphertext (32 × count: the data keys in order) ‖ tag (16)
        receipt wrap = `receipts.wrap_for_receipt`, absent (length 0) without a code

    HPKE (RFC 9180, base mode, one message): MLKEM768-X25519, HKDF-SHA-256, AES-256-GCM to pk_e; info =
    bind("inquiries envelope keys", version, epoch, inquiry id, then group, key id and receipt wrap of
    each), so that a holder of the surface key alone cannot change any of them unnoticed.
    """
    _check(groups)
    outer_nonce, *nonces = random_parts(1 + len(groups), NONCE_SIZE)
    entries = [
        _Entry(
            g.group,
            g.key_id,
            b"" if code is None else wrap_for_receipt(code, inquiry_id, g.group, g.dek, nonce),
        )
        for g, nonce in zip(groups, nonces, strict=True)
    ]
    inner = bytearray(len(entries).to_bytes(2, "big"))
    for e in entries:
        name = e.group.encode()
        inner += len(name).to_bytes(2, "big") + name + e.key_id.to_bytes(8, "big")
        inner += len(e.receipt_wrap).to_bytes(2, "big") + e.receipt_wrap
    deks = b"".join(g.dek for g in groups)
    inner += SUITE.encrypt(deks, _parsed(public_key), _info(epoch, inquiry_id, entries))
    associated = bind(_OUTER, VERSION, epoch, inquiry_id)
    outer = seal_with(lasting_cipher(surface_key, _OUTER), bytes(inner), associated, outer_nonce)
    return VERSION_BYTE + epoch.to_bytes(8, "big") + outer


def epoch_of(blob: bytes) -> int:
    """The epoch that the envelope's header names; believed only once the envelope opens under it.

    Raises:
        SealBroken: cut short or an unknown version.
    """
    reader = Reader(blob)
    reader.version()
    return reader.number(8)


def open_envelope(
    *, blob: bytes, secret: EpochSecret, surface_key: bytes, inquiry_id: int
) -> tuple[OpenedGroup, ...]:
    """The inverse of `seal_envelope`, with the epoch's private key.

    Raises:
        SealBroken: changed, cut, of another epoch, inquiry or key.
    """
    entries, keys = _uncovered(blob, secret.number, surface_key, inquiry_id)
    try:
        deks = SUITE.decrypt(keys, secret.private_key, _info(secret.number, inquiry_id, entries))
    except (InvalidTag, ValueError):
        raise SealBroken("the envelope's keys do not open") from None
    if len(deks) != KEY_SIZE * len(entries):
        raise SealBroken("the envelope holds another number of keys than of groups")
    return tuple(
        OpenedGroup(e.group, e.key_id, deks[KEY_SIZE * i : KEY_SIZE * (i + 1)], e.receipt_wrap or None)
        for i, e in enumerate(entries)
    )


def receipt_wraps(
    *, blob: bytes, epoch: int, surface_key: bytes, inquiry_id: int
) -> tuple[tuple[str, int, bytes], ...]:
    """(group, key id, receipt wrap) of each group that a receipt opens; needs no private key.

    Raises:
        SealBroken: changed, cut, of another epoch, inquiry or surface key.
    """
    entries, _ = _uncovered(blob, epoch, surface_key, inquiry_id)
    return tuple((e.group, e.key_id, e.receipt_wrap) for e in entries if e.receipt_wrap)


def _uncovered(blob: bytes, epoch: int, surface_key: bytes, inquiry_id: int) -> tuple[list[_Entry], bytes]:
    if epoch_of(blob) != epoch:
        raise SealBroken("the envelope is of another epoch")
    if len(surface_key) != KEY_SIZE:
        raise SealBroken("the surface key has the wrong length")
    ready = lasting_cipher(surface_key, _OUTER)
    reader = Reader(open_with(ready, blob[HEADER_SIZE:], bind(_OUTER, VERSION, epoch, inquiry_id)))
    entries = [
        _Entry(reader.text(), reader.number(8), reader.take(reader.number(2)))
        for _ in range(reader.number(2))
    ]
    fault = _fault(entries)
    if fault is not None:
        raise SealBroken(fault)
    return entries, reader.rest()


def _info(epoch: int, inquiry_id: int, entries: Sequence[_Entry]) -> bytes:
    named = [part for e in entries for part in (e.group, e.key_id, e.receipt_wrap)]
    return bind(_INNER, VERSION, epoch, inquiry_id, *named)


def _check(groups: Sequence[GroupKey]) -> None:
    fault = _fault(groups)
    if fault is not None:
        raise ValueError(fault)
    if any(len(g.dek) != KEY_SIZE for g in groups):
        raise ValueError("a data key is 32 bytes")


def _fault(groups: Sequence[GroupKey | _Entry]) -> str | None:
    if not groups:
        return "an envelope holds at least one group"
    if len({g.group for g in groups}) != len(groups) or len({g.key_id for g in groups}) != len(groups):
        return "a group or a key id stands twice in the envelope"
    return None


@lru_cache(maxsize=4)
def _parsed(public_key: bytes) -> MLKEM768X25519PublicKey:
    return parse_public_key(public_key)
