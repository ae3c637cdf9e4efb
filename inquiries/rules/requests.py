"""What a data subject may ask, what is done at once, what waits and why (P14, P17 to P19); does nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inquiries.policy.model import GROUPS
from inquiries.rules.retention import MAIN


class Kind(StrEnum):
    """A right that somebody asks for (PIPA 35 to 37, GDPR 15 to 18 and 7(3))."""

    copy = "copy"
    correct = "correct"
    delete = "delete"
    suspend = "suspend"
    resume = "resume"
    withdraw = "withdraw"
    confirm = "confirm"  # a legal guardian agrees to a child's inquiry (P07)


class Channel(StrEnum):
    """How it was asked; a receipt code and a link prove themselves, all others are entered by the officer."""

    receipt = "receipt"
    unsubscribe = "unsubscribe"  # by a link, which proves nothing else
    guardian = "guardian"  # by the link that a child's guardian was mailed
    phone = "phone"
    mail = "mail"
    paper = "paper"
    fax = "fax"
    in_person = "in_person"


class Identity(StrEnum):
    """How it was made sure that who asks is who she says."""

    details = "details"  # she named what only she and the inquiry know
    callback = "callback"  # she was reached under the number or address of the inquiry
    document = "document"  # she showed a document; no copy is kept


class Authority(StrEnum):
    """By what a representative asks for somebody else (PIPA 38)."""

    attorney = "attorney"  # a power of attorney
    law = "law"  # a legal representative: a parent, a guardian


class State(StrEnum):
    """Where a request stands; what waits for the officer, or for a day, is tried again when that has come."""

    needs_proof = "needs_proof"  # entered, and who asks not proved yet: nothing follows from it (P18)
    open = "open"
    needs_officer = "needs_officer"
    done = "done"
    refused = "refused"


class Because(StrEnum):
    """Why a request waits, or was refused without the officer."""

    held = "held"  # a legal hold runs
    minimum = "minimum"  # the policy's shortest keeping is not over
    statute = "statute"  # a law orders part of it kept: it is on its way to the archive
    failed = "failed"  # it did not open when it was tried
    lost = "lost"  # what was to be written in its place went with a store that was put back
    invalid = "invalid"  # what was to be written is nothing that the form would take
    unproved = "unproved"  # whoever wrote the request does not hold the inquiry's key
    hand_over = "hand_over"  # a copy that the officer hands over
    officer = "officer"  # the officer refused it; her words are sealed beside it


UNSUBSCRIBE = Channel.unsubscribe
GUARDIAN = Channel.guardian
#: Requests of these are proved by the link, and by nothing else.
LINKED = frozenset({UNSUBSCRIBE, GUARDIAN})
#: What the officer enters, and what nothing follows from before it is recorded who asks (P18).
ENTERED = frozenset(Channel) - LINKED - {Channel.receipt}

#: From the commit of such a request on nothing of the inquiry is used, until it is settled, or, of `suspend`,
#: until it is taken back (P19).
SUSPENDING = frozenset({Kind.suspend, Kind.delete, Kind.correct})
PENDING = frozenset({State.open, State.needs_officer})
UNSETTLED = PENDING | {State.needs_proof}
#: What does not count: nobody took it up, or nothing follows from it yet.
WITHOUT_EFFECT = frozenset({State.refused, State.needs_proof})
#: The person was told why it waits and until when, which is the answer that was promised in time (P22).
_ANSWERED = frozenset({Because.held, Because.minimum, Because.statute})


@dataclass(frozen=True, slots=True)
class Facts:
    """What can stand against a request: until when a hold runs, the minimum lasts, a statute keeps."""

    held_until: datetime | None = None
    minimum_until: datetime | None = None
    statute_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AtOnce:
    """It is carried out now, by itself."""


@dataclass(frozen=True, slots=True)
class Waits:
    """It goes to the officer; until then, at the earliest, it cannot be carried out by itself."""

    because: Because
    until: datetime


def decide(kind: Kind, facts: Facts, now: datetime) -> AtOnce | Waits:
    """Carry it out now, or tell why not and until when; of several reasons the one that lasts longest.

    A hold keeps everything as it is: nothing is deleted, replaced, or destroyed with a consent, whose purpose
    ends all the same. A statute keeps the inquiry as it was received, the minimum keeps it from being deleted
    (P14).
    """
    against: dict[Because, datetime | None] = {}
    if kind in {Kind.delete, Kind.correct, Kind.withdraw}:
        against[Because.held] = facts.held_until
    if kind in {Kind.delete, Kind.correct}:
        against[Because.statute] = facts.statute_until
    if kind is Kind.delete:
        against[Because.minimum] = facts.minimum_until
    running = [Waits(why, until) for why, until in against.items() if until is not None and now < until]
    return max(running, key=lambda one: one.until, default=AtOnce())


def well_formed(kind: str, subject: str, channel: str, group: str) -> bool:
    """Whether a page of ours asks so: what no page asks came from elsewhere, whoever proved it.

    A withdrawal names a purpose; the groups that end on days of their own bear other names (P14). A link to
    unsubscribe ends what it is of: all, or the one purpose (P15).
    """
    if channel == UNSUBSCRIBE:
        expected = (Kind.delete, "") if group == MAIN else (Kind.withdraw, group)
        return (kind, subject) == expected and group not in GROUPS[1:]
    if channel == GUARDIAN:
        return (kind, subject, group) in {(Kind.confirm, "", MAIN), (Kind.delete, "", MAIN)}
    return kind in set(Kind) - {Kind.confirm} and not (kind == Kind.withdraw and subject in GROUPS)


def may_ask(kind: Kind, *, suspended: bool, deleting: bool) -> bool:
    """Whether the person's page offers it: nothing but a copy while her deletion is pending.

    `suspended`: she asked for it, and has not taken it back.
    """
    if kind is Kind.copy:
        return True
    if kind is Kind.confirm:
        return False  # it is her guardian's
    if deleting:
        return False
    if kind in {Kind.suspend, Kind.resume}:
        return suspended == (kind is Kind.resume)
    return True


def proved(identity: Identity | None, authority: Authority | None, *, representative: bool) -> bool:
    """Whether who asks elsewhere than with the receipt has shown enough for it to be carried out (P18)."""
    return identity is not None and (authority is not None or not representative)


def runs(state: str, because: str | None) -> bool:
    """Whether its deadline still runs: it is neither settled nor answered with a reason and a day."""
    return state in UNSETTLED and because not in _ANSWERED


def may_refuse(kind: Kind, state: State) -> bool:
    """Whether the officer may: never the end of a consent, which needs no reason (GDPR 7(3)).

    Who has not shown who she is can be refused whatever she asked for.
    """
    return state is State.needs_proof or (
        state in PENDING and kind in {Kind.copy, Kind.correct, Kind.delete, Kind.suspend}
    )


def mailed(kind: Kind, channel: str, *, waited: bool) -> bool:
    """Whether its result is told by mail: not what she saw happen on her own page a moment ago.

    Whoever answers by a link gets none: who unsubscribes wants no mail any more (P15).
    """
    if channel in LINKED:
        return False
    return kind is Kind.delete or channel in ENTERED or waited
