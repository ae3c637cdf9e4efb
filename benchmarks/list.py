"""Measures the inbox's list page at 10,000 and at 1,000,000 inquiries: it must not know how many there are.

    python -m benchmarks.list [--few 10000] [--many 1000000]

Fills a fresh instance with inquiries that are really sealed, each under its own data key, wrapped as after
adoption; then asks the service behind the page for its first, a filtered and a deep page, access record
included. Writes `results/list.json`. Exit status 1 when a page takes more than twice as long among many.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from benchmarks import servers
from inquiries import settings
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.sealing import epochs, items, receipts
from inquiries.services import epochs as open_epochs
from inquiries.services import inbox
from inquiries.services.actor import Actor
from inquiries.services.house import House, open_house
from inquiries.stores import keys as keys_store
from inquiries.stores.live import tables

TARGET = 2.0
BATCH = 5_000
TIMES = 60
START = datetime.now(UTC) - timedelta(days=300)
STEP = timedelta(seconds=20)
TYPES = ("support", "introduction", "affiliate", "recruitment")
MINJI = Actor(1, "minji@example.com", {Role.consultation: ALL_TYPES})
ITEMS = {name: text for name, text in servers.FIELDS.items() if not name.startswith("consent.")}
CODE = receipts.random_code()  # one for all: nobody opens these by receipt


def main() -> int:
    """Fill, ask, fill up, ask again, print, write."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="inquiries-bench-") as made:
        directory = Path(made)
        servers.initialise(servers.product_environment(directory))
        house = open_house(settings.load(instance=directory / "instance"))
        try:
            found: dict[int, dict[str, float]] = {}
            filled = 0
            for size in (arguments.few, arguments.many):
                started = time.monotonic()
                fill(house, filled, size)
                print(
                    f"{size - filled} inquiries sealed and stored in {time.monotonic() - started:.0f} s",
                    flush=True,
                )
                filled = size
                found[size] = {name: ask(house, query) for name, query in pages(size).items()}
        finally:
            house.close()
    few, many = found[arguments.few], found[arguments.many]
    ratios = {name: many[name] / few[name] for name in few}
    print(f"\n{'milliseconds (median)':<36}{arguments.few:>12}{arguments.many:>12}{'ratio':>8}")
    for name, ratio in ratios.items():
        print(f"{name:<36}{few[name]:>12.2f}{many[name]:>12.2f}{ratio:>8.2f}")
    print(f"\nworst ratio {max(ratios.values()):.2f} (target at most {TARGET})")
    servers.RESULTS.mkdir(exist_ok=True)
    result = {"milliseconds": found, "ratios": ratios, "target": TARGET}
    (servers.RESULTS / "list.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if max(ratios.values()) <= TARGET else 1


def pages(size: int) -> dict[str, Mapping[str, str]]:
    """The pages that are asked for; few inquiries are unread, as in an inbox that is worked through."""
    return {
        "first page": {},
        "first page of a type": {"type": "support"},
        "first page of a state": {"state": "received"},
        "first page of a type and a state": {"type": "support", "state": "received"},
        "a page in the middle": {"after": str(_id(size // 2))},
    }


def ask(house: House, query: Mapping[str, str]) -> float:
    """The median of how long this page takes, in milliseconds."""
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        found = inbox.page(house, MINJI, **query)
        taken.append(time.perf_counter() - started)
        if len(found.rows) != inbox.PAGE or not all(row.who and row.email for row in found.rows):
            raise RuntimeError(f"{query}: {len(found.rows)} rows, or rows that do not open")
    return statistics.median(taken) * 1e3


def fill(house: House, start: int, end: int) -> None:
    """Store the inquiries number `start` to `end`."""
    epoch = open_epochs.current(house)
    kek = house.custody.epoch_secret(epoch.number).kek
    for first in range(start, end, BATCH):
        made = [_inquiry(number, epoch, kek) for number in range(first, min(first + BATCH, end))]
        with house.live.write() as connection:
            connection.execute(insert(tables.inquiries), [shell for shell, _, _ in made])
            connection.execute(insert(tables.groups), [group for _, group, _ in made])
        with house.keys.write() as connection:
            connection.execute(insert(keys_store.keys), [key for _, _, key in made])


def _inquiry(number: int, epoch: open_epochs.OpenEpoch, kek: bytes) -> tuple[dict[str, Any], ...]:
    """An inquiry's rows: shell, group, key."""
    inquiry_id, key_id, dek = _id(number), _id(number) + 1, items.new_data_key()
    received = START + number * STEP
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
        "once": os.urandom(16),
    }
    sealed = items.seal_items(dek, inquiry_id, "main", ITEMS)
    group = {
        "id": key_id,
        "inquiry_id": inquiry_id,
        "name": "main",
        "due_at": datetime.now(UTC) + timedelta(days=60, seconds=number),
        "sealed": items.pack(sealed),
    }
    covered = receipts.wrap_for_receipt(CODE, inquiry_id, "main", dek)
    key = {
        "id": key_id,
        "inquiry_id": inquiry_id,
        "group_name": "main",
        "epoch": epoch.number,
        "wrap": epochs.wrap_data_key(kek, epoch.number, key_id, dek),
        "receipt_wrap": epochs.cover(epoch.surface_key, epoch.number, key_id, covered),
        "receipt_lookup": lookup,
        "tag_email": os.urandom(16),
        "tag_phone": os.urandom(16),
    }
    return shell, group, key


def _id(number: int) -> int:
    """Ids in the order of receipt, as `services.ids` makes them, but known before."""
    return (number + 1) << 20


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The list page among few and among many inquiries.")
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
