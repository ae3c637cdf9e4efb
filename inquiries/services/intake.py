"""Receives inquiries: checks them against the policy, seals each item, commits once, gives a receipt.

Runs on the public surface, with no private key. What `receive` returned for is durable; the receipt code
is stored nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from inquiries import clock
from inquiries.errors import FieldError, IntakeClosed, InvalidItems, NoticeSuperseded, OnceReused, UnknownType
from inquiries.policy.model import Policy
from inquiries.policy.period import Period
from inquiries.rules import correspondence, minors, retention
from inquiries.rules import items as item_rules
from inquiries.rules.entry import Evidence
from inquiries.rules.lifecycle import State
from inquiries.rules.retention import MAIN, VISITOR
from inquiries.sealing import envelope, items, receipts
from inquiries.sealing.primitives import Draw, bind
from inquiries.services import epochs, evidence, mail, publishing, sending
from inquiries.services.house import House
from inquiries.services.ids import new_ids
from inquiries.services.keys import DataKey
from inquiries.stores.database import Database
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.live import guardians as live_guardians
from inquiries.stores.live import inquiries as live
from inquiries.stores.live import outbox

TRIES = 5

#: Random bytes for one inquiry of three groups and a dozen items: its code, ids, keys and nonces.
_DRAWN = 512


@dataclass(frozen=True)
class Submission:
    """What came in, unchecked. `once` is the nonce of `_once` or the Idempotency-Key.

    `evidence`, checked, is there where staff enter what came by another way (`channel`).
    """

    type: str
    items: Mapping[str, object]
    consents: Mapping[str, object]
    language: str
    notice_version: int | None = None
    guardian: Mapping[str, object] | None = None  # None: whoever enters it has asked (P07)
    once: bytes | None = None
    address: str | None = None
    user_agent: str | None = None
    channel: str = "form"
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Received:
    """What the sender is told; `due` is in the policy's time zone, None when kept until withdrawn."""

    id: int
    receipt: str
    due: datetime | None
    notice_version: int
    type: str
    repeated: bool
    guardian: bool = False  # a child's: destroyed then, unless a guardian agrees before (P07)


@dataclass(frozen=True)
class _Draft:
    """A group before it is sealed."""

    name: str
    period: Period
    items: Mapping[str, str]


def receive(house: House, submission: Submission) -> Received:
    """Seal and store one inquiry in one commit of the live store.

    Raises:
        UnknownType, InvalidItems, NoticeSuperseded: the submission does not fit the policy in force.
        OnceReused: other content came under the same `once`.
        IntakeClosed: no epoch is open.
    """
    published = publishing.in_force(house)
    if submission.type not in published.policy.types:
        raise UnknownType(submission.type[:64])
    if submission.notice_version is not None and submission.notice_version != published.version:
        raise NoticeSuperseded(f"version {published.version} is in force")
    accepted, child = _accepted(published.policy, submission)
    draw = Draw(_DRAWN)
    once = _once_digest(house, submission.once)
    for _ in range(TRIES):
        try:
            return _store(house, submission, published, accepted, once, draw, child=child)
        except IntegrityError:
            known = _known(house, published, submission, accepted, once, draw)
            if known is not None:
                return known
            epochs.current(house, again=True)  # ours was closed meanwhile, or an id has collided
    raise IntakeClosed("no epoch stayed open long enough")


def _accepted(policy: Policy, submission: Submission) -> tuple[item_rules.Accepted, bool]:
    """What is taken of it, and whether a guardian must agree first. Raises InvalidItems with every fault."""
    errors: list[FieldError] = []
    accepted = item_rules.Accepted({}, {})
    guardian: Mapping[str, str] = {}
    try:
        accepted = item_rules.validate(policy, submission.type, submission.items, submission.consents)
    except InvalidItems as fault:
        errors += fault.errors
    try:
        if submission.guardian is not None:
            guardian = minors.guardian_of(policy, submission.guardian)
    except InvalidItems as fault:
        errors += fault.errors
    if errors:
        raise InvalidItems(tuple(errors))
    return item_rules.Accepted({**accepted.items, **guardian}, accepted.consents), bool(guardian)


def _code(
    house: House, submission: Submission, accepted: item_rules.Accepted, inquiry_id: int, draw: Draw
) -> str:
    """The receipt code: made again from the same content under the same `once`; without `once`, random.

    The inquiry's id is in it because `once` is known only while the envelope stands. What comes again after
    that is a new inquiry, and never has the receipt of another.
    """
    if submission.once is None:
        return receipts.random_code(draw)
    parts = [str(inquiry_id), submission.type, submission.language]
    if submission.evidence is not None:
        parts += [submission.channel, *map(str, astuple(submission.evidence))]
    for fields in (accepted.items, accepted.consents):
        parts += [text for name in sorted(fields) for text in (name, str(fields[name]))]
    digest = hashlib.sha256(bind(*parts)).digest()
    return receipts.code_from(house.custody.secret_key, submission.once, digest)


def _once_digest(house: House, once: bytes | None) -> bytes | None:
    if once is None:
        return None
    return hmac.digest(house.custody.secret_key, bind("inquiries once", once), "sha256")[:16]


