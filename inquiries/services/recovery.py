"""What every start does first: make the stores agree, finish what was cut short, list what is lost.

Nothing here destroys anything but leftovers of what the ledger says was destroyed (DESIGN §3, Restore).
When a start finds that a store was put back, a gate stands until the officer has looked: no epoch ends,
no staff page opens, while forms and receipts go on.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from inquiries import clock
from inquiries.errors import JobBusy, NotFound, ReasonRequired, RotationIncomplete
from inquiries.rules.permissions import Permission
from inquiries.services import (
    adoption,
    archive_keys,
    destruction,
    ids,
    losses,
    proofs,
    publishing,
    records,
    register,
    request_records,
    rewrapping,
    rotation,
)
from inquiries.services.actor import Actor, on_one_line
from inquiries.services.house import House
from inquiries.stores import keys
from inquiries.stores.live import due as due_groups
from inquiries.stores.live import staff as live_staff

log = structlog.get_logger()

BATCH = 5000
#: A start records what it found just before it sets the gate.
_ONE_START = timedelta(minutes=5)
_REMEMBERED = 100  # restores
#: No longer than their records are kept (`records.OPERATION`): what was received before that and has no row
#: went with a copy as old, whose epoch tells.
_NEWS = timedelta(days=2 * 365)


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


def unsettled(house: House) -> bool:
    """Whether live or keys were put back and no start has followed yet; asked before anything is shown.

    The keyring is left aside: a host that shows pages alone may hold an older one.
    """
    if rotation.behind(house).keys() & {"live", "keys"}:
        return True
    with house.keys.read() as connection:
        done = keys.how_far(connection).done_intent
    later = records.bodies(house, "destruction", done)
    return len([n for n, body in later if body["act"] == "intent"]) > 1  # a sweep at work leaves one


def _start(house: House) -> Recovered:
    epoch = rotation.settle_epochs(house)
    publishing.remember(house)
    with house.live.job("sweep"):
        replayed = destruction.replay(house).intents
        leftovers = destruction.delete_leftovers(house)
        again = request_records.replay(house)
        followed, given_up = register.catch_up(house), proofs.end_given_up(house)
        _notice_restore(house, replayed, leftovers, followed, again, given_up)
    adoption.release(house)
    adopted = adoption.adopt_pending(house)
    archive_keys.adopt_pending(house)
    with suppress(RotationIncomplete, JobBusy):  # said again, with its reason, by every rotation
        rotation.finish_pending(house)
    losses.note(house, _lost(house))
    return Recovered(epoch, replayed, leftovers, adopted.adopted, losses.waiting(house))


def _notice_restore(
    house: House,
    replayed: int,
    leftovers: int,
    rights: register.Followed,
    again: request_records.Replayed,
    given_up: int,
) -> None:
    """Also within one epoch a store that was put back shows, by what a crash cannot leave behind.

    A crash leaves one destruction unfinished at most, no row of a finished one, no key without its row, of
    the rights records the newest one undone, and no request that the ledger alone knows.
    """
    orphan, after = _orphan(house)
    rowless = sorted(archive_keys.rowless(house).keys() - losses.found(house).keys())  # the others: said once
    counted = {"replayed": replayed, "leftovers": leftovers, "requests": len(again.made)}
    people = {"revoked": rights.ended, "rights": rights.changed, "uninvited": rights.lost}
    people["proofs"] = given_up
    came_back = replayed > 1 or leftovers or rights.restored or again.made or given_up
    if came_back or rowless or orphan is not None:
        found: dict[str, object] = {"orphan": orphan, "after": after, "archive": rowless}
        rotation.note_restore(house, **counted, **people, **found, corrections=list(again.lost))


def _orphan(house: House) -> tuple[int | None, int]:
    """The newest living key that has no row, unless that was said before; and after which id no row is left.

    What went with a live store stays without its rows until its day. The record tells between which ids that
    is so: else it would be news again as soon as the newest of it has ended.
    """
    until: int | None = None
    said: list[tuple[int, int]] | None = None
    old = ids.first_id(clock.now() - _NEWS)
    while True:
        with house.keys.read() as connection:
            newest = keys.newest_living(connection, until)
        with house.live.read() as connection:
            if newest is None or newest < old or due_groups.stands(connection, newest):
                return None, 0
            after = due_groups.newest_before(connection, newest)
        if said is None:
            said = _said_before(house)
        until = min((low for low, high in said if low < newest <= high), default=None)
        if until is None:
            return newest, after


def _said_before(house: House) -> list[tuple[int, int]]:
    """Between which ids, the later included, keys without their rows were noticed."""
    found = (body for _, _, body in records.newest(house, "operation", "restore", _REMEMBERED))
    spans = ((body.get("orphan"), body) for body in found)
    return [(body.get("after", orphan - 1), orphan) for orphan, body in spans if orphan is not None]


# -- what does not open --------------------------------------------------------------------------


def look(house: House) -> tuple[int, ...]:
    """Find every key that is missing without a tombstone, and record that it was looked for.

    Returns the inquiries and staff with one that the officer has not accepted.
    """
    losses.note(house, _lost(house), looked=True)
    return losses.waiting(house)


def _lost(house: House) -> dict[int, int]:
    """Group → inquiry, of groups (and staff) with neither a tombstone nor a key that anything opens.

    Archived rows stand for themselves, those included that are gone while their keys live, or with them.
    """
    lost = {row.id: row.inquiry_id for row in rewrapping.unopenable(house)}
    for batch in house.live.batches(
        lambda c, after: due_groups.groups_after(c, after, BATCH), lambda group: group[0]
    ):
        with house.keys.read() as connection:
            known = keys.known_between(connection, batch[0][0], batch[-1][0])
        lost |= _keyless(house, [(group, inquiry) for group, inquiry in batch if group not in known])
    with house.live.read() as connection:
        enrolled = [(one, one) for one in live_staff.enrolled(connection)]
    archive_keys.adopt_pending(house)
    lost |= _keyless(house, enrolled)
    return lost | archive_keys.keyless(house) | archive_keys.rowless(house) | archive_keys.unkept(house)


def _keyless(house: House, groups: list[tuple[int, int]]) -> dict[int, int]:
    """Those that have no key, and get none from their envelope: it may have come in just now."""
    absent = _absent(house, groups)
    if not absent:
        return {}
    adoption.adopt(house, sorted(set(absent.values())))
    return _absent(house, list(absent.items()))


def _absent(house: House, groups: list[tuple[int, int]]) -> dict[int, int]:
    with house.keys.read() as connection:
        known = keys.known(connection, [group for group, _ in groups])
    return {group: inquiry for group, inquiry in groups if group not in known}


# -- the gate ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gate:
    """A store was put back and the officer has not confirmed it; what showed it, and what does not open.

    `behind`: stores that did not know what others knew. `replayed`: destructions that had to be followed
    again. `leftovers`: rows of destroyed inquiries that were deleted. `revoked`: staff whose access was
    ended again. `rights`: other changes of rights that were made again. `uninvited`: staff who had enrolled
    since and must do so anew. `proofs`: passwords, apps, recovery codes and passkeys that had been given up
    and were ended again. `requests`: what people had asked for since, and what was asked for again in
    their place. `corrections`: inquiries whose corrections went with their texts; they stay suspended.
    `orphan`: the newest key has no row. `unopenable`: ids that a confirmation accepts as lost.
    """

    since: datetime
    behind: tuple[str, ...] = ()
    replayed: int = 0
    leftovers: int = 0
    revoked: int = 0
    rights: int = 0
    uninvited: int = 0
    proofs: int = 0
    requests: int = 0
    corrections: tuple[int, ...] = ()
    orphan: bool = False
    unopenable: tuple[int, ...] = ()


def gate(house: House) -> Gate | None:
    """What the officer has to confirm; None, after one small query, where nothing was put back."""
    with house.keys.read() as connection:
        since = keys.how_far(connection).restored_at
    if since is None:
        return None
    bodies = records.since(house, "operation", since - _ONE_START)
    found = [body for body in bodies if body["act"] == "restore"]
    behind = {store for body in found for store in body.get("behind", ())}
    if any(body.get("archive") for body in found):
        behind.add("archive")
    summed = ("replayed", "leftovers", "revoked", "rights", "uninvited", "proofs", "requests")
    sums = {name: sum(body.get(name, 0) for body in found) for name in summed}
    return Gate(
        since=since,
        behind=tuple(sorted(behind)),
        corrections=tuple(sorted({one for body in found for one in body.get("corrections", ())})),
        orphan=any(body.get("orphan") is not None for body in found),
        unopenable=losses.waiting(house),
        **sums,
    )


def confirm(house: House, actor: Actor, reason: str) -> None:
    """Accept what was put back and what does not open; recorded, with the ids. The next rotation goes on.

    Does nothing where nothing waits for it.

    Raises:
        NotFound: this person may not.
        ReasonRequired: none was given.
    """
    if not actor.may(Permission.see_retention).allowed:
        raise NotFound("confirm: not permitted")
    reason = on_one_line(reason)
    if not reason:
        raise ReasonRequired("a restore is confirmed with a reason")
    with house.keys.read() as connection:
        restored = keys.how_far(connection).restored_at
    broken = adoption.quarantined(house)
    if restored is None and not losses.waiting(house) and losses.confirmed(house).issuperset(broken):
        return
    left = [row.id for row in rewrapping.unopenable(house)]
    losses.confirm(house, inquiries=broken, keys=left, by=actor, reason=reason)
    with house.keys.write() as connection:
        keys.note_restore(connection, None)
