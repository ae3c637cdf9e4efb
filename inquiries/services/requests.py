"""A request as everybody writes it, the person and staff alike: with its deadline, sealed and proved.

Whoever writes one holds the data key of the group it is about: the receipt opens it on the public surface,
the keys store for staff. Stores and settles none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import SealBroken
from inquiries.policy.model import Policy
from inquiries.rules import deadlines
from inquiries.rules import requests as rules
from inquiries.rules.requests import Because, Channel, Kind
from inquiries.rules.retention import MAIN, due_at
from inquiries.sealing import items, links
from inquiries.sealing import requests as sealing
from inquiries.services import publishing
from inquiries.services.house import House
from inquiries.services.ids import new_id
from inquiries.stores.live import archivals, holds, inquiries
from inquiries.stores.live import requests as live
from inquiries.stores.types import to_microseconds

ONE_COPY = timedelta(hours=1)


@dataclass(frozen=True)
class Asked:
    """What is asked for an inquiry; `detail` is sealed: the new texts of a correction.

    `subject` is the purpose of a withdrawal, or the names of the items to correct, parted by spaces. `at`:
    when, if that was before it is written down; its deadline runs from then.
    """

    inquiry_id: int
    kind: Kind
    subject: str = ""
    detail: Mapping[str, str] = field(default_factory=dict, repr=False)
    group: str = MAIN
    channel: Channel = Channel.receipt
    at: datetime | None = None


def written(dek: bytes, asked: Asked, policy: Policy) -> live.NewRequest:
    """The request of this moment, to be inserted; `policy` is the one in force, whose deadline it gets.

    `dek` is the key of the group, or, of a request by a link, the link's (`links.proving_key`).
    """
    at, request_id = asked.at or clock.now(), new_id()
    deadline = deadlines.of_request(at, policy)
    sealed = None
    if asked.detail:
        text = json.dumps(dict(asked.detail), ensure_ascii=False)
        sealed = items.seal_item(dek, asked.inquiry_id, asked.group, _item(request_id), text)
    row = live.NewRequest(
        request_id, asked.inquiry_id, asked.kind, asked.subject, asked.group, asked.channel,
        at, deadline.target_at, deadline.limit_at, sealed, b"",
    )  # fmt: skip
    return live.NewRequest(**(vars(row) | {"proof": sealing.prove(dek, _covered(row))}))


def is_new(kind: Kind, before: Iterable[live.RequestRow], now: datetime) -> bool:
    """Whether the state in which the inquiry already is leaves something to ask: what is asked twice is once.

    The file and the page of one copy are one request.
    """
    rows = list(before)
    if kind is Kind.copy:
        return all(row.kind != Kind.copy or now - row.asked_at > ONE_COPY for row in rows)
    deleting = any(row.kind == Kind.delete and row.pending for row in rows)
    ending = max((row.id for row in rows if row.kind == Kind.resume and row.pending), default=0)
    suspended = any(
        row.suspends
        and row.id > ending
        and (row.kind == Kind.suspend or (row.because == Because.lost and kind is Kind.resume))
        for row in rows
    )
    return rules.may_ask(kind, suspended=suspended, deleting=deleting)


def facts(house: House, connection: Connection, row: inquiries.InquiryRow, now: datetime) -> rules.Facts:
    """What can stand against a request for this inquiry, as the live store has it in this transaction.

    A minimum that the policy in force has no more, or a shorter one, is the one that counts.
    """
    policies = (publishing.version(house, row.policy_version).policy, publishing.in_force(house).policy)
    ends = [
        due_at(row.received_at, policy.minimum, policy.time_zone) if policy.minimum else now
        for policy in policies
    ]
    return rules.Facts(
        held_until=holds.held_until(connection, row.id, now),
        minimum_until=min((end for end in ends if end is not None), default=None),
        statute_until=archivals.kept_until(connection, row.id),
    )


def is_proved(dek: bytes | None, row: live.NewRequest) -> bool:
    """Whether a holder of the group's key wrote it, or of a link that came from it; no key, no proof."""
    if dek is None:
        return False
    if row.channel in rules.LINKED:
        dek = links.proving_key(links.secret(dek, row.channel, row.inquiry_id, row.group_name))
    return proved_by(dek, row)


def proved_by(key: bytes, row: live.NewRequest) -> bool:
    """Whether it was proved by this very key: of the group, or of a link."""
    try:
        sealing.verify(key, _covered(row), row.proof)
    except SealBroken:
        return False
    return True


def detail(dek: bytes, row: live.NewRequest) -> dict[str, str]:
    """What it says; empty when it says nothing, or was settled. Raises SealBroken."""
    if row.sealed is None:
        return {}
    text = items.open_item(dek, row.inquiry_id, row.group_name, _item(row.id), row.sealed)
    return {str(name): str(value) for name, value in json.loads(text).items()}


def sealed_evidence(dek: bytes, row: live.NewRequest, said: Mapping[str, str]) -> bytes:
    """What staff write of a request: who asked, how she proved it, why it was refused."""
    text = json.dumps(dict(said), ensure_ascii=False)
    return items.seal_item(dek, row.inquiry_id, row.group_name, _evidence(row.id), text)


def evidence(dek: bytes, row: live.RequestRow) -> dict[str, str]:
    """The inverse; empty where nothing was written. Raises SealBroken."""
    if row.evidence is None:
        return {}
    text = items.open_item(dek, row.inquiry_id, row.group_name, _evidence(row.id), row.evidence)
    return {str(name): str(value) for name, value in json.loads(text).items()}


def _covered(row: live.NewRequest) -> sealing.Request:
    return sealing.Request(
        id=row.id,
        inquiry_id=row.inquiry_id,
        group=row.group_name,
        kind=row.kind,
        subject=row.subject,
        channel=row.channel,
        asked_at=to_microseconds(row.asked_at),
        target_at=to_microseconds(row.target_at),
        limit_at=to_microseconds(row.limit_at),
        sealed=row.sealed or b"",
    )


def _item(request_id: int) -> str:
    """Under which name the detail is sealed: it opens in no other request, and as no item."""
    return f"request-{request_id}"


def _evidence(request_id: int) -> str:
    return f"request-{request_id}-evidence"
