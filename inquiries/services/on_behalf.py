"""What is asked elsewhere than on the receipt page: by telephone, in writing, in person, by a representative.

The officer enters it, with the evidence sealed under the inquiry's key. Nothing is disclosed, used or carried
out before she has recorded who asks and by what right (P18): the ledger's record proves it where the person's
own request is proved by her receipt. From then on it goes the way of any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError

from inquiries import clock
from inquiries.errors import FieldError, InvalidFields, NotFound, WrongState
from inquiries.rules import items as item_rules
from inquiries.rules import requests as rules
from inquiries.rules.permissions import Permission
from inquiries.rules.purposes import Use
from inquiries.rules.requests import Authority, Channel, Identity, Kind, State
from inquiries.rules.retention import MAIN
from inquiries.sealing import items
from inquiries.services import (
    publishing,
    purposes,
    records,
    refusals,
    request_desk,
    request_proofs,
    request_records,
    requests,
)
from inquiries.services.actor import Actor
from inquiries.services.house import House
from inquiries.services.keys import DataKey
from inquiries.services.requests import Asked
from inquiries.stores.live import agreed
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import requests as live_requests
from inquiries.stores.live.requests import RequestRow

MOST = 50  # inquiries of one person that a request is entered for at once
TEXT_LIMIT = 2000  # characters of evidence


@dataclass(frozen=True)
class Proof:
    """How it was made sure who asks, and, for a representative, by what right; None: not yet."""

    identity: Identity | None = None
    authority: Authority | None = None


@dataclass(frozen=True)
class Entry:
    """What the officer enters; `day`: when it came in, where the policy is at home.

    `who` names a representative; `evidence` says what is at hand: a letter of which day, a call, a document.
    """

    kind: Kind
    channel: Channel
    day: date | None = None
    purpose: str = ""
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    representative: bool = False
    who: str = field(default="", repr=False)
    evidence: str = field(default="", repr=False)
    proof: Proof = Proof()


@dataclass(frozen=True)
class _Target:
    """An inquiry that something is asked for, and its key."""

    row: live.InquiryRow
    key: DataKey


# -- entering ------------------------------------------------------------------------------------


def enter(house: House, actor: Actor, inquiry_ids: Sequence[int], entry: Entry) -> tuple[int, ...]:
    """Write the request down for each of the inquiries, and carry it on where who asks is proved.

    Returns the ids of the requests. What is asked already is not asked again.

    Raises:
        NotFound: one of the inquiries is unknown, due, destroyed, or not this person's to see to.
        InvalidFields: something is missing, to come, or there is nothing to ask.
    """
    refusals.permit(house, actor, Permission.handle_requests)
    targets = [_target(house, one) for one in dict.fromkeys(inquiry_ids[:MOST])]
    if not targets:
        raise NotFound("no inquiry is named")
    at = _checked(house, targets, entry)
    written = [
        _write(house, actor, target, asked, entry) for target, asked in _asked(house, targets, entry, at)
    ]
    made = tuple(row.id for row in written if row is not None)
    if not made:
        raise InvalidFields((FieldError("kind", "asked_already"),))
    return made


def _target(house: House, inquiry_id: int) -> _Target:
    with house.live.read() as connection:
        row = live.readable(connection, inquiry_id, clock.now(), held=True)
    key = purposes.data_keys(house, Use.rights, [inquiry_id]).get((inquiry_id, MAIN))
    if row is None or key is None:
        raise NotFound("unknown, due or destroyed")
    return _Target(row, key)


def _checked(house: House, targets: Sequence[_Target], entry: Entry) -> datetime:
    """When it came in. Raises InvalidFields."""
    faults = [FieldError("kind", "required")] if entry.kind is Kind.confirm else []  # that is not asked here
    if entry.channel not in rules.ENTERED:
        faults.append(FieldError("channel", "required"))
    zone, now = ZoneInfo(publishing.in_force(house).policy.time_zone), clock.now()
    today = now.astimezone(zone).date()
    day = entry.day or today
    if day > today:
        faults.append(FieldError("day", "to_come"))
    elif any(day < target.row.received_at.astimezone(zone).date() for target in targets):
        faults.append(FieldError("day", "before_inquiry"))
    if entry.kind is Kind.correct and len(targets) > 1:
        faults.append(FieldError("kind", "one_by_one"))
    texts = (("who", entry.who, entry.representative), ("evidence", entry.evidence, True))
    for name, text, needed in texts:
        if needed or text.strip():
            item_rules.text_or_fault(faults, name, text, TEXT_LIMIT)
    if faults:
        raise InvalidFields(tuple(faults))
    return now if day == today else datetime.combine(day, time(), zone)


def _asked(
    house: House, targets: Sequence[_Target], entry: Entry, at: datetime
) -> list[tuple[_Target, Asked]]:
    """What is asked for each inquiry; those without the consent are left out. Raises InvalidFields."""
    subject, detail = "", {}
    if entry.kind is Kind.withdraw:
        with house.live.read() as connection:
            held = agreed.purposes(connection, [target.row.id for target in targets])
        targets = [one for one in targets if entry.purpose in withdrawable(house, one.row, held)]
        subject = entry.purpose
        if not targets:
            raise InvalidFields((FieldError("purpose", "not_withdrawable"),))
    if entry.kind is Kind.correct:
        detail = _texts(house, targets[0], entry.texts)
        subject = " ".join(detail)
    return [
        (one, Asked(one.row.id, entry.kind, subject, detail, channel=entry.channel, at=at)) for one in targets
    ]


def withdrawable(house: House, row: live.InquiryRow, held: Mapping[int, frozenset[str]]) -> frozenset[str]:
    """The optional ones among the purposes that are agreed to."""
    declared = publishing.version(house, row.policy_version).policy.purposes
    return frozenset(
        name for name in held.get(row.id, ()) if name in declared and not declared[name].required
    )


def _texts(house: House, target: _Target, sent: Mapping[str, str]) -> dict[str, str]:
    """What differs from what is held; an empty field leaves an item as it is. Raises InvalidFields."""
    row, policy = target.row, publishing.version(house, target.row.policy_version).policy
    present = items.open_items(target.key.dek, row.id, MAIN, items.unpack(row.sealed or b""))
    wanted = {name: text for name, text in sent.items() if text.strip()}
    accepted = item_rules.validate_items(policy, row.type, {**present, **wanted})
    changed = {name: accepted[name] for name in wanted if accepted.get(name) != present.get(name)}
    if not changed:
        raise InvalidFields((FieldError("kind", "nothing_to_correct"),))
    return changed


def _write(house: House, actor: Actor, target: _Target, asked: Asked, entry: Entry) -> RequestRow | None:
    """Insert it, enter it in the ledger, and prove it where that can be; None where it is asked already."""
    key = target.key
    new = requests.written(key.dek, asked, publishing.in_force(house).policy)
    said = {
        "by": "representative" if entry.representative else "person",
        "who": entry.who.strip(),
        "evidence": entry.evidence.strip(),
    }
    detail = {"request": str(new.id), "kind": new.kind, "channel": new.channel}
    records.access(house, act="enter_request", actor=actor, subject=asked.inquiry_id, detail=detail)
    try:
        with house.live.write() as connection:
            now = clock.now()
            if live.readable(connection, asked.inquiry_id, now, held=True) is None:
                raise NotFound("it became due meanwhile")
            if not requests.is_new(asked.kind, live_requests.of_inquiry(connection, asked.inquiry_id), now):
                return None
            live_requests.add_unproved(connection, new, requests.sealed_evidence(key.dek, new, said))
            row = live_requests.by_id(connection, new.id)
    except IntegrityError:
        raise NotFound("it was destroyed meanwhile") from None
    assert row is not None  # noqa: S101 - narrows the type; it was inserted in this very transaction
    request_proofs.prove(house, row, key)
    if rules.proved(entry.proof.identity, entry.proof.authority, representative=entry.representative):
        _prove(house, actor, row, key, entry.proof, said)
    return row


# -- proving who asks ----------------------------------------------------------------------------


def prove(house: House, actor: Actor, request_id: int, proof: Proof, seen: str = "") -> None:
    """Record who asks, and by what right; from now on it is carried out as if she had asked herself.

    `seen`: what the officer adds to the evidence.

    Raises:
        NotFound: no such request, or nothing opens its inquiry.
        InvalidFields: the identity is missing, or a representative's authority is (P18).
        WrongState: it is proved already, or settled.
    """
    row, _, key = request_desk.found(house, actor, request_id)
    if key is None:
        raise NotFound("no key opens it")
    if row.state != State.needs_proof:
        raise WrongState("it is proved already, or settled")
    said = requests.evidence(key.dek, row)
    if not said:
        raise WrongState("its evidence went with a store that was put back; it is entered anew")
    representative = said.get("by") == "representative"
    if not rules.proved(proof.identity, proof.authority, representative=representative):
        missing = "identity" if proof.identity is None else "authority"
        raise InvalidFields((FieldError(missing, "required"),))
    if seen.strip():
        seen = item_rules.free_text("seen", seen, TEXT_LIMIT)
    detail = request_records.about(row)
    records.access(house, act="prove_request", actor=actor, subject=row.inquiry_id, detail=detail)
    if row.noted_at is None and not request_proofs.prove(house, row, key):
        raise WrongState("its inquiry's key did not write it")
    _prove(house, actor, row, key, proof, {**said, **({"seen": seen} if seen.strip() else {})})


def _prove(
    house: House, actor: Actor, row: RequestRow, key: DataKey, proof: Proof, said: Mapping[str, str]
) -> None:
    how = {"identity": proof.identity, "authority": proof.authority}
    evidence = requests.sealed_evidence(
        key.dek, row, {**said, **{name: str(value) for name, value in how.items() if value is not None}}
    )
    assert proof.identity is not None  # noqa: S101 - narrows the type; the rules have asked
    request_records.proved(house, row, actor, proof.identity, proof.authority)
    with house.live.write() as connection:
        if not live_requests.proved(connection, row.id, evidence):
            raise WrongState("it was settled, or destroyed, meanwhile")
