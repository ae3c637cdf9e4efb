"""What a person reads about a fault of what she sent, by the fault's code; decides no fault itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask_babel import lazy_gettext as _

from inquiries.errors import FieldError, IntakeClosed, NoticeSuperseded, OnceReused
from inquiries.web.language import particles
from inquiries.web.limits import TooMany


@dataclass(frozen=True)
class Message:
    """One fault in words; `anchor` is the id to jump to, None for a field that the page does not have."""

    field: str
    code: str
    message: str
    anchor: str | None = None


def word(errors: tuple[FieldError, ...], labels: Mapping[str, str]) -> tuple[Message, ...]:
    """Each fault as a sentence in the reader's language; `labels` names the fields that the page shows."""
    return tuple(_word(error, labels.get(error.field)) for error in errors)


def _word(error: FieldError, label: str | None) -> Message:
    figures = {
        name: f"{value:,}" if isinstance(value, int) else value for name, value in error.params.items()
    }
    sentence = str(_WORDS.get(error.code, _UNCLEAR)) % {"label": label or error.field, **figures}
    return Message(error.field, error.code, particles(sentence), label and f"field-{error.field}")


_UNCLEAR: Final = _("%(label)s: this cannot be accepted.")
_WORDS: Final = {
    "required": _("%(label)s: please fill this in."),
    "too_long": _("%(label)s: please use at most %(max)s characters."),
    "not_text": _("%(label)s: please send this once, as text."),
    "undeclared": _("“%(label)s” is not a field of this form. Nothing was stored."),
    "invalid_email": _("%(label)s: please enter an address such as name@example.com."),
    "invalid_phone": _(
        "%(label)s: please enter a telephone number such as 02-1234-5678 or +82 10 1234 5678."
    ),
    "control_character": _("%(label)s: this contains an invisible control character. Please type it anew."),
    "bidi_control": _(
        "%(label)s: this contains a character that reverses the direction of writing. Please remove it."
    ),
    "consent_required": _("Please tick the required consent: without it we cannot accept your inquiry."),
    "consent_invalid": _("%(label)s: please either tick the box or leave it empty."),
    "age_required": _("Please say whether you are %(age)s or older."),
    "too_young": _("We take inquiries only from people of %(age)s and older. Nothing was stored."),
    "not_needed": _("%(label)s: please leave this empty, since you are old enough."),
    "invalid_contact": _("%(label)s: please enter an e-mail address or a telephone number."),
    "not_withdrawable": _("There is no consent of yours to withdraw here."),
    "too_many": _("There are %(max)s messages on this inquiry already. Please send a new inquiry."),
    "suspended": _(
        "This was not sent, since the inquiry is suspended at your wish. End the suspension, then send it."
    ),
    "stale_form": _(
        "This page was open for more than a day. Nothing has been stored yet; please check it and send it."
    ),
    "not_offered": _("%(label)s: please use one of %(offered)s."),
    "not_a_table": _("%(label)s: this must be a JSON object."),
    "not_a_version": _("%(label)s: this must be the number of a notice."),
}


def reason(refused: Exception) -> str | None:
    """Why a form is shown again, when the reason lies in no field of it."""
    for kind, sentence in _REASONS:
        if isinstance(refused, kind):
            return str(sentence)
    return None


_REASONS: Final = (
    (
        NoticeSuperseded,
        _(
            "The privacy notice has changed since you opened this page. "
            "Please read it below and send your inquiry again."
        ),
    ),
    (
        OnceReused,
        _(
            "This page was already used to send another inquiry. "
            "If you want to send this one as well, please send it again."
        ),
    ),
    (
        IntakeClosed,
        _(
            "We cannot accept inquiries at this moment. "
            "Nothing was stored; please send it again in a few minutes."
        ),
    ),
    (
        TooMany,
        _(
            "Too many inquiries came from your network just now. "
            "Nothing was stored; please wait a minute and send it again."
        ),
    ),
)


STATES: Final = {
    "received": _("Received"),
    "open": _("Being worked on"),
    "answered": _("Answered"),
    "closed": _("Closed"),
}

#: How an inquiry came that staff entered, as they and the person herself read it.
CHANNELS: Final = {
    "phone": _("by telephone"),
    "paper": _("on paper"),
    "mail": _("by e-mail"),
    "fax": _("by fax"),
    "event": _("at an event"),
}
