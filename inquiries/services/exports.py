"""Exports: what a purpose covers leaves once, encrypted, on record, and in a bounded number (P02, P29).

Nothing stands in clear on any disk. What is withdrawn, suspended, due or destroyed at the moment of the
record is not in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from inquiries import clock
from inquiries.errors import FieldError, InvalidExport, NotRegistered, SealBroken
from inquiries.policy.model import Policy
from inquiries.rules import minors
from inquiries.rules.exporting import Format, written
from inquiries.rules.permissions import Permission, Role
from inquiries.rules.purposes import Use
from inquiries.rules.requests import UNSUBSCRIBE
from inquiries.rules.retention import MAIN
from inquiries.sealing import items, openpgp
from inquiries.services import (
    encrypting,
    linking,
    openings,
    provision,
    publishing,
    purposes,
    records,
    refusals,
    unsubscribing,
)
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.services.provision import Party, Way
from inquiries.services.unsubscribing import Agreed, scope_of
from inquiries.stores import ledger, ledger_pages
from inquiries.stores.live import exports as live
from inquiries.stores.live import openings as live_openings
from inquiries.stores.live import requests

MOST_ROWS = 5_000  # of one file: it is made in memory
MOST_A_DAY = 5  # of one officer, in 24 hours
_DAY = timedelta(hours=24)
_GATE = "exports"
_TRIES = 5
_BEGINNING, _END = date(1970, 1, 1), date(9998, 12, 31)


@dataclass(frozen=True)
class Wish:
    """What an officer asks for; days are whole ones in the policy's time zone, the last one included."""

    purpose: str
    to: str = ""  # for whom: a key path of the register of processors and recipients; empty: for ourselves
    type: str | None = None  # None: all
    first: date | None = None
    last: date | None = None
    form: str = Format.csv
    reason: str | None = None
    certificate: str = ""
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True)
class Export:
    """The encrypted file, and how many inquiries it holds."""

    name: str
    sealed: bytes = field(repr=False)
    count: int


@dataclass(frozen=True)
class _Order:
    """A wish that was found in order."""

    purpose: str
    to: str
    group: str
    types: frozenset[str]
    received: tuple[datetime, datetime]
    form: Format
    reason: str
    recipient: openpgp.Recipient


@dataclass(frozen=True)
class _Taken:
    """A row in clear, and what tells the person of it."""

    id: int
    cells: dict[str, str] = field(repr=False)
    items: tuple[str, ...]  # the names of those in it
    entry: live_openings.OpeningRow | None


def export(house: House, actor: Actor, wish: Wish) -> Export:
    """Make one file of what the purpose covers now; recorded, and told to each person, before it is given.

    Raises:
        NotFound: not this person's to export.
        InvalidExport: what is missing or wrong, that nothing fits, or that it was enough for today.
    """
    if not actor.may(Permission.export).allowed:
        refusals.refuse(house, actor, Permission.export)
    published = publishing.in_force(house)
    order = _checked(house, published.policy, wish)
    party = _party(house, actor, order) if order.to else None
    taken = _opened(house, actor, order, published.policy, party)
    for _ in range(_TRIES):
        if not taken:
            raise _invalid("purpose", "nothing")
        about = {"purpose": order.purpose, "exported": clock.now().isoformat()}
        content = written(order.form, about, [one.cells for one in taken])
        sealed = openpgp.seal(content, order.recipient)
        standing = _recorded(house, actor, order, party, taken)
        if len(standing) == len(taken):
            name = f"inquiries-{order.purpose}-{clock.now():%Y%m%d-%H%M%S}.{order.form}.pgp"
            return Export(name, sealed, len(taken))
        taken = [one for one in taken if one.id in standing]
    raise _invalid("purpose", "moving")


def left_today(house: House, actor: Actor) -> int:
    """How many exports this person may still make within these 24 hours."""
    with house.ledger.read() as connection:
        above = ledger.last_before(connection, "access", clock.now() - _DAY)
        wanted = ledger_pages.Wanted("access", "export", "done", actor.staff_id, above=above)
        made = ledger_pages.count(connection, wanted)
    return max(0, MOST_A_DAY - made)


def _recorded(
    house: House, actor: Actor, order: _Order, party: Party | None, taken: Sequence[_Taken]
) -> frozenset[int]:
    """What may still be used; recorded where that is all of it.

    In one transaction: whoever suspends or withdraws now waits until the export is written down, and is told
    of it; whoever came first is heeded. The limit is counted under a gate, so that two at once are two.
    """
    ids = [one.id for one in taken]
    with house.live.write() as connection:
        house.live.gate(connection, _GATE, exclusive=True)
        requests.hold_still(connection, *ids)
        standing = live.usable(connection, ids, purpose=order.purpose, group=order.group, now=clock.now())
        if len(standing) < len(ids):
            return standing
        if not left_today(house, actor):
            raise _invalid("purpose", "enough")
        entries = [one.entry for one in taken if one.entry is not None]
        if entries:
            live_openings.add(connection, *entries)
        record = records.access(
            house, act="export", actor=actor, reason=order.reason, detail=_detail(order, ids)
        )
        if party is not None:
            names = sorted({name for one in taken for name in one.items})
            provision.record(
                house,
                Way.export,
                party,
                actor=actor,
                items=names,
                inquiries=ids,
                purpose=order.purpose,
                export=record,
            )
    return standing


