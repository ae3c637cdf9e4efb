"""The statutory archive: moves there what a law orders kept, and opens it for the privacy role alone.

A move keeps the items that the statute needs under a key of their own and destroys the inquiry itself.
Every step is repeatable; archiving twice is archiving once (P12, P13; DESIGN §3, Archive).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from inquiries import clock
from inquiries.errors import (
    ArchiveClosed,
    FieldError,
    Held,
    InvalidArchival,
    JobBusy,
    KeyUnavailable,
    NotFound,
    ReasonRequired,
    SealBroken,
)
from inquiries.policy.model import LocalText, Policy, Statute
from inquiries.rules import retention
from inquiries.rules.permissions import Permission
from inquiries.sealing import archive as sealing
from inquiries.sealing import items as sealed_items
from inquiries.services import archive_keys, archive_moves, publishing, records, refusals
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.house import House
from inquiries.stores import archive as store
from inquiries.stores.live import archivals, guardians, holds
from inquiries.stores.live import inquiries as live

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


# -- moving --------------------------------------------------------------------------------------


def choices(house: House, actor: Actor, inquiry_id: int) -> tuple[StatuteChoice, ...]:
    """The statutes under which this inquiry could be archived now, in the policy's order.

    Empty for who may not order it, and before a child's guardian has agreed: it is no record of anything yet.

    Raises:
        NotFound: unknown, due or destroyed.
    """
    if not _permitted(actor):
        return ()
    now = clock.now()
    with house.live.read() as connection:
        row = live.readable(connection, inquiry_id, now, held=True)
        waiting = guardians.waiting(connection, [inquiry_id])
    if row is None:
        raise NotFound("unknown, due or destroyed")
    if waiting:
        return ()
    policy = publishing.in_force(house).policy
    there = _there(house, row)
    return tuple(
        StatuteChoice(key, one.name, one.statute, _until(policy, one, now), _offered(one, there))
        for key, one in policy.statutes.items()
        if _offered(one, there)
    )


def order(
    house: House, actor: Actor, inquiry_id: int, *, statute: str, items: Sequence[str], reason: str
) -> int:
    """Move an inquiry to the archive under a statute of the policy in force; returns the archive id.

    `items`: the names of what the statute needs (P13). Recorded before it is done. What a crash, or a sweep
    at work, cuts short, the worker carries out; until then an order that stands is carried out in the place
    of a second one, and its id returned.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to move.
        InvalidArchival: the statute, the items or the reason are missing or not among those possible.
        Held: a legal hold runs; a move would destroy the inquiry.
        ArchiveClosed: the archive's public key is not here, so that nothing can be sealed to it.
    """
    now = clock.now()
    with house.live.read() as connection:
        row = live.readable(connection, inquiry_id, now, held=True)
        held = holds.of_inquiries(connection, [inquiry_id], now)
        waiting = guardians.waiting(connection, [inquiry_id])
    if row is None or waiting or not _permitted(actor):
        refusals.refuse(house, actor, "archive", subject=inquiry_id)
    if held:
        raise Held("a legal hold runs on the inquiry")
    if not house.custody.archive.can_seal:
        raise ArchiveClosed("the keyring holds no archive.pub; `flask --app app init` makes it")
    published = publishing.in_force(house)
    reason = on_one_line(reason)
    chosen = _checked(published.policy, _there(house, row), statute, items, reason)
    archive_id = sealing.id_of(inquiry_id, statute)
    detail = {"archive": str(archive_id), "statute": statute, "items": " ".join(chosen)}
    records.access(house, act="archive", actor=actor, subject=inquiry_id, reason=reason, detail=detail)
    until = _until(published.policy, published.policy.statutes[statute], now)
    move = archivals.ArchivalRow(
        archive_id, inquiry_id, statute, published.version, " ".join(chosen), until, actor.staff_id, now
    )
    with house.live.write() as connection:
        live.lock_groups(connection, inquiry_id)
        if live.readable(connection, inquiry_id, clock.now()) is None:
            raise NotFound("it became due meanwhile")
        standing = archivals.of_inquiry(connection, inquiry_id)
        if standing is None:
            archivals.order(connection, move)
    with suppress(JobBusy):
        archive_moves.carry_out(house)
    return archive_id if standing is None else standing.archive_id


def _checked(
    policy: Policy, there: Sequence[str], statute: str, items: Sequence[str], reason: str
) -> tuple[str, ...]:
    """The items to move, in the order of the form."""
    errors = [] if reason else [FieldError("reason", "required")]
    declared = policy.statutes.get(statute)
    if declared is None:
        errors.insert(0, FieldError("statute", "required" if not statute else "undeclared"))
        raise InvalidArchival(tuple(errors))
    offered = _offered(declared, there)
    if not set(items) <= set(offered):
        errors.insert(0, FieldError("items", "undeclared"))
    elif not items:
        errors.insert(0, FieldError("items", "required"))
    if errors:
        raise InvalidArchival(tuple(errors))
    return tuple(name for name in offered if name in items)


def _there(house: House, row: live.InquiryRow) -> tuple[str, ...]:
    """The items that the inquiry has, in the order of its form."""
    given = sealed_items.unpack(row.sealed) if row.sealed is not None else {}
    kind = publishing.version(house, row.policy_version).policy.types[row.type]
    return tuple(name for name in kind.items if name in given)


def _offered(statute: Statute, there: Sequence[str]) -> tuple[str, ...]:
    """Never more than the statute names; where it names none, what the officer may choose from."""
    return tuple(name for name in there if not statute.items or name in statute.items)


def _until(policy: Policy, statute: Statute, now: datetime) -> datetime:
    """The end of the statute's period, from the day of the move."""
    until = retention.due_at(now, statute.period, policy.time_zone)
    assert until is not None  # noqa: S101 - a statute's period ends: policy.model.EndingPeriod
    return until


