"""Killed at every failpoint there is, each followed by a restart: what was acknowledged is there, nothing is half done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults import restart, scenarios
from tests.faults.processes import Processes

KILLED = -9
#: Fewer failpoints than these would mean that the wrapping misses some.
FEWEST = {
    "install": 45, "intake": 6, "intake_together": 2, "adoption": 4, "sweep": 30, "archive": 30,
    "archive_sweep": 20, "mail": 40, "rotation": 30, "root_rotation": 35,
    "enrolment": 20, "rights": 20, "seal": 20, "recovery": 20, "worker": 80,
}  # fmt: skip
SLOW = {"worker"}  # the same steps once more, in one process
#: In the quick run every so many failpoints of a long scenario; a before and an after follow each other.
STRIDE = {
    "install": 13, "sweep": 13, "archive": 13, "archive_sweep": 13, "mail": 13, "rotation": 13, "recovery": 13,
    "root_rotation": 13, "rights": 13, "seal": 3, "enrolment": 3,
}  # fmt: skip
CASES = [
    *(pytest.param(name, STRIDE.get(name, 1)) for name in scenarios.SCENARIOS if name not in SLOW),
    *(pytest.param(name, 1, marks=pytest.mark.slow) for name in sorted(SLOW.union(STRIDE))),
]


@pytest.mark.parametrize(("name", "stride"), CASES)
def test_killed_anywhere_and_started_again(
    name: str, stride: int, processes: Processes, memory_path: Path
) -> None:
    prepared = memory_path / "prepared"
    prepared.mkdir()
    log = memory_path / "log"
    processes.finish(processes.start(scenarios.prepare, log, name=name, directory=str(prepared)), name)
    number = 1
    while _dies(processes, name, prepared, memory_path / str(number), number):
        number += stride
    assert number > FEWEST[name]


def _dies(processes: Processes, name: str, prepared: Path, here: Path, number: int) -> bool:
    """Whether there is a failpoint of this number; after it, or at the end, all is well."""
    shutil.copytree(prepared, here)
    status = processes.run(scenarios.act, here / "log", name=name, directory=str(here), fatal=number)
    assert status in {0, KILLED}, (here / "log").read_text()
    died = (here / "died").read_text() if status == KILLED else "nothing: it lived"
    checking = processes.start(restart.restart, here / "log", name=name, directory=str(here))
    processes.finish(checking, f"{name}, restarted after failpoint {number}, {died},")
    shutil.rmtree(here)
    return status == KILLED
