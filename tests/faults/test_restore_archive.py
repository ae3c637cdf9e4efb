"""Copies of live, archive and keys put back in every combination around moves to the archive and their end.

What was moved stays moved, what was destroyed stays destroyed, and an archived row that an older copy lacks is
listed: never silently gone, never back in the inbox.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import time_machine

from inquiries.services import adoption, archive, inbox, installation, records, retention, rotation
from inquiries.services.house import House
from inquiries.settings import Settings
from tests.cast import MINJI, OH, send
from tests.faults import invariants, scenarios

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = START + timedelta(days=100)  # the visitor log's three months are over
EVENTS = 6  # copies are taken after each; the last is the present
PRESENT = EVENTS - 1
MOVED_IN = {"kept": 1, "late": 5}  # after which event the archive holds it


class Past:
    """One installation's life, with copies of its stores after each event."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.settings = scenarios.settings_of(directory)
        self.instance = directory / "instance"
        self.ids: dict[str, int] = {}  # content → archive id
        self.inquiries: dict[str, int] = {}
        self._copies = 0

    def live(self) -> None:
        with time_machine.travel(START) as clock:
            house = installation.install(self.settings).house
            for content in ("stays", "kept", "ends", "late"):
                send(house, items={"content": content})
            adoption.adopt_pending(house)
            self._copy()  # 0: received
            self._move(house, "kept", "contract")
            self._move(house, "ends", "visitor_log")
            self._copy()  # 1: two are moved
            rotation.rotate(house)
            self._copy()  # 2: rotated
            clock.move_to(LATER)
            assert retention.sweep(house, confirm=True).destroyed == 5  # "ends", and four visits
            self._copy()  # 3: one has ended
            rotation.rotate(house)
            self._copy()  # 4: for good
            self._move(house, "late", "contract")
            self._copy()  # 5: the present
            house.close()
        assert self._copies == EVENTS

    def _move(self, house: House, content: str, statute: str) -> None:
        (inquiry,) = [
            row.id
            for row in inbox.page(house, MINJI).rows
            if inbox.open_inquiry(house, MINJI, row.id, None).items["content"] == content
        ]
        self.inquiries[content] = inquiry
        order = {"statute": statute, "items": ["content"], "reason": "by law"}
        self.ids[content] = archive.order(house, OH, inquiry, **order)  # type: ignore[arg-type]

    def _copy(self) -> None:
        for store in ("live", "archive"):
            scenarios.copy_database(self.instance / f"{store}.db", self.directory / f"{store}.{self._copies}")
        scenarios.copy_tree(self.instance / "keyring", self.directory / f"keyring.{self._copies}")
        self._copies += 1


@pytest.fixture(scope="module")
def past() -> Iterator[Past]:
    with tempfile.TemporaryDirectory() as directory:
        lived = Past(Path(directory))
        lived.live()
        yield lived


class Case(NamedTuple):
    """Of which copy each store is; keys and keyring are a pair, of the last three days."""

    live: int
    archive: int
    pair: int


ALL = [Case(*ages) for ages in itertools.product(range(EVENTS), range(EVENTS), (3, 4, PRESENT))]
QUICK = [
    case
    for case in ALL
    if (case.pair == PRESENT and PRESENT in case) or case in {(2, 1, 4), (0, 0, 3), (5, 5, 3)}
]
SLOW = [pytest.param(case, marks=pytest.mark.slow) for case in ALL if case not in QUICK]


@pytest.mark.parametrize("case", [*QUICK, *SLOW], ids=str)
def test_put_back(case: Case, past: Past, make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    shutil.copytree(past.instance, settings.instance)
    for store in ("live", "archive"):
        copy = past.directory / f"{store}.{getattr(case, store)}"
        scenarios.put_back_database(copy, settings.instance / f"{store}.db")
    if case.pair != PRESENT:
        scenarios.put_back_tree(past.directory / f"keyring.{case.pair}", settings.instance / "keyring")
    with time_machine.travel(LATER + timedelta(hours=1)):
        installed = installation.install(settings)
        house, recovered = installed.house, installed.recovered
        assert recovered is not None
        there = {content for content, event in MOVED_IN.items() if event <= case.archive}
        assert set(recovered.unopenable) == {_named(past, case, one) for one in MOVED_IN.keys() - there}
        _check(house, there)
        if any(age < PRESENT for age in case):
            rotation.rotate(house, break_glass="the officer is away")
        rotation.rotate(house)
        assert retention.sweep(house, confirm=True).failed == 0
        _check(house, there)
        assert records.verify(house).ok
        house.close()


def _named(past: Past, case: Case, content: str) -> int:
    """An archived row that is gone is named by its id where its key lives, else by the inquiry's."""
    return past.ids[content] if MOVED_IN[content] <= case.pair else past.inquiries[content]


def _check(house: House, there: set[str]) -> None:
    assert invariants.contents_of_archive(house) == there
    assert invariants.contents_of_inbox(house) == ["stays"]
