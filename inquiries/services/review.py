"""The review that the officer signs: accesses that are marked, holds that run, and whether one is missing.

Marks are made anew from the records each time, by `rules/unusual.py`; what was signed stands in the ledger.
Of a hold its basis is told, never the reason, which stays sealed (P14, P25, P26).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from inquiries import clock
from inquiries.errors import JobBusy, ReasonRequired, WrongState
from inquiries.rules import unusual
from inquiries.rules.permissions import Permission
from inquiries.rules.retention import due_at
from inquiries.rules.unusual import OPENINGS, Access, Mark
from inquiries.services import mail, people, publishing, records, refusals
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.house import House
from inquiries.stores import ledger
from inquiries.stores.live import holds

SHOWN: Final = 12  # signed reviews
HOLDS_SHOWN: Final = 50  # of those that have run for long
LONG: Final = timedelta(days=366)  # longer than any year: by then a hold's basis may have ended unnoticed
_NAMED: Final = 50  # numbers of marked records that a signed review names for each person and mark


@dataclass(frozen=True)
class Tally:
    """How often one person was marked so; `numbers` of the first of these records."""

    staff: int
    who: str
    mark: Mark
    count: int
    first: datetime
    last: datetime
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class LongHold:
    """A hold that runs on an inquiry which was first held more than a year ago."""

    inquiry_id: int
    basis: str
    placed_at: datetime
    until: datetime


@dataclass(frozen=True)
class Holds:
    """How many holds run, how many of them for longer than a year, and the oldest of those."""

    running: int
    long: int
    oldest: tuple[LongHold, ...]


@dataclass(frozen=True)
class Pending:
    """What a review signed now would cover: the access records after `after`, up to `up_to`; the holds."""

    after: int
    up_to: int
    since: datetime | None
    openings: int
    refusals: int
    people: int
    tallies: tuple[Tally, ...]
    holds: Holds

    @property
    def marked(self) -> int:
        """How many marks there are."""
        return sum(one.count for one in self.tallies)


@dataclass(frozen=True)
class Signed:
    """A review that was signed, by the number of its record; before holds were counted, `holds` is None."""

    record: int
    at: datetime
    who: str
    up_to: int
    openings: int
    marked: int
    holds: int | None
    long_holds: int | None
    remark: str


@dataclass(frozen=True)
class State:
    """When the next review is due by the policy, and whether that day has passed."""

    due: datetime
    missing: bool


def state(house: House) -> State | None:
    """Where the review stands; None while nothing was accessed yet.

    Counted from the last one that was signed, before the first from the first access.
    """
    last = records.latest(house, "operation", "review")
    begun = _first_access(house) if last is None else last[0]
    if begun is None:
        return None
    policy = publishing.in_force(house).policy
    due = due_at(begun, policy.records.review, policy.time_zone) or begun
    return State(due, clock.now() >= due)


def remind(house: House) -> bool:
    """Mail the officer, once, about a review that is missing; recorded. False where there is nothing to say.

    Raises:
        JobBusy: another process is at it.
    """
    now = state(house)
    if now is None or not now.missing or house.settings.relay is None:
        return False
    with house.ledger.job("review_reminder"):
        before = records.latest(house, "operation", "review_reminded")
        if before is not None and before[0] >= now.due:
            return False
        policy = publishing.in_force(house).policy
        day = now.due.astimezone(ZoneInfo(policy.time_zone)).date().isoformat()
        with house.live.write() as connection:
            mail.queue(
                house, connection, kind=mail.Kind.review_missing, to=policy.officer.email,
                language=policy.languages[0], facts={"day": day},
            )  # fmt: skip
        records.append(house, "operation", {"act": "review_reminded", "due": day})
        return True


def pending(house: House, actor: Actor) -> Pending:
    """What there is to review; this look is recorded, and not among it. Raises NotFound."""
    refusals.permit(house, actor, Permission.see_ledger)
    number = records.access(house, act="review_accesses", actor=actor)
    return _pending(house, number - 1)


def sign(house: House, actor: Actor, up_to: int, remark: str) -> Signed:
    """Sign what `pending` showed; recorded, with figures, marks, the remark, and how many holds run by now.

    Raises:
        NotFound: not this person's to sign.
        WrongState: somebody signed meanwhile, or there is no such record.
        ReasonRequired: something is marked, and it does not say what was found.
    """
    refusals.permit(house, actor, Permission.see_ledger)
    remark = on_one_line(remark)
    try:
        with house.ledger.job("review"):
            return _sign(house, actor, up_to, remark)
    except JobBusy:
        raise WrongState("somebody else signs at this moment") from None


def signed(house: House) -> tuple[Signed, ...]:
    """The last reviews that were signed, the newest first."""
    return tuple(
        _of_body(number, at, body) for number, at, body in records.newest(house, "operation", "review", SHOWN)
    )


def _sign(house: House, actor: Actor, up_to: int, remark: str) -> Signed:
    found = _pending(house, up_to)
    newest = records.heads(house).get("access", (0, b""))[0]
    if not found.after < up_to <= newest:
        raise WrongState("what was shown is signed already, or is not there")
    if found.marked and not remark:
        raise ReasonRequired("what is marked is signed with a remark")
    body: dict[str, Any] = {
        "act": "review", "staff": actor.staff_id, "email": actor.email, "after": found.after, "up_to": up_to,
        "openings": found.openings, "refusals": found.refusals, "people": found.people,
        "marked": found.marked,
        "marks": [[one.staff, one.mark.value, one.count, *one.numbers] for one in found.tallies],
        "holds": found.holds.running, "long_holds": found.holds.long,
        "remark": remark,
    }  # fmt: skip
    return _of_body(records.append(house, "operation", body), clock.now(), body)


def _of_body(number: int, at: datetime, body: dict[str, Any]) -> Signed:
    return Signed(
        number, at, body["email"], body["up_to"], body["openings"], body["marked"], body.get("holds"),
        body.get("long_holds"), body["remark"],
    )  # fmt: skip


# -- which holds run -------------------------------------------------------------------------------


def _holds(house: House) -> Holds:
    now = clock.now()
    with house.live.read() as connection:
        running, long = holds.tally(connection, now, now - LONG)
        oldest = holds.of_long_held(connection, now, now - LONG, HOLDS_SHOWN)
    return Holds(
        running,
        long,
        tuple(LongHold(row.inquiry_id, row.basis, row.placed_at, row.until) for row in oldest),
    )


# -- what is marked --------------------------------------------------------------------------------


def _pending(house: House, up_to: int) -> Pending:
    last = records.latest(house, "operation", "review")
    after = 0 if last is None else int(last[1]["up_to"])
    policy = publishing.in_force(house).policy
    counted = _Counted(after)
    tallies: dict[tuple[int, Mark], list[Access]] = {}
    counts: dict[tuple[int, Mark], int] = {}
    stream = counted.passing(_accesses(house, after, up_to))
    for access, mark in unusual.marked(stream, policy.records.unusual, policy.time_zone):
        if access.n > after:
            of = tallies.setdefault((access.staff, mark), [])
            of[_NAMED:] = [access]  # the first ones, and the last
            counts[access.staff, mark] = counts.get((access.staff, mark), 0) + 1
    known = {one.id: one.email for one in people.everyone(house)}
    return Pending(
        after=after,
        up_to=up_to,
        since=None if last is None else last[0],
        openings=counted.openings,
        refusals=counted.refusals,
        people=len(counted.people),
        tallies=tuple(
            Tally(
                staff, known.get(staff, str(staff)), mark, counts[staff, mark], of[0].at, of[-1].at,
                tuple(one.n for one in of[:_NAMED]),
            )
            for (staff, mark), of in sorted(tallies.items(), key=lambda one: -counts[one[0]])
        ),
        holds=_holds(house),
    )  # fmt: skip


class _Counted:
    """Counts what passes by on its way to the rules, from the first record that is to be reviewed on."""

    def __init__(self, after: int) -> None:
        self._after = after
        self.openings = self.refusals = 0
        self.people: set[int] = set()

    def passing(self, accesses: Iterator[Access]) -> Iterator[Access]:
        for access in accesses:
            if access.n > self._after:
                self.refusals += access.refused
                if access.act in OPENINGS and not access.refused:
                    self.openings += 1
                    self.people.add(access.staff)
            yield access


def _accesses(house: House, after: int, up_to: int) -> Iterator[Access]:
    """The accesses of people up to this number, from a day before the first that is to be reviewed."""
    with house.ledger.read() as connection:
        first = next(iter(ledger.read(connection, "access", after, 1)), None)
        begin = 0 if first is None else ledger.last_before(connection, "access", first.at - unusual.DAY)
        for entry in ledger.read_all(connection, "access", min(begin, after)):
            if entry.n > up_to:
                return
            access = _access(entry)
            if access is not None:
                yield access


def _access(entry: ledger.Entry) -> Access | None:
    """What the rules ask of a record; None where it names nobody, or its period is over."""
    labels = entry.labels
    if labels is None or labels.staff is None or entry.body is None:
        return None
    refused = labels.outcome == "refused"
    opened = labels.act in OPENINGS and not refused
    other_type = opened and json.loads(entry.body).get("detail", {}).get("other_type") == "yes"
    return Access(entry.n, entry.at, labels.staff, labels.act, refused, other_type)


def _first_access(house: House) -> datetime | None:
    with house.ledger.read() as connection:
        found = ledger.read(connection, "access", 0, 1)
    return found[0].at if found else None
