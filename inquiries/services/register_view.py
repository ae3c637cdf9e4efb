"""The register of rights as officers read it: who gave or took what, when, for whom, why; changes none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from inquiries import clock
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import records
from inquiries.services.house import House
from inquiries.services.register import OPERATOR, TIME
from inquiries.stores import ledger
from inquiries.stores.live import staff
from inquiries.stores.types import from_microseconds

PAGE: Final = 50
GLASS_SHOWN: Final = timedelta(days=30)  # DESIGN §5

_BATCH = 500
_CONFIRMED = 100  # more restores and losses than a month has


@dataclass(frozen=True)
class RightsRecord:
    """One record. `by` is an address, or OPERATOR or TIME; what an act does not have is None or empty."""

    n: int
    at: datetime
    act: str
    staff_id: int
    email: str
    by: str
    roles: Mapping[Role, frozenset[str]] | None = None
    reason: str | None = None
    glass: str | None = None
    inquiry: int | None = None
    until: datetime | None = None
    on: date | None = None
    plan: str | None = None


@dataclass(frozen=True)
class Glass:
    """What the operator did in an officer's stead, and why; `email` is of whom, None if of nobody."""

    at: datetime
    act: str
    reason: str
    email: str | None = None


@dataclass(frozen=True)
class RegisterPage:
    """Up to `PAGE` records, the newest first; `next` is the number to go on below."""

    rows: tuple[RightsRecord, ...]
    next: int | None


def page(
    house: House, *, staff_id: int | None = None, act: str | None = None, before: int | None = None
) -> RegisterPage:
    """One page of the register: of one person, of one kind of act, or whole."""
    found: list[RightsRecord] = []
    for one in _newest_first(house, before):
        if staff_id in (None, one.staff_id) and act in (None, one.act):
            found.append(one)
            if len(found) > PAGE:
                break
    rows = tuple(found[:PAGE])
    return RegisterPage(rows, rows[-1].n if len(found) > PAGE else None)


def broken_glass(house: House) -> tuple[Glass, ...]:
    """What the operator did in an officer's stead in the last 30 days, the newest first.

    Of the other chains it reads only what accepted a restore or a loss (DESIGN §3, Restore).
    """
    since = clock.now() - GLASS_SHOWN
    accepted = records.newest(house, "operation", "confirm_loss", _CONFIRMED, since)
    found = [Glass(at, body["act"], body["break_glass"]) for _, at, body in accepted if "break_glass" in body]
    for one in _newest_first(house, None):
        if one.at <= since:
            break
        if one.glass is not None:
            found.append(Glass(one.at, one.act, one.glass, one.email))
    return tuple(sorted(found, key=lambda one: one.at, reverse=True))


def _newest_first(house: House, before: int | None) -> Iterator[RightsRecord]:
    """Batch by batch, as far as somebody reads; what has ended, or is about nobody, is left out."""
    names: dict[int, str] | None = None
    while True:
        with house.ledger.read() as connection:
            batch = ledger.read_back(connection, "rights", before, _BATCH)
        if not batch:
            return
        if names is None:
            with house.live.read() as connection:
                names = {person.id: person.email for person in staff.everyone(connection)}
        for entry in batch:
            body = json.loads(entry.body or "{}")
            if "staff" in body:
                yield _record(entry.n, entry.at, body, names)
        before = batch[-1].n


def _record(n: int, at: datetime, body: Mapping[str, Any], names: Mapping[int, str]) -> RightsRecord:
    detail, who, by = body["detail"], int(body["staff"]), body["by"]
    until = detail.get("until")
    return RightsRecord(
        n=n,
        at=at,
        act=body["act"],
        staff_id=who,
        email=detail.get("email") or names.get(who, str(who)),
        by=by if by in (OPERATOR, TIME) else names.get(by, str(by)),
        roles=_roles(detail) if "roles" in detail else None,
        reason=detail.get("reason"),
        glass=detail.get("break_glass"),
        inquiry=int(detail["inquiry"]) if "inquiry" in detail else None,
        until=None if until is None else from_microseconds(until),
        on=date.fromisoformat(detail["on"]) if "on" in detail else None,
        plan=detail.get("plan"),
    )


def _roles(detail: Mapping[str, Any]) -> dict[Role, frozenset[str]]:
    return {
        Role(role): frozenset(detail["types"]) if role == Role.consultation else ALL_TYPES
        for role in detail["roles"]
    }
