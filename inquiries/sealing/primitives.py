"""The few operations that every format is made of; it knows no item, no epoch, no receipt.

AES-256-GCM, HKDF-SHA-256 and an unambiguous encoding of what is bound to a ciphertext, from
`cryptography`. Keys and nonces come from `os.urandom` and nowhere else.
"""

from __future__ import annotations

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from inquiries.errors import SealBroken

VERSION = 1
VERSION_BYTE = b"\x01"
KEY_SIZE = 32
NONCE_SIZE = 12


def bind(*parts: bytes | str | int) -> bytes:
    """Parts as one string of bytes that reads back in one way only.

    Layout, per part: length (u32) ‖ bytes. Text is UTF-8, a number is u64; all big endian. Two binds
    one after the other equal one bind of all parts.
    """
    out = b""
    for part in parts:
        if isinstance(part, int):
            out += b"\x00\x00\x00\x08" + part.to_bytes(8, "big")
        else:
            data = part.encode() if isinstance(part, str) else part
            out += len(data).to_bytes(4, "big") + data
    return out


def new_key() -> bytes:
    """32 fresh random bytes."""
    return os.urandom(KEY_SIZE)


class Draw:
    """Random bytes for one act, had from the system in one call; each is handed out once.

    At each call Python offers the interpreter to the threads that wait, which under load costs far more than
    the bytes do. A draw never outlives its act: what lay ready would be known to whoever reads the memory.
    """

    def __init__(self, size: int) -> None:
        self._drawn = os.urandom(size)
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes; drawn anew where what was drawn does not suffice."""
        end = self._at + size
        if end > len(self._drawn):
            return os.urandom(size)
        piece = self._drawn[self._at : end]
        self._at = end
        return piece


def derive(key: bytes, *context: bytes | str | int, length: int = KEY_SIZE) -> bytes:
    """HKDF-SHA-256 (RFC 5869) of a uniformly random key, no salt, info = bind(context).

    The first part of the context names the use, so that no two uses ever share a derived key.
    """
    return HKDF(SHA256(), length, None, bind(*context)).derive(key)


def cipher(key: bytes) -> AESGCM:
    """AES-256-GCM under the key; any other key length is a fault of the caller.

    Raises:
        ValueError: the key is not 32 bytes (AES-128 would be accepted in silence otherwise).
    """
    if len(key) != KEY_SIZE:
        raise ValueError("a key is 32 bytes")
    return AESGCM(key)


@lru_cache(maxsize=8)
def lasting_cipher(key: bytes, use: str) -> AESGCM:
    """The cipher of one use of a key that lives for an epoch, kept ready; never for a data key."""
    if len(key) != KEY_SIZE:
        raise ValueError("a key is 32 bytes")
    return AESGCM(derive(key, use, VERSION))


def forget() -> None:
    """Drop the ciphers kept ready, when an epoch retires and its keys are erased."""
    lasting_cipher.cache_clear()


def seal(key: bytes, plaintext: bytes, associated: bytes, nonce: bytes | None = None) -> bytes:
    """Seal under a key of 32 bytes.

    Layout: 0x01 ‖ nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16). `associated` is authenticated and not
    stored; make it with `bind`, the format's name and `VERSION` first.
    """
    return seal_with(cipher(key), plaintext, associated, nonce)


def open_sealed(key: bytes, blob: bytes, associated: bytes) -> bytes:
    """The inverse of `seal`.

    Raises:
        SealBroken: another key, another place, changed, cut, or an unknown version.
    """
    if len(key) != KEY_SIZE:
        raise SealBroken("the key has the wrong length")
    return open_with(AESGCM(key), blob, associated)


def seal_with(ready: AESGCM, plaintext: bytes, associated: bytes, nonce: bytes | None = None) -> bytes:
    """`seal` with a cipher that is ready; a nonce given is random and serves once."""
    if nonce is None:
        nonce = os.urandom(NONCE_SIZE)
    return VERSION_BYTE + nonce + ready.encrypt(nonce, plaintext, associated)


def open_with(ready: AESGCM, blob: bytes, associated: bytes) -> bytes:
    """`open_sealed` with a cipher that is ready."""
    if blob[:1] != VERSION_BYTE:
        raise SealBroken("empty, or of an unknown version")
    try:
        return ready.decrypt(blob[1 : 1 + NONCE_SIZE], blob[1 + NONCE_SIZE :], associated)
    except (InvalidTag, ValueError):
        raise SealBroken("changed, moved, cut, or of another key") from None


class Reader:
    """Takes apart a string of bytes field by field; whatever does not add up is SealBroken."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise SealBroken("cut short")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def number(self, size: int) -> int:
        """The next `size` bytes as an unsigned number, big endian."""
        end = self._at + size
        if end > len(self._data):
            raise SealBroken("cut short")
        found = int.from_bytes(self._data[self._at : end], "big")
        self._at = end
        return found

    def version(self) -> None:
        """The leading version byte, which must be ours."""
        if self.take(1) != VERSION_BYTE:
            raise SealBroken("of an unknown version")

    def text(self) -> str:
        """A u16 length and so many bytes of UTF-8."""
        try:
            return self.take(self.number(2)).decode()
        except UnicodeDecodeError:
            raise SealBroken("a name is not UTF-8") from None

    def rest(self) -> bytes:
        """Everything not yet taken."""
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._data):
            raise SealBroken("more than its format holds")
