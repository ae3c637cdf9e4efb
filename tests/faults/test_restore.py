"""Copies of every age put back in every combination: what they and the survivors hold opens, the destroyed stays so.

The oracle reads the files themselves before the start: a group opens if a key row that stands, or an
envelope, is of an epoch whose secret stands. Everything else is listed, and nothing more is.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import NotFound, RotationIncomplete
from inquiries.sealing import receipts
from inquiries.services import adoption, installation, intents, keys, receipt, records, retention, rotation
from inquiries.services.house import House
from inquiries.settings import Settings
from tests.cast import send
from tests.faults import invariants, scenarios

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DESTROYED = frozenset({"due, adopted", "due, not adopted"})
EVENTS = 9  # copies are taken after each; the last is the present
PRESENT = EVENTS - 1


class Past:
    """One installation's life, with copies of its stores after each event."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.settings = scenarios.settings_of(directory)
        self.instance = directory / "instance"
        self.sent: dict[str, str] = {}  # receipt → content
        self._copies = 0

    def live(self) -> None:
        with time_machine.travel(START - timedelta(days=1)) as clock:
            self.house = house = installation.install(self.settings).house
            with time_machine.travel(START - timedelta(hours=20)):
                self._send("due, adopted", at=START - timedelta(days=400))
            self._send("first")
            adoption.adopt_pending(house)
            self._copy()  # 0: adopted
            self._send("second")
            self._send("due, not adopted", at=START - timedelta(days=390))
            self._copy()  # 1: not adopted
            clock.move_to(START)
            assert retention.sweep(house, confirm=True).destroyed == 4
            self._copy()  # 2: destroyed
            adoption.adopt_pending(house)
            self._send("third")
            self._copy()  # 3: adopted after the destruction
            rotation.rotate(house)
            self._copy()  # 4: rotated
            self._send("fourth")
            self._copy()  # 5: received in the second epoch
            clock.move_to(START + timedelta(hours=20))
            adoption.adopt_pending(house)
            self._copy()  # 6: adopted in the second epoch
            rotation.rotate(house)
            self._copy()  # 7: rotated again
            self._send("fifth")
            self._copy()  # 8: the present
            house.close()
        assert self._copies == EVENTS

    def _send(self, content: str, at: datetime | None = None) -> None:
        with time_machine.travel(at) if at else nullcontext():
            self.sent[send(self.house, items={"content": content}).receipt] = content

    def _copy(self) -> None:
        scenarios.copy_database(self.instance / "live.db", self.directory / f"live.{self._copies}")
        scenarios.copy_tree(self.instance / "keyring", self.directory / f"keyring.{self._copies}")
        self._copies += 1


@pytest.fixture(scope="module")
def past() -> Iterator[Past]:
    with tempfile.TemporaryDirectory() as directory:
        lived = Past(Path(directory))
        lived.live()
        yield lived


@pytest.fixture
def now() -> Iterator[None]:
    with time_machine.travel(START + timedelta(hours=22)):
        yield


class Case(NamedTuple):
    """Of which copy each store is; PRESENT was left alone. The pair is laid over the files, or replaces them."""

    live: int = PRESENT
    keys: int = PRESENT
    keyring: int = PRESENT
    over: bool = True

    @property
    def noticed(self) -> bool:
        """Since copy 7 nothing happened that another store knows of; and what is laid over only adds."""
        return min(self.live, self.keys, PRESENT if self.over else self.keyring) < 7


LOST = -1


def _put_back(past: Past, settings: Settings, case: Case) -> None:
    instance = settings.instance
    shutil.copytree(past.instance, instance)
    if case.live != PRESENT:
        scenarios.put_back_database(past.directory / f"live.{case.live}", instance / "live.db")
    if case.keyring != PRESENT:
        copy = past.directory / f"keyring.{case.keyring}"
        scenarios.put_back_files(copy, instance / "keyring", over=case.over)
    if case.keys != PRESENT:
        copy = past.directory / f"keyring.{case.keys}"
        scenarios.put_back_database(copy / "keys.db", instance / "keyring" / "keys.db")


