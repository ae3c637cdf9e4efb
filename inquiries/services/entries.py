"""Staff enter what came by telephone, paper, mail, fax or at an event, with the evidence of the consent.

It is received as what came by the form: same items, same sealing, same periods, and a receipt code, which is
given to whoever entered it, once, to be handed over; it is never mailed (P06).
"""

from __future__ import annotations

from dataclasses import replace

from inquiries import clock
from inquiries.errors import InvalidItems, UnknownType
from inquiries.rules import entry
from inquiries.rules import items as item_rules
from inquiries.rules.entry import Told
from inquiries.rules.permissions import Permission
from inquiries.services import intake, publishing, records, refusals
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.intake import Received, Submission


def types(house: House, actor: Actor) -> tuple[str, ...]:
    """The inquiry types for which this person may enter something, in the policy's order."""
    declared = publishing.in_force(house).policy.types
    return tuple(name for name in declared if actor.may(Permission.enter_inquiry, name).allowed)


def permit(house: House, actor: Actor, type_name: str) -> None:
    """Raises NotFound, TrainingLapsed, on record: it is not hers to enter; UnknownType."""
    if type_name not in publishing.in_force(house).policy.types:
        raise UnknownType("not declared")
    detail = {"type": type_name}
    refusals.permit(house, actor, Permission.enter_inquiry, inquiry_type=type_name, detail=detail)


def enter(house: House, actor: Actor, submission: Submission, told: Told) -> Received:
    """Receive it; the record of the entry follows the commit, and who entered it is sealed in the evidence.

    Raises:
        NotFound, TrainingLapsed: not hers to enter.
        InvalidItems: what the form would not take either, or no evidence, with every fault.
        UnknownType, NoticeSuperseded, OnceReused, IntakeClosed: as for what comes by the form.
    """
    permit(house, actor, submission.type)
    published = publishing.in_force(house)
    now = clock.now()
    try:
        channel, how = entry.checked(told, actor.staff_id, in_force_since=published.effective_at, now=now)
    except InvalidItems as missing:
        raise _with_the_rest(house, submission, missing) from None
    received = intake.receive(house, replace(submission, channel=channel, evidence=how))
    detail = {"type": submission.type, "channel": channel.value}  # again where the code is shown again
    records.access(house, act=Permission.enter_inquiry, actor=actor, subject=received.id, detail=detail)
    return received


def _with_the_rest(house: House, submission: Submission, missing: InvalidItems) -> InvalidItems:
    """Every fault at once, that of the evidence first."""
    policy = publishing.in_force(house).policy
    try:
        item_rules.validate(policy, submission.type, submission.items, submission.consents)
    except InvalidItems as others:
        return InvalidItems((*missing.errors, *others.errors))
    return missing
