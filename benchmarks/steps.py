"""Where the microseconds of one submission go: times the product's own functions, in one process."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from unittest import mock

from benchmarks import servers
from inquiries import settings
from inquiries.rules import items as item_rules
from inquiries.sealing import envelope, items, receipts
from inquiries.services import intake
from inquiries.services.house import open_house
from inquiries.stores.database import Database

P = ParamSpec("P")
R = TypeVar("R")

WARM_UP, TIMES = 200, 2_000

# What is timed inside `receive`: its name in the table, where it stands, what it is called there.
STEPS: tuple[tuple[str, Any, str], ...] = (
    ("validate the items", item_rules, "validate"),
    ("make the receipt code", receipts, "random_code"),
    ("seal the items", items, "seal_items"),
    ("pack them", items, "pack"),
    ("make a sending key, shared under load", envelope, "new_sending_key"),
    ("seal the envelope", envelope, "seal_envelope"),
    ("insert and commit, durably", Database, "write_together"),
)
WHOLE, REST = "the whole of it", "everything else"


def microseconds(directory: Path) -> dict[str, float]:
    """The median of each step over `TIMES` submissions into a fresh instance, and of the whole."""
    made = directory / "steps"
    made.mkdir()
    servers.initialise(servers.product_environment(made))
    house = open_house(settings.load(instance=made / "instance"))
    taken: dict[str, list[float]] = defaultdict(list)
    try:
        with ExitStack() as patched:
            spent: dict[str, float] = defaultdict(float)
            for name, module, function in STEPS:
                timed = _timed(getattr(module, function), name, spent)
                patched.enter_context(mock.patch.object(module, function, timed))
            for number in range(WARM_UP + TIMES):
                submission = _submission(number)
                spent.clear()
                started = time.perf_counter()
                intake.receive(house, submission)
                whole = time.perf_counter() - started
                if number >= WARM_UP:
                    for name, seconds in spent.items():
                        taken[name].append(seconds)
                    taken[REST].append(whole - sum(spent.values()))
                    taken[WHOLE].append(whole)
    finally:
        house.close()
    order = [name for name, _, _ in STEPS] + [REST, WHOLE]
    unused = [name for name in order if len(taken[name]) < TIMES]
    if unused:
        raise RuntimeError(f"intake no longer calls what these measured: {', '.join(unused)}")
    return {name: statistics.median(taken[name]) * 1e6 for name in order}


def _submission(number: int) -> intake.Submission:
    fields = {name: text for name, text in servers.FIELDS.items() if not name.startswith("consent.")}
    fields["content"] += str(number)
    return intake.Submission("support", fields, {"inquiry": True}, "ko")


def _timed(function: Callable[P, R], name: str, spent: dict[str, float]) -> Callable[P, R]:
    def timed(*given: P.args, **named: P.kwargs) -> R:
        started = time.perf_counter()
        try:
            return function(*given, **named)
        finally:
            spent[name] += time.perf_counter() - started

    return timed
