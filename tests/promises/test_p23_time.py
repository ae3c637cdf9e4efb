"""P23, P21: a refusal takes as long where there is something as where there is nothing; a watch tells nobody."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.promises.floor import Floor, floor
from tests.promises.test_p21_gone_is_unknown import NEVER_A_CODE

pytestmark = [pytest.mark.slow, pytest.mark.promise("P21"), pytest.mark.promise("P23")]

PAIRS = 150  # twice: in the one order and in the other
WITHIN = 0.5  # milliseconds; on a busy machine what differs by a row that is read can be 0.3

#: Who asks for what of which inquiry, none of them hers to see.
REFUSED = (
    ("recruitment", "GET staff.inquiry", "own"),
    ("business", "POST staff.open_inquiry", "granted"),
    ("consultation", "GET staff.hold", "own"),
    ("support", "POST staff.close", "other"),
    ("support", "GET staff.inquiry", "archived"),
    ("privacy", "POST staff.open_inquiry", "deleted"),
)


@pytest.fixture(scope="module")
def here() -> Iterator[Floor]:
    with floor() as made:
        yield made


def apart(one: Callable[[], object], other: Callable[[], object]) -> float:
    """By how many milliseconds one takes longer: the median over pairs asked in turn, now one first, now the other.

    Counted is the time in which the processor works for it: on a busy machine everything waits for that, by more
    than what is looked for. What a request itself waits for is the stores, and that each is asked as often is
    seen in the table of P23.
    """

    def taken(ask: Callable[[], object]) -> float:
        begun = time.thread_time()
        ask()
        return (time.thread_time() - begun) * 1000

    differences = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(PAIRS):
            differences += [taken(one) - taken(other), -(taken(other) - taken(one))]
    finally:
        gc.enable()
    return statistics.median(differences)


@contextmanager
def a_millisecond_more(number: int) -> Iterator[None]:
    """The store works so much longer when it is asked for this inquiry."""

    def work(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT inquiries.id") and number in parameters:
            until = time.thread_time() + 0.001
            while time.thread_time() < until:
                pass

    event.listen(Engine, "before_cursor_execute", work)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", work)


@pytest.mark.parametrize(("person", "endpoint", "state"), REFUSED)
def test_p23_a_refusal_takes_as_long_for_what_there_is(
    here: Floor, person: str, endpoint: str, state: str
) -> None:
    def ask(number: int) -> None:
        got = here.ask(person, endpoint, {"reason": "to see"}, inquiry_id=number)
        assert got.status == 404

    there = here.inquiries[state]
    assert abs(apart(lambda: ask(there), lambda: ask(there + 1))) < WITHIN


@pytest.mark.parametrize("how", ["due", "destroyed", "archived", "deleted"])
def test_p21_a_receipt_takes_as_long_where_there_was_something(here: Floor, how: str) -> None:
    client = here.app.test_client()

    def ask(code: str) -> None:
        assert client.post("/receipt", data={"receipt": code}).status_code == 404

    assert abs(apart(lambda: ask(here.codes[how]), lambda: ask(NEVER_A_CODE))) < WITHIN


def test_p23_a_millisecond_would_be_seen(here: Floor) -> None:
    """The control: one wait more on one side, and the same question finds it."""
    there = here.inquiries["own"]

    def ask(number: int) -> None:
        here.ask("recruitment", "GET staff.inquiry", inquiry_id=number)

    with a_millisecond_more(there):
        assert apart(lambda: ask(there), lambda: ask(there + 1)) > 1.5 * WITHIN
