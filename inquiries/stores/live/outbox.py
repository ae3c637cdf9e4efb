"""Mail that is to be sent: queued, claimed before it is sent, given up, removed; opens none of it.

waiting → sending → handed → gone, or back to waiting, or dead. sending: nothing of it has left yet; handed:
it is leaving; dead: given up, or nobody knows whether it arrived. sent, ending: of those with a key of their
own, until that is destroyed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, and_, case, delete, func, insert, literal, or_, select, update

from inquiries.stores.among import among
from inquiries.stores.live import inquiries, requests
from inquiries.stores.live.written_tables import outbox
from inquiries.stores.types import Moment


class State(StrEnum):
    """Where a message stands."""

    waiting = "waiting"
    sending = "sending"
    handed = "handed"
    dead = "dead"
    sent = "sent"
    ending = "ending"


UNDELIVERED = (State.waiting, State.sending, State.handed, State.dead)


@dataclass(frozen=True)
class NewMail:
    """A message as it is queued; without an inquiry it has a key of its own, and an end."""

    id: int
    inquiry_id: int | None
    kind: str
    language: str
    sealed: bytes
    when_suspended: bool
    queued_at: datetime
    due_at: datetime | None


@dataclass(frozen=True)
class MailRow:
    """A message as it stands."""

    id: int
    inquiry_id: int | None
    kind: str
    language: str
    sealed: bytes
    queued_at: datetime
    state: str
    failures: int
    failed_at: datetime | None
    problem: str | None
    reply: int | None


@dataclass(frozen=True)
class Figures:
    """How many wait, since when the oldest could have been sent, how many were given up."""

    waiting: int
    oldest: datetime | None
    dead: int


_ROW = select(*(outbox.c[name] for name in MailRow.__dataclass_fields__))
_LEAVING = outbox.c.state.in_((State.sending, State.handed))


def add(connection: Connection, new: NewMail) -> None:
    """Queue a message."""
    values = vars(new) | {"state": State.waiting, "next_at": new.queued_at, "failures": 0}
    connection.execute(insert(outbox).values(values))


# -- sending -------------------------------------------------------------------------------------


def _may_leave(now: datetime) -> Any:  # noqa: ANN401 - an SQL condition
    """What its own key or its inquiry still lets be used (P11, P19, P21)."""
    own = and_(outbox.c.inquiry_id.is_(None), outbox.c.due_at > now)
    used = or_(outbox.c.when_suspended, outbox.c.inquiry_id.not_in(requests.all_suspended()))
    return or_(own, and_(inquiries.readable_now(outbox.c.inquiry_id, now), used))


def claim(connection: Connection, now: datetime) -> MailRow | None:
    """Take the message that has waited longest since it could be sent, so that nobody else does."""
    ready = _ROW.where(outbox.c.state == State.waiting, outbox.c.next_at <= now, _may_leave(now))
    row = connection.execute(ready.order_by(outbox.c.next_at, outbox.c.id).limit(1)).one_or_none()
    if row is None:
        return None
    query = update(outbox).where(outbox.c.id == row.id, outbox.c.state == State.waiting)
    taken = connection.execute(query.values(state=State.sending)).rowcount == 1
    return MailRow(*row) if taken else None


def hand_over(connection: Connection, row: MailRow, now: datetime) -> bool:
    """From here on it may arrive; False when it must not leave any more.

    A suspension or an end that is committed later came too late for it.
    """
    if row.inquiry_id is not None:
        requests.hold_still(connection, row.inquiry_id)
        inquiries.lock_groups(connection, row.inquiry_id)
    query = update(outbox).where(outbox.c.id == row.id, outbox.c.state == State.sending, _may_leave(now))
    return connection.execute(query.values(state=State.handed)).rowcount == 1


def arrived(connection: Connection, row: MailRow, now: datetime) -> None:
    """It was accepted: nothing of it is needed any more."""
    mine = outbox.c.id == row.id
    if row.inquiry_id is not None:
        connection.execute(delete(outbox).where(mine))
    else:
        ended = {"state": State.sent, "sealed": b"", "due_at": now}
        connection.execute(update(outbox).where(mine, outbox.c.state != State.ending).values(ended))


def put_back(connection: Connection, mail_id: int) -> None:
    """Nothing of it has left, and it is no failure of its own."""
    connection.execute(update(outbox).where(outbox.c.id == mail_id, _LEAVING).values(state=State.waiting))


def failed(
    connection: Connection,
    mail_id: int,
    now: datetime,
    *,
    next_at: datetime | None,
    problem: str,
    reply: int | None,
) -> None:
    """It did not arrive: to be tried again at `next_at`, or given up."""
    values: dict[str, Any] = {
        "state": State.waiting if next_at else State.dead,
        "failures": outbox.c.failures + 1,
        "failed_at": func.coalesce(outbox.c.failed_at, literal(now, Moment)),
        "problem": problem,
        "reply": reply,
    }
    if next_at is not None:
        values["next_at"] = next_at
    connection.execute(update(outbox).where(outbox.c.id == mail_id, _LEAVING).values(values))


def postpone(
    connection: Connection,
    now: datetime,
    *,
    next_at: datetime,
    since: datetime,
    problem: str,
    reply: int | None,
) -> int:
    """The relay takes nothing: whatever could leave now failed with it, and is tried again at `next_at`.

    What has failed since `since` or longer is given up; returns how many that were.
    """
    ready = and_(outbox.c.state == State.waiting, outbox.c.next_at <= now, _may_leave(now))
    over = update(outbox).where(ready, outbox.c.failed_at <= since)
    said = {"failures": outbox.c.failures + 1, "problem": problem, "reply": reply}
    given_up = connection.execute(over.values(**said, state=State.dead)).rowcount
    first = func.coalesce(outbox.c.failed_at, literal(now, Moment))
    connection.execute(update(outbox).where(ready).values(**said, next_at=next_at, failed_at=first))
    return given_up


def settle(connection: Connection, now: datetime, problem: str) -> int:
    """What a process left behind that was killed: it waits again, or, if it was leaving, is given up.

    Returns how many were given up.
    """
    waits = update(outbox).where(outbox.c.state == State.sending)
    connection.execute(waits.values(state=State.waiting))
    given_up = update(outbox).where(outbox.c.state == State.handed)
    return connection.execute(given_up.values(_given_up(now, problem))).rowcount


def distrust(connection: Connection, now: datetime, problem: str) -> None:
    """Send nothing that was to be sent: a store that was put back forgot what has been sent since."""
    query = update(outbox).where(outbox.c.state.in_((State.waiting, State.sending, State.handed)))
    connection.execute(query.values(_given_up(now, problem)))


def _given_up(now: datetime, problem: str) -> dict[str, Any]:
    since = func.coalesce(outbox.c.failed_at, literal(now, Moment))
    return {"state": State.dead, "failed_at": since, "problem": problem, "reply": None}


# -- looking -------------------------------------------------------------------------------------


def anything(connection: Connection, now: datetime) -> bool:
    """Whether there is something to send, or to settle."""
    ready = and_(outbox.c.state == State.waiting, outbox.c.next_at <= now, _may_leave(now))
    return connection.execute(select(outbox.c.id).where(or_(ready, _LEAVING)).limit(1)).first() is not None


def figures(connection: Connection, now: datetime) -> Figures:
    """How the outbox stands; what a suspension or an end keeps from leaving waits for nobody.

    A message of an inquiry that was suspended has waited since the suspension ended.
    """
    lifted = requests.last_lifted(outbox.c.inquiry_id)
    since = case((lifted > outbox.c.queued_at, lifted), else_=outbox.c.queued_at)
    waiting = select(func.count(), func.min(since)).where(
        outbox.c.state.in_((State.waiting, State.sending, State.handed)), _may_leave(now)
    )
    dead = select(func.count()).where(outbox.c.state == State.dead)
    count, oldest = connection.execute(waiting).one()
    return Figures(count, oldest, connection.scalar(dead) or 0)


def dead(connection: Connection, before: int | None, limit: int) -> list[MailRow]:
    """Given up, the newest first, below the id `before`."""
    query = _ROW.where(outbox.c.state == State.dead)
    if before is not None:
        query = query.where(outbox.c.id < before)
    return [MailRow(*row) for row in connection.execute(query.order_by(outbox.c.id.desc()).limit(limit))]


def by_id(connection: Connection, mail_id: int) -> MailRow | None:
    """One message."""
    row = connection.execute(_ROW.where(outbox.c.id == mail_id)).one_or_none()
    return None if row is None else MailRow(*row)


# -- what an officer does ------------------------------------------------------------------------


def again(connection: Connection, mail_id: int, now: datetime) -> bool:
    """Try it as if it were new; False when it is not given up any more."""
    query = update(outbox).where(outbox.c.id == mail_id, outbox.c.state == State.dead)
    values = {"state": State.waiting, "next_at": now, "failures": 0, "failed_at": None}
    return connection.execute(query.values(values)).rowcount == 1


def drop(connection: Connection, row: MailRow, now: datetime) -> bool:
    """Have it gone, with its own key if it has one; False when it is not given up any more."""
    mine = and_(outbox.c.id == row.id, outbox.c.state == State.dead)
    if row.inquiry_id is not None:
        return connection.execute(delete(outbox).where(mine)).rowcount == 1
    ended = update(outbox).where(mine).values(state=State.sent, sealed=b"", due_at=now)
    return connection.execute(ended).rowcount == 1


# -- ending --------------------------------------------------------------------------------------


def take_back(connection: Connection, inquiry_id: int, kind: str) -> int:
    """Remove what waits of this kind for the inquiry's person; returns how many there were."""
    waiting = outbox.c.state.in_((State.waiting, State.dead))
    query = delete(outbox).where(outbox.c.inquiry_id == inquiry_id, outbox.c.kind == kind, waiting)
    return connection.execute(query).rowcount


