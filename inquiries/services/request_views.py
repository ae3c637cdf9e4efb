"""How requests look to the officer: a line of the list, a record of the ledger; permits nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from inquiries.rules import requests as rules
from inquiries.rules.deadlines import Lateness
from inquiries.rules.requests import Kind, State
from inquiries.services import request_deadlines
from inquiries.services.house import House
from inquiries.stores import ledger_pages
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live.requests import RequestRow

PAGE = 50


@dataclass(frozen=True)
class Line:
    """One request in the list; `owner` is the address of the officer who sees to it, None: nobody yet."""

    id: int
    inquiry_id: int
    type: str
    kind: Kind
    channel: str
    asked_at: datetime
    target_at: datetime
    limit_at: datetime
    state: State
    because: str | None
    until: datetime | None
    owner: str | None
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


def line(row: RequestRow, type_name: str, known: Mapping[int, str], now: datetime) -> Line:
    """One request as it stands; `known`: staff by number."""
    return Line(
        id=row.id,
        inquiry_id=row.inquiry_id,
        type=type_name,
        kind=Kind(row.kind),
        channel=row.channel,
        asked_at=row.asked_at,
        target_at=row.target_at,
        limit_at=row.limit_at,
        state=State(row.state),
        because=row.because,
        until=row.until,
        owner=None if row.owner is None else known.get(row.owner, str(row.owner)),
        lateness=request_deadlines.lateness(row, now),
        runs=rules.runs(row.state, row.because),
    )


def events(
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
