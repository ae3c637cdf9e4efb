"""What staff do with inquiries: list them masked, open one on record, answer, close, reopen.

Each reading is recorded before it is shown; what somebody has no right to is answered as unknown, and
recorded as refused (P23, P25).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from inquiries import clock
from inquiries.errors import NotFound, ReasonRequired, SealBroken, WrongState
from inquiries.policy.model import Policy
from inquiries.rules import lifecycle, masking, permissions
from inquiries.rules.lifecycle import Action, State
from inquiries.rules.permissions import Permission, Role
from inquiries.rules.retention import MAIN, GroupFacts, Inquiry, Keep, Reason, decide
from inquiries.sealing import items
from inquiries.services import due_dates, keys, publishing, records
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.house import House
from inquiries.services.ids import LARGEST_ID
from inquiries.services.receipt import ConsentView
from inquiries.stores.live import holds
from inquiries.stores.live import inquiries as live

PAGE = 50


@dataclass(frozen=True)
class InboxRow:
    """One line of the list; `who` and `email` are masked, empty when they do not open."""

    id: int
    type: str
    who: str
    email: str
    state: str
    received_at: datetime
    due_at: datetime | None
    unread: bool


@dataclass(frozen=True)
class InboxPage:
    """Up to `PAGE` lines, the newest first; `next` is the cursor of the following page."""

    rows: tuple[InboxRow, ...]
    next: str | None


@dataclass(frozen=True)
class InquirySummary:
    """An inquiry before it is opened: masked items in the order of the form."""

    id: int
    type: str
    state: str
    channel: str
    language: str
    received_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    masked: Mapping[str, str]
    needs_reason: bool
    policy: Policy


@dataclass(frozen=True)
class OpenedInquiry:
    """An opened inquiry; `record` is the number of the access record that was written before."""

    summary: InquirySummary
    items: Mapping[str, str]
    consents: tuple[ConsentView, ...]
    record: int
    opened_at: datetime


# -- reading -------------------------------------------------------------------------------------


def page(
    house: House,
    actor: Actor,
    *,
    type: str | None = None,  # noqa: A002 - the word of the contract
    state: str | None = None,
    after: str | None = None,
) -> InboxPage:
    """One page of the list; an unknown filter or cursor gives an empty one, like one that matches nothing."""
    policy = publishing.in_force(house).policy
    types = sorted(permissions.listable(actor.roles, policy.types))
    if type is not None:
        types = [name for name in types if name == type]
    states = [one.value for one in State if state is None or one == state]
    before = _cursor(after)
    with house.live.read() as connection:
        found = live.page(connection, types, states, before, PAGE + 1, clock.now())
    rows, more = found[:PAGE], len(found) > PAGE
    # Whose lines these were, in the order of ids; of the filters only what the policy itself calls so.
    detail = {"rows": str(len(rows))}
    if rows:
        detail |= {"newest": str(rows[0].id), "oldest": str(rows[-1].id)}
    if type in policy.types:
        detail["type"] = str(type)
    if state in states:
        detail["state"] = str(state)
    records.access(house, act="list", actor=actor, detail=detail)
    opened = _open_items(house, rows)
    return InboxPage(
        tuple(_line(house, row, opened.get(row.id, {})) for row in rows), str(rows[-1].id) if more else None
    )


def summary(house: House, actor: Actor, inquiry_id: int) -> InquirySummary:
    """An inquiry as it is shown before opening.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to see.
    """
    row, decision = _permitted(house, actor, inquiry_id, Permission.open_inquiry)
    records.access(house, act="look", actor=actor, subject=inquiry_id)
    return _summary(house, row, _open_items(house, [row]).get(row.id, {}), needs_reason=decision.needs_reason)


def open_inquiry(house: House, actor: Actor, inquiry_id: int, reason: str | None) -> OpenedInquiry:
    """Record the opening, then open. The first opening moves the inquiry from received to open.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to see; also when no key opens it.
        ReasonRequired: this role must say why.
    """
    row, decision = _permitted(house, actor, inquiry_id, Permission.open_inquiry)
    reason = on_one_line(reason) or None
    if decision.needs_reason and reason is None:
        raise ReasonRequired("a reason is needed to open this inquiry")
    number = records.access(house, act="open", actor=actor, subject=inquiry_id, reason=reason)
    opened = _open_items(house, [row]).get(row.id)
    if opened is None:
        raise NotFound("no key opens this inquiry")
    if (
        row.state == State.received
        and permissions.allowed(actor.roles, Permission.answer_inquiry, row.type).allowed
    ):
        with house.live.write() as connection:
            live.set_state(connection, inquiry_id, State.received, State.open, {})
    with house.live.read() as connection:
        now = live.readable(connection, inquiry_id, clock.now(), held=True)
        consents = live.consents_of(connection, inquiry_id)
    if now is None:  # it became due while we were at it
        raise NotFound("the inquiry is due or destroyed")
    shown = _summary(house, now, opened, needs_reason=decision.needs_reason)
    in_order = {name: opened[name] for name in shown.policy.types[row.type].items if name in opened}
    agreed = tuple(
        ConsentView(one.purpose, one.given, one.policy_version, one.recorded_at) for one in consents
    )
    return OpenedInquiry(shown, in_order, agreed, number, clock.now())


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
    row, _ = _permitted(house, actor, inquiry_id, permission)
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
        if not live.set_state(connection, row.id, row.state, after, moments):
            raise WrongState("somebody else moved it meanwhile")
        if action is not Action.answer:
            live.set_due(connection, row.id, due_at)


# -- what both need ------------------------------------------------------------------------------


def _permitted(
    house: House, actor: Actor, inquiry_id: int, permission: Permission
) -> tuple[live.InquiryRow, permissions.Decision]:
    """The row, if it exists, may still be read, and is this person's to see.

    What only a hold keeps is the privacy officer's to open, with a reason, and nobody's to work on (P14).
    """
    now = clock.now()
    with house.live.read() as connection:
        row = live.readable(connection, inquiry_id, now, held=True)
        held = [one.until for one in holds.of_inquiries(connection, [inquiry_id], now)]
    if row is None:
        _refuse(house, actor, inquiry_id, permission)
    roles = actor.roles
    if decide(GroupFacts(row.due_at, max(held, default=None)), now) == Keep(Reason.held):
        roles = {role: types for role, types in roles.items() if role is Role.privacy}
    decision = permissions.allowed(roles, permission, row.type)
    if not decision.allowed:
        _refuse(house, actor, inquiry_id, permission)
    return row, decision


def _refuse(house: House, actor: Actor, inquiry_id: int, permission: Permission) -> NoReturn:
    records.access(house, act=permission.value, actor=actor, subject=inquiry_id, outcome="refused")
    raise NotFound("unknown, destroyed, or not permitted")


def _open_items(house: House, rows: list[live.InquiryRow]) -> dict[int, dict[str, str]]:
    """Inquiry id → items in clear; rows whose key is gone or does not fit are absent."""
    data_keys = keys.of_inquiries(house, [row.id for row in rows]) if rows else {}
    opened: dict[int, dict[str, str]] = {}
    for row in rows:
        key = data_keys.get((row.id, MAIN))
        if key is None or row.sealed is None:
            continue
        try:
            opened[row.id] = {
                name: items.open_item(key.dek, row.id, MAIN, name, blob)
                for name, blob in items.unpack(row.sealed).items()
            }
        except SealBroken:
            continue
    return opened


def _line(house: House, row: live.InquiryRow, opened: Mapping[str, str]) -> InboxRow:
    policy = publishing.version(house, row.policy_version).policy
    masked = _masked(policy, row.type, opened)
    kinds = {policy.items[name].kind: name for name in reversed(masked)}
    return InboxRow(
        id=row.id,
        type=row.type,
        who=masked.get("name") or masked.get(kinds.get("text", ""), ""),
        email=masked.get(kinds.get("email", ""), ""),
        state=row.state,
        received_at=row.received_at,
        due_at=row.due_at,
        unread=row.state == State.received,
    )


def _masked(policy: Policy, type_name: str, opened: Mapping[str, str]) -> dict[str, str]:
    return {
        name: masking.mask(policy.items[name].kind, opened[name])
        for name in policy.types[type_name].items
        if name in opened
    }


def _summary(
    house: House, row: live.InquiryRow, opened: Mapping[str, str], *, needs_reason: bool
) -> InquirySummary:
    policy = publishing.version(house, row.policy_version).policy
    return InquirySummary(
        id=row.id,
        type=row.type,
        state=row.state,
        channel=row.channel,
        language=row.language,
        received_at=row.received_at,
        answered_at=row.answered_at,
        closed_at=row.closed_at,
        due_at=row.due_at,
        masked=_masked(policy, row.type, opened),
        needs_reason=needs_reason,
        policy=policy,
    )


def _cursor(after: str | None) -> int | None:
    """The id to go on below; what is none gives a page with nothing on it."""
    if after is None:
        return None
    known = after.isascii() and after.isdigit() and len(after) < 20  # noqa: PLR2004
    return int(after) if known and int(after) <= LARGEST_ID else 0
