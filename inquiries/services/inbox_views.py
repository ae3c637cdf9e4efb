"""How inquiries look to staff: a line of the list, a masked summary, an opened one; permits nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from inquiries.errors import SealBroken
from inquiries.policy.model import ItemKind, Policy
from inquiries.rules import masking
from inquiries.rules.entry import Evidence
from inquiries.rules.lifecycle import State
from inquiries.rules.purposes import Use
from inquiries.rules.retention import MAIN
from inquiries.sealing import items
from inquiries.services import publishing, purposes
from inquiries.services.actor import Actor
from inquiries.services.consents import ConsentRecord
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.services.thread import Entry
from inquiries.stores.live import inquiries as live
from inquiries.stores.live.listing import Look

#: The kinds of items that tell who wrote, which a line of the list is made of.
_ON_A_LINE: Final[frozenset[ItemKind]] = frozenset({"text", "email"})


@dataclass(frozen=True)
class InboxRow:
    """One line of the list; `who` and `email` are masked, empty where they cannot or must not be shown."""

    id: int
    type: str
    who: str
    email: str
    state: str
    received_at: datetime
    due_at: datetime | None
    unread: bool
    suspended: bool
    guardian: bool = False  # a child's, whose guardian has not agreed


@dataclass(frozen=True)
class InboxPage:
    """Up to `PAGE` lines, the newest first; `next` is the cursor of the following page."""

    rows: tuple[InboxRow, ...]
    next: str | None


@dataclass(frozen=True)
class InquirySummary(live.InquiryRow):
    """An inquiry before it is opened: masked items in the order of the form, none when it is suspended."""

    masked: Mapping[str, str]
    suspended: bool
    needs_reason: bool
    policy: Policy
    guardian_until: datetime | None = None  # until when a child's may agree; None: nobody is waited for


@dataclass(frozen=True)
class OpenedInquiry:
    """An opened inquiry; `record` is the number of the access record that was written before."""

    summary: InquirySummary
    items: Mapping[str, str]
    consents: tuple[ConsentRecord, ...]
    thread: tuple[Entry, ...]
    evidence: Evidence | None
    record: int
    opened_at: datetime


# -- making them ---------------------------------------------------------------------------------


def open_items(
    house: House,
    rows: Sequence[live.InquiryRow],
    actor: Actor | None = None,
    *,
    for_lines: bool = False,
) -> dict[int, dict[str, str]]:
    """Inquiry id → items in clear; rows that no consent covers, or no key opens, are absent.

    `for_lines`: only those items that a line of the list may be made of.
    """
    data_keys = purposes.data_keys(house, Use.answer, [row.id for row in rows], actor=actor)
    opened = {}
    for row in rows:
        only = _on_its_line(house, row) if for_lines else None
        texts = open_with(data_keys.get((row.id, MAIN)), row, only)
        if texts is not None:
            opened[row.id] = texts
    return opened


def _on_its_line(house: House, row: live.InquiryRow) -> frozenset[str]:
    policy = publishing.version(house, row.policy_version).policy
    names = policy.types[row.type].items
    return frozenset(name for name in names if policy.items[name].kind in _ON_A_LINE)


def open_with(
    key: DataKey | None, row: live.InquiryRow, only: Collection[str] | None = None
) -> dict[str, str] | None:
    """The items in clear, or `only` some of them; None where the key is gone or does not fit."""
    if key is None or row.sealed is None:
        return None
    try:
        sealed = items.unpack(row.sealed)
        wanted = {name: blob for name, blob in sealed.items() if only is None or name in only}
        return items.open_items(key.dek, row.id, MAIN, wanted)
    except SealBroken:
        return None


def line(house: House, row: live.InquiryRow, opened: Mapping[str, str], seen: Look) -> InboxRow:
    """One line, of what was opened for it, if that may be shown."""
    policy = publishing.version(house, row.policy_version).policy
    masked = _masked(policy, row.type, opened if seen.usable else {})
    kinds = {policy.items[name].kind: name for name in reversed(masked)}
    return InboxRow(
        id=row.id,
        type=row.type,
        who=masked.get("name") or masked.get(kinds.get("text", ""), ""),
        email=masked.get(kinds.get("email", ""), ""),
        state=row.state,
        received_at=row.received_at,
        due_at=row.due_at,
        unread=row.state == State.received or (seen.usable and seen.unread),
        suspended=seen.suspended,
        guardian=seen.guardian_until is not None,
    )


def _masked(policy: Policy, type_name: str, opened: Mapping[str, str]) -> dict[str, str]:
    return {
        name: masking.mask(policy.items[name].kind, opened[name])
        for name in policy.types[type_name].items
        if name in opened
    }


def summary(
    house: House,
    row: live.InquiryRow,
    opened: Mapping[str, str],
    *,
    needs_reason: bool,
    suspended: bool = False,
    guardian_until: datetime | None = None,
) -> InquirySummary:
    """An inquiry before it is opened, of what was opened."""
    policy = publishing.version(house, row.policy_version).policy
    return InquirySummary(
        **vars(row),
        masked=_masked(policy, row.type, opened),
        suspended=suspended,
        needs_reason=needs_reason,
        policy=policy,
        guardian_until=guardian_until,
    )
