"""Tags (blind indexes): a keyed digest by which an address is found again; it never reverses one.

Whoever holds the tag key can test a guessed address, so public processes do not have it, and tags stand
in `keys` alone, where they die with the data key.
"""

from __future__ import annotations

import hmac
from typing import Literal

from inquiries.sealing.primitives import KEY_SIZE, VERSION, bind

TAG_SIZE = 16

TagKind = Literal["email", "phone"]


def suppression(tag_key: bytes, scope: str, normalised: str) -> bytes:
    """The hash by which an address that unsubscribed is known; of another scope it is another one.

    Layout: as a tag, of bind("inquiries suppression", version, scope, normalised).
    """
    if len(tag_key) != KEY_SIZE:
        raise ValueError("a tag key is 32 bytes")
    return hmac.digest(tag_key, bind("inquiries suppression", VERSION, scope, normalised), "sha256")[
        :TAG_SIZE
    ]


def tag(tag_key: bytes, kind: TagKind, normalised: str) -> bytes:
    """The tag of an address (`rules.items.normal_email`, `normal_phone`).

    Layout: the first 16 bytes of HMAC-SHA-256(tag key, bind("inquiries tag", version, kind, normalised)).
    """
    if len(tag_key) != KEY_SIZE:
        raise ValueError("a tag key is 32 bytes")
    return hmac.digest(tag_key, bind("inquiries tag", VERSION, kind, normalised), "sha256")[:TAG_SIZE]
