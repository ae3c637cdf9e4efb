"""What was destroyed of one inquiry, group by group, and since when it is final; signs and proves nothing.

Nothing of it leads to anybody: ids, dates, words of the policy, as the tombstones have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.services.house import House
from inquiries.services.ids import NO_ID
from inquiries.services.keys import MAIL, STAFF
from inquiries.services.rotation import INTERVAL, KEY_BACKUPS_LIVE
from inquiries.stores import receipt_wraps, tombstones
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.live import inquiries as live


@dataclass(frozen=True)
class DestroyedPart:
    """One destroyed group; `final` is when no copy could bring it back any more.

    None while its epoch is not over; `final_by` is then when that will be, if rotation goes on as it does.
    """

    stone: tombstones.Tombstone
    final: datetime | None
    final_by: datetime


@dataclass(frozen=True)
class DestroyedParts:
    """What was destroyed of one inquiry; `remaining`: groups that stand; `ended`: the epochs that did."""

    parts: tuple[DestroyedPart, ...]
    remaining: tuple[str, ...]
    ended: tuple[live_epochs.EpochRow, ...]


def of_lookup(house: House, lookup: bytes) -> DestroyedParts:
    """Of the inquiry with this lookup id, the archive's copy included; runs on the public surface.

    Raises:
        NotFound: nothing was destroyed under it.
    """
    with house.keys.read() as connection:
        return _of(house, connection, tombstones.by_receipt(connection, lookup), lookup, NO_ID)


def of_inquiry(house: House, inquiry_id: int) -> DestroyedParts:
    """Of the inquiry with this number and its archived copy; either's number finds both by their lookup id.

    Raises:
        NotFound: nothing was destroyed of it.
    """
    with house.keys.read() as connection:
        lookup = tombstones.receipt_of(connection, inquiry_id)
        buried = tombstones.by_inquiry(connection, inquiry_id)
        found = {one.id: one for one in buried if one.group not in (MAIL, STAFF)}  # nobody's inquiry
        if lookup is not None:
            found |= {one.id: one for one in tombstones.by_receipt(connection, lookup)}
        return _of(house, connection, list(found.values()), lookup, inquiry_id)


def _of(
    house: House,
    connection: Connection,
    buried: Sequence[tombstones.Tombstone],
    lookup: bytes | None,
    inquiry_id: int,
) -> DestroyedParts:
    """`connection`: to the keys; `inquiry_id`: of the inquiry, where the lookup id does not tell."""
    if not buried:
        raise NotFound("nothing was destroyed under this receipt or number")
    now = clock.now()
    living: set[str] = set()
    if lookup is not None:
        inquiry_id = receipt_wraps.inquiry_of(connection, lookup) or inquiry_id
        living.update(tombstones.living(connection, lookup))
    scoured = tombstones.scoured(connection, {one.epoch for one in buried if one.epoch is not None})
    with house.live.read() as live_connection:
        ended = {
            row.number: row for row in live_epochs.of(live_connection, scoured) if row.state == "retired"
        }
        groups = live.groups_of(live_connection, inquiry_id, now)
    gone = {one.id for one in buried}
    return DestroyedParts(
        parts=tuple(_part(one, ended, scoured, now) for one in buried),
        remaining=tuple(sorted(living.union(group.name for group in groups if group.id not in gone))),
        ended=tuple(ended.values()),
    )


def _part(
    one: tombstones.Tombstone,
    ended: Mapping[int, live_epochs.EpochRow],
    scoured: Mapping[int, datetime],
    now: datetime,
) -> DestroyedPart:
    """The files are erased once the record says retired; what that left undone is done when scoured."""
    destroyed = one.destroyed_at
    if one.epoch is None or one.epoch not in ended:
        return DestroyedPart(one, None, max(destroyed + INTERVAL, now) + KEY_BACKUPS_LIVE)
    final = max(destroyed, ended[one.epoch].at, scoured[one.epoch]) + KEY_BACKUPS_LIVE
    return DestroyedPart(one, final, final)
