"""Killed anywhere between asking and done: what was told holds, and the next run finishes it (P06, P07, P15, P17–P19)."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import pytest

from tests.faults import asked, spoken_for
from tests.faults.processes import Processes

KILLED = -9
FEWEST = 70  # failpoints of each; fewer would mean that the wrapping misses some


@pytest.mark.promise("P17")
@pytest.mark.promise("P19")
@pytest.mark.promise("P06")
@pytest.mark.promise("P07")
@pytest.mark.promise("P15")
@pytest.mark.promise("P18")
@pytest.mark.parametrize("stride", [13, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("story", [asked, spoken_for], ids=["by herself", "for her"])
def test_killed_anywhere_what_was_asked_for_is_done(
    story: ModuleType, stride: int, processes: Processes, memory_path: Path
) -> None:
    prepared = memory_path / "prepared"
    prepared.mkdir()
    processes.finish(
        processes.start(story.prepare, memory_path / "log", directory=str(prepared)), "made ready"
    )
    number = 1
    while _dies(story, processes, prepared, memory_path / str(number), number):
        number += stride
    assert number > FEWEST


def _dies(story: ModuleType, processes: Processes, prepared: Path, here: Path, number: int) -> bool:
    """Whether there is a failpoint of this number; after it, or at the end, all is well."""
    shutil.copytree(prepared, here)
    status = processes.run(story.act, here / "log", directory=str(here), fatal=number)
    assert status in {0, KILLED}, (here / "log").read_text()
    died = (here / "died").read_text() if status == KILLED else "nothing: it lived"
    checking = processes.start(story.check, here / "log", directory=str(here))
    processes.finish(checking, f"started again after failpoint {number}, {died},")
    shutil.rmtree(here)
    return status == KILLED
