"""What the officer sees of the ledger: by chain, act, person, inquiry and period, each look on record (P25).

Reads nothing that the records do not say, and of one inquiry what its tombstones say: ids of inquiries lead
nowhere once these are gone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.rules.permissions import Permission
from inquiries.rules.unusual import OPENINGS
from inquiries.services import certificates, destroyed_parts, intents, people, publishing, records, refusals
from inquiries.services.actor import Actor
from inquiries.services.certificates import InquiryCertificate
from inquiries.services.destroyed_parts import DestroyedParts
from inquiries.services.house import House
from inquiries.stores import ledger, ledger_pages

PAGE: Final = 50
LOOKED_BACK: Final = timedelta(days=30)

#: What a line shows in a place of its own, or what is too long for one and nobody's business on a page.
_SHOWN_APART: Final = frozenset({"act", "outcome", "staff", "email", "inquiry", "reason", "from", "by"})
_LEFT_OUT: Final = frozenset({"source", "forecast", "heads", "since", "digest", "looked_at", "inquiries"})
_OF_INTENTS: Final = frozenset({"cohorts", "groups"})  # whom an intent names; said by reasons and numbers


@dataclass(frozen=True)
class Asked:
    """Which records somebody wants to see; `first` and `last` are days in the policy's time zone."""

    chain: records.Chain = "access"
    act: str | None = None
    staff: int | None = None
    inquiry: int | None = None
    outcome: str | None = None
    first: date | None = None
    last: date | None = None
    before: int | None = None


@dataclass(frozen=True)
class Line:
    """One record; `who` is the address of who did it (or whose rights it is about), `by` who granted them.

    `facts`: what else it says, by name; of lists only how many. `reasons`: of an intent, why groups are
    destroyed, and how many for each reason.
    """

    n: int
    at: datetime
    act: str
    outcome: str | None
    staff: int | None
    who: str
    by: str
    inquiry: int | None
    reason: str
    address: str
    facts: Mapping[str, str]
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class LedgerPage:
    """Up to `PAGE` records, the newest first; `next` is what to give as `before` for the following page.

    `record` is the number of the access record that this look wrote; `destroyed`: what was destroyed of the
    inquiry that was asked for, None where nothing was.
    """

    lines: tuple[Line, ...]
    next: int | None
    acts: tuple[str, ...]
    people: Mapping[int, str]
    record: int
    destroyed: DestroyedParts | None = None


@dataclass(frozen=True)
class Figures:
    """What is said first: of the last 30 days how many openings, by how many people, and refusals.

    `sealed_at`: when the chains' heads were sealed last; None before the first officer has enrolled.
    """

    openings: int
    refusals: int
    records: int
    sealed_at: datetime | None


def page(house: House, actor: Actor, asked: Asked) -> LedgerPage:
    """One page of the records that were asked for; recorded, with what was asked.

    Raises:
        NotFound: not this person's to see.
    """
    refusals.permit(house, actor, Permission.see_ledger)
    destroyed = None if asked.inquiry is None else _destroyed(house, asked.inquiry)
    wanted = _wanted(house, asked, destroyed)
    with house.ledger.read() as connection:
        found = ledger_pages.page(connection, wanted, PAGE + 1)
        acts = ledger_pages.acts(connection, asked.chain)
    rows, more = found[:PAGE], len(found) > PAGE
    detail = {"chain": asked.chain, "rows": str(len(rows))}
    detail |= {name: str(value) for name, value in (("act", asked.act), ("outcome", asked.outcome)) if value}
    if asked.staff is not None:
        detail["person"] = str(asked.staff)
    number = records.access(house, act="read_ledger", actor=actor, subject=asked.inquiry, detail=detail)
    known = {one.id: one.email for one in people.everyone(house)}
    lines = tuple(_line(entry, known) for entry in rows)
    return LedgerPage(lines, rows[-1].n if more else None, tuple(acts), known, number, destroyed)


