"""What several processes do at the same time; every function runs in a child of the zygote until told to stop."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import time_machine

from inquiries import worker
from inquiries.clock import now
from inquiries.errors import JobBusy, NotFound
from inquiries.services import adoption, inbox, installation, receipt, recovery, retention, rotation
from inquiries.services.house import House, open_house
from tests.cast import MINJI
from tests.faults import invariants
from tests.faults.scenarios import YEAR, receive, settings_of, small_batches

OLD = 24  # inquiries of which half are not adopted, all due


def prepare(directory: str, urls: dict[str, str]) -> None:
    """An installation of a year ago, with inquiries that are due by now."""
    here = Path(directory)
    with time_machine.travel(now() - YEAR):
        house = installation.install(settings_of(here, **urls)).house
    with time_machine.travel(now() - YEAR + timedelta(hours=1)):
        for number in range(OLD):
            receive(house, here, f"all due {number}")
            if number == OLD // 2:
                adoption.adopt_pending(house)
    house.close()


def install(directory: str, urls: dict[str, str]) -> None:
    """What every process of a new installation does at the same time."""
    installation.install(settings_of(Path(directory), **urls)).house.close()


def submit(directory: str, urls: dict[str, str], name: str, seconds: float) -> None:
    """Sora's friends: each sends, sometimes twice, and looks at once at what she sent and sent before."""
    here = Path(directory)
    house = open_house(settings_of(here, **urls))
    sent: list[tuple[str, str]] = []
    end = time.monotonic() + seconds
    for number in itertools.takewhile(lambda _: time.monotonic() < end, itertools.count()):
        content, once = f"{name} {number}", os.urandom(16)
        sent.append((receive(house, here, content, once), content))
        if number % 5 == 0:
            assert receive(house, here, content, once) == sent[-1][0]
        for code, text in (sent[-1], sent[number // 2]):
            assert receipt.look(house, code).items["content"] == text
    house.close()


def rotate(directory: str, urls: dict[str, str]) -> None:
    """A worker that rotates all the time."""

    def once(house: House) -> None:
        with suppress(JobBusy):
            rotation.rotate(house)

    _until_stopped(directory, urls, once, pause=0.05)


def read(directory: str, urls: dict[str, str]) -> None:
    """Minji reads the first page: each line shows a name, each inquiry opens or is gone altogether."""

    def once(house: House) -> None:
        for row in inbox.page(house, MINJI).rows[:10]:
            assert row.who == "김**", row
            try:
                assert inbox.open_inquiry(house, MINJI, row.id, None).items["content"]
            except NotFound:
                with house.live.read() as connection:
                    query = "SELECT count(*) FROM inquiries WHERE id = "
                    assert not connection.exec_driver_sql(f"{query}{row.id}").scalar_one()

    _until_stopped(directory, urls, once, pause=0.01)


def work(directory: str, urls: dict[str, str]) -> None:
    """The worker itself, with no pause between its turns; none of them may fail."""
    worker.LONGEST_PAUSE = 0.0

    def once(house: House) -> None:
        running = house.memory.setdefault("worker", worker.Worker(house))
        assert isinstance(running, worker.Worker)
        running.step()
        for turn in running.turns:
            assert turn.failures == 0, turn.name
            turn.next_at = 0.0

    _until_stopped(directory, urls, once, pause=0.01)


def sweep(directory: str, urls: dict[str, str]) -> None:
    """A worker that starts as one starts, and sweeps until it is killed."""

    def once(house: House) -> None:
        recovery.start(house)
        with suppress(JobBusy):
            retention.sweep(house)

    _until_stopped(directory, urls, once, pause=0.0)


def check(directory: str, urls: dict[str, str]) -> None:
    """Afterwards: one more start, one more run of everything, and all is well."""
    here = Path(directory)
    installed = installation.install(settings_of(here, **urls))
    house = installed.house
    assert installed.recovered is not None
    assert installed.recovered.unopenable == ()
    adoption.adopt_pending(house)
    assert retention.sweep(house).failed == 0
    assert retention.sweep(house).due == 0
    rotation.rotate(house)
    invariants.whole(house)
    assert not invariants.operations(house, "restore")
    assert not invariants.operations(house, "quarantine")
    sent = invariants.sent_in(here)
    due = frozenset(text for text in sent.values() if text.startswith("all due"))
    assert len(due) == OLD
    invariants.everything_opens(house, sent, destroyed=due)
    house.close()


def _until_stopped(
    directory: str, urls: dict[str, str], once: Callable[[House], None], *, pause: float
) -> None:
    small_batches()
    here = Path(directory)
    house = open_house(settings_of(here, **urls))
    times = 0
    while times < 2 or not (here / "stop").exists():
        once(house)
        times += 1
        time.sleep(pause)
    house.close()
