"""Inquiries and their groups: the shell that is listed, the groups that are sealed, due and destroyed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    or_,
    select,
    update,
)

from inquiries.rules.retention import MAIN
from inquiries.stores.among import among
from inquiries.stores.live import holds, requests
from inquiries.stores.live.claims import FREE
from inquiries.stores.live.tables import consents, groups, inquiries
from inquiries.stores.prepared import Insertion


class NewInquiry(NamedTuple):
    """The shell as intake makes it."""

    id: int
    type: str
    state: str
    channel: str
    language: str
    policy_version: int
    received_at: datetime
    receipt_lookup: bytes


class NewGroup(NamedTuple):
    """A group of sealed items; `due_at` is None when it is kept until withdrawn.

    `evidence`: sealed, how she consented who did not write by the form.
    """

    id: int
    inquiry_id: int
    name: str
    due_at: datetime | None
    sealed: bytes
    evidence: bytes | None = None


class Consent(NamedTuple):
    """One purpose, whether it was agreed to, and what was shown (P03).

    `withdrawn_at` is when its copies were destroyed at her wish.
    """

    inquiry_id: int
    purpose: str
    given: bool
    policy_version: int
    notice_digest: bytes
    notice_shown: bool
    language: str
    recorded_at: datetime
    withdrawn_at: datetime | None = None


@dataclass(frozen=True)
class InquiryRow:
    """The shell with its main group, when that still stands."""

    id: int
    type: str
    state: str
    channel: str
    language: str
    policy_version: int
    received_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    due_at: datetime | None
    sealed: bytes | None


@dataclass(frozen=True)
class GroupRow:
    """A group as it stands."""

    id: int
    inquiry_id: int
    name: str
    due_at: datetime | None
    sealed: bytes
    evidence: bytes | None


class ForAdoption(NamedTuple):
    """What a key row takes from the live store."""

    id: int
    type: str
    received_at: datetime
    policy_version: int
    sealed: Mapping[str, bytes]


# -- writing -------------------------------------------------------------------------------------

_INSERT_INQUIRY = Insertion(inquiries, NewInquiry._fields)
_INSERT_GROUP = Insertion(groups, NewGroup._fields)
_INSERT_CONSENT = Insertion(consents, Consent._fields[:-1])  # nobody may be born withdrawn


def add(
    connection: Connection,
    shells: Sequence[NewInquiry],
    members: Sequence[NewGroup],
    agreed: Sequence[Consent],
) -> None:
    """Store whole inquiries. Raises IntegrityError when an id exists already."""
    _INSERT_INQUIRY.put(connection, shells)
    _INSERT_GROUP.put(connection, members)
    _INSERT_CONSENT.put(connection, [one[:-1] for one in agreed])


def set_state(
    connection: Connection, inquiry_id: int, before: str, after: str, moments: Mapping[str, datetime | None]
) -> bool:
    """Move from one state to another; False when it stood in a third one meanwhile."""
    query = update(inquiries).where(inquiries.c.id == inquiry_id, inquiries.c.state == before)
    return connection.execute(query.values(state=after, **moments)).rowcount == 1


def set_due(connection: Connection, inquiry_id: int, due_at: datetime | None, group: str = MAIN) -> None:
    """Set a group's due date, unless the sweep has claimed it."""
    lock_groups(connection, inquiry_id)  # a sweep that is claiming it goes first
    query = update(groups).where(groups.c.inquiry_id == inquiry_id, groups.c.name == group, FREE)
    connection.execute(query.values(due_at=due_at))


def withdraw(connection: Connection, inquiry_id: int, purpose: str, at: datetime) -> None:
    """The consent to a purpose was taken back at this moment; the first stays."""
    query = update(consents).where(
        consents.c.inquiry_id == inquiry_id, consents.c.purpose == purpose, consents.c.withdrawn_at.is_(None)
    )
    connection.execute(query.values(withdrawn_at=at))


def replace_sealed(connection: Connection, group_id: int, sealed: bytes) -> None:
    """Put other sealed items in a group's place, unless it is claimed."""
    _lock(connection, groups.c.id == group_id)  # as `set_due`
    query = update(groups).where(groups.c.id == group_id, FREE)
    connection.execute(query.values(sealed=sealed))


def lock_groups(connection: Connection, inquiry_id: int) -> None:
    """Wait until a sweep that is claiming the inquiry's groups is through, and make the next one wait.

    On SQLite the single writer sees to it.
    """
    _lock(connection, groups.c.inquiry_id == inquiry_id)


def _lock(connection: Connection, which: ColumnElement[bool]) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(groups.c.id).where(which).with_for_update())


# -- reading -------------------------------------------------------------------------------------

_SHELL = select(
    *((inquiries if name in inquiries.c else groups).c[name] for name in InquiryRow.__dataclass_fields__)
)
_Now = datetime | BindParameter[datetime]
ON_MAIN = and_(groups.c.inquiry_id == inquiries.c.id, groups.c.name == MAIN)


