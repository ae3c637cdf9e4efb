"""Receipt codes: how one is made, read as typed, looked up, and wraps a data key; it stores none.

The code is the person's only key to her inquiry. 125 random-looking bits need no slow hash: nobody
can try them all.
"""

from __future__ import annotations

import re

from inquiries.errors import ReceiptMalformed
from inquiries.sealing.primitives import KEY_SIZE, VERSION, Draw, bind, derive, open_sealed, seal

_WRAP = "inquiries receipt wrap"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{5}(?:-[0-9A-HJKMNP-TV-Z]{5}){4}")
_BITS = 125
_TYPED_LIMIT = 200
_HYPHENS = dict.fromkeys(map(ord, "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"))
_LOOKALIKES = str.maketrans("OIL", "011")


def code_from(secret_key: bytes, once: bytes, digest: bytes) -> str:
    """The code of one sending: the same again for the same `once` and the same content.

    125 bits: the first 125 of HKDF-SHA-256(secret key, "inquiries receipt", version, once, digest), as 25
    characters of Crockford's base 32 in groups of five. `once` is the form's or the caller's nonce,
    `digest` the SHA-256 of what was sent.
    """
    return _spell(derive(secret_key, "inquiries receipt", VERSION, once, digest, length=16))


def random_code(draw: Draw | None = None) -> str:
    """A code for a sending that brought no nonce of its own."""
    return _spell((draw or Draw(16)).take(16))


def normalise(typed: str) -> str:
    """The code as it was issued, from what a person typed: case, spaces, hyphens; O is 0, I and L are 1.

    Raises:
        ReceiptMalformed: what was typed cannot be a code.
    """
    if len(typed) > _TYPED_LIMIT:
        raise ReceiptMalformed("too long for a receipt code")
    bare = "".join(typed.translate(_HYPHENS).split())
    if not bare.isascii():  # before upper(), which would turn some foreign letters into ours
        raise ReceiptMalformed("not a receipt code")
    bare = bare.upper().translate(_LOOKALIKES)
    return _issued("-".join(bare[i : i + 5] for i in range(0, len(bare), 5)))


def lookup_id(code: str) -> bytes:
    """16 bytes to find the inquiry by: HKDF-SHA-256(code, "inquiries receipt lookup", version).

    Tells nothing about the wrapping keys, which are derived apart.

    Raises:
        ReceiptMalformed: the code is not in the form in which it was issued.
    """
    return derive(_issued(code).encode(), "inquiries receipt lookup", VERSION, length=16)


def wrap_for_receipt(code: str, inquiry_id: int, group: str, dek: bytes, nonce: bytes | None = None) -> bytes:
    """A group's data key, to be opened by the receipt alone.

    Layout: `primitives.seal` under HKDF(code, "inquiries receipt wrap", version, group), 61 bytes;
    associated data = bind("inquiries receipt wrap", version, inquiry id, group).

    Raises:
        ReceiptMalformed: the code is not in the form in which it was issued.
    """
    if len(dek) != KEY_SIZE:
        raise ValueError("a data key is 32 bytes")
    return seal(_wrapping_key(code, group), dek, bind(_WRAP, VERSION, inquiry_id, group), nonce)


def unwrap_with_receipt(code: str, inquiry_id: int, group: str, blob: bytes) -> bytes:
    """The inverse of `wrap_for_receipt`.

    Raises:
        SealBroken: changed, cut, of another code, inquiry or group.
        ReceiptMalformed: the code is not in the form in which it was issued.
    """
    return open_sealed(_wrapping_key(code, group), blob, bind(_WRAP, VERSION, inquiry_id, group))


def _wrapping_key(code: str, group: str) -> bytes:
    return derive(_issued(code).encode(), _WRAP, VERSION, group)


def _issued(code: str) -> str:
    if _CODE.fullmatch(code) is None:
        raise ReceiptMalformed("not a receipt code")
    return code


def _spell(sixteen: bytes) -> str:
    number = int.from_bytes(sixteen, "big") >> (128 - _BITS)
    spelled = "".join(_ALPHABET[number >> shift & 31] for shift in reversed(range(0, _BITS, 5)))
    return "-".join(spelled[i : i + 5] for i in range(0, len(spelled), 5))
