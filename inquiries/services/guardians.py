"""A child's inquiry waits for a legal guardian: who is asked, how she agrees or refuses, what follows (P07).

Until then nobody reads it: the child's own consents are none, and all of it is destroyed on the fifth day.
The guardian is written to, and follows a link that works once; or the officer enters how she agreed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import FieldError, InvalidFields, NotFound, SealBroken, WrongState
from inquiries.rules import items as item_rules
from inquiries.rules import minors
from inquiries.rules.correspondence import Kind as EntryKind
from inquiries.rules.permissions import Permission
from inquiries.rules.purposes import Use
from inquiries.rules.requests import GUARDIAN, Kind
from inquiries.rules.retention import MAIN, Inquiry
from inquiries.sealing import items, links
from inquiries.services import due_dates, inbox, linking, mail, publishing, purposes, records, thread
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.services.publishing import Published
from inquiries.services.requests import Asked
from inquiries.stores.live import guardians as live
from inquiries.stores.live import inquiries, linked
from inquiries.stores.live import thread as live_thread

log = structlog.get_logger()

BATCH = 200
EVIDENCE_LIMIT = 1_000
#: How a guardian reached the officer.
WAYS = ("phone", "mail", "paper", "person")


# -- she is written to ---------------------------------------------------------------------------------


def invite(house: House) -> int:
    """Write to every guardian who was not written to yet and has an e-mail address; returns how many.

    By the worker: the public surface does not say to whom mail goes.
    """
    count = 0
    for batch in house.live.batches(partial(live.uninvited, limit=BATCH), lambda one: one):
        found = purposes.data_keys(house, Use.guardian, batch)
        for inquiry_id in batch:
            key = found.get((inquiry_id, MAIN))
            if key is not None:  # or it is on its way, or destroyed
                count += _invite(house, inquiry_id, key)
    return count


def _invite(house: House, inquiry_id: int, key: DataKey) -> bool:
    with house.live.read() as connection:
        row = inquiries.shells(connection, [inquiry_id]).get(inquiry_id)
        until = live.waiting(connection, [inquiry_id]).get(inquiry_id)
    if row is None or until is None:
        return False
    try:
        contact = _of(key, row)[minors.CONTACT]
    except (SealBroken, KeyError):
        log.error("guardian.unreadable", inquiry=inquiry_id)
        return False
    zone = ZoneInfo(publishing.version(house, row.policy_version).policy.time_zone)
    facts = {
        "link": linking.address(house, key, GUARDIAN),
        "until": f"{until.astimezone(zone):%Y-%m-%d %H:%M}",
    }
    with house.live.write() as connection:
        first = live.invited(connection, inquiry_id, clock.now())
        if not first or item_rules.normal_email(contact) is None or house.settings.relay is None:
            return False
        kind = mail.Kind.guardian
        mail.queue(house, connection, kind=kind, to=contact, language=row.language, key=key, facts=facts)
    return True


def _of(key: DataKey, row: inquiries.InquiryRow) -> dict[str, str]:
    """The guardian's name and contact, and nothing else of the inquiry."""
    sealed = items.unpack(row.sealed or b"")
    return items.open_items(key.dek, row.id, MAIN, minors.of(sealed))


# -- she follows the link ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Invitation:
    """What a guardian is asked to agree to: an inquiry of this type, by the notice that the child saw."""

    published: Published
    type: str
    language: str
    until: datetime


def invitation(house: House, token: str) -> Invitation | None:
    """What the token is of, while it waits; whether it is proved the worker says, and not this surface."""
    found = _waiting(house, token)
    if found is None:
        return None
    inquiry_id, _ = found
    with house.live.read() as connection:
        row = inquiries.shells(connection, [inquiry_id]).get(inquiry_id)
        until = live.waiting(connection, [inquiry_id]).get(inquiry_id)
    if row is None or until is None:
        return None
    published = publishing.version(house, row.policy_version)
    zone = ZoneInfo(published.policy.time_zone)
    return Invitation(published, row.type, row.language, until.astimezone(zone))


def decide(house: House, token: str, *, agrees: bool) -> bool:
    """Ask that it be taken, or destroyed, as the guardian says; False where nothing waits under the token."""
    found = _waiting(house, token)
    if found is None:
        return False
    inquiry_id, secret = found
    kind = Kind.confirm if agrees else Kind.delete
    linking.ask(house, Asked(inquiry_id, kind, channel=GUARDIAN), secret)
    return True


