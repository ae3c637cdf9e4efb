"""How states, roles, acts and faults are called on the staff pages; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import format_decimal, format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from inquiries import clock
from inquiries.errors import FieldError
from inquiries.policy.model import Policy
from inquiries.rules.lifecycle import Action, State
from inquiries.rules.permissions import ALL_TYPES, Permission, Role
from inquiries.services import publishing
from inquiries.services.actor import Actor
from inquiries.web import language, request_words
from inquiries.web.current import house
from inquiries.web.messages import Message

STATES: Final[Mapping[State, str]] = {
    State.received: _l("Received"),
    State.open: _l("In progress"),
    State.answered: _l("Answered"),
    State.closed: _l("Closed"),
}

ROLES: Final[Mapping[Role, str]] = {
    Role.consultation: _l("Consultation: reads and answers inquiries"),
    Role.business: _l("Business: reads what was granted, with a reason each time"),
    Role.privacy: _l("Privacy: sees to rights, people and records; opens with a reason"),
}

SAID: Final[Mapping[str, str]] = {
    Action.answer: _l("Marked as answered."),
    Action.close: _l("Closed. The day of its destruction has come nearer."),
    Action.reopen: _l("Reopened."),
    "reply_mail": _l("Sent. A mail tells the person that there is an answer."),
    "reply_no_address": _l("Sent. The person gave no e-mail address, and finds it with the receipt code."),
    "reply_no_mail": _l("Sent. No mail is configured here; the person finds it with the receipt code."),
    "note": _l("The note is kept."),
    "hold": _l("Held. The officer's list of holds shows it; release it there."),
    "release": _l("Released. What is due by now goes with the next run."),
    "archive": _l(
        "Moved to the archive; the rest of the inquiry is destroyed. "
        "A line that is not in the list yet follows within minutes."
    ),
    "disclosure_asked": _l("Put down. Another officer has to approve it."),
    "disclosure_approved": _l("Approved. It can be handed over now."),
    "disclosure_refused": _l("Refused. Nothing leaves."),
    "review": _l("Signed, and on record."),
    "restore": _l("Confirmed. The staff pages are open again."),
    "mail_again": _l("It will be sent again within moments."),
    "mail_drop": _l("Dropped."),
    "rights": _l("Changed. It counts from the next request on."),
    "training": _l("Recorded."),
    "revoked": _l("Access taken away. Open sessions end at their next request."),
    "grant": _l("Granted. The person sees the inquiry in the inbox, until the grant ends."),
    "cancel": _l("Cancelled. The person no longer sees the inquiry."),
    "password_changed": _l("Your password is changed. You were signed out everywhere else."),
    "app_changed": _l("Your new authenticator app is set up. You were signed out everywhere else."),
    "passkey_added": _l("The passkey is added. You can sign in with it from now on."),
    "passkey_removed": _l("The passkey is removed. You were signed out everywhere else."),
    "session_ended": _l("Ended."),
    "guardian": _l("Entered. From now on it is an inquiry like any other."),
    "owner": _l("Noted who sees to it."),
    "entered": _l("Entered. Nothing follows from it until it is recorded who asks."),
    "proved": _l("Entered and proved. It is carried out within a minute, or waits for you."),
    "refused": _l("Refused. The person reads why, and how to object."),
    "done": _l("Carried out."),
    "waits": _l("It could not be carried out yet: the reason stands below."),
    "handed_over": _l("Noted that the copy was handed over."),
    "overtaken": _l("Nothing was changed: somebody else was faster. This is how it stands now."),
}


_NO_LARGER_UNIT: Final = 10**9

STORES: Final[Mapping[str, str]] = {
    "live": _l("the inquiries"),
    "keys": _l("the keys store"),
    "keyring": _l("the keyring"),
}

_REASONS: Final[Mapping[str, str]] = {
    "expired": _l("its period ended"),
    "closed": _l("closed, and the time after closing ended"),
    "archived": _l("moved to the archive"),
    "statute": _l("the law's period ended"),
    "deleted_on_request": _l("deleted at the person's wish"),
    "withdrawn": _l("the consent was withdrawn"),
    "no_guardian": _l("no legal guardian agreed"),
    "orphan": _l("its period ended; the inquiry itself was lost before"),
    "mail": _l("messages with keys of their own"),
}


@dataclass(frozen=True)
class Place:
    """A page of the navigation."""

    endpoint: str
    label: str


_PLACES: Final = (
    ("staff.inbox", Permission.list_inquiries, _l("Inbox")),
    ("staff.requests", Permission.handle_requests, _l("Requests")),
    ("staff.retention", Permission.see_retention, _l("Retention")),
    ("staff.archive", Permission.open_archive, _l("Archive")),
    ("staff.export", Permission.export, _l("Export")),
    ("staff.provision", Permission.provide, _l("Provision")),
    ("staff.mail", Permission.see_mail, _l("Mail")),
    ("staff.people", Permission.manage_people, _l("People")),
    ("staff.ledger", Permission.see_ledger, _l("Ledger")),
)


def type_label(name: str) -> str:
    """What the policy in force calls this inquiry type; its name, if it no longer declares it."""
    kind = publishing.in_force(house()).policy.types.get(name)
    return name if kind is None else kind.label.text(language.chosen())


def item_label(policy: Policy, name: str) -> str:
    """What the policy that an inquiry came under calls this item."""
    return policy.items[name].label.text(language.chosen())


def purpose_label(policy: Policy, name: str) -> str:
    """What that policy calls this purpose."""
    purpose = policy.purposes.get(name)
    return name if purpose is None else purpose.label.text(language.chosen())


def scope(types: frozenset[str]) -> str:
    """The inquiry types of a role in words."""
    return (
        str(_("all types")) if types == ALL_TYPES else ", ".join(type_label(name) for name in sorted(types))
    )


def ago(moment: datetime) -> str:
    """How far a moment lies from now: 3 minutes ago, in 11 months."""
    return str(format_timedelta(moment - clock.now(), granularity="minute", threshold=1, add_direction=True))


def short_day(moment: datetime) -> str:
    """The day of a moment where space is short: Nov 22, 2027; 2027. 11. 22."""
    local = moment.astimezone(ZoneInfo(zone()))
    return format_date(local.date(), "medium", locale=language.chosen())


def own_name(code: str) -> str:
    """What a language calls itself."""
    return language.own_name(code)


def zone() -> str:
    """The time zone in which exact times are told: the policy's."""
    return publishing.in_force(house()).policy.time_zone


