"""Any order of what people do, what runs by itself, crashes, and copies put back keeps every promise.

Beside the house stands a model of what must be true (`world.py`). After each step: what may be read opens with
what was sent; what is destroyed is unknown everywhere and does not come back; nothing is destroyed early, kept
after a sweep, or lost that a copy or a survivor holds. Nor is the officer asked about what nobody put back.

Which ways a test goes follows from its number, so that it can be walked again. `LIFE=70000 make sure` walks others.
"""

from __future__ import annotations

import logging
import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.checks import Checks
from tests.properties.copies import Copies
from tests.properties.guardians import Guardians
from tests.properties.rights import Rights
from tests.properties.unsubscribing import Unsubscribing
from tests.properties.work import Work

STEPS = 50  # of one life at most
QUICK = [(number, 500) for number in range(4)]  # (number, how many steps)
LONG = [(int(os.environ.get("LIFE", "1000")) + number, 2000) for number in range(50)]
KINDS = {
    "receive", "handle", "hold", "release", "archive", "publish", "time_passes", "crash_of_work", "start_again",
    "correct", "suspend", "resume", "withdraw", "delete", "carry_out",
    "child", "decide", "enter", "unsubscribe",
    "copy", "put_back_live", "put_back_archive", "put_back_keys",
}  # fmt: skip
EVENTS = {"crash", "no_guardian"}  # that come with steps

log = logging.getLogger(__name__)


@pytest.mark.parametrize(("number", "steps"), QUICK)
def test_a_life_keeps_every_promise(number: int, steps: int) -> None:
    lived = live(number, steps)
    assert steps_of(lived) >= steps
    assert lived["crash"] >= steps / 10


@pytest.mark.slow
@pytest.mark.parametrize(("number", "steps"), LONG)
def test_many_lives_keep_every_promise(number: int, steps: int) -> None:
    lived = live(number, steps)
    assert steps_of(lived) >= steps
    assert set(lived) - EVENTS == KINDS


def live(number: int, steps: int) -> Counter[str]:
    """At least so many steps, in as many lives as they take; gives how many there were of each kind."""
    lived: Counter[str] = Counter()
    while (left := steps - steps_of(lived)) > 0:
        _lives(number, lived, -(-left // STEPS))
        number += 1_000_000
    log.info("%s: %s steps, %s crashes in them: %s", number, steps_of(lived), lived["crash"], lived)
    return lived


def steps_of(lived: Counter[str]) -> int:
    """How many of what was counted are steps."""
    return lived.total() - sum(lived[event] for event in EVENTS)


def _lives(number: int, lived: Counter[str], lives: int) -> None:
    @seed(number)
    class House(Guardians, Rights, Unsubscribing, Work, Copies, Checks):
        pass

    House.lived = lived
    chosen = settings(
        max_examples=lives, stateful_step_count=STEPS, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(House, settings=chosen)