def _held(settings: Settings) -> tuple[set[str], set[int]]:
    """(receipt lookups of what opens, inquiry ids of what does not), as the files have it."""
    keyring = settings.keyring_path
    secrets = {int(file.name[6:-7]) for file in keyring.glob("epoch-*.secret")}
    live = _rows(settings.instance / "live.db", "SELECT id, inquiry_id FROM inquiry_groups")
    envelopes = dict(_rows(settings.instance / "live.db", "SELECT inquiry_id, epoch FROM envelopes"))
    wraps = dict(_rows(keyring / "keys.db", "SELECT id, epoch FROM keys WHERE destroyed_at IS NULL"))
    lookups = dict(_rows(settings.instance / "live.db", "SELECT id, hex(receipt_lookup) FROM inquiries"))
    destroyed = _destroyed(settings)
    opens: set[int] = set()
    lost: set[int] = set()
    for group, inquiry in live:
        if group in destroyed:
            continue
        held = wraps.get(group) in secrets or envelopes.get(inquiry) in secrets
        (opens if held else lost).add(inquiry)
    return {lookups[inquiry] for inquiry in opens}, lost


def _destroyed(settings: Settings) -> set[int]:
    bodies = _rows(settings.instance / "ledger.db", "SELECT body FROM bodies WHERE chain = 'destruction'")
    read = (intents.read(json.loads(body)) for (body,) in bodies)
    return {key for cohorts in read for cohort in cohorts for key, _, _ in cohort.members}


def _rows(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


OVER = (True, False)
LIVE_ALONE = [Case(live) for live in range(EVENTS)]
PAIRS = [Case(PRESENT, pair, pair, over) for pair in range(PRESENT) for over in OVER]
BOTH = [Case(live, pair, pair, over) for live in range(PRESENT) for pair in range(PRESENT) for over in OVER]
QUICK = [case for case in BOTH if case.live - case.keys in {1, -2} and not case.over]
TORN = [  # a pair that was torn apart, or lost: the least that can be asked is that it is said
    *(Case(keys=keys) for keys in (1, 4, 6)),
    *(Case(keyring=keyring, over=False) for keyring in (LOST, 1, 4, 6)),
    Case(live=6, keyring=6, over=False),
    Case(live=5, keys=6, keyring=3, over=False),
]
SLOW = [pytest.param(case, marks=pytest.mark.slow) for case in BOTH if case not in QUICK]


@pytest.mark.usefixtures("now")
@pytest.mark.parametrize("case", [*LIVE_ALONE, *PAIRS, *TORN, *QUICK, *SLOW], ids=str)
def test_put_back(case: Case, past: Past, make_settings: Callable[..., Settings]) -> None:
    settings = make_settings()
    _put_back(past, settings, case)
    opens, lost = _held(settings)
    installed = installation.install(settings)
    house, recovered = installed.house, installed.recovered
    assert recovered is not None
    assert set(recovered.unopenable) == lost
    noticed = invariants.operations(house, "restore")
    assert bool(noticed) == case.noticed
    _check(house, past, opens)
    if case.noticed:
        with pytest.raises(RotationIncomplete, match="the officer must confirm"):
            rotation.rotate(house)
    rotation.rotate(house, break_glass="the officer is away")
    rotation.rotate(house)  # what was confirmed once does not stand in the way again
    assert retention.sweep(house).failed == 0
    _check(house, past, opens)
    assert records.verify(house).ok
    again = send(house, items={"content": "after"})
    assert receipt.look(house, again.receipt).items["content"] == "after"
    house.close()
    reopened = installation.install(settings)
    assert reopened.recovered is not None
    assert reopened.recovered.unopenable == ()
    assert invariants.operations(reopened.house, "restore") == noticed
    reopened.house.close()


def _check(house: House, past: Past, opens: set[str]) -> None:
    """Exactly what is held opens, by receipt and in the inbox; nothing of the destroyed has a key."""
    expected = {content for code, content in past.sent.items() if _lookup(code) in opens}
    for code, content in past.sent.items():
        if content in expected:
            assert receipt.look(house, code).items["content"] == content
        elif content in DESTROYED:
            with pytest.raises(NotFound):
                receipt.look(house, code)
    assert set(invariants.contents_of_inbox(house)) - {"after"} == expected
    destroyed = _destroyed(house.settings)
    with house.keys.read() as connection:
        inquiries = [row[0] for row in connection.exec_driver_sql("SELECT DISTINCT inquiry_id FROM keys")]
    assert not {key.id for key in keys.of_inquiries(house, inquiries).values()} & destroyed


def _lookup(code: str) -> str:
    return receipts.lookup_id(code).hex().upper()


# -- within one epoch, where no number tells ------------------------------------------------------


def test_a_live_store_put_back_is_noticed_by_a_key_without_its_row(house: House, tmp_path: Path) -> None:
    send(house)
    copy = scenarios.copy_database(house.settings.instance / "live.db", tmp_path / "copy")
    newer = send(house)
    adoption.adopt_pending(house)
    house = _reinstalled(house, copy)
    (noticed,) = invariants.operations(house, "restore")
    assert noticed["orphan"] is not None
    with pytest.raises(NotFound):
        receipt.look(house, newer.receipt)
    with pytest.raises(RotationIncomplete):
        rotation.rotate(house)
    rotation.rotate(house, break_glass="the officer is away")
    house = _reinstalled(house)
    assert len(invariants.operations(house, "restore")) == 1, "said again at every start"
    house.close()


def later(days: int) -> time_machine.travel:
    """So long after today, on which the house was installed."""
    return time_machine.travel(clock.now() + timedelta(days))


def test_a_live_store_put_back_is_noticed_by_rows_of_the_destroyed(house: House, tmp_path: Path) -> None:
    ended = send(house)
    with later(days=400):
        copy = scenarios.copy_database(house.settings.instance / "live.db", tmp_path / "copy")
        assert retention.sweep(house, confirm=True).destroyed == 2
        house = _reinstalled(house, copy)
        (noticed,) = invariants.operations(house, "restore")
        assert noticed["leftovers"] == 2
        with pytest.raises(NotFound):
            receipt.look(house, ended.receipt)
        with pytest.raises(RotationIncomplete):
            rotation.rotate(house)
        house.close()


def test_a_keys_store_put_back_follows_every_intent_since(house: House, tmp_path: Path) -> None:
    instance = house.settings.instance
    copy = scenarios.copy_tree(instance / "keyring", tmp_path / "copy")
    for days in (0, 10):
        with later(days):
            send(house, address=None, user_agent=None)
    for days in (370, 380):
        with later(days):
            assert retention.sweep(house, confirm=True).destroyed == 1
    house.close()
    with later(days=380):
        scenarios.put_back_tree(copy, instance / "keyring")
        house = _reinstalled(house)
        (noticed,) = invariants.operations(house, "restore")
        assert noticed["replayed"] == 2
        with house.keys.read() as connection:
            stones = connection.exec_driver_sql("SELECT count(*) FROM keys WHERE destroyed_at IS NOT NULL")
            assert stones.scalar_one() == 2
        rotation.rotate(house, break_glass="the officer is away")
        house.close()


def test_who_had_signed_in_must_do_so_again(house: House, tmp_path: Path) -> None:
    with house.live.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO sessions (token_digest, created_at, seen_at, sealed) VALUES (x'00', 1, 1, x'00')"
        )
    copy = scenarios.copy_database(house.settings.instance / "live.db", tmp_path / "copy")
    assert _sessions(_reinstalled(house)) == 1
    with house.live.write() as connection:
        connection.exec_driver_sql("DELETE FROM sessions")  # signed out everywhere
    rotation.rotate(house)
    assert _sessions(_reinstalled(house, copy)) == 0


