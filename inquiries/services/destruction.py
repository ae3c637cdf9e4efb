"""Destroys groups in the order that survives any crash, and finishes what was cut short.

Order: claim in the group's store → what was asked proved → intent in the ledger → wraps and tags gone,
tombstones in keys → rows deleted → proof signed → done in the ledger (DESIGN §3). Every step is repeatable.
Absence of something elsewhere never destroys anything; a tombstone always deletes leftovers (P08-P12).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from inquiries import clock
from inquiries.services import (
    batches,
    certificates,
    due_dates,
    intents,
    publishing,
    records,
    request_proofs,
)
from inquiries.services.batches import LIVING, Batch
from inquiries.services.house import House
from inquiries.services.keys import MAIL
from inquiries.stores import archive, keys, tombstones
from inquiries.stores.database import Database
from inquiries.stores.keys import ARCHIVE
from inquiries.stores.live import claims, outbox
from inquiries.stores.live import due as due_groups
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.tombstones import Cohort, Member
from inquiries.stores.types import to_microseconds

BATCH = 5000
#: Rows in one transaction, so that who sends waits for milliseconds; those of `Portions` as well.
BURIED_TOGETHER = 1000
MAIL_TOGETHER = 200
#: After how many deletions SQLite's log is emptied: the disk is given little at a time.
CHECKPOINT_AFTER = 25


@dataclass(frozen=True)
class Portions:
    """What a database takes at a time.

    SQLite, because writers take turns; PostgreSQL, because one statement keeps a processor busy, and a
    sender's commit takes everybody's log to the disk.
    """

    claimed: int
    removed: int

    @classmethod
    def of(cls, database: Database) -> Portions:
        """As this database needs it."""
        return SQLITE if database.sqlite else POSTGRESQL


SQLITE = Portions(claimed=200, removed=100)
POSTGRESQL = Portions(claimed=1000, removed=500)


# -- what is due ---------------------------------------------------------------------------------


def destroy_due(house: House) -> Iterator[tuple[int, int]]:
    """Destroy all that is due and not held, batch by batch: (how many, the longest lag in microseconds)."""
    reasons = due_dates.Reasons(house)
    claimed = (partial(_claimed, house, reasons), partial(_claimed_in_archive, house))
    while batch := next(filter(None, (claim() for claim in claimed)), None):  # what is asked meanwhile, first
        _destroy(house, batch)
        now = to_microseconds(clock.now())
        yield len(batch), 0 if batch.oldest is None else now - batch.oldest


def _claimed(house: House, reasons: due_dates.Reasons) -> Batch:
    """What was claimed before, by who asked or by a sweep that was cut short; if nothing was, what is due."""
    with house.live.read() as connection:
        groups = claims.claimed(connection, BATCH)
    if not groups:
        due = _claim_due(house)
        with house.live.read() as connection:  # or what was asked for while nothing was found to be due
            groups = claims.claimed_among(connection, due) if due else claims.claimed(connection, BATCH)
    return _of_claimed(house, groups, reasons)


def _of_claimed(house: House, groups: Sequence[claims.Claimed], reasons: due_dates.Reasons) -> Batch:
    with house.live.read() as connection:
        kept = claims.kept_until(connection)
    return batches.of_claimed(groups, reasons, kept)


def _claim_due(house: House) -> list[int]:
    """Their ids, and those of what is held since a moment ago."""
    ids: list[int] = []
    since, together = claims.EARLIEST, Portions.of(house.live).claimed
    while len(ids) < BATCH:
        with house.live.write_aside() as connection:
            due = claims.claim_due(connection, clock.now(), min(BATCH - len(ids), together), since)
        if not due:
            break
        ids += [one for one, _ in due]
        since = due[-1][1]
    return ids


def _claimed_in_archive(house: House) -> Batch:
    with house.archive.write() as connection:
        rows = archive.claim_due(connection, clock.now(), BATCH)
    members = (
        (
            (ARCHIVE, "statute", row.type, row.policy_version, _statute(house, row)),
            (row.id, row.inquiry_id, to_microseconds(row.due_at)),
        )
        for row in rows
    )
    return batches.gathered(members, {row.id: row.receipt_lookup for row in rows})


def _statute(house: House, row: archive.ArchivedRow) -> str:
    found = publishing.version(house, row.policy_version).policy.statutes.get(row.statute)
    return f"statute {row.statute}" + (f" {found.period}" if found else "")


def destroy_now(house: House, group_ids: Sequence[int], reason: str) -> int:
    """Claim these groups and destroy them; returns how many. What is held stays. Raises JobBusy."""
    with house.live.write() as connection:
        claims.claim(connection, group_ids, reason, clock.now())
    return destroy_claimed(house, group_ids)


def destroy_claimed(house: House, group_ids: Sequence[int]) -> int:
    """Destroy those of the groups that are claimed; returns how many.

    Raises:
        JobBusy: a sweep is at work; it destroys them before anything else that is due.
    """
    with house.live.job("sweep"):
        with house.live.read() as connection:
            groups = claims.claimed_among(connection, group_ids)
        batch = _of_claimed(house, groups, due_dates.Reasons(house))
        if batch:
            _destroy(house, batch)
        return len(batch)


def destroy_mail(house: House) -> None:
    """Destroy the keys of messages that ended; what never arrived is recorded first, by kind and number."""
    while True:
        with house.live.write() as connection:
            rows = outbox.claim_due(connection, clock.now(), MAIL_TOGETHER)
            unsent = Counter(row.kind for row in rows if row.state in outbox.UNDELIVERED)
            if unsent:
                records.append(house, "operation", {"act": "mail_expired", "kinds": unsent})
        if not rows:
            return
        now = to_microseconds(clock.now())
        ended = [(row.id, row.id, now) for row in rows]
        _destroy(house, Batch((Cohort(MAIL, "mail", "", 0, "mail", ended),), {}))


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


def _orphans(house: House, overdue: Sequence[keys.Overdue]) -> Batch:
    found = _standing(house, [row.id for row in overdue]).values()
    standing = {key for members in found for key, _, _ in members}
    alone = [row for row in overdue if row.id not in standing]
    members = (
        ((row.group, "orphan", "", 0, "orphan"), (row.id, row.inquiry_id, to_microseconds(row.due_at)))
        for row in alone
    )
    return batches.gathered(
        members, {row.id: row.receipt_lookup for row in alone if row.receipt_lookup is not None}
    )


# -- the order -----------------------------------------------------------------------------------


def _destroy(house: House, batch: Batch) -> None:
    request_proofs.prove_before_the_end(house, batch.inquiries)
    _follow(house, records.append(house, "destruction", intents.written(batch.cohorts)), batch)


def _follow(house: House, intent: int, batch: Batch) -> None:
    """Everything after the intent."""
    for some in _cohorts(batch.cohorts, BURIED_TOGETHER):
        with house.keys.write_aside() as connection:
            tombstones.bury(connection, intent, clock.now(), some, batch.lookups)
    if len(batch) > BURIED_TOGETHER:
        house.keys.checkpoint()
    _remove(house, batch.by_store)
    certificates.prove_intent(house, intent, batch.ids)
    records.append(house, "destruction", {"act": "done", "intent": intent, "groups": len(batch)})
    with house.keys.write() as connection:
        keys.advance(connection, intent)


def _cohorts(cohorts: Iterable[Cohort], size: int) -> Iterator[Cohort]:
    """The same, none with more members than that."""
    for one in cohorts:
        for start in range(0, len(one.members), size):
            yield replace(one, members=one.members[start : start + size])


def _remove(house: House, members: Mapping[str, Sequence[Member]]) -> int:
    """Delete the rows, a few at a time in order of id; returns how many there were."""
    removed = 0
    together = Portions.of(house.live).removed
    for ids, _ in _parts(members[ARCHIVE], BATCH):
        with house.archive.write() as connection:
            removed += archive.remove(connection, ids)
    for ids, _ in _parts(members[MAIL], together):
        with house.live.write() as connection:
            live_epochs.remove_envelopes(connection, ids)
            removed += outbox.remove(connection, ids)
    for number, (ids, inquiries) in enumerate(_parts(members[LIVING], together), 1):
        with house.live.write_aside() as connection:
            removed += due_groups.remove_groups(connection, ids, inquiries)
        if number % CHECKPOINT_AFTER == 0:
            house.live.checkpoint()
    return removed


def _parts(members: Sequence[Member], size: int) -> Iterator[tuple[list[int], list[int]]]:
    """Their ids and those of their inquiries, so many at a time."""
    for start in range(0, len(members), size):
        ids, inquiries, _ = zip(*members[start : start + size], strict=True)
        yield list(ids), list(inquiries)


# -- what was cut short ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Replayed:
    """How many intents had to be followed, and how many groups they name."""

    intents: int = 0
    groups: int = 0


def replay(house: House) -> Replayed:
    """Follow every intent of the ledger that was not carried through.

    After a crash that is at most one; after the keys store was put back, all since its backup.
    """
    with house.keys.read() as connection:
        done = keys.how_far(connection).done_intent
    count = groups = 0
    for number, body in records.bodies(house, "destruction", done):
        if cohorts := intents.read(body):
            batch = Batch(cohorts, _lookups(house, cohorts))
            _follow(house, number, batch)
            groups, count = groups + len(batch), count + 1
    return Replayed(count, groups)


def _lookups(house: House, cohorts: Sequence[Cohort]) -> dict[int, bytes]:
    """Group id → receipt lookup, of those whose rows still stand."""
    members = [member for one in cohorts for member in one.members]
    with house.live.read() as connection:
        living = due_groups.lookups(connection, [inquiry for _, inquiry, _ in members])
    archived = [key for one in cohorts if one.group == ARCHIVE for key, _, _ in one.members]
    with house.archive.read() as connection:
        kept = archive.by_ids(connection, archived)
    found = {key: living[inquiry] for key, inquiry, _ in members if inquiry in living}
    return found | {row.id: row.receipt_lookup for row in kept}


def delete_leftovers(house: House, until: int | None = None) -> int:
    """Delete rows whose key is destroyed, as a crash leaves them or a store that was put back; how many.

    `until`: the last intent that is looked after; what came later was carried through just now.
    """
    some = partial(tombstones.tombstones, limit=BATCH, until=until)
    walk = house.keys.batches(some, lambda row: row[0])
    return sum(_remove(house, _standing(house, [key for key, _ in stones])) for stones in walk)


def _standing(house: House, ids: Sequence[int]) -> dict[str, list[Member]]:
    """Those that have rows, by where."""
    with house.live.read() as connection:
        living = due_groups.standing(connection, ids)
        mail = outbox.dues(connection, ids)
    with house.archive.read() as connection:
        archived = archive.standing(connection, ids)
    return {
        LIVING: [(key, inquiry, None) for key, inquiry in living],
        MAIL: [(key, key, None) for key in mail],
        ARCHIVE: [(key, inquiry, None) for key, inquiry in archived],
    }
