"""Tells the person by mail what became of her request, and how to object; never what it said (P22).

The mail is queued in the commit of what it tells about. Where no mail goes out, or she gave no address, her
receipt page tells her, and the officer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection

from inquiries.policy import notice
from inquiries.rules import correspondence
from inquiries.rules import requests as rules
from inquiries.rules.requests import Kind, State
from inquiries.rules.retention import MAIN
from inquiries.services import inbox_views, mail, publishing
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.stores.live import inquiries as live
from inquiries.stores.live.requests import RequestRow


class Outcome(StrEnum):
    """What became of it."""

    done = "done"
    deleted = "deleted"
    waits = "waits"
    refused = "refused"


@dataclass(frozen=True)
class Letter:
    """To whom it goes; `key` is the inquiry's, with which it ends, None for what outlives the inquiry."""

    language: str
    key: DataKey | None
    to: str = field(repr=False)


def addressed(house: House, row: RequestRow, key: DataKey | None, outcome: Outcome) -> Letter | None:
    """The letter, read before the transaction that settles the request; None where none is to go or can."""
    waited = row.state == State.needs_officer
    told = outcome is Outcome.refused or rules.mailed(Kind(row.kind), row.channel, waited=waited)
    if house.settings.relay is None or key is None or key.group != MAIN or not told:
        return None
    with house.live.read() as connection:
        shell = live.shells(connection, [row.inquiry_id]).get(row.inquiry_id)
    sent = None if shell is None else inbox_views.open_with(key, shell)
    if shell is None or sent is None:
        return None  # it is destroyed all the same, where that is what she asked for
    policy = publishing.version(house, shell.policy_version).policy
    to = correspondence.address_of(policy, sent)
    if to is None:
        return None
    return Letter(shell.language, None if outcome is Outcome.deleted else key, to)


def tell(house: House, connection: Connection, letter: Letter | None, outcome: Outcome) -> None:
    """Queue it in the caller's transaction of the live store."""
    if letter is None:
        return
    policy = publishing.in_force(house).policy
    rows = [*notice.officers(policy, letter.language), *notice.dispute_bodies(policy, letter.language)]
    facts = {"outcome": outcome.value, "bodies": "\n".join(f"- {name}: {reach}" for name, reach in rows)}
    mail.queue(
        house,
        connection,
        kind=mail.Kind.request_result,
        to=letter.to,
        language=letter.language,
        key=letter.key,
        facts=facts,
    )
