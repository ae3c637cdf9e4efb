"""The outbox: what is to be mailed, sealed in the commit of what it tells about; sends nothing itself.

No mail holds a receipt code or anything that somebody wrote: it says that something can be seen, and where
(P29). Mail to staff holds no data of a subject; an invitation alone holds a token, which works once: of staff
to enrol, of a guardian to agree. Who
queues needs no private key where the message's own is born in an envelope; only the worker opens it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.rules import permissions
from inquiries.rules.permissions import Permission
from inquiries.rules.purposes import Use
from inquiries.rules.retention import MAIN
from inquiries.sealing import items
from inquiries.services import keys, purposes, records
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.ids import new_id
from inquiries.services.keys import MAIL, DataKey
from inquiries.stores.live import outbox

PAGE = 50
#: How long a message with a key of its own may wait (DESIGN §3), and any where no mail is configured.
LIFE = timedelta(hours=48)
STUCK_AFTER = timedelta(hours=1)
_EXPIRED_SHOWN = timedelta(days=30)


class Kind(StrEnum):
    """What a message says; each has its text in `templates/mail/`, by language."""

    address_changed = "address_changed"  # to the old and the new address: the inquiry's was corrected
    entered = "entered"  # to the person: staff entered her inquiry, and how she gets at it
    request_result = "request_result"  # to the person: her request was settled, or waits
    requests_late = "requests_late"  # to the officers: requests past their target or their limit
    replied = "replied"  # to the person: there is an answer, to be read with the receipt
    guardian = "guardian"  # to a child's guardian: the link by which she agrees; it works once
    given_corrected = "given_corrected"  # to who was given it: it was corrected
    given_deleted = "given_deleted"  # to who was given it: it was deleted, or the consent withdrawn
    anchored = "anchored"  # to the officer: where the ledger stands, to be kept outside of it
    review_missing = "review_missing"  # to the officer: the accesses wait for her review
    invited = "invited"  # to staff: the link by which she sets up her access; it works once


#: What tells the person of her own request, or asks a guardian, goes out also while nothing else is used.
OF_REQUESTS: frozenset[Kind] = frozenset({Kind.address_changed, Kind.request_result, Kind.guardian})


@dataclass(frozen=True)
class Letter:
    """A message opened, to be written out; `facts` are what its text needs beside the address."""

    id: int
    kind: str
    language: str
    queued_at: datetime
    to: str = field(repr=False)
    facts: Mapping[str, str] = field(repr=False)


# -- queueing ------------------------------------------------------------------------------------


def queue(
    house: House,
    connection: Connection,
    *,
    kind: Kind,
    to: str,
    language: str,
    key: DataKey | None = None,
    facts: Mapping[str, str] | None = None,
) -> int:
    """Queue a message in the caller's transaction of the live store; returns its id.

    `key` is the inquiry's, of its main group, had before the transaction began: the message then ends with
    the inquiry. Without one it gets a key of its own and ends after 48 hours: mail to staff, and what must
    outlive its inquiry. Where no mail is configured it waits that long and is gone: harmless.

    Raises:
        IntakeClosed: no epoch is open to give a key of its own.
    """
    if key is not None:
        new = sealed(key, kind=kind, to=to, language=language, facts=facts)
    else:
        mail_id, now = new_id(), clock.now()
        dek = keys.born(house, connection, mail_id, MAIL)
        said = items.seal_item(dek, mail_id, MAIL, _item(mail_id), _text(to, facts))
        new = outbox.NewMail(mail_id, None, kind, language, said, kind in OF_REQUESTS, now, now + LIFE)
    outbox.add(connection, new)
    return new.id


def sealed(
    key: DataKey, *, kind: Kind, to: str, language: str, facts: Mapping[str, str] | None = None
) -> outbox.NewMail:
    """A message under an inquiry's key, to be added in the transaction of what it tells about."""
    mail_id = new_id()
    said = items.seal_item(key.dek, key.inquiry_id, key.group, _item(mail_id), _text(to, facts))
    return outbox.NewMail(
        mail_id, key.inquiry_id, kind, language, said, kind in OF_REQUESTS, clock.now(), None
    )


