"""How messages, and what kept them from going out, are called on the page of mail; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import lazy_gettext as _l

from inquiries.services.mail import Kind

KINDS: Final[Mapping[str, str]] = {
    Kind.entered: _l("to the person: it was entered"),
    Kind.replied: _l("to the person: there is an answer"),
    Kind.address_changed: _l("to the old and the new address: it was corrected"),
    Kind.guardian: _l("to a child's guardian: the question whether she agrees"),
    Kind.given_corrected: _l("to who was given it: it was corrected"),
    Kind.given_deleted: _l("to who was given it: it was deleted"),
    Kind.request_result: _l("to the person: what became of a request"),
    Kind.requests_late: _l("to the officers: requests are late"),
    Kind.anchored: _l("to the officer: where the ledger stands"),
    Kind.review_missing: _l("to the officer: a review is missing"),
    Kind.invited: _l("to staff: an invitation"),
}

_PROBLEMS: Final[Mapping[str, str]] = {
    "refused": _l("The mail server refused it."),
    "deferred": _l("The mail server put it off for a whole day."),
    "uncertain": _l("The connection broke at the last moment: it may have arrived."),
    "unreachable": _l("The mail server did not answer for a whole day."),
    "closing": _l("The mail server did not answer for a whole day."),
    "encryption": _l("The mail server could not be reached over an encrypted connection."),
    "sign_in": _l("The mail server does not accept our user name and password."),
    "sender": _l("The mail server does not accept our sender address."),
    "address": _l("No mail server takes this address."),
    "unopenable": _l("No key opens it."),
    "unwritable": _l("It could not be written out by this version of the software."),
    "restored": _l("A backup was put back: it may have been sent before."),
}


def kind(name: str) -> str:
    """What a message says, for a list."""
    return str(KINDS.get(Kind(name), name) if name in set(Kind) else name)


def problem(name: str) -> str:
    """Why a message was given up."""
    return str(_PROBLEMS.get(name, name))
