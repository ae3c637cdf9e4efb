"""Seals each item of an inquiry on its own, under its group's data key; it never keeps a key.

The group, the item's name and the inquiry's id are bound to every ciphertext, so none opens in another
row or another field (P29).
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from inquiries.errors import SealBroken
from inquiries.sealing.primitives import (
    KEY_SIZE,
    NONCE_SIZE,
    VERSION,
    VERSION_BYTE,
    Draw,
    Reader,
    bind,
    cipher,
    new_key,
    open_sealed,
    open_with,
    seal_with,
)

_ITEM = "inquiries item"


def new_data_key(draw: Draw | None = None) -> bytes:
    """A fresh data key (DEK) of 32 bytes: one per inquiry and group, never used for another."""
    return new_key() if draw is None else draw.take(KEY_SIZE)


def seal_item(dek: bytes, inquiry_id: int, group: str, item: str, text: str) -> bytes:
    """Seal one item's text.

    Layout: `primitives.seal` of the text as UTF-8 under the data key; associated data =
    bind("inquiries item", version, inquiry id, group, item).

    Raises:
        ValueError: the text holds a lone surrogate, which is no text.
    """
    return _seal(cipher(dek), bind(_ITEM, VERSION, inquiry_id, group), item, text)


def open_item(dek: bytes, inquiry_id: int, group: str, item: str, blob: bytes) -> str:
    """The inverse of `seal_item`.

    Raises:
        SealBroken: changed, cut, of another inquiry, group, item or key.
    """
    return _text(open_sealed(dek, blob, bind(_ITEM, VERSION, inquiry_id, group, item)))


def seal_items(
    dek: bytes, inquiry_id: int, group: str, texts: Mapping[str, str], draw: Draw | None = None
) -> dict[str, bytes]:
    """`seal_item` for each of a group's items, in their order, with the cipher made once."""
    ready, place = cipher(dek), bind(_ITEM, VERSION, inquiry_id, group)
    draw = draw or Draw(NONCE_SIZE * len(texts))
    return {item: _seal(ready, place, item, text, draw.take(NONCE_SIZE)) for item, text in texts.items()}


def open_items(dek: bytes, inquiry_id: int, group: str, sealed: Mapping[str, bytes]) -> dict[str, str]:
    """`open_item` for each of a group's items; one that does not open fails all."""
    try:
        ready = cipher(dek)
    except ValueError:
        raise SealBroken("the key has the wrong length") from None
    place = bind(_ITEM, VERSION, inquiry_id, group)
    return {item: _text(open_with(ready, blob, place + bind(item))) for item, blob in sealed.items()}


def pack(sealed: Mapping[str, bytes]) -> bytes:
    """A group's sealed items as one value for its row.

    Layout: 0x01 ‖ count (u16) ‖ count × (name length (u16) ‖ name ‖ blob length (u32) ‖ blob), all big
    endian, in the given order. A frame without a key: each item inside is bound to its place, an item
    taken out whole is not noticed here.
    """
    out = bytearray(VERSION_BYTE + len(sealed).to_bytes(2, "big"))
    for item, blob in sealed.items():
        name = item.encode()
        out += len(name).to_bytes(2, "big") + name + len(blob).to_bytes(4, "big") + blob
    return bytes(out)


def unpack(blob: bytes) -> dict[str, bytes]:
    """The inverse of `pack`.

    Raises:
        SealBroken: cut, longer than it says, a name twice, or an unknown version.
    """
    reader = Reader(blob)
    reader.version()
    count = reader.number(2)
    sealed = {reader.text(): reader.take(reader.number(4)) for _ in range(count)}
    reader.end()
    if len(sealed) != count:
        raise SealBroken("an item stands twice")
    return sealed


def _seal(ready: AESGCM, place: bytes, item: str, text: str, nonce: bytes | None = None) -> bytes:
    try:
        plaintext = text.encode()
    except UnicodeEncodeError:
        # Python's own error would carry the whole text to wherever errors are reported.
        raise ValueError("an item holds a lone surrogate") from None
    return seal_with(ready, plaintext, place + bind(item), nonce)


def _text(plaintext: bytes) -> str:
    try:
        return plaintext.decode()
    except UnicodeDecodeError:
        raise SealBroken("an item is not UTF-8") from None