def _text(to: str, facts: Mapping[str, str] | None) -> str:
    return json.dumps({"to": to, "facts": dict(facts or {})}, ensure_ascii=False)


def opened(house: House, row: outbox.MailRow) -> Letter:
    """The message in clear.

    Raises:
        NotFound: its key was destroyed or lost.
        SealBroken: it is not what was queued.
    """
    if row.inquiry_id is None:
        owner, group = row.id, MAIL
        key = keys.of_mail(house, row.id)
    else:
        owner, group = row.inquiry_id, MAIN
        use = Use.rights if row.kind in OF_REQUESTS else Use.notify
        key = purposes.data_keys(house, use, [owner]).get((owner, group))
    if key is None:
        raise NotFound(f"no key of mail {row.id}")
    said = json.loads(items.open_item(key.dek, owner, group, _item(row.id), row.sealed))
    return Letter(row.id, row.kind, row.language, row.queued_at, said["to"], said["facts"])


def _item(mail_id: int) -> str:
    """Under which name a message is sealed: it opens in no other row, and as no item."""
    return f"mail-{mail_id}"


# -- what could not be sent ----------------------------------------------------------------------


@dataclass(frozen=True)
class Outbox:
    """How mail stands, for the officer; `letters`: given up; `expired`: by kind, unsent within 30 days."""

    configured: bool
    waiting: int
    oldest: datetime | None
    dead: int
    expired: Mapping[str, int]
    letters: tuple[outbox.MailRow, ...]
    next: int | None


def trouble(house: House) -> outbox.Figures | None:
    """How mail is stuck: turns readiness red and stands above the staff pages; None while it goes out.

    Where no mail is configured nothing is stuck: nothing was promised.
    """
    now = clock.now()
    with house.live.read() as connection:
        found = outbox.figures(connection, now)
    late = found.oldest is not None and now - found.oldest >= STUCK_AFTER and house.settings.relay is not None
    return found if late or found.dead else None


def overview(house: House, actor: Actor, before: int | None = None) -> Outbox:
    """How the outbox stands, and a page of what was given up, the newest first. Raises NotFound."""
    _permit(actor)
    now = clock.now()
    with house.live.read() as connection:
        found = outbox.figures(connection, now)
        rows = outbox.dead(connection, before, PAGE + 1)
    shown = tuple(rows[:PAGE])
    expired: dict[str, int] = {}
    for body in records.since(house, "operation", now - _EXPIRED_SHOWN):
        if body["act"] == "mail_expired":
            expired |= {kind: expired.get(kind, 0) + count for kind, count in body["kinds"].items()}
    more = shown[-1].id if len(rows) > PAGE else None
    return Outbox(
        house.settings.relay is not None, found.waiting, found.oldest, found.dead, expired, shown, more
    )


def again(house: House, actor: Actor, mail_id: int) -> None:
    """Send it once more; where nobody knows whether it arrived, a second copy may. Recorded.

    Raises:
        NotFound: it is not among those given up, or not this person's to send.
    """
    row = _dead(house, actor, mail_id, "mail_again")
    with house.live.write() as connection:
        if not outbox.again(connection, row.id, clock.now()):
            raise NotFound("somebody else was faster")


def drop(house: House, actor: Actor, mail_id: int) -> None:
    """Give it up for good. Recorded. Raises NotFound."""
    row = _dead(house, actor, mail_id, "mail_drop")
    with house.live.write() as connection:
        if not outbox.drop(connection, row, clock.now()):
            raise NotFound("somebody else was faster")


def _dead(house: House, actor: Actor, mail_id: int, act: str) -> outbox.MailRow:
    _permit(actor)
    with house.live.read() as connection:
        row = outbox.by_id(connection, mail_id)
    if row is None or row.state != outbox.State.dead:
        raise NotFound("no such message was given up")
    detail = {"mail": str(mail_id), "kind": row.kind}
    records.access(house, act=act, actor=actor, subject=row.inquiry_id, detail=detail)
    return row


def _permit(actor: Actor) -> None:
    if not permissions.allowed(actor.roles, Permission.see_mail).allowed:
        raise NotFound("mail: not permitted")
