"""What every start does first: make the stores agree, finish what was cut short, list what is lost.

Nothing here destroys anything but leftovers of what the ledger says was destroyed (DESIGN §3, Restore).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import structlog

from inquiries.errors import JobBusy, RotationIncomplete
from inquiries.services import adoption, people, records, retention, rotation
from inquiries.services.house import House
from inquiries.stores import keys
from inquiries.stores.live import due as due_groups

log = structlog.get_logger()

BATCH = 5000


@dataclass(frozen=True)
class Recovered:
    """What a start found: intents followed, leftovers deleted, keys adopted, inquiries that do not open."""

    epoch: int
    replayed: int = 0
    leftovers: int = 0
    adopted: int = 0
    unopenable: tuple[int, ...] = ()


def start(house: House) -> Recovered | None:
    """Bring the house in order; None while another process is at it."""
    try:
        return _start(house)
    except JobBusy as busy:
        log.info("start.left_to_another_process", job=str(busy))
        return None


def _start(house: House) -> Recovered:
    epoch = rotation.settle_epochs(house)
    with house.live.job("sweep"):
        replayed = retention.replay(house).intents
        leftovers = retention.delete_leftovers(house)
        _notice_restore(house, replayed, leftovers, people.revoke_again(house))
    adoption.release(house)
    adopted = adoption.adopt_pending(house)
    with suppress(RotationIncomplete, JobBusy):  # said again, with its reason, by every rotation
        rotation.finish_pending(house)
    lost = unopenable(house) if _restored(house) or adopted.quarantined else ()
    if lost:
        log.error("start.unopenable", inquiries=list(lost))
        records.append(house, "operation", {"act": "unopenable", "inquiries": list(lost)})
    return Recovered(epoch, replayed, leftovers, adopted.adopted, lost)


def unopenable(house: House) -> tuple[int, ...]:
    """Inquiries (and staff) of which some group has neither a tombstone nor a key that anything opens."""
    lost = {*adoption.quarantined(house), *rotation.unopenable(house)}
    after = 0
    while True:
        with house.live.read() as connection:
            batch = due_groups.groups_after(connection, after, BATCH)
        if not batch:
            break
        after = batch[-1][0]
        with house.keys.read() as connection:
            known = keys.known(connection, [key for key, _ in batch])
        lost.update(inquiry_id for key, inquiry_id in batch if key not in known)
    return tuple(sorted(lost))


def _notice_restore(house: House, replayed: int, leftovers: int, revoked: int) -> None:
    """Also within one epoch a store that was put back shows, by what a crash cannot leave behind.

    A crash leaves one destruction unfinished at most, no row of a finished one, and no key without its row.
    """
    with house.keys.read() as connection:
        newest = keys.newest_living(connection)
    with house.live.read() as connection:
        orphan = None if newest is None or due_groups.stands(connection, newest) else newest
    noticed = records.latest(house, "operation", "restore")
    if orphan is not None and noticed is not None and noticed[1].get("orphan") == orphan:
        orphan = None  # it stays without its row for good; said once
    if replayed > 1 or leftovers or revoked or orphan is not None:
        found = {"replayed": replayed, "leftovers": leftovers, "revoked": revoked, "orphan": orphan}
        rotation.note_restore(house, **found)


def _restored(house: House) -> bool:
    with house.keys.read() as connection:
        return keys.how_far(connection).restored_at is not None
