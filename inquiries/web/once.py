"""The `_once` field: a signed, timed nonce in each form, so that sending twice stores once; keeps nothing."""

from __future__ import annotations

import binascii
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Final

from itsdangerous import BadSignature, TimestampSigner

from inquiries import clock
from inquiries.errors import FieldError, InvalidItems
from inquiries.web.current import house

LIFE: Final = 86_400  # seconds; an older form is shown again, filled in, with a new nonce


class _Signer(TimestampSigner):
    """itsdangerous reads the wall clock itself; here time comes from `clock.py`."""

    def get_timestamp(self) -> int:
        return int(clock.now().timestamp())

    def timestamp_to_datetime(self, ts: int) -> datetime:
        return datetime.fromtimestamp(ts, clock.now().tzinfo)


def new() -> str:
    """A nonce of 128 bits, signed with the time, for a form that is being shown."""
    return _signer().sign(urlsafe_b64encode(os.urandom(16))).decode("ascii")


def read(value: object) -> bytes | None:
    """The nonce of a form sent back; None when there is none, as from a form of the company's own.

    The time limit protects the person: whoever finds the filled form in a browser's memory a day later and
    sends it again must not be shown her receipt code.

    Raises:
        InvalidItems: not signed by us, too old, or sent more than once.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        with suppress(BadSignature, UnicodeError, binascii.Error):
            return urlsafe_b64decode(_signer().unsign(value, max_age=LIFE))
    raise InvalidItems((FieldError("_once", "stale_form"),))


def read_or_none(value: object) -> bytes | None:
    """The same; None also of a form that stood open for too long."""
    with suppress(InvalidItems):
        return read(value)
    return None


def _signer() -> _Signer:
    return _Signer(house().custody.secret_key, salt="once", key_derivation="hmac", digest_method=sha256)
