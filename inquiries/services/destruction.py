"""Destroys groups in the order that survives any crash, and finishes what was cut short.

Order: claim in the group's store → intent in the ledger → wraps and tags nulled, tombstones in keys → rows
deleted → proof signed → done in the ledger (DESIGN §3). Every step is repeatable. Absence of something
elsewhere never destroys anything; a tombstone always deletes leftovers (P08-P12).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from inquiries import clock
from inquiries.services import certificates, due_dates, publishing, records
from inquiries.services.house import House
from inquiries.services.keys import MAIL
from inquiries.stores import archive, keys, tombstones
from inquiries.stores.keys import ARCHIVE
from inquiries.stores.live import claims, outbox
from inquiries.stores.live import due as due_groups
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.types import from_microseconds, to_microseconds

BATCH = 5000
#: Rows claimed or deleted in one transaction where writers take turns (SQLite): who sends waits no longer.
CLAIMED_TOGETHER = 500
DELETED_TOGETHER = 150
LEFTOVER_BATCH = 5000


@dataclass(frozen=True)
class _Batch:
    """Groups of one intent; `listed` are the intent's rows in the ledger."""

    listed: list[list[Any]] = field(default_factory=list)
    lookups: dict[int, bytes] = field(default_factory=dict)  # group id → receipt lookup

    def __len__(self) -> int:
        return len(self.listed)

    @property
    def ids(self) -> list[int]:
        """Of the groups, in the order of the intent."""
        return [row[0] for row in self.listed]


def _listed(group: claims.Claimed, reason: str, rule: str) -> list[Any]:
    """One group as the ledger's intent names it."""
    return [
        group.id, group.inquiry_id, group.name, reason, group.type, group.due_us, group.policy_version, rule,
    ]  # fmt: skip


# -- what is due ---------------------------------------------------------------------------------


def destroy_due(house: House) -> Iterator[tuple[int, int]]:
    """Destroy all that is due and not held, batch by batch: (how many, the longest lag in microseconds)."""
    reasons = due_dates.Reasons(house)
    for claimed in (partial(_claimed, house, reasons), partial(_claimed_in_archive, house)):
        while batch := claimed():
            _destroy(house, batch)
            now = to_microseconds(clock.now())
            yield len(batch), max((now - row[5] for row in batch.listed if row[5] is not None), default=0)


def _claimed(house: House, reasons: due_dates.Reasons) -> _Batch:
    left, count = BATCH, 1
    together = CLAIMED_TOGETHER if house.live.sqlite else BATCH
    while left and count:
        with house.live.write() as connection:
            count = claims.claim_due(connection, clock.now(), min(left, together))
        left -= count
    with house.live.read() as connection:
        groups = claims.claimed(connection, BATCH)
    return _batch(groups, reasons)


def _batch(groups: Sequence[claims.Claimed], reasons: due_dates.Reasons) -> _Batch:
    return _Batch(
        [_listed(group, *_why(group, reasons)) for group in groups],
        {group.id: group.receipt_lookup for group in groups},
    )


def _why(group: claims.Claimed, reasons: due_dates.Reasons) -> tuple[str, str]:
    """(reason, rule)."""
    if group.claimed_for is not None:
        return group.claimed_for, group.claimed_for
    return reasons.of(group)


def _claimed_in_archive(house: House) -> _Batch:
    with house.archive.write() as connection:
        rows = archive.claim_due(connection, clock.now(), BATCH)
    listed = [
        [row.id, row.inquiry_id, ARCHIVE, "statute", row.type, to_microseconds(row.due_at),
         row.policy_version, _statute(house, row)]
        for row in rows
    ]  # fmt: skip
    return _Batch(listed, {row.id: row.receipt_lookup for row in rows})


def _statute(house: House, row: archive.ArchivedRow) -> str:
    found = publishing.version(house, row.policy_version).policy.statutes.get(row.statute)
    return f"statute {row.statute}" + (f" {found.period}" if found else "")


def destroy_now(house: House, group_ids: Sequence[int], reason: str) -> int:
    """Claim these groups and destroy them; returns how many. What is held stays. Raises JobBusy."""
    claim_now(house, group_ids, reason)
    return destroy_claimed(house, group_ids)


def claim_now(house: House, group_ids: Sequence[int], reason: str) -> bool:
    """Claim these groups of the live store, due or not; False when a hold keeps one of those that stand.

    From here on nobody reads them, and whoever sweeps next destroys them, for this reason.
    """
    with house.live.write() as connection:
        claims.claim(connection, group_ids, reason, clock.now())
        return not claims.unclaimed(connection, group_ids)


def destroy_claimed(house: House, group_ids: Sequence[int]) -> int:
    """Destroy those of the groups that are claimed; returns how many.

    Raises:
        JobBusy: a sweep is at work; it destroys them before anything else that is due.
    """
    with house.live.job("sweep"):
        with house.live.read() as connection:
            groups = claims.claimed_among(connection, group_ids)
        batch = _batch(groups, due_dates.Reasons(house))
        if batch:
            _destroy(house, batch)
        return len(batch)


def destroy_mail(house: House) -> None:
    """Destroy the keys of messages that ended; what never arrived is recorded first, by kind and number."""
    while True:
        with house.live.write() as connection:
            rows = outbox.claim_due(connection, clock.now(), CLAIMED_TOGETHER)
            unsent = Counter(row.kind for row in rows if row.state in outbox.UNDELIVERED)
            if unsent:
                records.append(house, "operation", {"act": "mail_expired", "kinds": unsent})
        if not rows:
            return
        now = to_microseconds(clock.now())
        _destroy(house, _Batch([[row.id, row.id, MAIL, "mail", "", now, 0, "mail"] for row in rows]))


