"""One-time codes (TOTP, RFC 6238) and recovery codes: makes and judges them; keeps none (P31)."""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import datetime

from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from inquiries.sealing.primitives import bind

STEP = 30  # seconds
DIGITS = 6
RECOVERY_CODES = 10

_SECRET_SIZE = 20  # RFC 4226, 4: 160 bits are recommended
_RECOVERY_SIZE = 15  # 120 random bits: no slow hash is needed (OWASP ASVS 5.0, 6.5.2)
_GROUP = 4
_LOOKALIKES = str.maketrans("018", "OIB")  # digits that base 32 does not have


def new_secret() -> bytes:
    """A fresh TOTP secret."""
    return os.urandom(_SECRET_SIZE)


def spelled(secret: bytes) -> str:
    """The secret as authenticator apps take it: base 32 without padding."""
    return base64.b32encode(secret).decode().rstrip("=")


def unspelled(text: str) -> bytes:
    """The inverse of `spelled`."""
    return base64.b32decode(text + "=" * (-len(text) % 8))


def provisioning_uri(secret: bytes, account: str, issuer: str) -> str:
    """The `otpauth://` address that the QR code holds."""
    return _totp(secret).get_provisioning_uri(account, issuer)


def matching_step(secret: bytes, code: str, at: datetime) -> int | None:
    """The number of the time step that this code belongs to: the present one, the last or the next."""
    typed = bare(code)
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdecimal()):
        return None
    present = present_step(at)
    for step in (present, present - 1, present + 1):  # a phone's clock may be half a minute off
        if constant_time.bytes_eq(_totp(secret).generate(step * STEP), typed.encode()):
            return step
    return None


def present_step(at: datetime) -> int:
    """The number of the time step of this moment (RFC 6238, 4.2)."""
    return int(at.timestamp()) // STEP


def new_recovery_codes() -> tuple[str, ...]:
    """Fresh recovery codes, in groups of four, as they are shown once."""
    return tuple(_grouped(base64.b32encode(os.urandom(_RECOVERY_SIZE))) for _ in range(RECOVERY_CODES))


def recovery_digest(staff_id: int, code: str) -> bytes:
    """What is stored of a recovery code: SHA-256 over person and code; case, spaces, hyphens ignored."""
    typed = bare(code).upper().translate(_LOOKALIKES).encode("utf-8", "replace")
    return hashlib.sha256(bind("inquiries recovery code", staff_id, typed)).digest()


def mark(digest: bytes) -> str:
    """By what the records know a code: a part of its digest, which leads back to no code."""
    return digest[:4].hex()


def bare(code: str) -> str:
    """A code without the spaces and hyphens that people type or paste."""
    return "".join(code[:64].split()).replace("-", "")


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303 - HMAC-SHA-1, which every app supports, is sound


def _grouped(code: bytes) -> str:
    text = code.decode()
    return "-".join(text[i : i + _GROUP] for i in range(0, len(text), _GROUP))
