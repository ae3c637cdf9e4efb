"""Proves that a request was written by somebody who holds the inquiry's key; keeps none.

Whoever can merely write to the live store cannot forge one: the key is derived from the data key, which the
receipt opens on the public surface, and the keys store for staff.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import astuple, dataclass

from inquiries.errors import SealBroken
from inquiries.sealing.primitives import KEY_SIZE, VERSION, bind, derive

_REQUEST = "inquiries request"


@dataclass(frozen=True, slots=True)
class Request:
    """What a proof covers, in its order; moments in microseconds since 1970 in UTC.

    `sealed` is empty when it says nothing.
    """

    id: int
    inquiry_id: int
    group: str
    kind: str
    subject: str
    channel: str
    asked_at: int
    target_at: int
    limit_at: int
    sealed: bytes = b""


def prove(dek: bytes, request: Request) -> bytes:
    """The proof of a request: 32 bytes.

    Layout: HMAC-SHA-256 under HKDF(data key of the group, "inquiries request", version, inquiry id, group) of
    bind("inquiries request", version, request id, inquiry id, group, kind, subject, channel, asked, target,
    limit, SHA-256 of what is sealed).
    """
    if len(dek) != KEY_SIZE:
        raise ValueError("a data key is 32 bytes")
    key = derive(dek, _REQUEST, VERSION, request.inquiry_id, request.group)
    *covered, sealed = astuple(request)
    bound = bind(_REQUEST, VERSION, *covered, hashlib.sha256(sealed).digest())
    return hmac.digest(key, bound, "sha256")


def verify(dek: bytes, request: Request, proof: bytes) -> None:
    """Check a proof.

    Raises:
        SealBroken: it was made without the key, or for another request.
    """
    if not hmac.compare_digest(prove(dek, request), proof):
        raise SealBroken("the request was not written by a holder of the inquiry's key")
