"""What a data subject may ask, what is done at once, and what waits and why (P14, P17, P19); does nothing."""

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


class State(StrEnum):
    """Where a request stands; what waits for the officer, or for a day, is tried again when that has come."""

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


#: The channel of whoever has the link to unsubscribe, which proves nothing else.
UNSUBSCRIBE = "unsubscribe"
#: The channel of the link that a child's guardian was mailed; requests of both are proved by the link.
GUARDIAN = "guardian"
LINKED = frozenset({UNSUBSCRIBE, GUARDIAN})

#: From the commit of such a request on nothing of the inquiry is used, until it is settled, or, of `suspend`,
#: until it is taken back (P19).
SUSPENDING = frozenset({Kind.suspend, Kind.delete, Kind.correct})
PENDING = frozenset({State.open, State.needs_officer})


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


def well_formed(kind: str, subject: str, channel: str = "", group: str = "") -> bool:
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
