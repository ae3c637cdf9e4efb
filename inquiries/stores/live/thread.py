"""What is written to and fro about an inquiry: replies, her answers, notes of staff; opens none of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, insert, select, update

from inquiries.stores.among import among
from inquiries.stores.live import requests
from inquiries.stores.live.written_tables import thread

ANSWER = "answer"


@dataclass(frozen=True)
class NewEntry:
    """An entry as it is written; `written_by` is a staff id, None for the person herself.

    `once` stands for what was sent: the same again, from the same form, is refused by the store.
    """

    id: int
    inquiry_id: int
    kind: str
    written_by: int | None
    written_at: datetime
    once: bytes
    sealed: bytes


@dataclass(frozen=True)
class EntryRow(NewEntry):
    """An entry as it stands; of her answers: when the worker took it in, when somebody read it."""

    noted_at: datetime | None
    read_at: datetime | None


_ROW = select(*(thread.c[name] for name in EntryRow.__dataclass_fields__))
_UNREAD = (thread.c.kind == ANSWER) & thread.c.read_at.is_(None)


def add(connection: Connection, row: NewEntry) -> None:
    """Insert an entry. Raises IntegrityError when it was sent before, or its inquiry is gone."""
    connection.execute(insert(thread).values(vars(row)))


def sent_before(connection: Connection, inquiry_id: int, once: bytes) -> bool:
    """Whether this very entry was sent from this very form before."""
    query = select(thread.c.id).where(thread.c.inquiry_id == inquiry_id, thread.c.once == once)
    return connection.execute(query).first() is not None


def of_inquiry(connection: Connection, inquiry_id: int) -> list[EntryRow]:
    """Every entry, the oldest first."""
    query = _ROW.where(thread.c.inquiry_id == inquiry_id).order_by(thread.c.id)
    return [EntryRow(*row) for row in connection.execute(query)]


def count(connection: Connection, inquiry_id: int) -> int:
    """How many entries there are."""
    query = select(func.count()).select_from(thread).where(thread.c.inquiry_id == inquiry_id)
    return connection.scalar(query) or 0


# -- her answers ---------------------------------------------------------------------------------


def unread(inquiry_id: Any) -> Any:  # noqa: ANN401 - a column; an SQL condition
    """The condition that an answer has come to this inquiry that nobody has read."""
    return exists().where(thread.c.inquiry_id == inquiry_id, _UNREAD)


def mark_read(connection: Connection, entry_ids: Collection[int], at: datetime) -> None:
    """These answers were shown to somebody who answers."""
    query = update(thread).where(_UNREAD, among(connection, thread.c.id, entry_ids))
    connection.execute(query.values(read_at=at))


def not_noted(connection: Connection, after: int, limit: int) -> list[EntryRow]:
    """Answers after this id that the worker has not taken in and may, the oldest first."""
    query = _ROW.where(thread.c.kind == ANSWER, thread.c.noted_at.is_(None), thread.c.id > after)
    query = query.where(thread.c.inquiry_id.not_in(requests.all_suspended()))
    return [EntryRow(*row) for row in connection.execute(query.order_by(thread.c.id).limit(limit))]


def note(connection: Connection, entry_id: int, at: datetime) -> None:
    """The worker has taken it in."""
    connection.execute(update(thread).where(thread.c.id == entry_id).values(noted_at=at))
