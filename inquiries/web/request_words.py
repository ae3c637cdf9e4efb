"""How the pages of requests call what they offer and what is missing; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask_babel import lazy_gettext as _l

from inquiries.rules.requests import Authority, Identity

IDENTITY: Final[Mapping[Identity, str]] = {
    Identity.details: _l("The person named details that only she and the inquiry know"),
    Identity.callback: _l("She was reached under the number or address of the inquiry"),
    Identity.document: _l("She showed a document; no copy is kept"),
}

AUTHORITY: Final[Mapping[Authority, str]] = {
    Authority.attorney: _l("By a power of attorney"),
    Authority.law: _l("As a parent, guardian or other legal representative"),
}

_LONG: Final = _l("This is too long. Please shorten it.")

FAULTS: Final[Mapping[str, str]] = {
    "kind.required": _l("Please choose what is asked for."),
    "kind.asked_already": _l("This is asked for already, and not settled yet."),
    "kind.one_by_one": _l("A correction is entered for one inquiry at a time."),
    "kind.nothing_to_correct": _l("Nothing differs from what is held."),
    "channel.required": _l("Please choose how it was asked."),
    "day.to_come": _l("This day is still to come."),
    "day.before_inquiry": _l("This day lies before the inquiry."),
    "purpose.not_withdrawable": _l("There is no such consent to withdraw."),
    "who.required": _l("Please name who asks, and in which relation to the person."),
    "evidence.required": _l("Please say what is at hand: a call, a letter, a document."),
    **dict.fromkeys(("who.too_long", "evidence.too_long", "seen.too_long"), _LONG),
    "identity.required": _l("Please say how it was made sure who asks."),
    "authority.required": _l("Please say by what right the representative asks."),
}