def _party(house: House, actor: Actor, order: _Order) -> Party:
    """Who stands in the register, for what this purpose covers. Raises InvalidExport, on record."""
    try:
        return provision.gate(house, Way.export, order.to, consent=order.purpose, actor=actor)
    except NotRegistered as refused:
        raise _invalid("to", str(refused)) from None


def _detail(order: _Order, ids: Sequence[int]) -> dict[str, str]:
    first, before = order.received
    return {
        "purpose": order.purpose,
        "types": " ".join(sorted(order.types)),
        "received_from": first.isoformat(),
        "received_before": before.isoformat(),
        "form": order.form,
        "to": order.recipient.name,
        "rows": str(len(ids)),
        "inquiries": f" {' '.join(str(one) for one in ids)} ",  # each between spaces, to be found by it
    }


def _opened(house: House, actor: Actor, order: _Order, policy: Policy, party: Party | None) -> list[_Taken]:
    with house.live.read() as connection:
        rows = live.rows(
            connection,
            purpose=order.purpose,
            group=order.group,
            types=order.types,
            received=order.received,
            now=clock.now(),
            limit=MOST_ROWS + 1,
        )
    if len(rows) > MOST_ROWS:
        raise _invalid("first", "too_many", max=MOST_ROWS)
    found = purposes.data_keys(house, Use.export, [row.id for row in rows], group=order.group, actor=actor)
    made = (_row(house, found, order, row, policy, party) for row in rows)
    taken = {one.id: one for one in made if one is not None}
    mailed = [row for row in rows if row.id in taken and UNSUBSCRIBE in taken[row.id].cells]
    agreed = [
        Agreed(row.id, scope_of(order.group, row.type), taken[row.id].cells, row.agreed_at) for row in mailed
    ]
    ended = unsubscribing.unwanted(house, policy, agreed)
    return [one for one in taken.values() if one.id not in ended]


def _row(
    house: House,
    found: dict[tuple[int, str], DataKey],
    order: _Order,
    row: live.ExportRow,
    policy: Policy,
    party: Party | None,
) -> _Taken | None:
    """None where no key opens it: it was destroyed meanwhile, or is among what the officer was told of."""
    key, main = found.get((row.id, order.group)), found.get((row.id, MAIN))
    if key is None:
        return None
    try:
        opened = items.open_items(key.dek, row.id, order.group, items.unpack(row.sealed))
    except SealBroken:
        return None
    opened = {name: text for name, text in opened.items() if party is None or party.takes(name)}
    zone = ZoneInfo(policy.time_zone)
    cells = {
        "inquiry": str(row.id),
        "type": row.type,
        "state": row.state,
        "received": row.received_at.astimezone(zone).isoformat(timespec="seconds"),
        "agreed": row.agreed_at.astimezone(zone).isoformat(timespec="seconds"),
        "delete_by": "" if row.due_at is None else row.due_at.astimezone(zone).isoformat(timespec="seconds"),
    }
    if order.group != MAIN or row.due_at is None:  # until she says no: so she must be able to
        cells[UNSUBSCRIBE] = linking.address(house, key, UNSUBSCRIBE)
    entry = None
    if main is not None:
        to = "" if party is None else party.entry.name.text(policy.languages[0])
        entry = openings.written(
            main.dek, row.id, Role.privacy, order.reason, clock.now(), act="export", to=to
        )
    guardian = minors.of(opened)
    declared = {name: text for name, text in opened.items() if name not in guardian}
    return _Taken(row.id, cells | declared, tuple(declared), entry)


# -- what is asked for ---------------------------------------------------------------------------


def _checked(house: House, policy: Policy, wish: Wish) -> _Order:
    """The wish in order. Raises InvalidExport with every fault."""
    errors: list[FieldError] = []
    purpose = policy.purposes.get(wish.purpose)
    if purpose is None:
        errors.append(FieldError("purpose", "required"))
    if wish.type is not None and wish.type not in policy.types:
        errors.append(FieldError("type", "unknown_type"))
    zone = ZoneInfo(policy.time_zone)
    first, last = max(wish.first or _BEGINNING, _BEGINNING), min(wish.last or _END, _END)
    if first > last:
        errors.append(FieldError("last", "before_first"))
    if wish.form not in set(Format):
        errors.append(FieldError("form", "required"))
    reason = on_one_line(wish.reason)
    if not reason:
        errors.append(FieldError("reason", "required"))
    recipient = encrypting.recipient(house, wish.certificate, wish.passphrase, errors)
    if errors or purpose is None or recipient is None:
        raise InvalidExport(tuple(errors))
    return _Order(
        purpose=wish.purpose,
        to=wish.to,
        group=MAIN if purpose.required else wish.purpose,
        types=frozenset(policy.types if wish.type is None else (wish.type,)),
        received=(
            datetime.combine(first, time(), zone),
            datetime.combine(last + timedelta(days=1), time(), zone),
        ),
        form=Format(wish.form),
        reason=reason,
        recipient=recipient,
    )


def _invalid(name: str, code: str, **figures: Any) -> InvalidExport:
    return InvalidExport((FieldError(name, code, figures),))
