"""Adoption: takes the data keys of an inquiry from its envelope into the keys store; hands none to readers.

Whether a key is adopted, alive or destroyed is asked of the keys store alone (DESIGN §3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import structlog

from inquiries import clock
from inquiries.errors import IntakeClosed, KeyUnavailable, SealBroken
from inquiries.policy.model import Policy
from inquiries.rules import items as item_rules
from inquiries.rules import retention
from inquiries.rules.retention import VISITOR, Inquiry
from inquiries.sealing import envelope, epochs, items, tags
from inquiries.services import publishing, records
from inquiries.services.house import House
from inquiries.services.ids import first_id
from inquiries.stores import keys
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.live import inquiries as live_inquiries
from inquiries.stores.live import outbox

log = structlog.get_logger()

BATCH = 200
PAGE = 5000


@dataclass
class Adopted:
    """How an adoption run went."""

    adopted: int = 0
    quarantined: int = 0


def adopt_pending(house: House, after: int = 0, passed: set[int] | None = None) -> Adopted:
    """Adopt every envelope after the given id whose keys the keys store does not know yet. Repeatable.

    Those that come in meanwhile are the next call's: however many come, this one ends.
    `passed` are ids that the caller need not be shown again; those that were looked at are added to it.
    """
    outcome = Adopted()
    for ids in _envelope_ids(house, after, PAGE):
        fresh = [one for one in ids if passed is None or one not in passed]
        for start in range(0, len(fresh), BATCH):
            with house.live.read() as connection:
                batch = live_epochs.envelopes_of(connection, fresh[start : start + BATCH])
            opened, broken = _adopt(house, _unknown(house, batch))
            outcome.adopted += opened
            outcome.quarantined += broken
        if passed is not None:
            passed.update(fresh)
    return outcome


def _envelope_ids(house: House, after: int, limit: int) -> Iterator[list[int]]:
    """The ids of the envelopes that there are now, `limit` at a time."""
    with house.live.read() as connection:
        until = live_epochs.last_envelope(connection)
    return house.live.batches(
        lambda connection, after: live_epochs.envelope_ids(connection, after, until, limit), int, after
    )


def adopt(house: House, inquiry_ids: Sequence[int]) -> None:
    """Adopt these now, because somebody opens them before the worker came by."""
    with house.live.read() as connection:
        batch = live_epochs.envelopes_of(connection, inquiry_ids)
    _adopt(house, _unknown(house, batch))


def unadopted(house: House, epochs_before: int) -> list[int]:
    """Inquiries whose envelope is of an earlier epoch and of whose keys the keys store misses one."""
    missing: list[int] = []
    for ids in _envelope_ids(house, 0, BATCH):
        with house.live.read() as connection:
            batch = live_epochs.envelopes_of(connection, ids)
        missing += [one.inquiry_id for one in _unknown(house, batch) if one.epoch < epochs_before]
    return missing


def pending(house: House, since: datetime) -> int:
    """How many envelopes that came since the moment wait for their adoption."""
    waiting = 0
    for page in _envelope_ids(house, first_id(since), PAGE):
        with house.live.read() as connection:
            waiting += len(_unknown(house, live_epochs.envelopes_of(connection, page)))
    return waiting


def _unknown(house: House, batch: Sequence[live_epochs.EnvelopeRow]) -> list[live_epochs.EnvelopeRow]:
    """Those with a group that still stands in live and has neither key nor tombstone."""
    wanted = [key for one in batch for key in one.key_ids]
    if not wanted:
        return []
    with house.keys.read() as connection:
        known = keys.known(connection, wanted)
    return [one for one in batch if not one.key_ids <= known]


def _adopt(house: House, batch: Sequence[live_epochs.EnvelopeRow]) -> tuple[int, int]:
    """(adopted, quarantined) of the batch, in one commit of the keys store."""
    house.custody.must_hold_root()
    opened: list[tuple[live_epochs.EnvelopeRow, tuple[envelope.GroupKey, ...]]] = []
    failed: list[live_epochs.EnvelopeRow] = []
    openers: dict[int, envelope.Opener] = {}  # by epoch
    for one in batch:
        try:
            opened.append((one, _open(house, one, openers)))
        except (SealBroken, KeyUnavailable):
            failed.append(one)
    if opened:
        _insert(house, opened)
    broken = _unknown(house, failed)  # asked again: another process may have adopted it and ended its epoch
    if broken:
        _quarantine(house, broken)
    return len(opened), len(broken)


def _quarantine(house: House, broken: Sequence[live_epochs.EnvelopeRow]) -> None:
    ids = [one.inquiry_id for one in broken]
    log.error("envelope.quarantined", inquiries=ids, epochs=sorted({one.epoch for one in broken}))
    with house.live.write() as connection:
        live_epochs.quarantine(connection, ids, clock.now())
    records.append(house, "operation", {"act": "quarantine", "inquiries": ids})


def quarantined(house: House) -> list[int]:
    """Inquiries and staff with a group that stands, has no key, and whose envelope does not open."""
    with house.live.read() as connection:
        batch = live_epochs.quarantined(connection)
    return [one.inquiry_id for one in _unknown(house, batch)]


def release(house: House) -> None:
    """Let quarantined envelopes be tried again whose epoch has its secret here: it may have been put back."""
    held = house.custody.secret_epochs()
    with house.live.read() as connection:
        waiting = {one.epoch for one in live_epochs.quarantined(connection)}
    if waiting.intersection(held):
        with house.live.write() as connection:
            live_epochs.release(connection, held)


def _open(
    house: House, one: live_epochs.EnvelopeRow, openers: dict[int, envelope.Opener]
) -> tuple[envelope.GroupKey, ...]:
    """The keys of the groups that stand in live under this very inquiry.

    HPKE names no sender: whoever breaks into the public surface could seal an envelope that names another
    inquiry's key ids, and a row inserted first would win. So a foreign id is never adopted.
    """
    if one.epoch not in openers:
        custody = house.custody
        openers[one.epoch] = envelope.Opener(custody.epoch_secret(one.epoch), custody.surface_key(one.epoch))
    found = openers[one.epoch].open(one.sealed, one.inquiry_id)
    own = tuple(group for group in found if group.key_id in one.key_ids)
    if not one.key_ids <= {group.key_id for group in own}:
        raise SealBroken("the envelope does not hold the keys of its inquiry's groups")
    return own


def _insert(
    house: House, opened: Sequence[tuple[live_epochs.EnvelopeRow, tuple[envelope.GroupKey, ...]]]
) -> None:
    facts = _facts(house, [one.inquiry_id for one, _ in opened])
    with house.keys.write() as connection:
        house.keys.gate(connection, keys.GATE)
        number = keys.open_epoch(connection)
        if number is None:
            raise IntakeClosed("no epoch is open in the keys store")
        lookups = {one.inquiry_id: one.receipt_lookup for one, _ in opened if one.receipt_lookup}
        for inquiry_id in keys.of_others(connection, lookups):
            # A lookup id is one inquiry's for good, also when the public surface is somebody else's.
            log.error("inquiry.lookup_taken", inquiry=inquiry_id)
            del lookups[inquiry_id]
        rows = [
            _new_key(house, number, one.inquiry_id, group, facts.get(one.inquiry_id, _Facts()), lookups)
            for one, groups in opened
            for group in groups
        ]
        keys.adopt(connection, number, rows)


class _Facts(NamedTuple):
    """What the live store adds to a key row: how it is found."""

    sealed: Mapping[str, bytes] | None = None  # group name → packed items
    policy: Policy | None = None
    inquiry: Inquiry | None = None
    due_at: datetime | None = None  # of a message with a key of its own


def _facts(house: House, inquiry_ids: Sequence[int]) -> dict[int, _Facts]:
    with house.live.read() as connection:
        found = live_inquiries.for_adoption(connection, inquiry_ids)
        mail = outbox.dues(connection, inquiry_ids)
    return {key: _Facts(due_at=due_at) for key, due_at in mail.items()} | {
        one.id: _facts_of(house, one) for one in found
    }


def _facts_of(house: House, one: live_inquiries.ForAdoption) -> _Facts:
    """Without a policy, and so without tags and an end, where it is an inquiry that intake never wrote."""
    if not publishing.declares(house, one.policy_version, one.type):
        log.error("inquiry.undeclared", inquiry=one.id)
        return _Facts()
    policy = publishing.version(house, one.policy_version).policy
    return _Facts(one.sealed, policy, Inquiry(one.type, one.received_at))


def _new_key(
    house: House,
    number: int,
    inquiry_id: int,
    group: envelope.GroupKey,
    facts: _Facts,
    lookups: Mapping[int, bytes],
) -> keys.NewKey:
    secret = house.custody.epoch_secret(number)
    covered = None
    if group.receipt_wrap is not None:
        covered = epochs.cover(house.custody.surface_key(number), number, group.key_id, group.receipt_wrap)
    email, phone = _tags(house, inquiry_id, group, facts)
    return keys.NewKey(
        id=group.key_id,
        inquiry_id=inquiry_id,
        group=group.group,
        wrap=epochs.wrap_data_key(secret.kek, number, group.key_id, group.dek),
        receipt_wrap=covered,
        receipt_lookup=lookups.get(inquiry_id),
        tag_email=email,
        tag_phone=phone,
        due_at=_promised(group.group, facts),
    )


def _promised(group: str, facts: _Facts) -> datetime | None:
    """The due date that was promised at receipt, whatever became of it since: the key's own last day."""
    if facts.policy is None or facts.inquiry is None:
        return facts.due_at
    found = retention.promise(facts.policy, 0, group, facts.inquiry)
    return None if found is None else found.due_at


