"""Tells each who was given something of an inquiry that it was corrected or deleted, once (P20, P36).

Who was given what stands in the ledger's chain `provision`; whom to tell, in the register. The mail holds no
item: it names what was given by the number that stood in the file. It is recorded when the relay took it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from sqlalchemy import Connection

from inquiries.policy.model import REQUIRED_PURPOSE, Policy
from inquiries.rules.retention import MAIN
from inquiries.services import mail, provision, publishing, records
from inquiries.services.house import House
from inquiries.services.mail import Kind, Letter
from inquiries.stores import ledger_pages

#: What tells a receiver of a change, as opposed to the person or staff.
KINDS = frozenset({Kind.given_corrected, Kind.given_deleted})


@dataclass(frozen=True)
class _Given:
    """What one receiver has: since when, which items."""

    to: str
    items: frozenset[str]
    at: datetime


def tell(
    house: House,
    connection: Connection,
    inquiry_id: int,
    kind: Kind,
    *,
    groups: Collection[str],
    items: Collection[str] | None = None,
) -> None:
    """Queue one message for each who was given something of these groups (and of these items).

    In the transaction of the change itself: so it is told once, however often the rest is tried again. A
    receiver without an address in the register is told by the officer, who gets the message.

    Raises:
        IntakeClosed: no epoch is open to seal it.
    """
    policy = publishing.in_force(house).policy
    parties = provision.register(policy)
    for one in _given(house, inquiry_id, groups):
        changed = one.items if items is None else one.items & set(items)
        if not changed:
            continue
        party = parties.get(one.to)
        contact = party.entry.contact if party else None
        language = policy.languages[0]
        facts = {
            "key": one.to,
            "who": party.entry.name.text(language) if party else one.to,
            "number": str(inquiry_id),
            "given": _day(one.at, policy, language),
            "items": _labels(policy, changed, language),
            "by_officer": "" if contact else "yes",
        }
        to = contact or policy.officer.email
        mail.queue(house, connection, kind=kind, to=to, language=language, facts=facts)


def _given(house: House, inquiry_id: int, groups: Collection[str]) -> Iterator[_Given]:
    """Who has something of these groups, each once, with all that they have of it."""
    found: dict[str, _Given] = {}
    with house.ledger.read() as connection:
        wanted = ledger_pages.Wanted("provision", outcome="done")
        entries = ledger_pages.entries_holding(connection, wanted, f" {inquiry_id} ")
    for entry in entries:
        body = records.body_of(entry)
        if _group(body) in groups:
            before = found.get(body["to"], _Given(body["to"], frozenset(), entry.at))
            found[before.to] = _Given(before.to, before.items | set(body["items"].split()), entry.at)
    yield from found.values()


def _group(body: dict[str, Any]) -> str:
    """Of which group it was taken: a disclosure, and what the required purpose covers, of the main one."""
    purpose: str = body.get("purpose", REQUIRED_PURPOSE)
    return MAIN if purpose == REQUIRED_PURPOSE else purpose


def _day(at: datetime, policy: Policy, language: str) -> str:
    return format_date(at.astimezone(ZoneInfo(policy.time_zone)).date(), "long", locale=language)


def _labels(policy: Policy, names: Collection[str], language: str) -> str:
    """As the policy calls them, in its order; those that it has no more by name."""
    known = [item.label.text(language) for name, item in policy.items.items() if name in names]
    return ", ".join([*known, *sorted(set(names) - policy.items.keys())])


def proved(house: House, letter: Letter) -> None:
    """The relay took it: of these kinds that is on record, before it is struck off the outbox."""
    if letter.kind not in KINDS:
        return
    facts = letter.facts
    body = {"act": "told", "outcome": "done", "to": facts["key"], "kind": letter.kind, "mail": str(letter.id)}
    by = {"through": "officer"} if facts["by_officer"] else {}
    records.append(house, "provision", {**body, **by, "inquiry": int(facts["number"])})
