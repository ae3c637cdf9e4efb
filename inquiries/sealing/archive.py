"""The archive's own key, and what is sealed so that only it opens; it keeps no file and knows no statute.

Everybody seals with the public half. The worker carries a data key that it cannot read: K, sealed to the
archive, from the row's envelope to the keys store and from epoch to epoch (P12; DESIGN §3, Archive).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from inquiries.errors import SealBroken
from inquiries.sealing import items
from inquiries.sealing.envelope import SUITE
from inquiries.sealing.epochs import EpochSecret, key_pair, parse_public_key
from inquiries.sealing.primitives import KEY_SIZE, VERSION, VERSION_BYTE, Reader, bind

KEY_WRAP_SIZE = 1 + 1120 + KEY_SIZE + 16

_ID = "inquiries archive id"
_KEY = "inquiries archive key"
_ENVELOPE = "inquiries archive envelope"


def id_of(inquiry_id: int, statute: str) -> int:
    """The id of what is kept of an inquiry under a statute: archiving twice is archiving once.

    The first 63 bits of SHA-256(bind("inquiries archive id", version, inquiry id, statute)).
    """
    digest = sha256(bind(_ID, VERSION, inquiry_id, statute)).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True, eq=False)
class ArchiveSecret:
    """The archive's secret (32 bytes); its HPKE key pair is `epochs.key_pair` for "inquiries archive"."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_SIZE:
            raise ValueError("an archive secret is 32 bytes")

    @property
    def private_key(self) -> MLKEM768X25519PrivateKey:
        """The HPKE private key."""
        return self._pair[0]

    @property
    def public_key(self) -> bytes:
        """The HPKE public key, as `epochs.key_pair` gives it."""
        return self._pair[1]

    @cached_property
    def _pair(self) -> tuple[MLKEM768X25519PrivateKey, bytes]:
        return key_pair(self.secret, "inquiries archive")


# -- the data key --------------------------------------------------------------------------------


def wrap_key(public_key: bytes, archive_id: int, statute: str, dek: bytes) -> bytes:
    """K: a data key that the archive's private key alone opens.

    Layout, 1,169 bytes: 0x01 ‖ HPKE encapsulation (1120) ‖ ciphertext (32) ‖ tag (16).

    HPKE (RFC 9180, base mode, one message) as in `envelope`, to the archive's public key; info =
    bind("inquiries archive key", version, archive id, statute).

    Raises:
        SealBroken: what was given as public key is none.
    """
    if len(dek) != KEY_SIZE:
        raise ValueError("a data key is 32 bytes")
    sealed = SUITE.encrypt(dek, parse_public_key(public_key), bind(_KEY, VERSION, archive_id, statute))
    return VERSION_BYTE + sealed


def unwrap_key(secret: ArchiveSecret, archive_id: int, statute: str, blob: bytes) -> bytes:
    """The inverse of `wrap_key`.

    Raises:
        SealBroken: changed, cut, of another archive, row or statute.
    """
    info = bind(_KEY, VERSION, archive_id, statute)
    dek = _decrypted(secret.private_key, blob, info)
    if len(dek) != KEY_SIZE:
        raise SealBroken("the archive's wrap holds no data key")
    return dek


# -- the envelope --------------------------------------------------------------------------------


def seal_envelope(epoch: int, public_key: bytes, archive_id: int, wrapped: bytes) -> bytes:
    """K on its way to the keys store, dead with the epoch wherever a copy of the row lies.

    Layout, 2,314 bytes: 0x01 ‖ epoch (u64) ‖ HPKE encapsulation (1120) ‖ ciphertext of K (1169) ‖ tag (16).

    HPKE as in `envelope`, to pk_e; info = bind("inquiries archive envelope", version, epoch, archive id).

    Raises:
        SealBroken: what was given as public key is none.
    """
    if len(wrapped) != KEY_WRAP_SIZE:
        raise ValueError("this is no wrap of the archive")
    info = bind(_ENVELOPE, VERSION, epoch, archive_id)
    return (
        VERSION_BYTE + epoch.to_bytes(8, "big") + SUITE.encrypt(wrapped, parse_public_key(public_key), info)
    )


def open_envelope(secret: EpochSecret, archive_id: int, blob: bytes) -> bytes:
    """K again, with the epoch's private key: what a holder of the archive's private key then opens.

    Raises:
        SealBroken: changed, cut, of another epoch, row or key.
    """
    reader = Reader(blob)
    reader.version()
    if reader.number(8) != secret.number:
        raise SealBroken("the envelope is of another epoch")
    info = bind(_ENVELOPE, VERSION, secret.number, archive_id)
    return _decrypted(secret.private_key, VERSION_BYTE + reader.rest(), info)


def _decrypted(private_key: MLKEM768X25519PrivateKey, blob: bytes, info: bytes) -> bytes:
    reader = Reader(blob)
    reader.version()
    try:
        return SUITE.decrypt(reader.rest(), private_key, info)
    except (InvalidTag, ValueError):
        raise SealBroken("changed, moved, cut, or of another key") from None


# -- items ---------------------------------------------------------------------------------------


def seal_items(dek: bytes, archive_id: int, statute: str, texts: Mapping[str, str]) -> bytes:
    """The items that the statute needs, each sealed for itself, as one value for the row.

    Layout: `items.pack` of `items.seal_item` under the archived row's own data key; associated data =
    bind("inquiries item", version, archive id, "archive " and the statute, item).
    """
    return items.pack(items.seal_items(dek, archive_id, _group(statute), texts))


def open_items(dek: bytes, archive_id: int, statute: str, blob: bytes) -> dict[str, str]:
    """The inverse of `seal_items`.

    Raises:
        SealBroken: changed, cut, of another row, statute, item or key.
    """
    return items.open_items(dek, archive_id, _group(statute), items.unpack(blob))


def _group(statute: str) -> str:
    return f"archive {statute}"  # no retention group's name has a space
