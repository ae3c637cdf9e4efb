"""The statutory archive: moves there what a law orders kept, and opens it for the privacy role alone.

A move keeps the items that the statute needs under a key of their own and destroys the inquiry itself.
Every step is repeatable; archiving twice is archiving once (P12, P13; DESIGN §3, Archive).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inquiries.errors import NotFound
from inquiries.policy.model import LocalText, Policy
from inquiries.services.actor import Actor
from inquiries.services.house import House

PAGE = 50


@dataclass(frozen=True)
class StatuteChoice:
    """A statute of the policy in force: its key, until when it would keep, and the items it may take."""

    key: str
    name: LocalText
    law: LocalText
    until: datetime
    items: tuple[str, ...]


@dataclass(frozen=True)
class ArchiveLine:
    """One archived inquiry, closed; `statute_name` is what the policy calls the record."""

    id: int
    inquiry_id: int
    type: str
    statute: str
    statute_name: LocalText
    archived_at: datetime
    due_at: datetime


@dataclass(frozen=True)
class ArchivePage:
    """Up to `PAGE` lines; `next` is what to give as `before` for the following page."""

    rows: tuple[ArchiveLine, ...]
    next: int | None


@dataclass(frozen=True)
class OpenedArchived:
    """What was archived, opened; `policy` labels its items, `record` is the access record written before."""

    line: ArchiveLine
    items: Mapping[str, str]
    policy: Policy
    record: int
    opened_at: datetime


def choices(house: House, actor: Actor, inquiry_id: int) -> tuple[StatuteChoice, ...]:
    """The statutes under which this inquiry could be archived now, in the policy's order.

    Empty for who may not order it.

    Raises:
        NotFound: unknown, due or destroyed.
    """
    raise NotFound("unknown, destroyed, or not permitted")


def order(
    house: House, actor: Actor, inquiry_id: int, *, statute: str, items: Sequence[str], reason: str
) -> int:
    """Move an inquiry to the archive under a statute of the policy in force; returns the archive id.

    `items`: the names of what the statute needs; none means all that the statute names (P13). Recorded
    before it is done. What a crash cuts short, the worker carries out.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to move.
        InvalidArchival: the statute, the items or the reason are missing or not among those possible.
        Held: a legal hold runs; a move would destroy the inquiry.
    """
    raise NotFound("unknown, destroyed, or not permitted")


def carry_out(house: House) -> int:
    """Finish every move that was ordered; returns how many. Repeatable."""
    return 0


def page(house: House, actor: Actor, before: int | None = None) -> ArchivePage:
    """One page of what is archived and not due, closed; recorded.

    Raises:
        NotFound: not this person's to see.
    """
    raise NotFound("unknown, destroyed, or not permitted")


def look(house: House, actor: Actor, archive_id: int) -> ArchiveLine:
    """One archived inquiry, closed, as it is shown before opening; recorded.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to see.
    """
    raise NotFound("unknown, destroyed, or not permitted")


def open_archived(house: House, actor: Actor, archive_id: int, reason: str) -> OpenedArchived:
    """Record the opening, then open with the archive's own private key.

    Raises:
        NotFound: unknown, due, claimed, destroyed, or not this person's to see; also when nothing opens it.
        ReasonRequired: it is opened with a reason only.
        ArchiveClosed: this process does not hold the archive's private key.
    """
    raise NotFound("unknown, destroyed, or not permitted")
