"""How rights, their states and the reasons against them are called to the person; decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from flask_babel import format_timedelta
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from inquiries import clock
from inquiries.policy import notice
from inquiries.policy.model import Policy
from inquiries.rules import minors
from inquiries.rules.permissions import Role
from inquiries.rules.requests import Because, Channel, Kind, State
from inquiries.rules.retention import VISITOR
from inquiries.services import publishing
from inquiries.services.receipt import RequestView
from inquiries.web import language, messages
from inquiries.web.current import house

KINDS: Final[Mapping[Kind, str]] = {
    Kind.copy: _l("A copy of what is held"),
    Kind.correct: _l("Correction"),
    Kind.delete: _l("Deletion"),
    Kind.suspend: _l("Suspension"),
    Kind.resume: _l("End of the suspension"),
    Kind.withdraw: _l("Withdrawal of a consent"),
    Kind.confirm: _l("Consent of a legal guardian"),
}

STATES: Final[Mapping[State, str]] = {
    State.needs_proof: _l("Waits until it is proved who asks"),
    State.open: _l("Under way"),
    State.needs_officer: _l("With the privacy officer"),
    State.done: _l("Done"),
    State.refused: _l("Refused"),
}

BECAUSE: Final[Mapping[str, str]] = {
    Because.held: _l("A legal hold runs: a law or a proceeding has it kept as it is."),
    Because.minimum: _l("Our privacy notice has it kept for this long at least."),
    Because.statute: _l("A law has a part of it kept."),
    Because.failed: _l("It could not be carried out by itself; we are looking into it."),
    Because.lost: _l(
        "A copy of our records had to be put back, and your new text went with it. Please send it again."
    ),
    Because.invalid: _l("The form would not accept it."),
    Because.hand_over: _l("The privacy officer hands the copy over."),
    Because.officer: _l("The privacy officer refused it."),
    Because.unproved: _l("It was not asked for with this receipt code."),
}

ROLES: Final[Mapping[str, str]] = {
    Role.consultation: _l("Who answers inquiries"),
    Role.business: _l("Who was granted access for the business"),
    Role.privacy: _l("The privacy officer’s team"),
}

#: What a child gave of her guardian, beside the items.
GUARDIAN: Final[Mapping[str, str]] = {
    minors.NAME: _l("Name of your legal guardian"),
    minors.CONTACT: _l("How to reach your legal guardian"),
}

#: Done when it is asked for: the worker only notes it.
AT_ONCE: Final = frozenset({Kind.copy, Kind.suspend})

VISIT: Final[Mapping[str, str]] = {
    "address": _l("The address it was sent from"),
    "user_agent": _l("The browser it was sent with"),
}

SAID: Final[Mapping[str, str]] = {
    "suspend": _l(
        "Suspended. From now on nobody here sees what you wrote, and nothing of it is sent or passed on."
    ),
    "resume": _l("The suspension ends within a minute."),
    "withdraw": _l(
        "Your consent is withdrawn from now on. What was kept for it is destroyed within a minute."
    ),
    "withdraw_waits": _l(
        "Your consent is withdrawn from now on. What was kept for it stays locked while a legal hold runs, "
        "and is destroyed when that ends."
    ),
    "answer": _l("Sent. You will find the answer here."),
    "correct": _l(
        "Your correction is put in place within a minute. Until then nothing of your inquiry is used."
    ),
    "correct_waits": _l(
        "Your correction is with the privacy officer, since your inquiry must be kept as it is for now. "
        "Until it is settled nothing of your inquiry is used."
    ),
    "correct_nothing": _l("Nothing was changed: every item is as it was."),
}


def to_object(spoken: str | None = None) -> tuple[tuple[str, ...], ...]:
    """(name, how to reach it) of those to whom a person can turn against a refusal (P38)."""
    policy, spoken = publishing.in_force(house()).policy, spoken or language.chosen()
    return (*notice.officers(policy, spoken), *notice.dispute_bodies(policy, spoken))


def left(moment: datetime) -> str:
    """How long it is until then, in one unit: 11 months."""
    span = moment - clock.now()
    if span.total_seconds() <= 0:
        return str(_("any moment"))
    return str(_("in %(time)s", time=format_timedelta(span, threshold=1.2)))


def part(name: str, policy: Policy) -> str:
    """A retention group, as the page calls it."""
    if name in policy.purposes:
        return policy.purposes[name].label.text(language.chosen())
    return str(_("Your visit") if name == VISITOR else _("What you sent"))


EVENTS: Final[Mapping[str, str]] = {
    "asked": _l("Asked"),
    "proved": _l("Recorded who asks"),
    "waits": _l("Waits"),
    "done": _l("Done"),
    "refused": _l("Refused"),
}

CHANNELS: Final[Mapping[str, str]] = {
    **{one: messages.CHANNELS[one] for one in (Channel.phone, Channel.mail, Channel.paper, Channel.fax)},
    Channel.in_person: _l("in person"),
}


def state(request: RequestView) -> str:
    """Where a request stands; what took effect when it was asked for is done, noted by the worker or not."""
    at_once = request.kind in AT_ONCE and request.channel == Channel.receipt
    return STATES[State.done if at_once else request.state]


def about(request: RequestView, policy: Policy) -> str:
    """What a request is about: the purpose, or the items, as the page calls them."""
    return ", ".join(named(request.subject, policy))


def named(names: Iterable[str], policy: Policy) -> Iterable[str]:
    """Purposes and items as the page calls them."""
    spoken = language.chosen()
    for name in names:
        found = policy.purposes.get(name) or policy.items.get(name)
        yield name if found is None else found.label.text(spoken)