def test_secrets_that_come_later_open_what_was_listed(house: House, tmp_path: Path) -> None:
    """The wrong copy first, the right one after it: nothing was thrown away in between."""
    instance = house.settings.instance
    early = scenarios.copy_tree(instance / "keyring", tmp_path / "early")
    rotation.rotate(house)
    received = send(house, items={"content": "of the second epoch"})
    house.close()
    late = scenarios.copy_tree(instance / "keyring", tmp_path / "late")
    scenarios.put_back_tree(early, instance / "keyring", over=False)
    installed = installation.install(house.settings)
    assert installed.recovered is not None
    assert len(installed.recovered.unopenable) == 1
    installed.house.close()
    scenarios.put_back_files(late, instance / "keyring")
    installed = installation.install(house.settings)
    assert installed.recovered is not None
    assert installed.recovered.unopenable == ()
    assert installed.recovered.adopted == 1
    rotation.rotate(installed.house, break_glass="the officer is away")
    assert receipt.look(installed.house, received.receipt).items["content"] == "of the second epoch"
    assert invariants.contents_of_inbox(installed.house) == ["of the second epoch"]
    installed.house.close()


def _reinstalled(house: House, live: Path | None = None) -> House:
    """Stopped, with an older live store in place of the present, started again."""
    house.close()
    if live is not None:
        scenarios.put_back_database(live, house.settings.instance / "live.db")
    return installation.install(house.settings).house


def _sessions(house: House) -> int:
    with house.live.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar_one())