def unsendable(connection: Connection, queued_before: datetime) -> bool:
    """Whether something has waited since before then that does not end by itself."""
    query = select(outbox.c.id).where(_waiting_since(queued_before))
    return connection.execute(query.limit(1)).first() is not None


def drop_unsendable(connection: Connection, queued_before: datetime) -> int:
    """Where no mail is configured, remove it; returns how many there were."""
    return connection.execute(delete(outbox).where(_waiting_since(queued_before))).rowcount


def _waiting_since(moment: datetime) -> Any:  # noqa: ANN401 - an SQL condition
    waiting = and_(outbox.c.inquiry_id.is_not(None), outbox.c.state == State.waiting)
    return and_(waiting, outbox.c.queued_at < moment)


def claim_due(connection: Connection, now: datetime, limit: int) -> list[MailRow]:
    """Claim messages whose own keys end, with those claimed before; as they stood before."""
    due = _ROW.where(outbox.c.due_at <= now).order_by(outbox.c.due_at).limit(limit)
    rows = [MailRow(*row) for row in connection.execute(due)]
    query = update(outbox).where(among(connection, outbox.c.id, [row.id for row in rows]))
    connection.execute(query.values(state=State.ending))
    return rows


def dues(connection: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """Message → when its own key ends, of those that stand."""
    query = select(outbox.c.id, outbox.c.due_at).where(among(connection, outbox.c.id, ids))
    return {row[0]: row[1] for row in connection.execute(query) if row[1] is not None}


def oldest_due(connection: Connection, now: datetime) -> datetime | None:
    """The earliest end that has passed."""
    oldest: datetime | None = connection.scalar(
        select(func.min(outbox.c.due_at)).where(outbox.c.due_at <= now)
    )
    return oldest


def remove(connection: Connection, ids: Sequence[int]) -> int:
    """Delete messages; returns how many there were. Repeatable."""
    return connection.execute(delete(outbox).where(among(connection, outbox.c.id, ids))).rowcount
