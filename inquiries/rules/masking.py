"""How a value looks to who may list but has not opened it; a mask tells neither the length nor the rest."""

from __future__ import annotations

from inquiries.policy.model import ItemKind

_REST = "**"
_REST_OF_ADDRESS = "***"
_SHOWN_DIGITS = 2


def mask(kind: ItemKind, value: str) -> str:
    """The mask for an item of this kind; of long text nothing is shown at all."""
    if kind == "email":
        return mask_email(value)
    if kind == "phone":
        return mask_phone(value)
    return mask_text(value) if kind == "text" else (_REST if value else "")


def mask_text(text: str) -> str:
    """The first letter or digit, and no more: `김철수` as `김**`, `㈜한빛` as `한**`."""
    first = next((c for c in text if c.isalnum()), "")
    return first + _REST if text else ""


def mask_email(email: str) -> str:
    """`jane@example.com` as `j***@example.com`."""
    local, at, domain = email.rpartition("@")
    return f"{local[:1]}{_REST_OF_ADDRESS}{at}{domain}" if at else mask_text(email)


def mask_phone(phone: str) -> str:
    """`010-1234-5678` as `**78`: enough to tell two callers apart, too little to call."""
    digits = [c for c in phone if c.isdecimal()]
    if len(digits) <= _SHOWN_DIGITS * 2:
        return _REST if phone else ""
    return _REST + "".join(digits[-_SHOWN_DIGITS:])