# -- reading -------------------------------------------------------------------------------------


def page(house: House, actor: Actor, before: int | None = None) -> ArchivePage:
    """One page of what is archived and not due, closed; recorded.

    Raises:
        NotFound: not this person's to see.
    """
    if not _permitted(actor):
        refusals.refuse(house, actor, "list_archive")
    with house.archive.read() as connection:
        found = store.page(connection, clock.now(), before, PAGE + 1)
    rows, more = found[:PAGE], len(found) > PAGE
    detail = {"rows": str(len(rows))}
    if rows:
        detail |= {"first": str(rows[0].id), "last": str(rows[-1].id)}
    records.access(house, act="list_archive", actor=actor, detail=detail)
    return ArchivePage(tuple(_line(house, row) for row in rows), rows[-1].id if more else None)


def counts(house: House) -> list[tuple[Statute, int]]:
    """How many archived inquiries stand under each statute, as the newest policy that used it names it."""
    with house.archive.read() as connection:
        found = store.by_statute(connection)
    return [(publishing.version(house, v).policy.statutes[key], count) for key, v, count in found]


def look(house: House, actor: Actor, archive_id: int) -> ArchiveLine:
    """One archived inquiry, closed, as it is shown before opening; recorded.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to see.
    """
    row = _readable(house, actor, archive_id, "look_archived")
    detail = {"archive": str(archive_id)}
    records.access(house, act="look_archived", actor=actor, subject=row.inquiry_id, detail=detail)
    return _line(house, row)


def open_archived(house: House, actor: Actor, archive_id: int, reason: str) -> OpenedArchived:
    """Record the opening, then open with the archive's own private key.

    Raises:
        NotFound: unknown, due, claimed, destroyed, or not this person's to see; also when nothing opens it.
        ReasonRequired: it is opened with a reason only.
        ArchiveClosed: this process does not hold the archive's private key.
    """
    row = _readable(house, actor, archive_id, "open_archived")
    reason = on_one_line(reason)
    if not reason:
        raise ReasonRequired("a reason is needed to open what is archived")
    detail = {"archive": str(archive_id)}
    number = records.access(
        house, act="open_archived", actor=actor, subject=row.inquiry_id, reason=reason, detail=detail
    )
    opened = _opened(house, row)
    policy = publishing.version(house, row.policy_version).policy
    return OpenedArchived(_line(house, row), opened, policy, number, clock.now())


def _readable(house: House, actor: Actor, archive_id: int, act: str) -> store.ArchivedRow:
    """The row, if it stands, is not due, and this person may see it."""
    with house.archive.read() as connection:
        row = store.by_id(connection, archive_id)
    if row is None or row.claimed_at is not None or row.due_at <= clock.now() or not _permitted(actor):
        refusals.refuse(house, actor, act, detail={"archive": str(archive_id)})
    return row


def _opened(house: House, row: store.ArchivedRow) -> dict[str, str]:
    try:
        secret = house.custody.archive.secret
    except KeyUnavailable:
        raise ArchiveClosed("the archive's private key is not here") from None
    wrapped = archive_keys.of(house, row.id)
    try:
        dek = sealing.unwrap_key(secret, row.id, row.statute, wrapped)
        return sealing.open_items(dek, row.id, row.statute, row.sealed)
    except SealBroken:
        raise NotFound("no key opens what is archived") from None


def _line(house: House, row: store.ArchivedRow) -> ArchiveLine:
    statute = publishing.version(house, row.policy_version).policy.statutes[row.statute]
    return ArchiveLine(
        row.id, row.inquiry_id, row.type, row.statute, statute.name, row.archived_at, row.due_at
    )


def _permitted(actor: Actor) -> bool:
    return actor.may(Permission.open_archive).allowed
