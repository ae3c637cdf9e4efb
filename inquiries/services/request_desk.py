"""What the officer sees of requests and does with one: sees to it, has it carried out, refuses it (P17, P22).

Carrying out is the worker's (`fulfilment.py`), also at the officer's word. Each act is recorded before it is
done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from inquiries import clock
from inquiries.errors import JobBusy, NotFound, WrongState
from inquiries.policy.model import Policy
from inquiries.rules import items as item_rules
from inquiries.rules import requests as rules
from inquiries.rules.deadlines import Lateness
from inquiries.rules.permissions import Permission
from inquiries.rules.purposes import Use
from inquiries.rules.requests import Because, Kind, State
from inquiries.services import (
    fulfilment,
    people,
    publishing,
    purposes,
    records,
    refusals,
    request_deadlines,
    request_records,
    request_results,
    requests,
)
from inquiries.services.actor import REASON_LIMIT, Actor
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.services.request_results import Outcome
from inquiries.stores import ledger_pages
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live.requests import RequestRow

PAGE = 50


@dataclass(frozen=True)
class Line(RequestRow):
    """One request in the list; `officer` is the address of the one who sees to it, None: nobody yet."""

    type: str
    officer: str | None
    lateness: Lateness
    runs: bool


@dataclass(frozen=True)
class Event:
    """One record of the ledger about requests; `who` is the officer who did it, None: the worker.

    `stands`: the request did not go with its inquiry.
    """

    n: int
    at: datetime
    act: str
    request: int
    inquiry_id: int
    kind: str
    channel: str
    because: str | None
    who: str | None
    stands: bool


@dataclass(frozen=True)
class RequestPage:
    """One request with what staff wrote of it, what happened to it, and what may be done now.

    `names` are the purpose or the items that it is about.
    """

    line: Line
    names: tuple[str, ...]
    language: str
    policy: Policy
    evidence: Mapping[str, str]
    events: tuple[Event, ...]
    officers: Mapping[int, str]
    may_refuse: bool


# -- reading -------------------------------------------------------------------------------------


def overview(house: House, actor: Actor) -> tuple[Line, ...]:
    """What nobody has settled, the one that must be answered first on top. Raises NotFound."""
    refusals.permit(house, actor, Permission.handle_requests)
    with house.live.read() as connection:
        rows = request_deadlines.unsettled(connection)
        shells = live.shells(connection, sorted({row.inquiry_id for row in rows}))
    known = {one.id: one.email for one in people.everyone(house)}
    now = clock.now()
    return tuple(
        _line(row, shells[row.inquiry_id].type, known, now) for row in rows if row.inquiry_id in shells
    )


def look(house: House, actor: Actor, request_id: int) -> RequestPage:
    """One request; recorded. Raises NotFound."""
    row, shell, key = found(house, actor, request_id)
    records.access(
        house, act="look_request", actor=actor, subject=row.inquiry_id, detail=request_records.about(row)
    )
    known = {one.id: one.email for one in people.everyone(house)}
    return RequestPage(
        line=_line(row, shell.type, known, clock.now()),
        names=tuple(row.subject.split()),
        language=shell.language,
        policy=publishing.version(house, shell.policy_version).policy,
        evidence={} if key is None else requests.evidence(key.dek, row),
        events=_events(house, known, ledger_pages.Wanted("requests"), row.id),
        officers=people.officers(house),
        may_refuse=rules.may_refuse(Kind(row.kind), State(row.state)),
    )


def history(house: House, actor: Actor, before: int | None = None) -> tuple[tuple[Event, ...], int | None]:
    """What became of requests, the newest first, also of inquiries that are gone; and where it goes on.

    From the ledger, which holds neither names nor what was asked for in words. Raises NotFound.
    """
    refusals.permit(house, actor, Permission.handle_requests)
    known = {one.id: one.email for one in people.everyone(house)}
    events = _events(house, known, ledger_pages.Wanted("requests", below=before))
    return events[:PAGE], events[PAGE - 1].n if len(events) > PAGE else None


def _line(row: RequestRow, type_name: str, known: Mapping[int, str], now: datetime) -> Line:
    """One request as it stands; `known`: staff by number."""
    return Line(
        **vars(row),
        type=type_name,
        officer=None if row.owner is None else known.get(row.owner, str(row.owner)),
        lateness=request_deadlines.lateness(row, now),
        runs=rules.runs(row.state, row.because),
    )


def _events(
    house: House, known: Mapping[int, str], wanted: ledger_pages.Wanted, request_id: int | None = None
) -> tuple[Event, ...]:
    """Up to one more than a page of records, the newest first; of one request, where it is named."""
    with house.ledger.read() as connection:
        entries = ledger_pages.page(
            connection, wanted, PAGE + 1, "" if request_id is None else f'"id":{request_id},'
        )
    bodies = [(entry, json.loads(entry.body)) for entry in entries if entry.body is not None]
    with house.live.read() as connection:
        standing = live_requests.known(connection, [body["id"] for _, body in bodies])
    return tuple(
        Event(
            n=entry.n,
            at=entry.at,
            act=body["act"],
            request=body["id"],
            inquiry_id=body["inquiry_id"],
            kind=body["kind"],
            channel=body["channel"],
            because=body.get("because"),
            who=known.get(body["staff"], body.get("email")) if "staff" in body else None,
            stands=body["id"] in standing,
        )
        for entry, body in bodies
    )


# -- acting --------------------------------------------------------------------------------------


def assign(house: House, actor: Actor, request_id: int, owner: int | None) -> None:
    """Let an officer see to it, or nobody.

    Raises:
        NotFound: no such request, or no such officer.
        WrongState: it is settled.
    """
    row, *_ = found(house, actor, request_id)
    if owner is not None and owner not in people.officers(house):
        raise NotFound("no such officer")
    detail = {**request_records.about(row), "owner": str(owner or "-")}
    records.access(house, act="assign_request", actor=actor, subject=row.inquiry_id, detail=detail)
    with house.live.write() as connection:
        if not live_requests.assign(connection, request_id, owner):
            raise WrongState("it is settled")


def carry_out(house: House, actor: Actor, request_id: int) -> bool:
    """Carry it out now, as the worker would; False where something still stands against it.

    Raises:
        NotFound: no such request.
        WrongState: it is settled, is not proved yet, or the worker is at it.
    """
    row, *_ = found(house, actor, request_id)
    if not row.pending:
        raise WrongState("it is settled, or nobody has proved who asks")
    records.access(
        house,
        act="carry_out_request",
        actor=actor,
        subject=row.inquiry_id,
        reason=f"request {row.id}",
        detail=request_records.about(row),
    )
    try:
        return fulfilment.carry_out_one(house, request_id)
    except JobBusy:
        raise WrongState("the worker is at it") from None


def refuse(house: House, actor: Actor, request_id: int, reason: str | None) -> None:
    """Refuse it: she reads why, and how to object, on her page; a mail tells her that there is something.

    Raises:
        NotFound: no such request, or nothing opens its inquiry.
        InvalidItems: no reason is given, or it is no text.
        WrongState: it is settled, is being carried out, or such a request needs no reason of hers.
    """
    row, _, key = found(house, actor, request_id)
    said = item_rules.free_text("reason", reason or "", REASON_LIMIT)
    if key is None:
        raise NotFound("no key opens it")
    try:
        with house.live.job(fulfilment.JOB, fulfilment.PATIENCE):
            _refuse(house, actor, row, key, said)
    except JobBusy:
        raise WrongState("the worker is at it") from None


def _refuse(house: House, actor: Actor, before: RequestRow, key: DataKey, said: str) -> None:
    with house.live.read() as connection:
        row = live_requests.by_id(connection, before.id)
        standing = live.sealed_groups(connection, before.inquiry_id)
    if row is None or not rules.may_refuse(Kind(row.kind), State(row.state)):
        raise WrongState("it is settled, or not hers to refuse")
    if row.group_name not in standing:
        raise WrongState("it is being destroyed")
    evidence = requests.sealed_evidence(key.dek, row, {**requests.evidence(key.dek, row), "reason": said})
    letter = request_results.addressed(house, row, key, Outcome.refused)
    records.access(
        house, act="refuse_request", actor=actor, subject=row.inquiry_id, detail=request_records.about(row)
    )
    with house.live.write() as connection:
        settled = live_requests.settle(
            connection, row.id, State.refused, clock.now(), Because.officer, evidence
        )
        if settled:
            request_results.tell(house, connection, letter, Outcome.refused)
    if settled:
        request_records.refused(house, row, Because.officer)


# -- what all need -------------------------------------------------------------------------------


def found(house: House, actor: Actor, request_id: int) -> tuple[RequestRow, live.InquiryRow, DataKey | None]:
    """The request, its inquiry, and the key that seals it, None where that must not be used any more.

    Raises:
        NotFound: there is none, or nothing of its inquiry is to be read any more.
        TrainingLapsed: hers has.
    """
    refusals.permit(house, actor, Permission.handle_requests)
    with house.live.read() as connection:
        row = live_requests.by_id(connection, request_id)
        shell = live.shells(connection, [row.inquiry_id]).get(row.inquiry_id) if row else None
        groups = live.groups_of(connection, row.inquiry_id, clock.now()) if row else []
    if row is None or shell is None or not groups or not request_deadlines.ours(row):
        raise NotFound("no such request")
    if row.group_name not in {one.name for one in groups}:
        return row, shell, None
    keys = purposes.data_keys(house, Use.rights, [row.inquiry_id])
    return row, shell, keys.get((row.inquiry_id, row.group_name))