def start_of(day: date | None) -> datetime | None:
    """When a day begins where the policy is at home; None when it is no day."""
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone()))


def told(moment: str) -> datetime:
    """The moment that a certificate names (RFC 3339)."""
    return datetime.fromisoformat(moment)


def places(actor: Actor) -> tuple[Place, ...]:
    """The pages to which the navigation of this person leads."""
    return tuple(
        Place(endpoint, str(label))
        for endpoint, permission, label in _PLACES
        if actor.may(permission).allowed or endpoint == "staff.inbox"
    )


def since(moment: datetime) -> str:
    """How long ago, as a length of time."""
    return span(clock.now() - moment)


def reason(name: str) -> str:
    """Why something was destroyed, for a table."""
    return str(_REASONS.get(name, name))


def stores(names: tuple[str, ...]) -> str:
    """The stores and the keyring in words."""
    return ", ".join(str(STORES.get(name, name)) for name in names)


def figure(count: int) -> str:
    """A count as the reader writes it: 12,345."""
    return str(format_decimal(count))


def span(length: timedelta) -> str:
    """A length of time in words, exact enough to act on: 36 days, 73 hours, 5 minutes."""
    hours = length // timedelta(hours=1)
    if hours >= 5 * 24:
        unit, whole = "day", timedelta(days=length.days)
    elif hours > 1:
        unit, whole = "hour", timedelta(hours=hours)
    else:
        unit, whole = "minute", length
    return str(format_timedelta(whole, granularity=unit, threshold=_NO_LARGER_UNIT))


