"""What the receipt shows: the sender sees her inquiry, and all that became of it (P17); changes nothing.

Runs on the public surface. Unknown and destroyed codes are answered alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from inquiries import clock
from inquiries.errors import SealBroken
from inquiries.policy.model import Policy
from inquiries.rules.correspondence import HERS
from inquiries.rules.correspondence import Kind as Written
from inquiries.rules.entry import Evidence
from inquiries.rules.requests import WITHOUT_EFFECT, Because, Kind, State, well_formed
from inquiries.rules.retention import MAIN
from inquiries.services import openings, publishing, requests, thread
from inquiries.services.house import House
from inquiries.services.openings import OpeningView
from inquiries.services.receipt_keys import Opened, open_receipt, open_remaining
from inquiries.services.thread import Entry
from inquiries.stores.live import guardians, holds
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import openings as live_openings
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live import thread as live_thread


@dataclass(frozen=True)
class ConsentView:
    """One purpose and what she decided; `withdrawn_at` is when she took her consent back."""

    purpose: str
    given: bool
    policy_version: int
    recorded_at: datetime
    withdrawn_at: datetime | None = None

    @property
    def holds(self) -> bool:
        """Whether the purpose may be followed."""
        return self.given and self.withdrawn_at is None


@dataclass(frozen=True)
class RequestView:
    """One request: by when it is answered, where it stands, and if it waits, why and until when.

    `subject` is a purpose, or the names of items; `reason` is what the officer wrote who refused it.
    """

    id: int
    kind: Kind
    subject: tuple[str, ...]
    channel: str
    asked_at: datetime
    target_at: datetime
    limit_at: datetime
    state: State
    because: str | None
    until: datetime | None
    settled_at: datetime | None
    suspends: bool
    reason: str = field(default="", repr=False)

    @property
    def pending(self) -> bool:
        """Whether nobody has settled it."""
        return self.state in {State.open, State.needs_officer}


@dataclass(frozen=True)
class ReceiptView:
    """Her inquiry; `due_at` is when everything of it will be gone, None when kept until withdrawn.

    `held_until` is the end of the legal hold that keeps it at least until then, None when none runs (P14).
    `items` are in the order of the form; `corrected` are those that are to be written in their place and are
    not yet. `parts` says when each group ends. `evidence`: how she consented, where staff entered it. Moments
    are in the policy's time zone.
    """

    type: str
    state: str
    received_at: datetime
    due_at: datetime | None
    held_until: datetime | None
    items: Mapping[str, str]
    corrected: Mapping[str, str]
    parts: Mapping[str, datetime | None]
    channel: str
    evidence: Evidence | None
    consents: tuple[ConsentView, ...]
    requests: tuple[RequestView, ...]
    openings: tuple[OpeningView, ...]
    thread: tuple[Entry, ...]
    policy_version: int
    policy: Policy
    guardian_until: datetime | None = None  # until when a guardian may agree; None: nobody is waited for

    @property
    def suspended(self) -> bool:
        """Whether she asked that nothing of it be used, and has not taken that back."""
        return any(one.suspends and one.kind is Kind.suspend for one in self.requests)

    @property
    def may_write(self) -> bool:
        """Whether what she writes is read: it is not suspended, and not kept by a hold alone."""
        running = self.due_at is None or clock.now() < self.due_at
        return running and self.guardian_until is None and not any(one.suspends for one in self.requests)

    @property
    def interrupted(self) -> bool:
        """Whether a correction of hers was lost: it is suspended until she sends it again, or resumes."""
        return any(one.pending and one.because == Because.lost for one in self.requests)

    @property
    def resuming(self) -> bool:
        """Whether she has taken a suspension back, and it is about to end."""
        return any(one.pending and one.kind is Kind.resume for one in self.requests)

    @property
    def deletion(self) -> RequestView | None:
        """Her wish that it be deleted, while nobody has settled it."""
        return next((one for one in self.requests if one.kind is Kind.delete and one.pending), None)


@dataclass(frozen=True)
class Left:
    """What is kept for one optional purpose of an inquiry that has ended; `ending`: she withdrew it."""

    purpose: str
    due_at: datetime | None
    items: Mapping[str, str]
    ending: bool


@dataclass(frozen=True)
class Remaining:
    """What is left of an inquiry that has ended; moments in the policy's time zone."""

    type: str
    policy: Policy
    left: tuple[Left, ...]


def remaining(house: House, typed: str) -> Remaining:
    """What an optional consent keeps when the inquiry itself is destroyed: she may still withdraw it (P16).

    Raises:
        NotFound: nothing is left, or the inquiry stands.
        ReceiptMalformed: it cannot be a code; answered just the same.
    """
    opened = open_remaining(house, typed)
    with house.live.read() as connection:
        ended = live_requests.withdrawn(connection, [opened.row.id])
    policy = publishing.version(house, opened.row.policy_version).policy
    zone = ZoneInfo(policy.time_zone)
    left = tuple(
        Left(name, local(group.due_at, zone), opened.items(name), (opened.row.id, name) in ended)
        for name, group in opened.groups.items()
        if name in policy.purposes and name in opened.keys
    )
    return Remaining(opened.row.type, policy, left)


