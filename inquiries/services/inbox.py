"""What staff do with inquiries: list them masked, open one on record, answer, close, reopen.

Each reading is recorded before it is shown; what somebody has no right to is answered as unknown, and
recorded as refused (P23, P25).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import NotFound, ReasonRequired, Suspended, WrongState
from inquiries.rules import correspondence, lifecycle, permissions
from inquiries.rules.lifecycle import Action, State
from inquiries.rules.permissions import Permission, Role
from inquiries.rules.purposes import Use
from inquiries.rules.retention import MAIN, GroupFacts, Inquiry, Keep, Reason, decide
from inquiries.services import (
    due_dates,
    evidence,
    grants,
    inbox_views,
    openings,
    publishing,
    purposes,
    records,
    refusals,
    thread,
)
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.consents import reproduced
from inquiries.services.house import House
from inquiries.services.ids import cursor
from inquiries.services.inbox_views import InboxPage, InquirySummary, OpenedInquiry
from inquiries.services.receipt import ConsentView
from inquiries.stores.live import holds, listing, requests
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import openings as live_openings
from inquiries.stores.live import thread as live_thread

PAGE = 50


# -- reading -------------------------------------------------------------------------------------


def page(
    house: House,
    actor: Actor,
    *,
    type: str | None = None,  # noqa: A002 - the word of the contract
    state: str | None = None,
    after: str | None = None,
) -> InboxPage:
    """One page of the list; an unknown filter or cursor gives an empty one, like one that matches nothing.

    Business sees what is granted to it. Raises TrainingLapsed.
    """
    decision = actor.may(Permission.list_inquiries, granted=True)
    if not decision.allowed:
        refusals.refuse(house, actor, Permission.list_inquiries, lapsed=decision.lapsed)
    policy = publishing.in_force(house).policy
    types = sorted(permissions.listable(actor.roles, policy.types))
    if type is not None:
        types = [name for name in types if name == type]
    states = [one.value for one in State if state is None or one == state]
    before, now = cursor(after), clock.now()
    with house.live.read() as connection:
        granted = grants.inquiries_of(connection, actor, type)
        rows, more = listing.page(connection, types, states, before, PAGE, now, alone=granted)
    # Whose lines these were, in the order of ids; of the filters only what the policy itself calls so.
    detail = {"rows": str(len(rows))}
    if rows:
        detail |= {"newest": str(rows[0].id), "oldest": str(rows[-1].id)}
    if type in policy.types:
        detail["type"] = str(type)
    if state in states:
        detail["state"] = str(state)
    records.access(house, act="list", actor=actor, detail=detail)
    return InboxPage(lines(house, rows), str(rows[-1].id) if more and rows else None)


def lines(house: House, rows: Sequence[live.InquiryRow]) -> tuple[inbox_views.InboxRow, ...]:
    """Rows that the caller has recorded, masked.

    What may be shown is asked last, when all is opened: a suspension or deletion meanwhile is heeded.
    """
    rows = [row for row in rows if publishing.declares(house, row.policy_version, row.type)]
    ids = [row.id for row in rows]
    with house.live.read() as connection:
        readable = live.usable(connection, ids, clock.now())
    opened = inbox_views.open_items(house, [row for row in rows if row.id in readable], for_lines=True)
    with house.live.read() as connection:
        seen = listing.look(connection, ids, clock.now())
    return tuple(
        inbox_views.line(house, row, opened.get(row.id, {}), seen[row.id])
        for row in rows
        if row.id in seen and (seen[row.id].usable or seen[row.id].suspended)
    )


def summary(house: House, actor: Actor, inquiry_id: int) -> InquirySummary:
    """An inquiry as it is shown before opening; of one that is suspended nothing that it says.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to see.
    """
    row, decision, _ = permitted(house, actor, inquiry_id, Permission.open_inquiry)
    records.access(house, act="look", actor=actor, subject=inquiry_id)
    with house.live.read() as connection:
        readable = live.usable(connection, [inquiry_id], clock.now(), held=True)
    opened = inbox_views.open_items(house, [row], actor).get(row.id, {}) if readable else {}
    with house.live.read() as connection:
        seen = listing.look(connection, [inquiry_id], clock.now(), held=True).get(inquiry_id)
    if seen is None or not (seen.usable or seen.suspended):  # it became due, or was destroyed, meanwhile
        raise NotFound("the inquiry is due or destroyed")
    return inbox_views.summary(
        house,
        row,
        opened if seen.usable else {},
        needs_reason=decision.needs_reason,
        suspended=not seen.usable,
        guardian_until=seen.guardian_until,
    )


def open_inquiry(house: House, actor: Actor, inquiry_id: int, reason: str | None) -> OpenedInquiry:
    """Record the opening, then open, and leave a word of it for the person herself.

    The first opening by those who answer moves the inquiry from received to open.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to see; also when no key opens it.
        ReasonRequired: this role must say why.
        Suspended: the person asked that it is not used (P19).
    """
    row, decision, role = permitted(house, actor, inquiry_id, Permission.open_inquiry)
    reason = on_one_line(reason) or None
    if decision.needs_reason and reason is None:
        raise ReasonRequired("a reason is needed to open this inquiry")
    refuse_suspended(house, actor, inquiry_id, Permission.open_inquiry)
    detail = {"type": row.type, "role": role.value}
    if role is not Role.consultation and Role.consultation in actor.roles:
        detail["other_type"] = "yes"  # not of those that she answers: marked for the review (P25)
    number = records.access(house, act="open", actor=actor, subject=inquiry_id, reason=reason, detail=detail)
    key = purposes.main_key(house, Use.answer, inquiry_id, actor)
    opened = inbox_views.open_with(key, row)
    if opened is None:
        raise NotFound("no key opens this inquiry")
    seen_at = clock.now()
    entry = openings.written(key.dek, inquiry_id, role, reason, seen_at)
    answers = actor.may(Permission.answer_inquiry, row.type).allowed
    with house.live.write() as connection:
        still_usable(connection, inquiry_id)
        if row.state == State.received and answers:
            live.set_state(connection, inquiry_id, State.received, State.open, {})
        live_openings.add(connection, entry)
        written = live_thread.of_inquiry(connection, inquiry_id)
        if answers:
            live_thread.mark_read(connection, [one.id for one in written], seen_at)
        now = live.readable(connection, inquiry_id, seen_at, held=True) or row
        consents = live.consents_of(connection, inquiry_id)
        views = (
            ConsentView(one.purpose, one.given, one.policy_version, one.recorded_at, one.withdrawn_at)
            for one in consents
        )
        proof = live.evidence_of(connection, inquiry_id)
        agreed = tuple(reproduced(connection, zip(consents, views, strict=True)))
    shown = inbox_views.summary(house, now, opened, needs_reason=decision.needs_reason)
    in_order = {name: opened[name] for name in shown.policy.types[row.type].items if name in opened}
    visible = correspondence.shown_to(actor.roles, row.type)
    entries = tuple(thread.opened(key.dek, written, visible))
    how = evidence.opened(key.dek, inquiry_id, MAIN, proof)
    return OpenedInquiry(shown, in_order, agreed, entries, how, number, seen_at)


# -- acting --------------------------------------------------------------------------------------


def answered(house: House, actor: Actor, inquiry_id: int) -> None:
    """Mark as answered. Raises NotFound, WrongState."""
    row = _act(house, actor, inquiry_id, Permission.answer_inquiry, Action.answer)
    _move(house, row, Action.answer, {"answered_at": clock.now()})


def close(house: House, actor: Actor, inquiry_id: int) -> None:
    """Close: the purpose is achieved, so the due date comes forward (P09), not below the minimum (P14).

    Raises:
        NotFound, WrongState: as for every act.
    """
    row = _act(house, actor, inquiry_id, Permission.close_inquiry, Action.close)
    now = clock.now()
    _move(house, row, Action.close, {"closed_at": now}, due_at=_promised(house, row, now))


def reopen(house: House, actor: Actor, inquiry_id: int) -> None:
    """Reopen: the due date is again the one promised at receipt, never later. Raises NotFound, WrongState."""
    row = _act(house, actor, inquiry_id, Permission.reopen_inquiry, Action.reopen)
    due_at = _promised(house, row, None)
    _move(house, row, Action.reopen, {"closed_at": None, "answered_at": None}, due_at=due_at)


def _promised(house: House, row: live.InquiryRow, closed_at: datetime | None) -> datetime | None:
    inquiry = Inquiry(row.type, row.received_at, closed_at)
    return due_dates.promised(house, row.policy_version, MAIN, inquiry).due_at


def _act(
    house: House, actor: Actor, inquiry_id: int, permission: Permission, action: Action
) -> live.InquiryRow:
    row, *_ = permitted(house, actor, inquiry_id, permission)
    refuse_suspended(house, actor, inquiry_id, permission)
    lifecycle.next_state(State(row.state), action)  # refuse before recording that it was done
    records.access(house, act=action.value, actor=actor, subject=inquiry_id)
    return row


def _move(
    house: House,
    row: live.InquiryRow,
    action: Action,
    moments: Mapping[str, datetime | None],
    *,
    due_at: datetime | None = None,
) -> None:
    after = lifecycle.next_state(State(row.state), action)
    with house.live.write() as connection:
        still_usable(connection, row.id)
        if not live.set_state(connection, row.id, row.state, after, moments):
            raise WrongState("somebody else moved it meanwhile")
        if action is not Action.answer:
            live.set_due(connection, row.id, due_at)


# -- what both need ------------------------------------------------------------------------------


def permitted(
    house: House, actor: Actor, inquiry_id: int, permission: Permission
) -> tuple[live.InquiryRow, permissions.Decision, Role]:
    """The row, if it exists, may still be read, and is this person's to see; and in which of her roles.

    What only a hold keeps is the privacy officer's to open, with a reason, and nobody's to work on (P14).
    Whose training has lapsed is told so of whatever she asks for: else she would learn what exists.
    """
    now = clock.now()
    with house.live.read() as connection:
        row = live.readable(connection, inquiry_id, now, held=True)
        held = [one.until for one in holds.of_inquiries(connection, [inquiry_id], now)]
        granted = inquiry_id in grants.inquiries_of(connection, actor)
    lapsed = actor.may(permission, granted=True).lapsed
    if row is None or lapsed or not publishing.declares(house, row.policy_version, row.type):
        refusals.refuse(house, actor, permission, subject=inquiry_id, lapsed=lapsed)
    who = actor
    if decide(GroupFacts(row.due_at, max(held, default=None)), now) == Keep(Reason.held):
        who = replace(actor, roles={role: of for role, of in actor.roles.items() if role is Role.privacy})
    decision = who.may(permission, row.type, granted=granted)
    if not decision.allowed:
        refusals.refuse(house, actor, permission, subject=inquiry_id)
    return row, decision, permissions.acting_role(who.roles, permission, row.type, granted=granted)


def refuse_suspended(house: House, actor: Actor, inquiry_id: int, permission: Permission) -> None:
    """Before anything is recorded as done. Raises Suspended."""
    with house.live.read() as connection:
        suspended = requests.suspended(connection, [inquiry_id])
    if suspended:
        records.access(house, act=permission.value, actor=actor, subject=inquiry_id, outcome="refused")
        raise Suspended("the person asked that nothing of it is used")


def still_usable(connection: Connection, inquiry_id: int) -> None:
    """Last of all, in the transaction of the use: whoever suspends it now waits until we are through.

    Raises:
        Suspended, NotFound: she was faster, or the sweep was.
    """
    requests.hold_still(connection, inquiry_id)
    if live.usable(connection, [inquiry_id], clock.now(), held=True):
        return
    if requests.suspended(connection, [inquiry_id]):
        raise Suspended("the person asked just now that nothing of it is used")
    raise NotFound("the inquiry is due or destroyed")
