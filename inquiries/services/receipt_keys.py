"""Opens an inquiry by its receipt: its row, and the data keys of its groups, with the code alone (DESIGN §3).

Runs on the public surface, with no private key. Unknown and destroyed codes are answered alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from inquiries import clock
from inquiries.errors import KeyUnavailable, NotFound, SealBroken
from inquiries.rules.entry import Evidence
from inquiries.rules.retention import MAIN, VISITOR
from inquiries.sealing import envelope, epochs, items, receipts
from inquiries.services import evidence
from inquiries.services.house import House
from inquiries.services.ids import NO_ID
from inquiries.stores import receipt_wraps
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.live import inquiries as live


@dataclass(frozen=True)
class Opened:
    """The inquiry of a receipt: its readable groups by name, and the data key of each that opens."""

    row: live.InquiryRow
    groups: Mapping[str, live.GroupRow]
    keys: Mapping[str, bytes] = field(repr=False)

    def items(self, group: str) -> dict[str, str]:
        """What the group holds, in clear; nothing where it is gone. Raises SealBroken."""
        if group not in self.groups or group not in self.keys:
            return {}
        sealed = items.unpack(self.groups[group].sealed)
        return items.open_items(self.keys[group], self.row.id, group, sealed)

    def evidence(self, group: str) -> Evidence | None:
        """How she consented, where staff entered it. Raises SealBroken."""
        if group not in self.groups or group not in self.keys:
            return None
        return evidence.opened(self.keys[group], self.row.id, group, self.groups[group].evidence)


def open_receipt(house: House, typed: str) -> Opened:
    """Find and open the inquiry that this receipt belongs to.

    Raises:
        NotFound: no living inquiry has this code.
        ReceiptMalformed: it cannot be a code; answered just the same.
    """
    return _opened(house, typed, lambda names: MAIN in names)


def open_remaining(house: House, typed: str) -> Opened:
    """Find and open what is left of an inquiry that has ended: the copies that an optional consent made.

    Raises:
        NotFound: it has not ended, or nothing of the kind is left.
        ReceiptMalformed: it cannot be a code; answered just the same.
    """
    return _opened(house, typed, lambda names: MAIN not in names and bool(names - {VISITOR}))


def inquiry_of(house: House, code: str) -> int:
    """The id of the inquiry that this receipt belongs or belonged to, else `NO_ID`.

    Of what was adopted `keys` knows it, of what is new its envelope. The same is asked, whether there is one
    or not.
    """
    lookup = receipts.lookup_id(code)
    with house.keys.read() as connection:
        adopted = receipt_wraps.inquiry_of(connection, lookup)
    with house.live.read() as connection:  # after that: an envelope outlives its adoption
        posted = live_epochs.inquiry_of(connection, lookup)
    return adopted or posted or NO_ID


def _opened(house: House, typed: str, wanted: Callable[[frozenset[str]], bool]) -> Opened:
    """The inquiry, if the names of its readable groups, and of those of them that open, are as wanted."""
    code = receipts.normalise(typed)
    inquiry_id = inquiry_of(house, code)
    with house.live.read() as connection:
        row = live.shell(connection, inquiry_id)
        groups = {group.name: group for group in live.groups_of(connection, inquiry_id, clock.now())}
    if row is None or not wanted(frozenset(groups)):
        raise NotFound("no living inquiry has this receipt")
    for _ in range(2):  # between our reading a row and its surface key a rotation may have replaced both
        found = _data_keys(house, code, row.id, groups.values())
        if wanted(frozenset(found)):
            return Opened(row, groups, found)
    raise NotFound("no key opens this inquiry")


def _data_keys(
    house: House, code: str, inquiry_id: int, groups: Collection[live.GroupRow]
) -> dict[str, bytes]:
    """Group → its key, of those that open: from the key rows, or while not adopted from the envelope."""
    wraps = _adopted(house, inquiry_id)
    if any(group.id not in wraps for group in groups):
        wraps = _fresh(house, inquiry_id) | wraps
    return dict(_unwrapped(code, inquiry_id, groups, wraps))


def _unwrapped(
    code: str, inquiry_id: int, groups: Collection[live.GroupRow], wraps: Mapping[int, bytes | None]
) -> Iterator[tuple[str, bytes]]:
    for group in groups:
        wrap = wraps.get(group.id)
        if wrap is not None:
            with suppress(SealBroken):
                yield group.name, receipts.unwrap_with_receipt(code, inquiry_id, group.name, wrap)


def _adopted(house: House, inquiry_id: int) -> dict[int, bytes | None]:
    """Key id → receipt wrap; None where the key is destroyed, or does not open."""
    with house.keys.read() as connection:
        rows = receipt_wraps.of_inquiry(connection, inquiry_id)
    wraps: dict[int, bytes | None] = {}
    for row in rows:
        wraps[row.id] = None
        if row.wrap is not None:
            with suppress(SealBroken, KeyUnavailable):
                surface_key = house.custody.surface_key(row.epoch)
                wraps[row.id] = epochs.uncover(surface_key, row.epoch, row.id, row.wrap)
    return wraps


def _fresh(house: House, inquiry_id: int) -> dict[int, bytes | None]:
    """Key id → receipt wrap, from the envelope."""
    with house.live.read() as connection:
        found = live_epochs.envelope(connection, inquiry_id)
    if found is None:
        return {}
    number, sealed = found
    with suppress(SealBroken, KeyUnavailable):
        surface_key = house.custody.surface_key(number)
        wraps = envelope.receipt_wraps(
            blob=sealed, epoch=number, surface_key=surface_key, inquiry_id=inquiry_id
        )
        return {key: wrap for _, key, wrap in wraps}
    return {}