def destroy_orphans(house: House) -> int:
    """Destroy living keys past their promised end that have no row, since an older store was put back.

    Not while a restore waits for the officer: a newer copy of the store may still be put back.
    """
    count = 0
    with house.keys.read() as connection:
        if keys.how_far(connection).restored_at is not None:
            return 0
    for overdue in house.keys.batches(
        lambda connection, after: keys.overdue(connection, clock.now(), after, BATCH), lambda row: row.id
    ):
        batch = _orphans(house, overdue)
        if batch:
            _destroy(house, batch)
            count += len(batch)
    return count


def _orphans(house: House, overdue: Sequence[keys.Overdue]) -> _Batch:
    standing = _standing(house, [row.id for row in overdue])
    alone = [row for row in overdue if row.id not in standing]
    return _Batch(
        [
            [row.id, row.inquiry_id, row.group, "orphan", "", to_microseconds(row.due_at), 0, "orphan"]
            for row in alone
        ],
        {row.id: row.receipt_lookup for row in alone if row.receipt_lookup is not None},
    )


# -- the order -----------------------------------------------------------------------------------


def _destroy(house: House, batch: _Batch) -> None:
    intent = records.append(house, "destruction", {"act": "intent", "groups": batch.listed})
    _follow(house, intent, batch)


def _follow(house: House, intent: int, batch: _Batch) -> int:
    """Everything after the intent; returns how many rows still stood."""
    now = clock.now()
    with house.keys.write() as connection:
        tombstones.bury(connection, [_stone(row, intent, batch, now) for row in batch.listed])
    removed = _remove(house, batch.listed)
    certificates.prove_intent(house, intent, batch.ids)
    records.append(house, "destruction", {"act": "done", "intent": intent, "groups": len(batch)})
    with house.keys.write() as connection:
        keys.advance(connection, done=intent)
    return removed


def _stone(row: Sequence[Any], intent: int, batch: _Batch, now: datetime) -> tombstones.Tombstone:
    key, inquiry_id, name, reason, kind, due, version, *rule = row  # an intent of old has no rule
    return tombstones.Tombstone(
        id=key, inquiry_id=inquiry_id, group=name, reason=reason, type=kind,
        due_at=None if due is None else from_microseconds(due), policy_version=version,
        rule=rule[0] if rule else None, receipt_lookup=batch.lookups.get(key), intent=intent,
        destroyed_at=now,
    )  # fmt: skip


def _remove(house: House, listed: Sequence[Sequence[Any]]) -> int:
    """Delete the rows, a few at a time; returns how many there were."""
    removed = 0
    together = DELETED_TOGETHER if house.live.sqlite else BATCH
    for start in range(0, len(listed), together):
        part = listed[start : start + together]
        archived = [row[0] for row in part if row[2] == ARCHIVE]
        mail = [row[0] for row in part if row[2] == MAIL]
        living = [row for row in part if row[2] not in {ARCHIVE, MAIL}]
        if archived:
            with house.archive.write() as connection:
                removed += archive.remove(connection, archived)
        if mail:
            with house.live.write() as connection:
                live_epochs.remove_envelopes(connection, mail)
                removed += outbox.remove(connection, mail)
        if living:
            with house.live.write() as connection:
                removed += due_groups.remove_groups(
                    connection, [row[0] for row in living], [row[1] for row in living]
                )
    return removed


# -- what was cut short ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Replayed:
    """How many intents had to be followed, and how many of their groups still stood."""

    intents: int = 0
    groups: int = 0


def replay(house: House) -> Replayed:
    """Follow every intent of the ledger that was not carried through.

    After a crash that is at most one; after the keys store was put back, all since its backup.
    """
    with house.keys.read() as connection:
        progress = keys.how_far(connection)
    after = min(progress.last_intent, progress.done_intent)
    count = groups = 0
    for number, body in records.bodies(house, "destruction", after):
        if body["act"] == "intent":
            groups += _follow(house, number, _Batch(body["groups"], _lookups(house, body["groups"])))
            count += 1
    return Replayed(count, groups)


def _lookups(house: House, listed: Sequence[Sequence[Any]]) -> dict[int, bytes]:
    """Group id → receipt lookup, of those whose rows still stand."""
    with house.live.read() as connection:
        living = due_groups.lookups(connection, [row[1] for row in listed])
    with house.archive.read() as connection:
        archived = archive.by_ids(connection, [row[0] for row in listed if row[2] == ARCHIVE])
    found = {row[0]: living[row[1]] for row in listed if row[1] in living}
    return found | {row.id: row.receipt_lookup for row in archived}


def delete_leftovers(house: House) -> int:
    """Delete rows whose key is destroyed, as a crash leaves them or a store that was put back; how many."""
    deleted = 0
    for stones in house.keys.batches(
        lambda connection, after: tombstones.tombstones(connection, after, LEFTOVER_BATCH), lambda row: row[0]
    ):
        standing = _standing(house, [key for key, _ in stones])
        deleted += _remove(house, [[key, *where] for key, where in standing.items()])
    return deleted


def _standing(house: House, ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Group id → (inquiry id, "" or the group of the archive or of mail), of those that have rows."""
    with house.live.read() as connection:
        living = due_groups.standing(connection, ids)
        mail = outbox.dues(connection, ids)
    with house.archive.read() as connection:
        archived = archive.standing(connection, ids)
    found = {key: (one, "") for key, one in living} | {key: (key, MAIL) for key in mail}
    return found | {key: (one, ARCHIVE) for key, one in archived}
