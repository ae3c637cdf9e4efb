"""Fills an instance with inquiries that are really sealed, as they lie after adoption; measures nothing."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from benchmarks import servers
from inquiries.sealing import epochs, items, receipts
from inquiries.services import epochs as open_epochs
from inquiries.services import ids
from inquiries.services.house import House
from inquiries.stores import keys as keys_store
from inquiries.stores.live import tables

BATCH = 5_000
START = datetime.now(UTC) - timedelta(days=300)
STEP = timedelta(seconds=20)
MORE = timedelta(days=60)
TYPES = ("support", "introduction", "affiliate", "recruitment")
ITEMS = {name: text for name, text in servers.FIELDS.items() if not name.startswith("consent.")}
CODE = receipts.random_code()  # one for all: nobody opens these by receipt


def fill(house: House, start: int, end: int, due: int = 0) -> None:
    """Store the inquiries number `start` to `end`, each under its own data key.

    All are kept for the same time, which is over for those below `due`; the others have two months more.
    """
    over = datetime.now(UTC) - _received(due)
    epoch = open_epochs.current(house)
    kek = house.custody.epoch_secret(epoch.number).kek
    for first in range(start, end, BATCH):
        numbers = range(first, min(first + BATCH, end))
        made = [_inquiry(number, epoch, kek, over if number < due else over + MORE) for number in numbers]
        with house.live.write() as connection:
            for at, table in enumerate((tables.inquiries, tables.groups, tables.consents)):
                connection.execute(insert(table), [rows[at] for rows, _ in made])
        with house.keys.write() as connection:
            keys_store.adopt(connection, epoch.number, [key for _, key in made])


def row_id(number: int) -> int:
    """The id as `services.ids` makes it at the receipt, but known before."""
    return ids.first_id(_received(number))


def _received(number: int) -> datetime:
    return START + number * STEP


def _inquiry(
    number: int, epoch: open_epochs.OpenEpoch, kek: bytes, period: timedelta
) -> tuple[tuple[dict[str, Any], ...], keys_store.NewKey]:
    """An inquiry's rows (shell, group, consent), and its key."""
    inquiry_id, key_id, dek = row_id(number), row_id(number) + 1, items.new_data_key()
    received = _received(number)
    unread = number % 40 == 0
    lookup = os.urandom(16)
    shell = {
        "id": inquiry_id,
        "type": TYPES[number // 2 % len(TYPES)],
        "state": "received" if unread else "closed",
        "channel": "form",
        "language": "ko",
        "policy_version": 1,
        "received_at": received,
        "receipt_lookup": lookup,
    }
    sealed = items.seal_items(dek, inquiry_id, "main", ITEMS)
    group = {
        "id": key_id,
        "inquiry_id": inquiry_id,
        "name": "main",
        "due_at": received + period,
        "sealed": items.pack(sealed),
    }
    consent = {
        "inquiry_id": inquiry_id,
        "purpose": "inquiry",
        "given": True,
        "policy_version": 1,
        "notice_digest": bytes(32),
        "notice_shown": True,
        "language": "ko",
        "recorded_at": received,
    }
    covered = receipts.wrap_for_receipt(CODE, inquiry_id, "main", dek)
    key = keys_store.NewKey(
        id=key_id,
        inquiry_id=inquiry_id,
        group="main",
        wrap=epochs.wrap_data_key(kek, epoch.number, key_id, dek),
        receipt_wrap=epochs.cover(epoch.surface_key, epoch.number, key_id, covered),
        receipt_lookup=lookup,
        tag_email=os.urandom(16),
        tag_phone=os.urandom(16),
        due_at=received + period,
    )
    return (shell, group, consent), key
