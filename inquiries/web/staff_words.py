"""How states, roles, acts and faults are called on the staff pages; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask_babel import format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from inquiries import clock
from inquiries.errors import FieldError
from inquiries.policy.model import Policy
from inquiries.rules.lifecycle import Action, State
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import publishing
from inquiries.web import language
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
    "overtaken": _l("Nothing was changed: somebody else was faster. This is how it stands now."),
}


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


def zone() -> str:
    """The time zone in which exact times are told: the policy's."""
    return publishing.in_force(house()).policy.time_zone


def messages(errors: tuple[FieldError, ...]) -> tuple[Message, ...]:
    """Each fault of an enrolment as a sentence that leads to its field."""
    return tuple(Message(one.field, one.code, _fault(one), f"field-{one.field}") for one in errors)


def _fault(error: FieldError) -> str:
    words = {
        "too_short": _("A password has at least %(min)s characters.", min=error.params.get("min", "")),
        "too_long": _("A password has at most %(max)s characters.", max=error.params.get("max", "")),
        "too_simple": _("This password is too easy to guess. Several words in a row are a good one."),
        "wrong_code": _("This is not the code that your app shows now. Please type the newest one."),
        "reason_required": _("Please say why you open this inquiry."),
    }
    return str(words.get(error.code, error.code))
