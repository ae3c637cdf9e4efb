"""What the receipt opens: the sender sees her inquiry, with the code alone and no private key (P17).

Runs on the public surface. Unknown and destroyed codes are answered alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from inquiries import clock
from inquiries.errors import KeyUnavailable, NotFound, SealBroken
from inquiries.policy.model import Policy
from inquiries.rules.retention import MAIN
from inquiries.sealing import envelope, epochs, items, receipts
from inquiries.services import publishing
from inquiries.services.house import House
from inquiries.stores import keys
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.live import holds
from inquiries.stores.live import inquiries as live


@dataclass(frozen=True)
class ConsentView:
    """One purpose and whether she agreed to it."""

    purpose: str
    given: bool
    policy_version: int
    recorded_at: datetime


@dataclass(frozen=True)
class ReceiptView:
    """Her inquiry; `due_at` is when everything of it will be gone, None when kept until withdrawn.

    `held_until` is the end of the legal hold that keeps it at least until then, None when none runs (P14).
    `items` are in the order of the form; moments are in the policy's time zone.
    """

    type: str
    state: str
    received_at: datetime
    due_at: datetime | None
    held_until: datetime | None
    items: Mapping[str, str]
    consents: tuple[ConsentView, ...]
    policy_version: int
    policy: Policy


def look(house: House, typed: str) -> ReceiptView:
    """Open the inquiry that this receipt belongs to.

    Raises:
        NotFound: no living inquiry has this code.
        ReceiptMalformed: it cannot be a code; answered just the same.
    """
    code = receipts.normalise(typed)
    now = clock.now()
    with house.live.read() as connection:
        row = live.by_receipt(connection, receipts.lookup_id(code))
        if row is None:
            raise NotFound("no inquiry has this receipt")
        groups = {group.name: group for group in live.groups_of(connection, row.id, now)}
        consents = live.consents_of(connection, row.id)
        held = [one.until for one in holds.of_inquiries(connection, [row.id], now)]
    main = groups.get(MAIN)
    if main is None:
        raise NotFound("the inquiry of this receipt is due or destroyed")
    dek = _data_key(house, code, row.id, main.id)
    policy = publishing.version(house, row.policy_version).policy
    zone = ZoneInfo(policy.time_zone)
    sealed = items.unpack(main.sealed)
    opened = {
        name: items.open_item(dek, row.id, MAIN, name, sealed[name])
        for name in policy.types[row.type].items
        if name in sealed
    }
    return ReceiptView(
        type=row.type,
        state=row.state,
        received_at=row.received_at.astimezone(zone),
        due_at=None if main.due_at is None else main.due_at.astimezone(zone),
        held_until=max(held).astimezone(zone) if held else None,
        items=opened,
        consents=tuple(
            ConsentView(one.purpose, one.given, one.policy_version, one.recorded_at.astimezone(zone))
            for one in consents
        ),
        policy_version=row.policy_version,
        policy=policy,
    )


def _data_key(house: House, code: str, inquiry_id: int, key_id: int) -> bytes:
    """The main group's key: from its key row, or from the envelope while it is not adopted.

    Looks twice: between reading a row and its surface key a rotation may have replaced both.
    """
    for _ in range(2):
        try:
            wrap = _adopted_wrap(house, inquiry_id, key_id) or _fresh_wrap(house, inquiry_id, key_id)
            return receipts.unwrap_with_receipt(code, inquiry_id, MAIN, wrap)
        except KeyUnavailable:
            continue
        except SealBroken:
            break
    raise NotFound("no key opens this inquiry")


def _adopted_wrap(house: House, inquiry_id: int, key_id: int) -> bytes | None:
    with house.keys.read() as connection:
        rows = [row for row in keys.of_inquiries(connection, [inquiry_id]) if row.id == key_id]
    if not rows:
        return None
    row = rows[0]
    if row.destroyed or row.receipt_wrap is None:
        raise NotFound("the inquiry of this receipt is destroyed")
    return epochs.uncover(house.custody.surface_key(row.epoch), row.epoch, row.id, row.receipt_wrap)


def _fresh_wrap(house: House, inquiry_id: int, key_id: int) -> bytes:
    with house.live.read() as connection:
        found = live_epochs.envelope(connection, inquiry_id)
    if found is None:
        raise NotFound("no envelope holds this inquiry's key")
    number, sealed = found
    wraps = envelope.receipt_wraps(
        blob=sealed, epoch=number, surface_key=house.custody.surface_key(number), inquiry_id=inquiry_id
    )
    for _, key, wrap in wraps:
        if key == key_id:
            return wrap
    raise NotFound("the envelope holds no key of this inquiry")