def not_due(now: _Now, *, held: bool = False) -> Any:  # noqa: ANN401 - an SQL condition
    """From the moment that it is due, or claimed, nobody reads it any more (DESIGN §3).

    `held`: what a hold keeps past its due date counts as readable, too.
    """
    standing = [groups.c.due_at.is_(None), groups.c.due_at > now]
    if held:
        standing.append(groups.c.inquiry_id.in_(holds.held(now)))
    return and_(FREE, or_(*standing))


def readable_now(inquiry_id: Any, now: _Now, *, held: bool = False) -> Any:  # noqa: ANN401 - a column; an SQL condition
    """The condition that the main group of this inquiry is neither due nor claimed; `held`: as `not_due`.

    With its `OFFSET` PostgreSQL asks it of each inquiry that it meets, and never joins all groups for it.
    """
    mine = select(groups.c.id).where(groups.c.inquiry_id == inquiry_id, groups.c.name == MAIN)
    return mine.where(not_due(now, held=held)).offset(0).exists()


def usable(
    connection: Connection, inquiry_ids: Sequence[int], now: datetime, *, held: bool = False
) -> frozenset[int]:
    """Those of the inquiries that may still be read and are not suspended, in one look (P19, P21)."""
    hers = among(connection, groups.c.inquiry_id, inquiry_ids)
    query = select(groups.c.inquiry_id).where(groups.c.name == MAIN, hers)
    query = query.where(not_due(now, held=held), groups.c.inquiry_id.not_in(requests.all_suspended()))
    return frozenset(connection.scalars(query))


def readable(
    connection: Connection, inquiry_id: int, now: datetime, *, held: bool = False
) -> InquiryRow | None:
    """One inquiry whose main group may still be read; with `held`, also when only a hold keeps it."""
    query = _SHELL.join(groups, ON_MAIN).where(inquiries.c.id == inquiry_id, not_due(now, held=held))
    row = connection.execute(query).one_or_none()
    return None if row is None else InquiryRow(*row)


def shells(connection: Connection, inquiry_ids: Sequence[int]) -> dict[int, InquiryRow]:
    """Inquiry id → shell, with its main group if that stands, of those that stand."""
    query = _SHELL.join(groups, ON_MAIN, isouter=True).where(among(connection, inquiries.c.id, inquiry_ids))
    return {row[0]: InquiryRow(*row) for row in connection.execute(query)}


def shell(connection: Connection, inquiry_id: int) -> InquiryRow | None:
    """One inquiry, with its main group if that stands."""
    return shells(connection, [inquiry_id]).get(inquiry_id)


def groups_of(connection: Connection, inquiry_id: int, now: datetime) -> list[GroupRow]:
    """The groups of one inquiry that are not due, or that a hold keeps, as they were made."""
    columns = (groups.c[name] for name in GroupRow.__dataclass_fields__)
    query = select(*columns).where(groups.c.inquiry_id == inquiry_id, not_due(now, held=True))
    return [GroupRow(*row) for row in connection.execute(query.order_by(groups.c.id))]


def evidence_of(connection: Connection, inquiry_id: int) -> bytes | None:
    """How she consented who did not write by the form, sealed under the key of the main group."""
    query = select(groups.c.evidence).where(groups.c.inquiry_id == inquiry_id, groups.c.name == MAIN)
    return connection.scalar(query)


def group_ids(connection: Connection, inquiry_id: int) -> dict[str, int]:
    """Name → id of every group of the inquiry that stands, claimed or not."""
    query = select(groups.c.name, groups.c.id).where(groups.c.inquiry_id == inquiry_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def sealed_groups(connection: Connection, inquiry_id: int) -> dict[str, bytes]:
    """Name → sealed items of every group of the inquiry that nobody has claimed."""
    query = select(groups.c.name, groups.c.sealed)
    query = query.where(groups.c.inquiry_id == inquiry_id, FREE)
    return {row[0]: row[1] for row in connection.execute(query)}


def consents_of(connection: Connection, inquiry_id: int) -> list[Consent]:
    """What was agreed to, by the name of the purpose."""
    query = select(consents).where(consents.c.inquiry_id == inquiry_id)
    return [Consent(*row) for row in connection.execute(query.order_by(consents.c.purpose))]


def for_adoption(connection: Connection, inquiry_ids: Sequence[int]) -> list[ForAdoption]:
    """What the key rows of these inquiries take from here."""
    query = (
        select(
            inquiries.c.id,
            inquiries.c.type,
            inquiries.c.received_at,
            inquiries.c.policy_version,
            groups.c.name,
            groups.c.sealed,
        )
        .join(groups, groups.c.inquiry_id == inquiries.c.id)
        .where(among(connection, inquiries.c.id, inquiry_ids))
    )
    found: dict[int, tuple[str, datetime, int, dict[str, bytes]]] = {}
    for inquiry_id, *shell, name, sealed in connection.execute(query):
        found.setdefault(inquiry_id, (*shell, {}))[3][name] = sealed
    return [ForAdoption(key, *rest) for key, rest in found.items()]
