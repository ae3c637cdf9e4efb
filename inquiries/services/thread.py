"""The thread of an inquiry: seals and opens its entries, takes what the person writes; sends no mail.

Each entry is sealed under the inquiry's own key, with its kind, its writer and its number bound to it: a note
that somebody turns into a reply in the database does not open. Her answer is written on the public surface,
with the key that her receipt opened; staff's part is in `replies.py`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from inquiries import clock
from inquiries.errors import FieldError, InvalidItems, NotFound, SealBroken, Suspended
from inquiries.rules import items as item_rules
from inquiries.rules import lifecycle
from inquiries.rules.correspondence import HERS, MOST, TEXT_LIMIT, Kind
from inquiries.rules.lifecycle import Action, State
from inquiries.rules.purposes import Use
from inquiries.rules.retention import MAIN, Inquiry
from inquiries.sealing import items
from inquiries.sealing.primitives import VERSION, derive
from inquiries.services import due_dates, purposes
from inquiries.services.house import House
from inquiries.services.ids import new_id
from inquiries.services.keys import DataKey
from inquiries.services.receipt_keys import open_receipt
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live import thread as live_thread
from inquiries.stores.live.thread import EntryRow, NewEntry

log = structlog.get_logger()

FIELD = "text"  # of the forms
BATCH = 200
_ONCE = "inquiries thread once"


@dataclass(frozen=True)
class Entry:
    """An entry in clear; `by` is a staff id, None for the person. `unread`: an answer not read by staff."""

    id: int
    kind: Kind
    by: int | None
    at: datetime
    unread: bool
    text: str = field(repr=False)


def checked(text: object) -> str:
    """A text as it is kept. Raises InvalidItems."""
    return item_rules.free_text(FIELD, text, TEXT_LIMIT)


# -- sealing ---------------------------------------------------------------------------------------


def written(
    dek: bytes, inquiry_id: int, kind: Kind, text: str, *, by: int | None = None, once: bytes | None = None
) -> NewEntry:
    """An entry of this moment, to be inserted; `once` is the nonce of the form that it came from."""
    entry_id = new_id()
    same = derive(dek, _ONCE, VERSION, kind, by or 0, once or os.urandom(16), text, length=16)
    sealed = items.seal_item(dek, inquiry_id, MAIN, _place(kind, entry_id, by), text)
    return NewEntry(entry_id, inquiry_id, kind, by, clock.now(), same, sealed)


def opened(dek: bytes, rows: Iterable[EntryRow], kinds: Collection[Kind] = HERS) -> Iterator[Entry]:
    """The entries of these kinds in clear; one that does not open was put there without the key."""
    for row in rows:
        with suppress(SealBroken, ValueError):
            kind = Kind(row.kind)
            if kind in kinds:
                unread = kind is Kind.answer and row.read_at is None
                yield Entry(row.id, kind, row.written_by, row.written_at, unread, _text(dek, row))


def _text(dek: bytes, row: EntryRow) -> str:
    return items.open_item(dek, row.inquiry_id, MAIN, _place(row.kind, row.id, row.written_by), row.sealed)


def _place(kind: str, entry_id: int, by: int | None) -> str:
    """Under which name an entry is sealed: it opens as no other kind, of nobody else, and as no item."""
    return f"{kind}-{entry_id}-{by or 0}"


# -- what the person writes ------------------------------------------------------------------------


def answer(house: House, typed: str, text: object, once: bytes | None = None) -> None:
    """Add what the holder of the receipt writes; the same from the same form is written once.

    Runs on the public surface, which inserts and changes nothing: what follows from it is `take_in`'s.

    Raises:
        NotFound, ReceiptMalformed: no living inquiry has this code, or only a hold keeps it.
        Suspended: she asked that nothing of it is used; she takes that back first.
        InvalidItems: it is no text, or there are too many already.
    """
    opened_by_her = open_receipt(house, typed)
    inquiry_id = opened_by_her.row.id
    row = written(opened_by_her.keys[MAIN], inquiry_id, Kind.answer, checked(text), once=once)
    try:
        with house.live.write() as connection:
            if not live.usable(connection, [inquiry_id], row.written_at):
                if live_requests.suspended(connection, [inquiry_id]):
                    raise Suspended("she asked that nothing of it is used")
                raise NotFound("it is due or destroyed")
            if live_thread.sent_before(connection, inquiry_id, row.once):
                return
            if live_thread.count(connection, inquiry_id) >= MOST:
                raise InvalidItems((FieldError(FIELD, "too_many", {"max": MOST}),))
            live_thread.add(connection, row)
    except IntegrityError:  # destroyed meanwhile, or sent twice at once
        with house.live.read() as connection:
            if not live_thread.sent_before(connection, inquiry_id, row.once):
                raise NotFound("it was destroyed meanwhile") from None


def take_in(house: House) -> int:
    """Open again what was answered or closed and she has written to since; returns how many answers came.

    By the worker, which checks first that the key sealed it: what was put there without it moves nothing.
    """
    taken = 0
    for rows in house.live.batches(partial(live_thread.not_noted, limit=BATCH), lambda row: row.id):
        found = purposes.data_keys(house, Use.rights, sorted({row.inquiry_id for row in rows}))
        taken += sum(_tried(house, row, found.get((row.inquiry_id, MAIN))) for row in rows)
    return taken


def _tried(house: House, row: EntryRow, key: DataKey | None) -> bool:
    """One that fails holds up no other: who broke into the public surface may have written anything."""
    try:
        return _take_in(house, row, key)
    except SQLAlchemyError:
        raise
    except Exception as failed:  # noqa: BLE001 - whatever it is, it stays where it is
        log.error("answer.not_taken_in", entry=row.id, reason=type(failed).__name__)
        with house.live.write() as connection:
            live_thread.note(connection, row.id, clock.now())
        return False


def _take_in(house: House, row: EntryRow, key: DataKey | None) -> bool:
    if key is None:
        return False  # on its way, or destroyed, and the entry with it
    try:
        _text(key.dek, row)
        proved = True
    except SealBroken:
        log.error("answer.not_hers", entry=row.id, inquiry=row.inquiry_id)
        proved = False
    now = clock.now()
    with house.live.write() as connection:
        live_requests.hold_still(connection, row.inquiry_id)
        if live_requests.suspended(connection, [row.inquiry_id]):
            return False  # until she takes that back
        live_thread.note(connection, row.id, now)
        if not proved:
            live_thread.mark_read(connection, [row.id], now)
            return False
        shell = live.readable(connection, row.inquiry_id, now)
        if shell is not None:
            after = lifecycle.next_state(State(shell.state), Action.write)
            moments: dict[str, datetime | None] = {"closed_at": None, "answered_at": None}
            if after != shell.state and live.set_state(connection, shell.id, shell.state, after, moments):
                inquiry = Inquiry(shell.type, shell.received_at)
                due_at = due_dates.promised(house, shell.policy_version, MAIN, inquiry).due_at
                live.set_due(connection, shell.id, due_at)
    return True
