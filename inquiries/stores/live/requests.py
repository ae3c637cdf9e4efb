"""What was asked for inquiries, and what it suspends: inserted by who asks, settled by worker and staff."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, union_all, update

from inquiries.rules.deadlines import Lateness
from inquiries.rules.requests import (
    PENDING,
    SUSPENDING,
    UNSETTLED,
    WITHOUT_EFFECT,
    Because,
    Kind,
    State,
)
from inquiries.stores.among import among
from inquiries.stores.live import guardians
from inquiries.stores.live.tables import inquiries, requests


@dataclass(frozen=True)
class NewRequest:
    """A request as it is inserted; what it lacks of a row is the worker's and the officer's to write.

    `subject` is the purpose of a withdrawal, or the names of items to correct, parted by spaces.
    """

    id: int
    inquiry_id: int
    kind: str
    subject: str
    group_name: str
    channel: str
    asked_at: datetime
    target_at: datetime
    limit_at: datetime
    sealed: bytes | None
    proof: bytes


@dataclass(frozen=True)
class RequestRow(NewRequest):
    """A request as it stands."""

    state: str
    because: str | None
    until: datetime | None
    owner: int | None
    noted_at: datetime | None
    settled_at: datetime | None
    lifted_at: datetime | None
    evidence: bytes | None
    escalated: str | None

    @property
    def pending(self) -> bool:
        """Whether it is to be carried out, and nobody has settled it."""
        return self.state in PENDING

    @property
    def suspends(self) -> bool:
        """Whether nothing of the inquiry is used because of it."""
        return self.kind in SUSPENDING and self.lifted_at is None and self.state not in WITHOUT_EFFECT


_ROW = select(*(requests.c[field.name] for field in fields(RequestRow)))
#: The condition on `requests` that a suspension lasts.
_SUSPENDS = (
    requests.c.kind.in_(sorted(SUSPENDING))
    & requests.c.lifted_at.is_(None)
    & requests.c.state.not_in(sorted(WITHOUT_EFFECT))
)


# -- asking --------------------------------------------------------------------------------------


def add(connection: Connection, row: NewRequest) -> None:
    """Insert a request. Raises IntegrityError when its inquiry is gone.

    On PostgreSQL the foreign key takes a lock of the inquiry's row, for which whoever uses the inquiry
    holds a stronger one: see `hold_still`.
    """
    connection.execute(insert(requests).values(vars(row)))


def add_unproved(connection: Connection, row: NewRequest, evidence: bytes | None) -> None:
    """Insert what the officer entered: nothing follows from it before `proved`. Raises IntegrityError."""
    values = vars(row) | {"state": State.needs_proof, "evidence": evidence}
    connection.execute(insert(requests).values(values))


def proved(connection: Connection, request_id: int, evidence: bytes) -> bool:
    """Who asked has shown who she is: from this commit on it is as if she had asked with her receipt."""
    query = update(requests).where(requests.c.id == request_id, requests.c.state == State.needs_proof)
    return connection.execute(query.values(state=State.open, evidence=evidence)).rowcount == 1


def unprove(connection: Connection, request_id: int) -> None:
    """It is to be carried out, and no record says that who asked was proved."""
    query = update(requests).where(requests.c.id == request_id, requests.c.state.in_(sorted(PENDING)))
    connection.execute(query.values(state=State.needs_proof))


# -- suspension ----------------------------------------------------------------------------------


def hold_still(connection: Connection, *inquiry_ids: int) -> None:
    """Until this transaction ends, no request for the inquiries is committed; one on its way is waited for.

    Whoever writes down a use (an answer, an opening, an export) calls it first, then asks whether the
    inquiry is suspended. On SQLite the single writer sees to it.
    """
    if connection.dialect.name == "postgresql":
        query = select(inquiries.c.id).where(among(connection, inquiries.c.id, inquiry_ids))
        connection.execute(query.order_by(inquiries.c.id).with_for_update())


def suspended(connection: Connection, inquiry_ids: Collection[int]) -> frozenset[int]:
    """Those of the inquiries of which nothing may be used: at her wish, or before a guardian agrees (P07)."""
    hers = among(connection, requests.c.inquiry_id, inquiry_ids)
    query = select(requests.c.inquiry_id).where(hers, _SUSPENDS)
    return frozenset(connection.scalars(query)) | guardians.waiting(connection, inquiry_ids).keys()


def all_suspended() -> Any:  # noqa: ANN401 - a subselect of inquiry ids
    """The ids of all inquiries of which nothing may be used, for a query that leaves them out."""
    return union_all(select(requests.c.inquiry_id).where(_SUSPENDS), guardians.all_waiting())


def last_lifted(inquiry_id: Any) -> Any:  # noqa: ANN401 - a column, and a subselect
    """When the last suspension of this inquiry ended."""
    query = select(func.max(requests.c.lifted_at)).where(requests.c.inquiry_id == inquiry_id)
    return query.scalar_subquery()


def withdrawn(connection: Connection, inquiry_ids: Collection[int]) -> frozenset[tuple[int, str]]:
    """(inquiry, purpose) of each consent that was withdrawn, its copies destroyed yet or not (P02)."""
    query = select(requests.c.inquiry_id, requests.c.subject).where(
        requests.c.inquiry_id.in_(inquiry_ids),
        requests.c.kind == Kind.withdraw,
        requests.c.state.not_in(sorted(WITHOUT_EFFECT)),
    )
    return frozenset((row[0], row[1]) for row in connection.execute(query))


# -- reading -------------------------------------------------------------------------------------


def of_inquiry(connection: Connection, inquiry_id: int) -> list[RequestRow]:
    """Every request for the inquiry, the oldest first."""
    query = _ROW.where(requests.c.inquiry_id == inquiry_id).order_by(requests.c.id)
    return [RequestRow(*row) for row in connection.execute(query)]


def by_id(connection: Connection, request_id: int) -> RequestRow | None:
    """One request."""
    row = connection.execute(_ROW.where(requests.c.id == request_id)).one_or_none()
    return None if row is None else RequestRow(*row)


def pending(
    connection: Connection, after: int, limit: int, states: Collection[State] = PENDING
) -> list[RequestRow]:
    """Requests that nobody has settled, in order of id, `limit` at a time."""
    query = _ROW.where(requests.c.state.in_(sorted(states)), requests.c.id > after)
    return [RequestRow(*row) for row in connection.execute(query.order_by(requests.c.id).limit(limit))]


def unsettled(connection: Connection, limit: int) -> list[RequestRow]:
    """What nobody has settled, the one that must be answered first on top."""
    query = _ROW.where(requests.c.state.in_(sorted(UNSETTLED))).order_by(requests.c.limit_at, requests.c.id)
    return [RequestRow(*row) for row in connection.execute(query.limit(limit))]


def unnoted(connection: Connection, inquiry_ids: Collection[int]) -> list[RequestRow]:
    """Requests for these inquiries that nobody has looked at yet: few at any time, whatever the inquiries."""
    query = _ROW.where(requests.c.state == State.open, requests.c.noted_at.is_(None)).order_by(requests.c.id)
    found = (RequestRow(*row) for row in connection.execute(query))
    return [row for row in found if row.inquiry_id in inquiry_ids]


def known(connection: Connection, request_ids: Sequence[int]) -> frozenset[int]:
    """Which of the requests stand here."""
    return frozenset(connection.scalars(select(requests.c.id).where(requests.c.id.in_(request_ids))))


# -- settling ------------------------------------------------------------------------------------


def note(connection: Connection, request_id: int, at: datetime) -> None:
    """The request was proved and entered in the ledger."""
    query = update(requests).where(requests.c.id == request_id, requests.c.noted_at.is_(None))
    connection.execute(query.values(noted_at=at))


def wait(connection: Connection, request_id: int, because: Because, until: datetime | None) -> None:
    """It needs the officer, or its day; a settled one stays as it is."""
    query = update(requests).where(requests.c.id == request_id, requests.c.state.in_(sorted(PENDING)))
    connection.execute(query.values(state=State.needs_officer, because=because, until=until))


def settle(
    connection: Connection,
    request_id: int,
    state: State,
    at: datetime,
    because: Because | None = None,
    evidence: bytes | None = None,
) -> bool:
    """It is done or refused: what it says goes, and, of all but `suspend`, the suspension that it began.

    `evidence` takes the place of what stands. False when it was settled before.
    """
    query = update(requests).where(requests.c.id == request_id, requests.c.state.in_(sorted(UNSETTLED)))
    settled = query.values(state=state, because=because, until=None, settled_at=at, sealed=None)
    if evidence is not None:
        settled = settled.values(evidence=evidence)
    if connection.execute(settled).rowcount != 1:
        return False
    lifted = update(requests).where(requests.c.id == request_id, requests.c.lifted_at.is_(None))
    if state is State.done:
        lifted = lifted.where(requests.c.kind != Kind.suspend)
    connection.execute(lifted.values(lifted_at=at))
    return True


def close_lost(connection: Connection, inquiry_id: int, before: int, at: datetime) -> None:
    """Corrections whose texts were lost are over: later she corrects it anew, or lets it be."""
    query = update(requests).where(
        requests.c.inquiry_id == inquiry_id,
        requests.c.id < before,
        requests.c.because == Because.lost,
        requests.c.settled_at.is_(None),
    )
    connection.execute(query.values(state=State.done, settled_at=at, lifted_at=at))


def lift(connection: Connection, inquiry_id: int, before: int, at: datetime) -> None:
    """End the suspensions that were asked for as such by a request with a lower id than `before`."""
    query = update(requests).where(
        requests.c.inquiry_id == inquiry_id,
        requests.c.kind == Kind.suspend,
        requests.c.id < before,
        requests.c.lifted_at.is_(None),
    )
    connection.execute(query.values(lifted_at=at))


# -- who sees to it ------------------------------------------------------------------------------


def assign(connection: Connection, request_id: int, owner: int | None) -> bool:
    """Somebody sees to it, or nobody any more; False when it is settled."""
    query = update(requests).where(requests.c.id == request_id, requests.c.state.in_(sorted(UNSETTLED)))
    return connection.execute(query.values(owner=owner)).rowcount == 1


def escalate(connection: Connection, steps: Mapping[int, Lateness]) -> None:
    """The officers are told of these steps in this transaction."""
    for request_id, step in steps.items():
        connection.execute(update(requests).where(requests.c.id == request_id).values(escalated=step))
