"""The keys of an epoch and what they wrap; it keeps no file and decides no rotation.

From one random secret S_e come the HPKE key pair and the wrapping key KEK_e, so that erasing S_e ends
them all. The surface key P_e covers what public processes may see; it only ever evolves forwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from inquiries.errors import SealBroken
from inquiries.sealing.primitives import (
    KEY_SIZE,
    VERSION,
    bind,
    derive,
    lasting_cipher,
    open_with,
    seal_with,
)

MLKEM_PUBLIC_SIZE = 1184
PUBLIC_KEY_SIZE = MLKEM_PUBLIC_SIZE + 32

EpochState = Literal["open", "closed", "retired"]

_WRAP = "inquiries data key"
_ARCHIVE = "inquiries archived data key"
_COVER = "inquiries receipt cover"
_RECORD = "inquiries epoch record"
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, eq=False)
class EpochSecret:
    """An epoch's number and its secret S_e (32 bytes); everything else is derived, once, when asked.

    Bound to the number: the same secret under another number gives other keys. Derived by HKDF-SHA-256:
    ML-KEM-768 seed (64) under "inquiries epoch mlkem768", X25519 scalar (32) under "inquiries epoch
    x25519", KEK_e (32) under "inquiries epoch kek", each with version and number.
    """

    number: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_SIZE:
            raise ValueError("an epoch secret is 32 bytes")

    @property
    def private_key(self) -> MLKEM768X25519PrivateKey:
        """The HPKE private key sk_e."""
        return self._pair[0]

    @property
    def public_key(self) -> bytes:
        """The HPKE public key pk_e, as `key_pair` gives it."""
        return self._pair[1]

    @cached_property
    def kek(self) -> bytes:
        """The wrapping key KEK_e, 32 bytes."""
        return derive(self.secret, "inquiries epoch kek", VERSION, self.number)

    @cached_property
    def _pair(self) -> tuple[MLKEM768X25519PrivateKey, bytes]:
        return key_pair(self.secret, "inquiries epoch", self.number)


def key_pair(secret: bytes, use: str, *place: int) -> tuple[MLKEM768X25519PrivateKey, bytes]:
    """(private, public) HPKE key derived from a secret of 32 bytes by HKDF-SHA-256.

    ML-KEM-768 seed (64) under the use and " mlkem768", X25519 scalar (32) under the use and " x25519", each
    with version and place. The public key is ML-KEM-768 (1184) ‖ X25519 (32), the encoding of X-Wing.
    """
    seed = derive(secret, f"{use} mlkem768", VERSION, *place, length=64)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(seed)
    x25519 = X25519PrivateKey.from_private_bytes(derive(secret, f"{use} x25519", VERSION, *place))
    public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(mlkem, x25519), public


def parse_public_key(public_key: bytes) -> MLKEM768X25519PublicKey:
    """The bytes of `EpochSecret.public_key` as a key to seal to.

    Raises:
        SealBroken: the bytes are no such key.
    """
    if len(public_key) != PUBLIC_KEY_SIZE:
        raise SealBroken("the public key has the wrong length")
    try:
        return MLKEM768X25519PublicKey(
            MLKEM768PublicKey.from_public_bytes(public_key[:MLKEM_PUBLIC_SIZE]),
            X25519PublicKey.from_public_bytes(public_key[MLKEM_PUBLIC_SIZE:]),
        )
    except ValueError:
        raise SealBroken("the public key is malformed") from None


# -- surface keys --------------------------------------------------------------------------------


def evolve(surface_key: bytes, to_number: int) -> bytes:
    """P_e of epoch `to_number` from the epoch before: HKDF-SHA-256, with no way back."""
    return derive(surface_key, "inquiries surface evolve", VERSION, to_number)


# -- wraps ---------------------------------------------------------------------------------------


def wrap_data_key(kek: bytes, epoch: int, key_id: int, dek: bytes) -> bytes:
    """A data key for its row in `keys`.

    Layout: `primitives.seal` under HKDF(kek, "inquiries data key", version), 61 bytes;
    associated data = bind("inquiries data key", version, epoch, key id).
    """
    if len(dek) != KEY_SIZE:
        raise ValueError("a data key is 32 bytes")
    return seal_with(lasting_cipher(kek, _WRAP), dek, bind(_WRAP, VERSION, epoch, key_id))


def unwrap_data_key(kek: bytes, epoch: int, key_id: int, blob: bytes) -> bytes:
    """The inverse of `wrap_data_key`.

    Raises:
        SealBroken: changed, cut, of another key row, epoch or KEK.
    """
    return _open_lasting(kek, _WRAP, epoch, key_id, blob)


def wrap_archive_key(kek: bytes, epoch: int, key_id: int, wrapped: bytes) -> bytes:
    """An archived row's data key, as `archive.wrap_key` sealed it to the archive, for its row in `keys`.

    Layout: `primitives.seal` under HKDF(kek, "inquiries archived data key", version), 1,198 bytes;
    associated data = bind("inquiries archived data key", version, epoch, key id).
    """
    return seal_with(lasting_cipher(kek, _ARCHIVE), wrapped, bind(_ARCHIVE, VERSION, epoch, key_id))


def unwrap_archive_key(kek: bytes, epoch: int, key_id: int, blob: bytes) -> bytes:
    """The inverse of `wrap_archive_key`: still sealed to the archive.

    Raises:
        SealBroken: changed, cut, of another key row, epoch or KEK.
    """
    return _open_lasting(kek, _ARCHIVE, epoch, key_id, blob)


def cover(surface_key: bytes, epoch: int, key_id: int, receipt_wrap: bytes) -> bytes:
    """A receipt's wrap for its row in `keys`: dead with the epoch, wherever a copy of the row lies.

    Layout: `primitives.seal` under HKDF(P_e, "inquiries receipt cover", version), 90 bytes;
    associated data = bind("inquiries receipt cover", version, epoch, key id).
    """
    return seal_with(lasting_cipher(surface_key, _COVER), receipt_wrap, bind(_COVER, VERSION, epoch, key_id))


def uncover(surface_key: bytes, epoch: int, key_id: int, blob: bytes) -> bytes:
    """The inverse of `cover`.

    Raises:
        SealBroken: changed, cut, of another key row, epoch or surface key.
    """
    return _open_lasting(surface_key, _COVER, epoch, key_id, blob)


def _open_lasting(key: bytes, use: str, epoch: int, key_id: int, blob: bytes) -> bytes:
    if len(key) != KEY_SIZE:
        raise SealBroken("the key has the wrong length")
    return open_with(lasting_cipher(key, use), blob, bind(use, VERSION, epoch, key_id))


# -- epoch records -------------------------------------------------------------------------------


@dataclass(frozen=True)
class EpochRecord:
    """What the installation publishes about an epoch; `at` is aware and counts in whole microseconds.

    Signed form: bind("inquiries epoch record", version, number, public key, state, microseconds since
    1970 in UTC).
    """

    number: int
    public_key: bytes = field(repr=False)
    state: EpochState
    at: datetime

    def __post_init__(self) -> None:
        if self.state not in get_args(EpochState):
            raise ValueError("an epoch is open, closed or retired")
        if self.at.tzinfo is None:
            raise ValueError("an epoch record's time has a time zone")

    @property
    def signed(self) -> bytes:
        """The bytes that are signed."""
        at_us = (self.at - _UNIX) // timedelta(microseconds=1)
        return bind(_RECORD, VERSION, self.number, self.public_key, self.state, at_us)


def verify_key_of(signing_seed: bytes) -> bytes:
    """The Ed25519 public key (32 bytes) that public processes pin."""
    return Ed25519PrivateKey.from_private_bytes(signing_seed).public_key().public_bytes_raw()


def sign_record(signing_seed: bytes, record: EpochRecord) -> bytes:
    """Ed25519 signature (64 bytes) over `EpochRecord.signed`; the version stands in what is signed."""
    return Ed25519PrivateKey.from_private_bytes(signing_seed).sign(record.signed)


def verify_record(verify_key: bytes, record: EpochRecord, signature: bytes) -> None:
    """Make sure that the installation signed this record.

    Raises:
        SealBroken: it did not, or the record was changed.
    """
    try:
        Ed25519PublicKey.from_public_bytes(verify_key).verify(signature, record.signed)
    except (InvalidSignature, ValueError):
        raise SealBroken("the epoch record is not signed by this installation") from None
