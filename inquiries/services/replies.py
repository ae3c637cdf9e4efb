"""What staff write about an inquiry: replies, of which a mail tells, and notes among themselves.

The mail says that there is an answer, never what it says. Each act is recorded before it is done (P25).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import WrongState
from inquiries.policy.model import Policy
from inquiries.rules import lifecycle
from inquiries.rules.correspondence import Kind, address_of
from inquiries.rules.lifecycle import Action, State
from inquiries.rules.permissions import Permission
from inquiries.rules.purposes import Use
from inquiries.services import inbox, inbox_views, mail, publishing, purposes, records, thread
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import thread as live_thread
from inquiries.stores.live.thread import NewEntry


class Told(StrEnum):
    """How the person hears of a reply, beside her receipt page."""

    by_mail = "by_mail"
    no_address = "no_address"
    no_mail = "no_mail"


def reply(house: House, actor: Actor, inquiry_id: int, text: object, once: bytes | None = None) -> Told:
    """Reply; the inquiry is answered. The same from the same form is one reply.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to answer; also when no key opens it.
        Suspended: the person asked that it is not used (P19).
        WrongState: unread or closed.
        InvalidItems: it is no text.
    """
    row, *_ = inbox.permitted(house, actor, inquiry_id, Permission.answer_inquiry)
    text = thread.checked(text)
    inbox.refuse_suspended(house, actor, inquiry_id, Permission.answer_inquiry)
    after = lifecycle.next_state(State(row.state), Action.reply)
    key = purposes.main_key(house, Use.answer, inquiry_id, actor)
    sent = inbox_views.open_with(key, row) or {}
    policy = publishing.version(house, row.policy_version).policy
    told, address = how_told(house, policy, sent), address_of(policy, sent)
    entry = thread.written(key.dek, inquiry_id, Kind.reply, text, by=actor.staff_id, once=once)
    if _sent_before(house, entry):
        return told
    records.access(house, act=Action.reply.value, actor=actor, subject=inquiry_id)
    with house.live.write() as connection:
        if not _add(connection, entry):
            return told
        now = live.readable(connection, inquiry_id, entry.written_at, held=True)
        if now is None or now.sealed != row.sealed:  # her address may be another one
            raise WrongState("she corrected it meanwhile")
        if not live.set_state(connection, inquiry_id, row.state, after, {"answered_at": clock.now()}):
            raise WrongState("somebody else moved it meanwhile")
        if address is not None:
            kind = mail.Kind.replied
            mail.queue(house, connection, kind=kind, to=address, language=row.language, key=key)
    return told


def note(house: House, actor: Actor, inquiry_id: int, text: object, once: bytes | None = None) -> None:
    """Write a note for those who handle the inquiry; the person's own page does not show it.

    Raises:
        NotFound: unknown, due, destroyed, or not this person's to note on; also when no key opens it.
        Suspended: the person asked that it is not used (P19).
        InvalidItems: it is no text.
    """
    inbox.permitted(house, actor, inquiry_id, Permission.note_inquiry)
    text = thread.checked(text)
    inbox.refuse_suspended(house, actor, inquiry_id, Permission.note_inquiry)
    key = purposes.main_key(house, Use.answer, inquiry_id, actor)
    entry = thread.written(key.dek, inquiry_id, Kind.note, text, by=actor.staff_id, once=once)
    if not _sent_before(house, entry):
        records.access(house, act="note", actor=actor, subject=inquiry_id)
        with house.live.write() as connection:
            _add(connection, entry)


def how_told(house: House, policy: Policy, sent: Mapping[str, str]) -> Told:
    """How a reply to somebody who sent these items will be told of."""
    if address_of(policy, sent) is None:
        return Told.no_address
    return Told.no_mail if house.settings.relay is None else Told.by_mail


def _sent_before(house: House, entry: NewEntry) -> bool:
    with house.live.read() as connection:
        return live_thread.sent_before(connection, entry.inquiry_id, entry.once)


def _add(connection: Connection, entry: NewEntry) -> bool:
    """False when the same was sent at the same moment. Raises Suspended, NotFound."""
    inbox.still_usable(connection, entry.inquiry_id)
    if live_thread.sent_before(connection, entry.inquiry_id, entry.once):
        return False
    live_thread.add(connection, entry)
    return True