def _tags(
    house: House, inquiry_id: int, group: envelope.GroupKey, facts: _Facts
) -> tuple[bytes | None, bytes | None]:
    """The blind index of the group's first email and phone item; no other item is opened for it."""
    packed = (facts.sealed or {}).get(group.group)
    if facts.policy is None or packed is None or group.group == VISITOR:
        return None, None
    try:
        sealed = items.unpack(packed)
        addresses = {name: blob for name, blob in sealed.items() if _tagged(facts.policy, name)}
        opened = items.open_items(group.dek, inquiry_id, group.group, addresses)
    except SealBroken:  # the key is adopted all the same; what it was to open is broken, and not findable
        log.error("items.broken", inquiry=inquiry_id, group=group.group)
        return None, None
    return tags_of(house, facts.policy, opened)


def tags_of(house: House, policy: Policy, texts: Mapping[str, str]) -> tuple[bytes | None, bytes | None]:
    """The blind index of the first email and the first phone item among these."""
    found: dict[tags.TagKind, bytes] = {}
    for name, text in texts.items():
        kind = _tagged(policy, name)
        if kind is None or kind in found:
            continue
        normal = (
            item_rules.normal_email(text) if kind == "email" else item_rules.normal_phone(text, policy.home)
        )
        if normal is not None:
            found[kind] = tags.tag(house.custody.tag_key, kind, normal)
    return found.get("email"), found.get("phone")


def _tagged(policy: Policy, name: str) -> tags.TagKind | None:
    """Which kind of tag this item of the policy gets, if any."""
    item = policy.items.get(name)
    return None if item is None or item.kind not in {"email", "phone"} else item.kind


def from_envelopes(house: House, inquiry_ids: Sequence[int]) -> dict[int, envelope.GroupKey]:
    """Key id → group, of those whose retained envelope still opens: the way back when a wrap does not."""
    with house.live.read() as connection:
        batch = live_epochs.envelopes_of(connection, inquiry_ids)
    found: dict[int, envelope.GroupKey] = {}
    openers: dict[int, envelope.Opener] = {}
    for one in batch:
        with suppress(KeyUnavailable, SealBroken):
            found.update({group.key_id: group for group in _open(house, one, openers)})
    return found
