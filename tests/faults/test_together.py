"""Several processes at once: what was acknowledged opens, once, whoever rotates, sweeps or is killed meanwhile."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults import together
from tests.faults.processes import Child, Processes

KILLED = -9


@pytest.mark.parametrize(
    ("submitters", "seconds"),
    [(2, 3.0), pytest.param(4, 30.0, marks=pytest.mark.slow)],
    ids=["short", "long"],
)
def test_many_submit_while_others_rotate_read_work_and_are_killed(
    submitters: int, seconds: float, processes: Processes, memory_path: Path, store_urls: dict[str, str]
) -> None:
    logs = (memory_path / f"log.{n}" for n in itertools.count())
    given: dict[str, Any] = {"directory": str(memory_path), "urls": store_urls}
    processes.finish(processes.start(together.prepare, next(logs), **given), "prepare")
    meanwhile = (together.rotate, together.read, together.work)
    lasting = [processes.start(one, next(logs), **given) for one in meanwhile]
    senders = [
        processes.start(together.submit, next(logs), **given, name=f"sender-{number}", seconds=seconds)
        for number in range(submitters)
    ]
    killed = [_killed(processes, processes.start(together.sweep, next(logs), **given), n) for n in range(4)]
    for child in senders:
        processes.finish(child, "a sender")
    (memory_path / "stop").touch()
    for child in lasting:
        processes.finish(child, "who rotates, reads or works")
    assert killed == [KILLED] * 4
    processes.finish(processes.start(together.check, next(logs), **given), "the check")


def _killed(processes: Processes, child: Child, number: int) -> int:
    time.sleep(0.15 + 0.1 * number)
    child.kill()
    return processes.wait(child)


def test_many_install_at_once(processes: Processes, memory_path: Path, empty_urls: dict[str, str]) -> None:
    given: dict[str, Any] = {"directory": str(memory_path), "urls": empty_urls}
    children = [processes.start(together.install, memory_path / f"log.{n}", **given) for n in range(4)]
    for child in children:
        processes.finish(child, "one of several first starts")
