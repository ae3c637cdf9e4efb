"""Measures the inbox's list page at 10,000 and at 1,000,000 inquiries: it must not know how many there are.

    python -m benchmarks.list [--few 10000] [--many 1000000]

Fills a fresh instance with inquiries that are really sealed, each under its own data key, wrapped as after
adoption; then asks the service behind the page for its first, a filtered and a deep page, access record
included. Writes `results/list.json`. Exit status 1 when a page takes more than twice as long among many.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks import servers
from benchmarks.filling import fill, row_id
from inquiries import settings
from inquiries.rules.permissions import ALL_TYPES, Role
from inquiries.services import inbox
from inquiries.services.actor import Actor
from inquiries.services.house import House, open_house

TARGET = 2.0
TIMES = 60
MINJI = Actor(1, "minji@example.com", {Role.consultation: ALL_TYPES})


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
        "a page in the middle": {"after": str(row_id(size // 2))},
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


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The list page among few and among many inquiries.")
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