def _waiting(house: House, token: str) -> tuple[int, bytes] | None:
    """(inquiry, the token's secret), if it waits."""
    try:
        group_id, secret = links.read(token)
    except SealBroken:
        return None
    with house.live.read() as connection:
        group = linked.standing(connection, group_id, clock.now())
        if group is None or group.name != MAIN or not live.waiting(connection, [group.inquiry_id]):
            return None
    return group.inquiry_id, secret


# -- she is heard by the officer -----------------------------------------------------------------------


@dataclass(frozen=True)
class Guardian:
    """Whom the officer asks, and until when."""

    until: datetime
    name: str = field(repr=False)
    contact: str = field(repr=False)


def show(house: House, actor: Actor, inquiry_id: int) -> Guardian:
    """The guardian's name and contact, on record; nothing of what the child wrote.

    Raises:
        NotFound: not this person's to ask, or no key opens it.
        WrongState: no guardian is waited for.
    """
    row, *_ = inbox.permitted(house, actor, inquiry_id, Permission.handle_requests)
    with house.live.read() as connection:
        until = live.waiting(connection, [inquiry_id]).get(inquiry_id)
    if until is None:
        raise WrongState("no guardian is waited for")
    records.access(house, act="look_guardian", actor=actor, subject=inquiry_id)
    key = purposes.main_key(house, Use.guardian, inquiry_id, actor)
    try:
        texts = _of(key, row)
    except SealBroken:
        raise NotFound("no key opens it") from None
    return Guardian(until, texts.get(minors.NAME, ""), texts.get(minors.CONTACT, ""))


def enter(house: House, actor: Actor, inquiry_id: int, how: str, evidence: object) -> None:
    """The guardian agreed, in this way, by this evidence, which is kept as a note with the inquiry.

    Raises:
        NotFound: not this person's to enter, or no key seals the evidence.
        WrongState: nothing waits, or it became due.
        InvalidFields: the way or the evidence is missing.
    """
    inbox.permitted(house, actor, inquiry_id, Permission.handle_requests)
    errors = [] if how in WAYS else [FieldError("how", "required")]
    text = item_rules.text_or_fault(errors, "evidence", evidence, EVIDENCE_LIMIT)
    if errors:
        raise InvalidFields(tuple(errors))
    key = purposes.main_key(house, Use.guardian, inquiry_id, actor)
    dues = promised(house, inquiry_id)
    records.access(house, act="enter_guardian", actor=actor, subject=inquiry_id, detail={"how": how})
    entry = thread.written(key.dek, inquiry_id, EntryKind.note, text, by=actor.staff_id)
    with house.live.write() as connection:
        if not agreed(connection, inquiry_id, dues, how, clock.now(), actor.staff_id):
            raise WrongState("nothing waits, or it became due")
        live_thread.add(connection, entry)


# -- what follows --------------------------------------------------------------------------------------


def promised(house: House, inquiry_id: int) -> dict[str, datetime | None]:
    """When each of its groups ends once a guardian has agreed: as the notice promised, from receipt on."""
    with house.live.read() as connection:
        row = inquiries.shells(connection, [inquiry_id]).get(inquiry_id)
        names = inquiries.group_ids(connection, inquiry_id)
    if row is None:
        raise NotFound("the inquiry is destroyed")
    inquiry = Inquiry(row.type, row.received_at)
    return {name: due_dates.promised(house, row.policy_version, name, inquiry).due_at for name in names}


def agreed(
    connection: Connection,
    inquiry_id: int,
    dues: dict[str, datetime | None],
    how: str,
    at: datetime,
    by: int | None = None,
) -> bool:
    """She agreed at that moment, and from this commit on it is an inquiry like any other.

    False where none was waited for, its day had come by then, or the sweep has it.
    """
    inquiries.lock_groups(connection, inquiry_id)  # the sweep claims before us, or sees the new day
    if inquiries.readable(connection, inquiry_id, at, held=True) is None:
        return False
    if not live.confirm(connection, inquiry_id, at, how, by):
        return False
    for name, due_at in dues.items():
        inquiries.set_due(connection, inquiry_id, due_at, name)
    return True
