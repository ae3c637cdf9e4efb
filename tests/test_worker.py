"""The worker's turns: each in its time, again after a failure, none in the way of the others."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import time_machine

from inquiries import clock, worker
from inquiries.services import records, retention
from inquiries.services.house import House
from inquiries.worker import Turn, Worker
from tests.breaking import broken
from tests.cast import send


class Monotonic:
    """The machine's own count, which the test moves on."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    counted = Monotonic()
    monkeypatch.setattr(clock, "monotonic", counted)
    return counted


def turn(running: Worker, name: str) -> Turn:
    (found,) = [one for one in running.turns if one.name == name]
    return found


def adopted(house: House) -> int:
    with house.keys.read() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM keys").scalar_one())


def test_who_finds_another_at_it_comes_back_within_the_minute(house: House, count: Monotonic) -> None:
    running = Worker(house)
    with house.live.job("sweep"):
        running.step()
    assert records.latest(house, "operation", "sweep") is None
    assert turn(running, "sweep").next_at == count.at + 60
    count.at += 61
    running.step()
    assert records.latest(house, "operation", "sweep") is not None
    assert turn(running, "sweep").next_at == count.at + worker.SWEEP_EVERY


def test_a_sweep_that_failed_is_tried_again_within_seconds(house: House, count: Monotonic) -> None:
    running = Worker(house)
    send(house)
    with time_machine.travel(clock.now() + timedelta(days=400)):
        with broken(house.keys, "keys"):
            retention.sweep(house, confirm=True)  # so that the next one believes the clock
            running._do(turn(running, "sweep"))
        assert turn(running, "sweep").failures == 1
        assert turn(running, "sweep").next_at == count.at + 2


# -- each in its time ----------------------------------------------------------------------------


def test_one_step_does_everything_that_is_due(any_house: House) -> None:
    running = Worker(any_house)
    send(any_house)
    assert records.start_sealing(any_house)
    running.step()
    assert adopted(any_house) == 2
    with time_machine.travel(clock.now() + timedelta(days=400)):
        later = Worker(any_house)
        any_house.memory.pop("clock")  # a process that starts then
        later.step()
        assert retention.count_due(any_house, clock.now()) == 0
        done = records.latest(any_house, "operation", "rotate")
        assert done is not None
        assert done[1]["epoch"] == 2
    assert all(one.failures == 0 for one in (*running.turns, *later.turns))
    with any_house.ledger.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM seals").scalar_one() == 3


def test_a_turn_waits_for_its_time(house: House, count: Monotonic) -> None:
    running = Worker(house)
    running.step()
    for one in running.turns:
        assert one.next_at == count.at + one.every
    send(house)
    count.at += worker.ADOPT_EVERY / 2
    running.step()
    assert adopted(house) == 0
    count.at += worker.ADOPT_EVERY / 2
    running.step()
    assert adopted(house) == 2


def test_nothing_is_begun_once_it_shall_stop(house: House) -> None:
    running = Worker(house)
    send(house)
    running.stopping.set()
    running.step()
    assert adopted(house) == 0


def test_what_was_looked_at_is_looked_at_once_and_a_late_commit_is_not_missed(
    house: House, count: Monotonic
) -> None:
    running = Worker(house)
    send(house)
    late = _held_back(house)
    with time_machine.travel(clock.now() + timedelta(seconds=5)):
        send(house)
    running.step()
    assert len(running.passed) == 2
    late()
    count.at += worker.ADOPT_EVERY
    running.step()
    assert adopted(house) == 6
    assert len(running.passed) == 3


def _held_back(house: House) -> Callable[[], None]:
    """An inquiry whose transaction commits later than such with newer ids."""
    send(house)
    with house.live.read() as connection:
        newest = connection.exec_driver_sql("SELECT max(inquiry_id) FROM envelopes").scalar_one()
    with house.live.write() as connection:
        connection.exec_driver_sql(
            f"UPDATE envelopes SET inquiry_id = -inquiry_id WHERE inquiry_id = {newest}"
        )

    def commit() -> None:
        with house.live.write() as connection:
            connection.exec_driver_sql("UPDATE envelopes SET inquiry_id = -inquiry_id WHERE inquiry_id < 0")

    return commit


# -- when something fails ------------------------------------------------------------------------


def test_a_turn_that_fails_backs_off_and_the_others_go_on(any_house: House, count: Monotonic) -> None:
    running = Worker(any_house)
    assert records.start_sealing(any_house)
    send(any_house)
    rotate = turn(running, "rotate")
    with time_machine.travel(clock.now() + timedelta(hours=25)):
        with broken(any_house.keys):
            for failures, pause in ((1, 2.0), (2, 4.0), (3, 8.0), (4, 16.0), (5, 32.0), (6, 60.0), (7, 60.0)):
                running.step()
                assert (rotate.failures, rotate.next_at) == (failures, count.at + pause)
                count.at = rotate.next_at
            assert turn(running, "adopt").failures > 0
            assert turn(running, "seal").failures == 0
        running.step()
        assert adopted(any_house) == 2
        count.at += 1000
        any_house.memory.pop("clock")  # which would have to move by as much
        running.step()
    assert {one.name: one.failures for one in running.turns if one.failures} == {}


def test_it_outlives_any_number_of_failures(house: House, count: Monotonic) -> None:
    running = Worker(house)

    def fail() -> None:
        raise OSError

    running.turns = [Turn("failing", worker.SWEEP_EVERY, fail)]
    for _ in range(2000):
        running.step()
        count.at += worker.SWEEP_EVERY
    assert running.turns[0].failures == 2000


def test_a_sweep_that_waits_for_the_officer_stops_nothing_else(house: House, count: Monotonic) -> None:
    running = Worker(house)
    running.step()
    with time_machine.travel(clock.now() + timedelta(days=100)):
        send(house)
        count.at += worker.SWEEP_EVERY
        running.step()  # the clock outran the machine's own count
        assert turn(running, "sweep").failures == 0
        assert adopted(house) == 2
        swept = records.latest(house, "operation", "sweep")
        assert swept is not None
        retention.sweep(house, confirm=True)
        count.at += worker.SWEEP_EVERY
        running.step()
        again = records.latest(house, "operation", "sweep")
        assert again is not None
        assert again[1]["confirmed"] is False


# -- running -------------------------------------------------------------------------------------


@pytest.fixture
def running(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setattr(worker, "LONGEST_PAUSE", 0.05)
    one = Worker(house)
    yield one
    one.stopping.set()


def test_a_start_that_fails_is_tried_until_it_succeeds(running: Worker) -> None:
    send(running.house)
    thread = threading.Thread(target=running.run)
    with broken(running.house.keys):
        thread.start()
        time.sleep(0.3)
        assert thread.is_alive()
        assert {one.next_at for one in running.turns if one.name != "look"} == {0.0}, (
            "it took a turn in a house out of order"
        )
    _eventually(lambda: adopted(running.house) == 2)
    running.stopping.set()
    thread.join(10)
    assert not thread.is_alive()


def test_it_ends_with_its_parent(running: Worker) -> None:
    running.run(parent=os.getppid() + 1)
    assert running.passed == set()


def test_adoption_takes_seconds(running: Worker) -> None:
    thread = threading.Thread(target=running.run)
    thread.start()
    send(running.house)
    began = time.monotonic()
    _eventually(lambda: adopted(running.house) == 2)
    assert time.monotonic() - began < 5
    running.stopping.set()
    thread.join(10)


def _eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