def seconds(count: int) -> str:
    """So many seconds in words; none, where nothing waited."""
    return span(timedelta(seconds=count)) if count else "–"


def week(start: date) -> str:
    """The day on which a week begins, short."""
    return format_date(start, "medium", locale=language.chosen())


def month(start: date) -> str:
    """The month of a day, as short as a chart needs it."""
    return format_date(start, "LLL", locale=language.chosen())


def messages(errors: tuple[FieldError, ...]) -> tuple[Message, ...]:
    """Each fault of a form as a sentence that leads to its field."""
    return tuple(Message(one.field, one.code, _fault(one), f"field-{one.field}") for one in errors)


def _fault(error: FieldError) -> str:
    limit = error.params.get("max", "")
    words = {
        **request_words.FAULTS,
        "basis.required": _("Please name the basis."),
        "basis.too_long": _("The basis has at most %(max)s characters.", max=limit),
        "reason.required": _("Please say why."),
        "reason.too_long": _("The reason has at most %(max)s characters.", max=limit),
        "until.required": _("Please choose the day on which it ends."),
        "until.not_to_come": _("Please choose a day that is to come, within the next ten years."),
        "statute.required": _("Please choose the record that the law orders kept."),
        "statute.undeclared": _("The policy does not name this record. Please choose another."),
        "items.required": _("Please tick at least one item."),
        "items.undeclared": _("This record may not contain all of these items. Please tick them anew."),
        "until.not_within": _("Please choose a day within the next %(max)s days.", max=limit),
        "email.invalid_email": _("Please enter an address such as name@example.com."),
        "email.enrolled": _(
            "This person has access already. Please change the rights on the person’s own page."
        ),
        "email.revoked": _("The access of this address was taken away for good. Please use another one."),
        "role.required": _("Please tick at least one role."),
        "role.unchanged": _("These are the rights that the person holds already."),
        "role.own_rights": _("Nobody raises their own rights. Please ask another officer."),
        "role.last_officer": _("This is the last officer. Another one must have access first."),
        "type.unknown_type": _("The policy no longer has one of these types. Please tick them anew."),
        "on.required": _("Please choose the day of the training."),
        "on.to_come": _("This day is still to come."),
        "on.long_ago": _("A training of that day would have lapsed already."),
        "on.own_rights": _("Nobody records their own training. Please ask another officer."),
        "person.not_business": _("Please choose somebody of the business role."),
        "person.own_rights": _("Nobody grants an inquiry to themselves. Please ask another officer."),
        "cancel_reason": _("Please say why you cancel this grant."),
        "typed.neither": _("Please type a whole e-mail address or telephone number."),
        "remark.required": _("Something is marked: please say what you found."),
        "text.required": _("Please write something."),
        "text.too_long": _("This has more than %(max)s characters.", max=limit),
        "control_character": _("This contains an invisible control character. Please type it anew."),
        "bidi_control": _("This contains a character that reverses the direction of writing."),
        "release_reason": _("Please say why you release this hold."),
        "restore_reason": _("Please say how the store came to be put back."),
        "too_short": _("A password has at least %(min)s characters.", min=error.params.get("min", "")),
        "too_long": _("A password has at most %(max)s characters.", max=limit),
        "too_simple": _("This password is too easy to guess. Several words in a row are a good one."),
        "unchanged": _("This is your present password. Please choose another one."),
        "wrong_password": _("This is not your present password."),
        "passkey.refused": _("The passkey was not made. Please try again."),
        "passkey.too_many": _("You have ten passkeys. Please remove one that you do not use."),
        "wrong_code": _("This is not the code that your app shows now. Please type the newest one."),
        "reason_required": _("Please say why you open this inquiry."),
    }
    bare = error.field.rpartition("-")[2]  # several forms of one page have a field of this name
    found = words.get(f"{bare}.{error.code}") or words.get(error.code)
    return str(found or _("This cannot be accepted."))