def _store(
    house: House,
    submission: Submission,
    published: publishing.Published,
    accepted: item_rules.Accepted,
    once: bytes | None,
    draw: Draw,
    *,
    child: bool,
) -> Received:
    policy, now = published.policy, clock.now()
    until = minors.ends(now, policy.time_zone) if child else None
    epoch = epochs.current(house)
    drafts = _drafts(policy, submission, accepted)
    inquiry_id, *key_ids = new_ids(1 + len(drafts), draw)
    code = _code(house, submission, accepted, inquiry_id, draw)
    lookup = receipts.lookup_id(code)
    keys = [
        envelope.GroupKey(draft.name, key_id, items.new_data_key(draw))
        for draft, key_id in zip(drafts, key_ids, strict=True)
    ]
    groups = [
        _sealed(draft, key, inquiry_id, now, submission.evidence, until, policy.time_zone, draw)
        for draft, key in zip(drafts, keys, strict=True)
    ]
    shell = live.NewInquiry(
        inquiry_id, submission.type, State.received, submission.channel, submission.language,
        published.version, now, lookup,
    )  # fmt: skip
    notice = published.notice(submission.type, submission.language)
    shown = submission.notice_version is not None
    agreed = [
        live.Consent(
            inquiry_id, purpose, given, published.version, notice.digest, shown, submission.language, now
        )
        for purpose, given in accepted.consents.items()
    ]
    with sending.key(house, epoch) as key:
        sealed = envelope.seal_envelope(
            sending=key,
            surface_key=epoch.surface_key,
            inquiry_id=inquiry_id,
            groups=keys,
            code=code,
            draw=draw,
        )
        posted = live_epochs.NewEnvelope(inquiry_id, epoch.number, sealed, lookup, once)
        told = _told(submission, policy, accepted, keys[0], inquiry_id)
        waiting = None if until is None else live_guardians.NewGuardian(inquiry_id, now, until)
        house.live.write_together(_put, _Whole(shell, groups, agreed, posted, told, waiting))
    due = _local(groups[0].due_at, policy)
    return Received(inquiry_id, code, due, published.version, submission.type, repeated=False, guardian=child)


@dataclass(frozen=True)
class _Whole:
    """An inquiry as it is stored, all of it or nothing."""

    shell: live.NewInquiry
    groups: Sequence[live.NewGroup]
    consents: Sequence[live.Consent]
    envelope: live_epochs.NewEnvelope
    told: outbox.NewMail | None
    guardian: live_guardians.NewGuardian | None


def _put(connection: Connection, wholes: Sequence[_Whole]) -> None:
    """Store the inquiries. Raises IntegrityError where their epoch is closed, or one of them is known."""
    Database.gate(connection, live_epochs.GATE)
    live_epochs.post(connection, [one.envelope for one in wholes])
    live.add(
        connection,
        [one.shell for one in wholes],
        [group for one in wholes for group in one.groups],
        [consent for one in wholes for consent in one.consents],
    )
    live_guardians.add(connection, [one.guardian for one in wholes if one.guardian is not None])
    for one in wholes:
        if one.told is not None:
            outbox.add(connection, one.told)


def _drafts(policy: Policy, submission: Submission, accepted: item_rules.Accepted) -> list[_Draft]:
    """The main group, a copy for each optional consent given, and the visitor's data (DESIGN §3, Groups)."""
    drafts = [_Draft(MAIN, policy.types[submission.type].period, accepted.items)]
    for name, purpose in policy.purposes.items():
        if not purpose.required and purpose.period is not None and accepted.consents.get(name):
            copies = {item: accepted.items[item] for item in purpose.items if item in accepted.items}
            drafts.append(_Draft(name, purpose.period, copies))
    if policy.visitor is not None:
        seen: dict[str, str | None] = {"address": submission.address, "user_agent": submission.user_agent}
        kept: dict[str, str] = {name: text[:512] for name in policy.visitor.items if (text := seen[name])}
        if kept:
            drafts.append(_Draft(VISITOR, policy.visitor.period, kept))
    return drafts


def _sealed(
    draft: _Draft,
    key: envelope.GroupKey,
    inquiry_id: int,
    received_at: datetime,
    how: Evidence | None,
    until: datetime | None,
    time_zone: str,
    draw: Draw,
) -> live.NewGroup:
    sealed = items.seal_items(key.dek, inquiry_id, draft.name, draft.items, draw)
    due_at = retention.due_at(received_at, draft.period, time_zone)
    if until is not None:  # before a guardian has agreed
        due_at = until if due_at is None else min(due_at, until)
    proof = None if how is None else evidence.sealed(key.dek, inquiry_id, draft.name, how)
    return live.NewGroup(key.key_id, inquiry_id, draft.name, due_at, items.pack(sealed), proof)


def _told(
    submission: Submission, policy: Policy, accepted: item_rules.Accepted, key: envelope.GroupKey, owner: int
) -> outbox.NewMail | None:
    """To whose inquiry was entered by staff, where she gave an address: that it was; never the code."""
    if submission.evidence is None:
        return None
    to = correspondence.address_of(policy, accepted.items)
    if to is None:
        return None
    main = DataKey(key.key_id, owner, MAIN, key.dek)
    return mail.sealed(main, kind=mail.Kind.entered, to=to, language=submission.language)


def _known(
    house: House,
    published: publishing.Published,
    submission: Submission,
    accepted: item_rules.Accepted,
    once: bytes | None,
    draw: Draw,
) -> Received | None:
    """The earlier receipt of the same submission; None when an id merely collided. Raises OnceReused."""
    with house.live.read() as connection:
        sent = None if once is None else live_epochs.sent_before(connection, once)
        row = None if sent is None else live.shell(connection, sent[0])
        waiting = {} if row is None else live_guardians.waiting(connection, [row.id])
    if sent is None or row is None:
        return None
    code = _code(house, submission, accepted, row.id, draw)
    if receipts.lookup_id(code) != sent[1]:
        raise OnceReused("this key came with other content before")
    due = _local(row.due_at, published.policy)
    return Received(row.id, code, due, row.policy_version, row.type, repeated=True, guardian=bool(waiting))


def _local(moment: datetime | None, policy: Policy) -> datetime | None:
    return None if moment is None else moment.astimezone(ZoneInfo(policy.time_zone))
