"""The sweep on both databases: what it destroys, what it leaves, when it refuses, how it goes on after a failure."""

from __future__ import annotations

import itertools
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import ClockSuspect, JobBusy, KeyUnavailable, NotFound
from inquiries.services import (
    adoption,
    certificates,
    destruction,
    inbox,
    outlook,
    receipt,
    records,
    retention,
    rotation,
)
from inquiries.services.house import House, open_house
from inquiries.stores import tombstones as tombstones_store
from inquiries.stores.database import Database
from inquiries.stores.live import due as due_groups
from inquiries.stores.tombstones import Tombstone
from tests.breaking import broken
from tests.cast import MINJI, send
from tests.moments import at
from tests.stones import bury

BOTH = {"inquiry": True, "marketing": True}
VISITOR_DUE, MARKETING_DUE, ALL_DUE = 100, 200, 400  # days after which 3, 6 and 12 months are over


def count(database: Database, table: str) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def tombstones(house: House) -> list[Any]:
    columns = "group_name, wrap, receipt_wrap, email, phone, reason, type, policy_version, epoch"
    which = "destroyed_at IS NOT NULL ORDER BY destroyed_at, id"
    query = f"SELECT {columns}, receipt_lookup FROM keys LEFT JOIN tags ON key_id = id WHERE {which}"
    with house.keys.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def _run(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(statement)


def sweep(house: House, **given: Any) -> retention.Swept:
    """As a process sweeps that starts now, and has seen no other time."""
    house.memory.pop("clock", None)
    return retention.sweep(house, **given)


# -- what is destroyed ---------------------------------------------------------------------------


def test_each_group_ends_on_its_own_day(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        received = send(house, consents=BOTH)
        adoption.adopt_pending(house)
    with at(VISITOR_DUE):
        assert sweep(house).destroyed == 1
        assert receipt.look(house, received.receipt).state == "received"
    with at(MARKETING_DUE):
        assert sweep(house).destroyed == 1
        (row,) = inbox.page(house, MINJI).rows
        assert inbox.open_inquiry(house, MINJI, row.id, None).items["name"] == "김소라"
    with at(ALL_DUE):
        with pytest.raises(NotFound):
            receipt.look(house, received.receipt)
        assert sweep(house).destroyed == 1
        for table in ("inquiries", "inquiry_groups", "consents", "envelopes"):
            assert count(house.live, table) == 0
        stones = tombstones(house)
    assert [stone[0] for stone in stones] == ["visitor", "marketing", "main"]
    for stone in stones:
        assert stone[1:5] == (None,) * 4
        assert stone[5:8] == ("expired", "support", 1)
        assert stone[8] == 1
        assert len(stone[9]) == 16
    assert records.verify(house).ok


def test_what_was_never_adopted_is_destroyed_all_the_same(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        received = send(house)
    with at(VISITOR_DUE):
        assert sweep(house).destroyed == 1
        (row,) = inbox.page(house, MINJI).rows
        assert inbox.open_inquiry(house, MINJI, row.id, None).items["name"] == "김소라"
    with at(ALL_DUE):
        assert sweep(house).destroyed == 1
        assert adoption.adopt_pending(house).adopted == 0
        with pytest.raises(NotFound):
            receipt.look(house, received.receipt)
    assert len(tombstones(house)) == 2


def test_due_is_from_the_very_moment_on(house_at_t0: House) -> None:
    with at(hours=1):
        due = send(house_at_t0).due
        assert due is not None
    with time_machine.travel(due - timedelta(seconds=1), tick=False):
        sweep(house_at_t0)
        assert count(house_at_t0.live, "inquiry_groups") == 1
    with time_machine.travel(due, tick=False):
        sweep(house_at_t0)
        assert count(house_at_t0.live, "inquiry_groups") == 0


def test_a_closed_inquiry_says_so_on_its_tombstone(house_at_t0: House) -> None:
    with at(hours=1):
        send(house_at_t0)
        (row,) = inbox.page(house_at_t0, MINJI).rows
        inbox.open_inquiry(house_at_t0, MINJI, row.id, None)
        inbox.close(house_at_t0, MINJI, row.id)
    with at(31):
        assert sweep(house_at_t0).destroyed == 1
    assert [stone[5] for stone in tombstones(house_at_t0)] == ["closed"]


def test_in_batches(any_house_at_t0: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = any_house_at_t0
    monkeypatch.setattr(destruction, "BATCH", 3)
    for name in ("SQLITE", "POSTGRESQL"):
        monkeypatch.setattr(destruction, name, destruction.Portions(claimed=2, removed=2))
    monkeypatch.setattr(destruction, "BURIED_TOGETHER", 2)
    monkeypatch.setattr(destruction, "CHECKPOINT_AFTER", 1)
    with at(hours=1):
        for _ in range(5):
            send(house)
    with at(ALL_DUE):
        swept = sweep(house)
    assert (swept.due, swept.destroyed, swept.failed, swept.leftovers) == (10, 10, 0, 0)
    acts = [body["act"] for _, body in records.bodies(house, "destruction")]
    assert acts == ["intent", "done"] * 4
    assert swept.max_lag_seconds > timedelta(days=300).total_seconds()


def test_a_row_that_came_back_is_deleted_by_the_days_look(any_house_at_t0: House) -> None:
    """Of what an earlier sweep destroyed; what this one did is carried through already."""
    house = any_house_at_t0
    with at(hours=1):
        send(house)
        send(house)
    with at(100):
        assert sweep(house).destroyed == 2  # visitors' data
    with at(102):
        with house.live.read() as connection:
            (group, inquiry), *_ = due_groups.groups_after(connection, 0, 1)
        with house.keys.write() as connection:
            stone = Tombstone(
                group, inquiry, "main", "expired", "support", None, 1, None, None, 1, clock.now()
            )
            bury(connection, [stone])
        assert sweep(house).leftovers == 1
        with house.live.read() as connection:
            assert len(due_groups.groups_after(connection, 0, 10)) == 1


def test_a_sweep_that_does_not_know_how_far_it_was_has_failed(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
    with at(ALL_DUE):
        with broken(house.keys, "progress"):
            assert sweep(house).failed
        assert outlook.failed_last(house)
        assert sweep(house).destroyed == 2
        done, failed, *_ = outlook.of(house).runs
        assert (done.error, done.destroyed) == (None, 2)
        assert (failed.error, failed.failed) == ("OperationalError", 2)
        assert done.max_lag_seconds > 300 * 24 * 3600  # of what the failed one began


def test_a_sweep_that_cannot_sign_its_proofs_has_failed_and_says_so(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_at_t0

    def gone(*_: object) -> None:
        raise KeyUnavailable("the signing key is not here")

    with at(hours=1):
        send(house)
    with at(ALL_DUE):
        with monkeypatch.context() as patched:
            patched.setattr(certificates, "prove_intent", gone)
            assert sweep(house).failed == 1
            assert outlook.alarm(house) is not None
            assert sweep(house).failed == 1  # again, as the worker does within minutes
        runs = outlook.of(house).runs
        assert [one.error for one in runs] == ["KeyUnavailable"]  # of those in a row the last
        done = sweep(house)
        assert done.destroyed == 2
        assert done.max_lag_seconds > 300 * 24 * 3600  # of what the failed ones began
        assert outlook.alarm(house) is None


def test_that_no_run_was_tried_is_an_alarm_after_two_hours(house_at_t0: House) -> None:
    """Nobody works, or the clock is not believed: a refusal writes nothing down, by a clock that may be wrong."""
    house = house_at_t0
    with at(hours=1):
        assert outlook.alarm(house) is None  # none before the first
        sweep(house)
        entries = records.heads(house)
    with at(hours=2, minutes=59):
        assert outlook.alarm(house) is None
    with at(hours=3, minutes=1):
        found = outlook.alarm(house)
        assert found is not None
        assert found.silent is not None
        assert found.silent // timedelta(minutes=1) in (120, 121)
        with pytest.raises(ClockSuspect):
            retention.sweep(house)
        assert records.heads(house) == entries
        assert outlook.of(house).silent


def test_a_claim_is_for_good(house_at_t0: House) -> None:
    """Between claim and destruction nobody reads it any more, and nobody postpones it."""
    house = house_at_t0
    with at(hours=1):
        code = send(house).receipt
        (row,) = inbox.page(house, MINJI).rows
        inbox.open_inquiry(house, MINJI, row.id, None)
        inbox.close(house, MINJI, row.id)
    with at(31), broken(house.keys, "keys"):
        assert sweep(house).failed == 1
    with at(30), pytest.raises(NotFound):  # also for a clock on which it is not due yet
        receipt.look(house, code)
    with at(30), pytest.raises(NotFound):
        inbox.reopen(house, MINJI, row.id)
    with at(30):
        assert retention.sweep(house, confirm=True).destroyed == 1


def test_dry_run_changes_nothing(house_at_t0: House) -> None:
    with at(hours=1):
        send(house_at_t0)
        last = records.last_moment(house_at_t0)
        assert retention.dry_run(house_at_t0).due == 0
        later = retention.dry_run(house_at_t0, clock.now() + timedelta(days=VISITOR_DUE))
        assert (later.due, later.destroyed, later.dry_run) == (1, 0, True)
        assert retention.dry_run(house_at_t0, clock.now() + timedelta(days=ALL_DUE)).due == 2
        assert records.last_moment(house_at_t0) == last
        assert count(house_at_t0.live, "inquiry_groups") == 2


def test_how_long_the_oldest_has_waited(house_at_t0: House) -> None:
    with at(hours=1):
        due = send(house_at_t0).due
        assert due is not None
        assert outlook.longest_overdue(house_at_t0) == timedelta(0)
    with time_machine.travel(due + timedelta(hours=80), tick=False):
        assert outlook.longest_overdue(house_at_t0) > timedelta(hours=80)  # the visitor's data waits longer
        sweep(house_at_t0)
        assert outlook.longest_overdue(house_at_t0) == timedelta(0)


def test_records_and_envelopes_end_too(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        send(house)
        rotation.rotate(house)
    with at(hours=71):
        sweep(house)
        assert count(house.live, "envelopes") == 1  # a keyring backup may still open it
    with at(hours=74):
        sweep(house)
        assert count(house.live, "envelopes") == 0
    with at(3 * 366):
        bodies = count(house.ledger, "bodies")
        entries = count(house.ledger, "entries")
        sweep(house)
        assert count(house.ledger, "bodies") < bodies
        assert count(house.ledger, "entries") > entries
        assert records.verify(house).ok


# -- when something fails ------------------------------------------------------------------------


def test_a_keys_store_that_fails_leaves_everything_to_the_next_run(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house)
        adoption.adopt_pending(house)
    with at(ALL_DUE):
        for _ in range(2):
            with broken(house.keys, "keys"):
                swept = sweep(house)
            assert (swept.destroyed, swept.failed > 0) == (0, True)
            assert count(house.live, "inquiry_groups") == 2
        assert records.latest(house, "operation", "sweep") is None
        again = sweep(house)
        assert again.failed == 0
        assert retention.count_due(house, clock.now()) == 0
        assert [count(house.live, table) for table in ("inquiries", "inquiry_groups")] == [0, 0]
    assert len(tombstones(house)) == 2
    acts = [body["act"] for _, body in records.bodies(house, "destruction")]
    assert acts == ["intent", "done"]  # the second try followed the first intent


def test_what_was_buried_in_part_is_buried_whole_by_the_next_run(
    house_at_t0: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One intent, several commits in keys: what fails between them is done again from the first on."""
    monkeypatch.setattr(destruction, "BURIED_TOGETHER", 1)
    bury, calls = tombstones_store.bury, itertools.count(1)

    def failing(*given: Any) -> None:
        if next(calls) == 2:
            raise OSError("the disk is full")
        bury(*given)

    monkeypatch.setattr(tombstones_store, "bury", failing)
    with at(hours=1):
        for _ in range(3):
            send(house_at_t0, address=None, user_agent=None)
        adoption.adopt_pending(house_at_t0)
    with at(ALL_DUE):
        assert sweep(house_at_t0).failed == 3
        assert len(tombstones(house_at_t0)) == 1
        assert sweep(house_at_t0).failed == 0
        assert count(house_at_t0.live, "inquiries") == 0
    assert len(tombstones(house_at_t0)) == 3
    acts = [body["act"] for _, body in records.bodies(house_at_t0, "destruction")]
    assert acts == ["intent", "done"]


def test_a_live_store_that_fails_late_is_finished_by_the_next_run(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        send(house)
    with at(ALL_DUE):
        with broken(house.live, "consents"):
            assert sweep(house).failed == 2
        assert len(tombstones(house)) == 2
        assert count(house.live, "inquiry_groups") == 2
        assert sweep(house).failed == 0
        assert count(house.live, "inquiry_groups") == 0


def test_one_at_a_time(any_house_at_t0: House) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with any_house_at_t0.live.job("sweep"):
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert entered.wait(10)
    with pytest.raises(JobBusy):
        sweep(any_house_at_t0)
    leave.set()
    holder.join()
    assert sweep(any_house_at_t0).due == 0


# -- the clock guard -----------------------------------------------------------------------------


def test_refuses_a_clock_that_went_back(house_at_t0: House) -> None:
    with at(10):
        retention.sweep(house_at_t0, confirm=True)
    with at(9), pytest.raises(ClockSuspect, match="before the ledger's last entry"):
        retention.sweep(house_at_t0)
    with at(10, seconds=-3):  # as much as the clocks of two hosts may differ
        retention.sweep(house_at_t0)


def test_refuses_a_clock_that_outran_the_machines_own(house_at_t0: House) -> None:
    with at(1):
        retention.sweep(house_at_t0)
    with at(1, minutes=4):
        retention.sweep(house_at_t0)
    with at(1, minutes=10):
        with pytest.raises(ClockSuspect, match="ran ahead"):
            retention.sweep(house_at_t0)
        with pytest.raises(ClockSuspect, match="ran ahead"):  # and does not get used to it
            retention.sweep(house_at_t0)
        retention.sweep(house_at_t0, confirm=True)
        retention.sweep(house_at_t0)


def test_believes_what_was_confirmed_by_another_process(house_at_t0: House) -> None:
    with at(1):
        retention.sweep(house_at_t0)
    operator = open_house(house_at_t0.settings)
    with at(2):
        with pytest.raises(ClockSuspect):
            retention.sweep(house_at_t0)
        retention.sweep(operator, confirm=True)
        retention.sweep(house_at_t0)
    operator.close()


@pytest.mark.parametrize(("unforeseen", "refused"), [(19, False), (20, True)])
def test_refuses_when_more_is_due_than_was_forecast(
    any_house_at_t0: House,
    *,
    unforeseen: int,
    refused: bool,
) -> None:
    house = any_house_at_t0
    with at(hours=1):
        for _ in range(unforeseen):
            send(house, address=None, user_agent=None)
        sweep(house)  # forecasts nothing for the coming days
    _pretend_due(house, clock_at=at(2))
    with at(3):
        assert retention.count_due(house, clock.now()) == unforeseen
        if refused:
            with pytest.raises(ClockSuspect, match="forecast"):
                sweep(house)
            assert count(house.live, "inquiry_groups") == unforeseen
            assert sweep(house, confirm=True).destroyed == unforeseen
        else:
            assert sweep(house).destroyed == unforeseen


def test_what_was_forecast_or_closed_since_is_no_surprise(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at(hours=1):
        for _ in range(25):
            send(house, address=None, user_agent=None)
    with at(340):
        for row in inbox.page(house, MINJI).rows[:22]:  # due 30 days later, which no forecast knew
            inbox.open_inquiry(house, MINJI, row.id, None)
            inbox.close(house, MINJI, row.id)
    with at(341):
        sweep(house, confirm=True)
    with at(371):
        assert sweep(house).destroyed == 25
    assert records.verify(house).ok


def test_what_was_closed_after_the_forecast_is_left_out_of_the_comparison(house_at_t0: House) -> None:
    house = house_at_t0
    with at(hours=1):
        for _ in range(25):
            send(house, address=None, user_agent=None)
    with at(1):
        sweep(house, confirm=True)
    with at(2):
        for row in inbox.page(house, MINJI).rows:
            inbox.open_inquiry(house, MINJI, row.id, None)
            inbox.close(house, MINJI, row.id)
    with at(33):
        assert sweep(house).destroyed == 25


def _pretend_due(house: House, clock_at: time_machine.travel) -> None:
    """As a clock would that stands wrong on the machine that the due dates came from."""
    with clock_at:
        moment = int(datetime.timestamp(clock.now()) * 1_000_000)
    with house.live.write() as connection:
        connection.exec_driver_sql(f"UPDATE inquiry_groups SET due_at = {moment}")
