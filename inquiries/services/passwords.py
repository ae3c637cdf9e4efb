"""Hashes and checks staff passwords; stores nothing, sets nobody's (P28)."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from inquiries.services import publishing
from inquiries.services.house import House

SHORTEST = 15  # characters (PROMISES, parameters)
LONGEST = 512  # beyond that nobody types; it bounds the work that a stranger can ask for

_PARTS: Final = re.compile(r"[\W_]+")
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1, type=Type.ID)

#: The hash of random bytes that nobody knows: checked where no account is, at the same cost.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=1$YkRkP2WDHQFJfvQOUNvs2w$qJD1k2uAI9RNl1OfI6LyVm5F43QjgcMsVlRV9b6NSpw"


def fault(house: House, password: str, account: str = "") -> str | None:
    """Why this cannot be the password of this account: `too_short`, `too_long`, `too_simple`; or None.

    Too simple is what has hardly a character besides the words that a stranger tries first here: those of the
    account's address, the controller's name, our address and our own name (docs/security.md).
    """
    known = _known(password)
    if len(known) < SHORTEST:
        return "too_short"
    if len(known) > LONGEST:
        return "too_long"
    left = known.casefold()
    for word in _first_tried(house, account):
        left = left.replace(word, "")
    return "too_simple" if len(set(left)) < 4 else None  # noqa: PLR2004 - "aaaaaaaaaaaaaaa", "121212121212121"


def _first_tried(house: House, account: str) -> list[str]:
    """The longest first, so that a word within another does not leave half of it."""
    names = publishing.in_force(house).policy.controller.root.values()
    texts = [account, urlsplit(house.settings.origin).netloc, "inquiries password", *names]
    words = {word for text in texts for word in (text.casefold(), *_PARTS.split(text.casefold()))}
    return sorted((word for word in words if len(word) > 2), key=len, reverse=True)  # noqa: PLR2004 - "of", "주"


def hashed(password: str) -> str:
    """Argon2id, 64 MiB, t=3, p=1, with a random salt."""
    return _HASHER.hash(_bytes(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether it is this password; takes the same time where there is no hash."""
    if len(password) > LONGEST:
        password = ""
    try:
        _HASHER.verify(password_hash or _NOBODY, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def outdated(password_hash: str) -> bool:
    """Whether it was made under weaker parameters than ours of today, and is to be made anew."""
    return _HASHER.check_needs_rehash(password_hash)


def _known(password: str) -> str:
    """One spelling of the same characters, whichever keyboard composed them (RFC 8265, 4.2)."""
    return unicodedata.normalize("NFC", password)


def _bytes(password: str) -> bytes:
    return _known(password).encode("utf-8", "surrogatepass")
