"""Legal holds: placed and released by the officer, on record; they stop destruction, a correction's too.

What stood before a correction would be gone (`rules/requests.py`). The reason may name people, so it is
sealed under the inquiry's own key; the basis names none (P14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inquiries import clock
from inquiries.errors import FieldError, InvalidHold, NotFound, ReasonRequired, SealBroken
from inquiries.rules.permissions import Permission
from inquiries.rules.purposes import Use
from inquiries.rules.retention import MAIN
from inquiries.sealing import items
from inquiries.services import people, purposes, records, refusals
from inquiries.services.actor import REASON_LIMIT, Actor, on_one_line, visible
from inquiries.services.house import House
from inquiries.services.ids import new_id
from inquiries.stores.live import claims, holds, inquiries

PAGE = 50
BASIS_LIMIT = 200
LONGEST = timedelta(days=10 * 366)


@dataclass(frozen=True)
class HoldView:
    """A hold that runs; `reason` is None when no key opens it, `due_at` when the inquiry has no end."""

    id: int
    inquiry_id: int
    type: str
    basis: str
    reason: str | None
    placed_by: str
    placed_at: datetime
    until: datetime
    due_at: datetime | None


@dataclass(frozen=True)
class HoldMark:
    """What everybody who sees a held inquiry is told of a hold: not why."""

    basis: str
    placed_by: str
    until: datetime


@dataclass(frozen=True)
class HoldPage:
    """Up to `PAGE` holds, the newest first; `next` is the id to go on below."""

    rows: tuple[HoldView, ...]
    next: int | None


def place(
    house: House, actor: Actor, inquiry_id: int, *, reason: str, basis: str, until: datetime | None
) -> int:
    """Keep an inquiry from being destroyed until then; returns the hold's id.

    What is due already, or claimed by the sweep, cannot be held any more, unless a hold runs on it; nor is
    a part whose own day has passed, as the visitor's data, which goes with the next sweep.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to hold.
        InvalidHold: no reason, no basis, or no end to come within ten years.
    """
    reason, basis, end = _checked(reason, basis, until)
    now = clock.now()
    with house.live.read() as connection:
        row = inquiries.readable(connection, inquiry_id, now, held=True)
    if row is None or not actor.may(Permission.hold_inquiry, row.type).allowed:
        refusals.refuse(house, actor, Permission.hold_inquiry, subject=inquiry_id)
    key = purposes.main_key(house, Use.hold, inquiry_id)
    hold_id = new_id()
    sealed = items.seal_item(key.dek, inquiry_id, MAIN, _item(hold_id), reason)
    detail = {"hold": str(hold_id), "basis": basis, "until": end.isoformat()}
    records.access(house, act="hold", actor=actor, subject=inquiry_id, detail=detail)
    placed = holds.HoldRow(hold_id, inquiry_id, basis, sealed, actor.staff_id, now, end)
    with house.live.write() as connection:
        inquiries.lock_groups(connection, inquiry_id)  # the sweep claims before us, or sees the hold
        now = clock.now()  # one moment: what is readable then is not claimed then
        if inquiries.readable(connection, inquiry_id, now, held=True) is None:
            raise NotFound("it became due meanwhile")
        claims.claim_overdue(connection, inquiry_id, now)
        holds.place(connection, placed)
    return hold_id


def release(house: House, actor: Actor, hold_id: int, reason: str) -> None:
    """End a hold before its day; what is due by then goes with the next sweep.

    Raises:
        NotFound: unknown, ended, or not this person's to release.
        ReasonRequired: it does not say why.
    """
    with house.live.read() as connection:
        row = holds.by_id(connection, hold_id)
    now = clock.now()
    allowed = actor.may(Permission.hold_inquiry).allowed
    if row is None or row.released_at is not None or row.until <= now or not allowed:
        subject = row.inquiry_id if row else None
        refusals.refuse(house, actor, Permission.hold_inquiry, subject=subject)
    reason = on_one_line(reason)
    if not reason:
        raise ReasonRequired("a reason is needed to release a hold")
    detail = {"hold": str(hold_id)}
    records.access(house, act="release", actor=actor, subject=row.inquiry_id, reason=reason, detail=detail)
    with house.live.write() as connection:
        if not holds.release(connection, hold_id, actor.staff_id, now):
            raise NotFound("somebody else released it meanwhile")


def listed(house: House, actor: Actor, before: int | None = None) -> HoldPage:
    """The holds that run, with their reasons; one act on record.

    Raises:
        NotFound: not this person's to see.
    """
    refusals.permit(house, actor, Permission.hold_inquiry)
    with house.live.read() as connection:
        found = holds.page(connection, clock.now(), before, PAGE + 1)
        rows, more = found[:PAGE], len(found) > PAGE
        shells = inquiries.shells(connection, [row.inquiry_id for row in rows])
    detail = {"rows": str(len(rows))}
    if rows:
        detail |= {"newest": str(rows[0].id), "oldest": str(rows[-1].id)}
    records.access(house, act="list_holds", actor=actor, detail=detail)
    emails = {person.id: person.email for person in people.everyone(house)}
    reasons = _reasons(house, rows)
    views = [
        HoldView(
            row.id, row.inquiry_id, shells[row.inquiry_id].type, row.basis, reasons.get(row.id),
            emails.get(row.placed_by, ""), row.placed_at, row.until, shells[row.inquiry_id].due_at,
        )
        for row in rows
    ]  # fmt: skip
    return HoldPage(tuple(views), rows[-1].id if more else None)


def marks(house: House, inquiry_id: int) -> tuple[HoldMark, ...]:
    """The holds that run on an inquiry which the caller has found to be somebody's to see."""
    with house.live.read() as connection:
        found = holds.of_inquiries(connection, [inquiry_id], clock.now())
    emails = {person.id: person.email for person in people.everyone(house)} if found else {}
    return tuple(HoldMark(row.basis, emails.get(row.placed_by, ""), row.until) for row in found)


def _checked(reason: str, basis: str, until: datetime | None) -> tuple[str, str, datetime]:
    reason, basis = visible(reason), visible(basis)
    now = clock.now()
    errors = [
        FieldError(name, "required") if not text else FieldError(name, "too_long", {"max": limit})
        for name, text, limit in (("reason", reason, REASON_LIMIT), ("basis", basis, BASIS_LIMIT))
        if not text or len(text) > limit
    ]
    if until is None:
        errors.append(FieldError("until", "required"))
    elif not now < until <= now + LONGEST:
        errors.append(FieldError("until", "not_to_come"))
    if errors or until is None:
        raise InvalidHold(tuple(errors))
    return reason, basis, until


def _reasons(house: House, rows: Sequence[holds.HoldRow]) -> dict[int, str]:
    """Hold id → its reason, of those whose key opens it."""
    data_keys = purposes.data_keys(house, Use.hold, sorted({row.inquiry_id for row in rows}))
    opened: dict[int, str] = {}
    for row in rows:
        key = data_keys.get((row.inquiry_id, MAIN))
        if key is None:
            continue
        try:
            opened[row.id] = items.open_item(key.dek, row.inquiry_id, MAIN, _item(row.id), row.reason_sealed)
        except SealBroken:
            continue
    return opened


def _item(hold_id: int) -> str:
    """Under which name the reason is sealed: it opens in no other hold, and as no item."""
    return f"hold-{hold_id}"
