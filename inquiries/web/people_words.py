"""How people's states, roles and rights are called on the staff pages; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from babel.dates import format_date
from flask_babel import lazy_gettext as _l

from inquiries.rules.permissions import Role
from inquiries.services.register import OPERATOR, TIME
from inquiries.web import language

_ROLE_NAMES: Final[Mapping[Role, str]] = {
    Role.consultation: _l("Consultation"),
    Role.business: _l("Business"),
    Role.privacy: _l("Privacy"),
}

#: The states of people, in the order in which they are listed.
PEOPLE: Final[Mapping[str, str]] = {
    "enrolled": _l("Have access"),
    "invited": _l("Invited"),
    "revoked": _l("Access taken away"),
}

RIGHTS_ACTS: Final[Mapping[str, str]] = {
    "invite": _l("Invited"),
    "enrol": _l("Access set up"),
    "change": _l("Rights changed"),
    "grant": _l("Inquiry granted"),
    "cancel": _l("Grant cancelled"),
    "training": _l("Training recorded"),
    "revoke": _l("Access taken away"),
    "expire": _l("Ended by itself"),
    "renew": _l("Invited anew"),
    "password": _l("Password changed"),
    "app": _l("Authenticator app changed"),
    "recovery_codes": _l("New recovery codes made"),
    "recovery_code_used": _l("Recovery code used"),
    "passkey": _l("Passkey added"),
    "passkey_removed": _l("Passkey removed"),
}

_NOBODYS: Final[Mapping[str, str]] = {
    OPERATOR: _l("the operator, by command"),
    TIME: _l("its time ran out"),
}


def role(name: str) -> str:
    """A role in one word."""
    return str(_ROLE_NAMES[Role(name)])


def rights_act(name: str) -> str:
    """What a record of the register says was done."""
    return str(RIGHTS_ACTS.get(name, name))


def actor(name: str) -> str:
    """Who did something: an address, or in words whom the register names otherwise."""
    return str(_NOBODYS.get(name, name))


def calendar_day(day: date) -> str:
    """A day of the calendar: March 2, 2026; 2026년 3월 2일."""
    return format_date(day, "long", locale=language.chosen())