def proof(house: House, actor: Actor, inquiry_id: int) -> InquiryCertificate:
    """The signed proof of what was destroyed of an inquiry, as its receipt code would give it; recorded.

    Raises:
        NotFound: not this person's to see, or nothing was destroyed of it.
    """
    refusals.permit(house, actor, Permission.see_ledger)
    found = certificates.of_inquiry(house, inquiry_id)
    records.access(house, act="take_proof", actor=actor, subject=inquiry_id)
    return found


def _destroyed(house: House, inquiry_id: int) -> DestroyedParts | None:
    try:
        return destroyed_parts.of_inquiry(house, inquiry_id)
    except NotFound:
        return None


def figures(house: House) -> Figures:
    """The figures of the last 30 days."""
    with house.ledger.read() as connection:
        above = ledger.last_before(connection, "access", clock.now() - LOOKED_BACK)

        def many(act: str | None = None, outcome: str | None = None) -> int:
            return ledger_pages.count(connection, ledger_pages.Wanted("access", act, outcome, above=above))

        openings = sum(many(act, "done") for act in sorted(OPENINGS))
        refusals, total = many(outcome="refused"), many()
    return Figures(openings, refusals, total, records.last_sealed(house))


# -- what was asked --------------------------------------------------------------------------------


def _wanted(house: House, asked: Asked, destroyed: DestroyedParts | None = None) -> ledger_pages.Wanted:
    above, below = 0, asked.before
    zone = ZoneInfo(publishing.in_force(house).policy.time_zone)
    with house.ledger.read() as connection:
        if asked.first is not None:
            above = ledger.last_before(connection, asked.chain, datetime.combine(asked.first, time(), zone))
        if asked.last is not None:
            end = datetime.combine(asked.last + timedelta(days=1), time(), zone)
            until = ledger.last_before(connection, asked.chain, end) + 1
            below = until if below is None else min(below, until)
    numbers: tuple[int, ...] = ()
    if asked.chain == "destruction" and destroyed is not None:  # an intent names many inquiries
        numbers = tuple(sorted({part.stone.intent for part in destroyed.parts}))
    if asked.chain == "access" and asked.inquiry is not None:  # so does an export
        with house.ledger.read() as connection:
            exported = ledger_pages.Wanted("access", act="export")
            numbers = ledger_pages.holding(connection, exported, f" {asked.inquiry} ")
    return ledger_pages.Wanted(
        chain=asked.chain, act=asked.act, outcome=asked.outcome, staff=asked.staff, inquiry=asked.inquiry,
        numbers=numbers, above=above, below=below,
    )  # fmt: skip


def _line(entry: ledger.Entry, known: Mapping[int, str]) -> Line:
    body: dict[str, Any] = json.loads(entry.body or "{}")
    labels = records.labels_of(body)
    by = body.get("by", "")
    detail = body.get("detail") if isinstance(body.get("detail"), dict) else {}
    rest = {name: value for name, value in {**body, **(detail or {})}.items() if name != "detail"}
    reasons: Mapping[str, int] = {}
    if labels.act == "intent":
        rest = {name: value for name, value in rest.items() if name not in _OF_INTENTS}
        reasons = _reasons(body)
    return Line(
        n=entry.n,
        at=entry.at,
        act=labels.act,
        outcome=labels.outcome,
        staff=labels.staff,
        who=body.get("email") or known.get(labels.staff or 0, "") or str(rest.get("email", "")),
        by=known.get(by, str(by)) if by else "",
        inquiry=labels.inquiry,
        reason=str(body.get("reason", "")),
        address=str(body.get("from", "")),
        facts={name: _short(value) for name, value in sorted(rest.items()) if _is_fact(name, value)},
        reasons=reasons,
    )


def _is_fact(name: str, value: object) -> bool:
    return name not in _SHOWN_APART and name not in _LEFT_OUT and value is not None


def _reasons(intent: Mapping[str, Any]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for cohort in intents.read(intent):
        counts[cohort.reason] += len(cohort.members)
    return dict(sorted(counts.items()))


def _short(value: object) -> str:
    """A fact in few characters: a list of plain words as they are, anything longer by its number."""
    if isinstance(value, list | dict):
        plain = isinstance(value, list) and len(value) <= 5 and all(isinstance(one, str) for one in value)  # noqa: PLR2004
        return ", ".join(value) if plain else str(len(value))
    return str(value)
