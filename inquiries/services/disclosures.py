"""Disclosures to authorities: one officer puts the order down, another approves, then one file leaves (P35).

Where each stands is what the ledger's chain `provision` says of it: nothing can be approved off the record.
What leaves is sealed for its receiver, and recorded without content. Nothing of an inquiry that its person
suspended is disclosed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import (
    FieldError,
    InvalidDisclosure,
    NotFound,
    NotRegistered,
    WrongState,
)
from inquiries.rules import procedure
from inquiries.rules.exporting import Format, written
from inquiries.rules.permissions import Permission, Role
from inquiries.rules.procedure import Ordered, Stand
from inquiries.rules.purposes import Use
from inquiries.sealing import openpgp
from inquiries.services import (
    encrypting,
    inbox,
    inbox_views,
    openings,
    provision,
    publishing,
    purposes,
    records,
    refusals,
)
from inquiries.services.actor import Actor
from inquiries.services.exports import Export
from inquiries.services.house import House
from inquiries.services.provision import Party, Way
from inquiries.stores import ledger, ledger_pages
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import openings as live_openings

SHOWN = 50
_GATE = "disclosures"
_ASKED = "disclosure_asked"
_APPROVED = "disclosure_approved"
_REFUSED = "disclosure_refused"
_ORDERS = ledger_pages.Wanted("provision", act=_ASKED, outcome="done")
_STANDS = {_APPROVED: Stand.approved, _REFUSED: Stand.refused, Way.disclosure.value: Stand.left}


@dataclass(frozen=True)
class Disclosure:
    """One order, by the number of the record that it was asked for with; `asked_by` is staff.id."""

    number: int
    at: datetime
    inquiry_id: int
    asked_by: int
    asked_by_email: str
    approved_by_email: str | None
    ordered: Ordered
    stand: Stand


# -- what an officer does --------------------------------------------------------------------------


def ask(house: House, actor: Actor, inquiry_id: int, ordered: Ordered) -> int:
    """Put down what an authority asks for; returns its number. Another officer has to approve it.

    Raises:
        NotFound, TrainingLapsed, Suspended: not hers to provide, unknown, due, or not to be used now.
        InvalidDisclosure: what is missing; or the authority stands in no register, which is on record.
    """
    row = _permitted(house, actor, inquiry_id)
    inbox.refuse_suspended(house, actor, inquiry_id, Permission.provide)
    policy = publishing.version(house, row.policy_version).policy
    today = clock.now().astimezone(ZoneInfo(policy.time_zone)).date()
    ordered = procedure.checked(ordered, policy.types[row.type].items, today)
    _party(house, actor, ordered)
    return _note(house, actor, _ASKED, inquiry_id, _document(ordered))


def approve(house: House, actor: Actor, number: int) -> None:
    """Approve what another officer put down. Raises as `ask`, and WrongState when it stands elsewhere by now.

    InvalidDisclosure: she put it down herself; on record.
    """
    _settle(house, actor, number, _APPROVED)


def refuse(house: House, actor: Actor, number: int) -> None:
    """Let nothing leave; whoever put it down may do so as well. Raises NotFound, WrongState."""
    _settle(house, actor, number, _REFUSED)


def _settle(house: House, actor: Actor, number: int, act: str) -> None:
    one = order(house, actor, number)
    _permitted(house, actor, one.inquiry_id)
    if act == _APPROVED:
        inbox.refuse_suspended(house, actor, one.inquiry_id, Permission.provide)
        _party(house, actor, one.ordered)
        if one.asked_by == actor.staff_id:
            _note(house, actor, act, one.inquiry_id, {"of": number}, outcome="refused")
            raise InvalidDisclosure((FieldError("approve", "own"),))
    with house.live.write() as connection:  # one after another: two at once are not both the second
        house.live.gate(connection, _GATE, exclusive=True)
        before = {_APPROVED: {Stand.asked}, _REFUSED: {Stand.asked, Stand.approved}}[act]
        if order(house, actor, number).stand not in before:
            raise WrongState("it was settled meanwhile")
        _note(house, actor, act, one.inquiry_id, {"of": number})


def hand_over(house: House, actor: Actor, number: int, *, certificate: str, passphrase: str) -> Export:
    """The file with the items that were approved, sealed for its receiver; once.

    Raises:
        NotFound, TrainingLapsed, Suspended: not hers to provide, unknown, due, or not to be used now.
        WrongState: not approved, or it left before.
        InvalidDisclosure: nobody whom it is sealed for; or the authority stands in no register any more.
    """
    one = order(house, actor, number)
    row = _permitted(house, actor, one.inquiry_id)
    if one.stand is not Stand.approved:
        raise WrongState("it is not approved, or it left before")
    inbox.refuse_suspended(house, actor, row.id, Permission.provide)
    party = _party(house, actor, one.ordered)
    faults: list[FieldError] = []
    recipient = encrypting.recipient(house, certificate, passphrase, faults)
    if recipient is None:
        raise InvalidDisclosure(tuple(faults))
    key = purposes.main_key(house, Use.disclose, row.id, actor)
    texts = inbox_views.open_with(key, row, only=one.ordered.items)
    if texts is None:
        raise NotFound("no key opens this inquiry")
    about = {"inquiry": str(row.id), "type": row.type, "received": row.received_at.isoformat()}
    sealed = openpgp.seal(written(Format.csv, {}, [about | texts]), recipient)
    to = party.entry.name.text(publishing.in_force(house).policy.languages[0])
    entry = openings.written(
        key.dek, row.id, Role.privacy, one.ordered.statute, clock.now(), act="export", to=to
    )
    with house.live.write() as connection:
        _recorded(house, connection, actor, one, party, tuple(texts))
        if not one.ordered.quiet:
            live_openings.add(connection, entry)
    return Export(f"disclosure-{number}.csv.pgp", sealed, 1)


def _recorded(
    house: House, connection: Connection, actor: Actor, one: Disclosure, party: Party, names: Sequence[str]
) -> None:
    """In one transaction with its use: whoever suspends or deletes now waits, or was first."""
    house.live.gate(connection, _GATE, exclusive=True)
    inbox.still_usable(connection, one.inquiry_id)
    if order(house, actor, one.number).stand is not Stand.approved:
        raise WrongState("it left meanwhile")
    provision.record(
        house,
        Way.disclosure,
        party,
        actor=actor,
        items=names,
        inquiries=[one.inquiry_id],
        inquiry=one.inquiry_id,
        of=one.number,
        statute=one.ordered.statute,
        document=one.ordered.document,
        dated=_document(one.ordered)["dated"],
        requester=one.ordered.requester,
        asked_by=one.asked_by_email,
        approved_by=one.approved_by_email,
    )


# -- looking ---------------------------------------------------------------------------------------


def recent(house: House, actor: Actor) -> tuple[Disclosure, ...]:
    """The newest orders, whatever became of them. Raises NotFound, TrainingLapsed."""
    refusals.permit(house, actor, Permission.provide)
    with house.ledger.read() as connection:
        found = ledger_pages.page(connection, _ORDERS, SHOWN)
        return tuple(_disclosure(connection, one) for one in found)


def order(house: House, actor: Actor, number: int) -> Disclosure:
    """One order. Raises NotFound, TrainingLapsed."""
    refusals.permit(house, actor, Permission.provide)
    with house.ledger.read() as connection:
        wanted = replace(_ORDERS, above=number - 1, below=number + 1)
        found = ledger_pages.page(connection, wanted, 1)
        if not found:
            raise NotFound("no such order, or its record has ended")
        return _disclosure(connection, found[0])


def _disclosure(connection: Connection, entry: ledger.Entry) -> Disclosure:
    body = records.body_of(entry)
    acts: dict[str, Mapping[str, Any]] = {}
    for act, stands in _STANDS.items():
        wanted = ledger_pages.Wanted(
            "provision", act=act, outcome="done", inquiry=body["inquiry"], above=entry.n
        )
        for later in map(records.body_of, ledger_pages.page(connection, wanted, SHOWN)):
            if later["of"] == entry.n:
                acts[stands.value] = later
    approved = acts.get(Stand.approved.value)
    return Disclosure(
        number=entry.n,
        at=entry.at,
        inquiry_id=body["inquiry"],
        asked_by=body["staff"],
        asked_by_email=body["email"],
        approved_by_email=None if approved is None else approved["email"],
        ordered=Ordered(
            body["to"], body["statute"], body["document"], date.fromisoformat(body["dated"]),
            body["requester"], tuple(body["items"].split()), body["quiet"],
        ),
        stand=procedure.stand(tuple(acts), clock.now() - entry.at),
    )  # fmt: skip


# -- what all need ---------------------------------------------------------------------------------


def _permitted(house: House, actor: Actor, inquiry_id: int) -> live.InquiryRow:
    """The row, if it still may be read and this person may provide."""
    refusals.permit(house, actor, Permission.provide)
    with house.live.read() as connection:
        row = live.readable(connection, inquiry_id, clock.now(), held=True)
    if row is None:
        refusals.refuse(house, actor, Permission.provide, subject=inquiry_id)
    return row


def _party(house: House, actor: Actor, ordered: Ordered) -> Party:
    try:
        return provision.gate(house, Way.disclosure, ordered.to, actor=actor)
    except NotRegistered:
        raise InvalidDisclosure((FieldError("to", "unregistered"),)) from None


def _document(ordered: Ordered) -> dict[str, Any]:
    return {
        "to": ordered.to,
        "statute": ordered.statute,
        "document": ordered.document,
        "dated": ordered.dated.isoformat() if ordered.dated else "",
        "requester": ordered.requester,
        "items": " ".join(ordered.items),
        "quiet": ordered.quiet,
    }


def _note(
    house: House, actor: Actor, act: str, inquiry_id: int, facts: Mapping[str, Any], *, outcome: str = "done"
) -> int:
    who = {"staff": actor.staff_id, "email": actor.email, "inquiry": inquiry_id}
    return records.append(house, "provision", {"act": act, "outcome": outcome, **who, **facts})
