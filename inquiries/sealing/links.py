"""Links that ask for one thing without a receipt: how a token is made, and proves a request; keeps none.

A token comes from a group's data key, so it ends with that key; it opens nothing, and proves nothing but
requests of its own channel. It names the group that it is of, so that nothing need be stored to find that.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from inquiries.errors import SealBroken
from inquiries.sealing.primitives import KEY_SIZE, VERSION, derive

SECRET_SIZE = 16
_TOKEN_SIZE = 8 + SECRET_SIZE
_ID_BITS = 63


def secret(dek: bytes, channel: str, inquiry_id: int, group: str) -> bytes:
    """What makes a token: HKDF(data key, "inquiries link", version, channel, inquiry, group), 16 bytes."""
    if len(dek) != KEY_SIZE:
        raise ValueError("a data key is 32 bytes")
    return derive(dek, "inquiries link", VERSION, channel, inquiry_id, group, length=SECRET_SIZE)


def token(group_id: int, secret: bytes) -> str:
    """The token as an address has it: base64url of group id (u64, big endian) ‖ secret; 32 characters."""
    return urlsafe_b64encode(group_id.to_bytes(8, "big") + secret).decode("ascii")


def read(text: str) -> tuple[int, bytes]:
    """(group id, secret) of a token. Whether it is one of ours is told by what it proves.

    Raises:
        SealBroken: it cannot be a token.
    """
    try:
        raw = urlsafe_b64decode(text.encode("ascii"))
    except ValueError:
        raise SealBroken("not a token") from None
    number, secret = int.from_bytes(raw[:8], "big"), raw[8:]
    if len(raw) != _TOKEN_SIZE or number >= 1 << _ID_BITS or token(number, secret) != text:
        raise SealBroken("not a token")
    return number, secret


def proving_key(secret: bytes) -> bytes:
    """The key that proves requests (`requests.prove`): HKDF(secret, "inquiries link request", version)."""
    return derive(secret, "inquiries link request", VERSION)
