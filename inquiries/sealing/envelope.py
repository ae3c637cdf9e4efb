"""The envelope: how an inquiry's data keys travel from the public surface to the key store.

It names no item. Whoever holds the surface key alone sees which groups there are and what a receipt
opens; only the epoch's private key opens the rest (DESIGN §3). Made in version 2 alone; version 1, which
sealed the data keys themselves by HPKE, is still opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite

from inquiries.errors import SealBroken
from inquiries.sealing.epochs import EpochSecret, parse_public_key
from inquiries.sealing.primitives import (
    KEY_SIZE,
    NONCE_SIZE,
    Draw,
    Reader,
    bind,
    cipher,
    lasting_cipher,
    new_key,
    open_with,
    seal_with,
)
from inquiries.sealing.receipts import wrap_for_receipt

SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
HEADER_SIZE = 9
ENCAPSULATED_SIZE = 1120 + KEY_SIZE + 16

_FIRST, _VERSION = 1, 2  # the one that is still opened, the one that is made
_OUTER = "inquiries envelope"
_INNER = "inquiries envelope keys"
_SENDING = "inquiries sending key"


@dataclass(frozen=True)
class GroupKey:
    """A group of an inquiry, the id of its key row, and its data key (32 bytes).

    `receipt_wrap`: as it stood in an envelope; None when no receipt was given out.
    """

    group: str
    key_id: int
    dek: bytes = field(repr=False)
    receipt_wrap: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _Entry:
    group: str
    key_id: int
    receipt_wrap: bytes  # empty: none


@dataclass(frozen=True)
class SendingKey:
    """A key for the envelopes of one epoch, ready to seal, and the same sealed to the epoch's public key.

    HPKE is the dearest step of an inquiry. So those that are under way at once may share a key that was
    sealed by it once; who shares it, and when it is dropped, is decided by `services/sending.py`.
    """

    epoch: int
    encapsulated: bytes = field(repr=False)
    cipher: AESGCM = field(repr=False)


def new_sending_key(epoch: int, public_key: bytes) -> SendingKey:
    """A fresh random key of 32 bytes, sealed to pk_e.

    HPKE (RFC 9180, base mode, one message): MLKEM768-X25519, HKDF-SHA-256, AES-256-GCM;
    info = bind("inquiries sending key", version, epoch).
    """
    key = new_key()
    encapsulated = SUITE.encrypt(key, _parsed(public_key), bind(_SENDING, _VERSION, epoch))
    return SendingKey(epoch, encapsulated, cipher(key))


def seal_envelope(
    *,
    sending: SendingKey,
    surface_key: bytes,
    inquiry_id: int,
    groups: Sequence[GroupKey],
    code: str | None,
    draw: Draw | None = None,
) -> bytes:
    """Seal the data keys of all groups of one inquiry for the sending key's epoch.

    Layout, numbers big endian:

        0x02 ‖ epoch (u64) ‖ outer
        outer = `primitives.seal` of inner under HKDF(P_e, "inquiries envelope", 1)
        associated data = bind("inquiries envelope", version, epoch, inquiry id)

        inner = count (u16)
              ‖ count × (name length (u16) ‖ name ‖ key id (u64) ‖ wrap length (u16) ‖ receipt wrap)
              ‖ HPKE encapsulation (1120) ‖ HPKE ciphertext of the sending key (32) ‖ tag (16)
              ‖ `primitives.seal` of the data keys, in order, under the sending key (32 × count + 29)
        receipt wrap = `receipts.wrap_for_receipt`, absent (length 0) without a code
        associated data = bind("inquiries envelope keys", version, epoch, inquiry id, then group, key id and
        receipt wrap of each), so that a holder of the surface key alone cannot change any of them unnoticed.

    In version 1 (0x01), HPKE's ciphertext was that of the data keys, in order, and its info what is the
    associated data here; there was no sending key.
    """
    _check(groups)
    draw = draw or Draw(NONCE_SIZE * (2 + len(groups)))
    wraps = [
        b"" if code is None else wrap_for_receipt(code, inquiry_id, g.group, g.dek, draw.take(NONCE_SIZE))
        for g in groups
    ]
    entries = [_Entry(g.group, g.key_id, wrap) for g, wrap in zip(groups, wraps, strict=True)]
    inner = bytearray(len(entries).to_bytes(2, "big"))
    for e in entries:
        name = e.group.encode()
        inner += len(name).to_bytes(2, "big") + name + e.key_id.to_bytes(8, "big")
        inner += len(e.receipt_wrap).to_bytes(2, "big") + e.receipt_wrap
    epoch, deks = sending.epoch, b"".join(g.dek for g in groups)
    place = _place(_VERSION, epoch, inquiry_id, entries)
    inner += sending.encapsulated + seal_with(sending.cipher, deks, place, draw.take(NONCE_SIZE))
    associated = bind(_OUTER, _VERSION, epoch, inquiry_id)
    outer = seal_with(lasting_cipher(surface_key, _OUTER), bytes(inner), associated, draw.take(NONCE_SIZE))
    return _VERSION.to_bytes(1) + epoch.to_bytes(8, "big") + outer


class Opener:
    """Opens envelopes of one epoch with its private key, and knows sending keys again that it has met.

    Made for one batch of envelopes: what it remembers goes with it.
    """

    def __init__(self, secret: EpochSecret, surface_key: bytes) -> None:
        self._secret = secret
        self._surface_key = surface_key
        self._met: dict[bytes, AESGCM] = {}

    def open(self, blob: bytes, inquiry_id: int) -> tuple[GroupKey, ...]:
        """The inverse of `seal_envelope`.

        Raises:
            SealBroken: changed, cut, of another epoch, inquiry or key.
        """
        number = self._secret.number
        version, entries, sealed = _uncovered(blob, number, self._surface_key, inquiry_id)
        place = _place(version, number, inquiry_id, entries)
        if version == _FIRST:
            deks = self._decrypted(sealed, place)
        else:
            sending = self._sending(sealed[:ENCAPSULATED_SIZE])
            deks = open_with(sending, sealed[ENCAPSULATED_SIZE:], place)
        if len(deks) != KEY_SIZE * len(entries):
            raise SealBroken("the envelope holds another number of keys than of groups")
        return tuple(
            GroupKey(e.group, e.key_id, deks[KEY_SIZE * i : KEY_SIZE * (i + 1)], e.receipt_wrap or None)
            for i, e in enumerate(entries)
        )

    def _sending(self, encapsulated: bytes) -> AESGCM:
        if encapsulated not in self._met:
            info = bind(_SENDING, _VERSION, self._secret.number)
            self._met[encapsulated] = cipher(self._decrypted(encapsulated, info))
        return self._met[encapsulated]

    def _decrypted(self, sealed: bytes, info: bytes) -> bytes:
        try:
            return SUITE.decrypt(sealed, self._secret.private_key, info)
        except (InvalidTag, ValueError):
            raise SealBroken("the envelope's keys do not open") from None


def receipt_wraps(
    *, blob: bytes, epoch: int, surface_key: bytes, inquiry_id: int
) -> tuple[tuple[str, int, bytes], ...]:
    """(group, key id, receipt wrap) of each group that a receipt opens; needs no private key.

    Raises:
        SealBroken: changed, cut, of another epoch, inquiry or surface key.
    """
    _, entries, _ = _uncovered(blob, epoch, surface_key, inquiry_id)
    return tuple((e.group, e.key_id, e.receipt_wrap) for e in entries if e.receipt_wrap)


def _header(blob: bytes) -> tuple[int, int]:
    reader = Reader(blob)
    version = reader.number(1)
    if version not in {_FIRST, _VERSION}:
        raise SealBroken("of an unknown version")
    return version, reader.number(8)


def _uncovered(
    blob: bytes, epoch: int, surface_key: bytes, inquiry_id: int
) -> tuple[int, list[_Entry], bytes]:
    """(version, what a holder of the surface key may see, what only the private key opens)."""
    version, named = _header(blob)
    if named != epoch:
        raise SealBroken("the envelope is of another epoch")
    if len(surface_key) != KEY_SIZE:
        raise SealBroken("the surface key has the wrong length")
    ready = lasting_cipher(surface_key, _OUTER)
    reader = Reader(open_with(ready, blob[HEADER_SIZE:], bind(_OUTER, version, epoch, inquiry_id)))
    entries = [
        _Entry(reader.text(), reader.number(8), reader.take(reader.number(2)))
        for _ in range(reader.number(2))
    ]
    fault = _fault(entries)
    if fault is not None:
        raise SealBroken(fault)
    return version, entries, reader.rest()


def _place(version: int, epoch: int, inquiry_id: int, entries: Sequence[_Entry]) -> bytes:
    named = [part for e in entries for part in (e.group, e.key_id, e.receipt_wrap)]
    return bind(_INNER, version, epoch, inquiry_id, *named)


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