def look(house: House, typed: str) -> ReceiptView:
    """Open the inquiry that this receipt belongs to.

    Raises:
        NotFound: no living inquiry has this code.
        ReceiptMalformed: it cannot be a code; answered just the same.
    """
    return of_opened(house, open_receipt(house, typed))


def of_opened(house: House, opened: Opened, kinds: Collection[Written] = HERS) -> ReceiptView:
    """What is shown of an inquiry that was opened by its receipt. Raises SealBroken."""
    row, now = opened.row, clock.now()
    with house.live.read() as connection:
        consents = live.consents_of(connection, row.id)
        held = holds.held_until(connection, row.id, now)
        asked = _proved(opened, live_requests.of_inquiry(connection, row.id))
        seen = live_openings.of_inquiry(connection, row.id, openings.SHOWN)
        written = live_thread.of_inquiry(connection, row.id)
        waiting = guardians.waiting(connection, [row.id]).get(row.id)
    policy = publishing.version(house, row.policy_version).policy
    zone = ZoneInfo(policy.time_zone)
    items = opened.items(MAIN)
    return ReceiptView(
        type=row.type,
        state=row.state,
        received_at=row.received_at.astimezone(zone),
        due_at=local(opened.groups[MAIN].due_at, zone),
        held_until=local(held, zone),
        items={name: items[name] for name in policy.types[row.type].items if name in items},
        corrected=_corrected(opened, asked),
        parts={name: local(group.due_at, zone) for name, group in opened.groups.items()},
        channel=row.channel,
        evidence=opened.evidence(MAIN),
        consents=tuple(_consents(consents, asked, zone)),
        requests=tuple(
            _view(opened, one, zone)
            for one in asked
            if well_formed(one.kind, one.subject, one.channel, one.group_name)
        ),
        openings=tuple(_openings(opened, seen, zone)),
        thread=tuple(
            replace(one, at=one.at.astimezone(zone))
            for one in thread.opened(opened.keys[MAIN], written, kinds)
        ),
        policy_version=row.policy_version,
        policy=policy,
        guardian_until=local(waiting, zone),
    )


def _proved(opened: Opened, rows: Iterable[live_requests.RequestRow]) -> list[live_requests.RequestRow]:
    """Without what somebody wrote who does not hold the key, and the worker has not refused yet."""
    return [
        row
        for row in rows
        if row.noted_at is not None or requests.is_proved(opened.keys.get(row.group_name), row)
    ]


def _corrected(opened: Opened, asked: Sequence[live_requests.RequestRow]) -> dict[str, str]:
    """What pending corrections will write, the later over the earlier."""
    texts: dict[str, str] = {}
    for row in asked:
        if row.kind == Kind.correct and row.pending and row.group_name in opened.keys:
            texts |= requests.detail(opened.keys[row.group_name], row)
    return texts


def _consents(
    rows: Iterable[live.Consent], asked: Sequence[live_requests.RequestRow], zone: ZoneInfo
) -> Iterator[ConsentView]:
    """A consent counts as withdrawn from the moment it was asked for, its copies destroyed yet or not."""
    withdrawn = {
        row.subject: row.asked_at
        for row in asked
        if row.kind == Kind.withdraw and row.state not in WITHOUT_EFFECT
    }
    for one in rows:
        ended = one.withdrawn_at or withdrawn.get(one.purpose)
        yield ConsentView(
            one.purpose, one.given, one.policy_version, one.recorded_at.astimezone(zone), local(ended, zone)
        )


def _view(opened: Opened, row: live_requests.RequestRow, zone: ZoneInfo) -> RequestView:
    return RequestView(
        id=row.id,
        kind=Kind(row.kind),
        subject=tuple(row.subject.split()),
        channel=row.channel,
        asked_at=row.asked_at.astimezone(zone),
        target_at=row.target_at.astimezone(zone),
        limit_at=row.limit_at.astimezone(zone),
        state=State(row.state),
        because=row.because,
        until=local(row.until, zone),
        settled_at=local(row.settled_at, zone),
        suspends=row.suspends,
        reason=_reason(opened, row),
    )


def _reason(opened: Opened, row: live_requests.RequestRow) -> str:
    if row.state == State.refused and row.group_name in opened.keys:
        with suppress(SealBroken):
            return requests.evidence(opened.keys[row.group_name], row).get("reason", "")
    return ""


def _openings(opened: Opened, rows: list[live_openings.OpeningRow], zone: ZoneInfo) -> Iterator[OpeningView]:
    for one in openings.shown(opened.keys[MAIN], rows):
        yield replace(one, at=one.at.astimezone(zone))


def local(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    """The moment as clocks there show it."""
    return None if moment is None else moment.astimezone(zone)
