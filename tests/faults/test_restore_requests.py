"""An older live store put back undoes nothing that a person had asked for: it is asked again in her place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.rules.requests import Because, State
from inquiries.services import (
    adoption,
    fulfilment,
    holds,
    inbox,
    installation,
    receipt,
    recovery,
    rights,
)
from inquiries.services.house import House
from inquiries.settings import Settings
from tests.cast import ITEMS, MINJI, OH, send
from tests.faults import scenarios

BOTH = {"inquiry": True, "marketing": True}


class Before:
    """A house whose live store was copied before anybody asked for anything, but for one pending correction."""

    def __init__(self, settings: Settings, tmp_path: Path) -> None:
        self.settings, self.copy = settings, tmp_path / "live-before.db"
        self.house = installation.install(settings).house
        self.code = send(self.house, consents=BOTH).receipt
        adoption.adopt_pending(self.house)
        scenarios.copy_database(settings.instance / "live.db", self.copy)

    @property
    def id(self) -> int:
        (row,) = inbox.page(self.house, MINJI).rows
        return row.id

    def put_back(self) -> House:
        """As an operator does, and the next start follows."""
        self.house.close()
        scenarios.put_back_database(self.copy, self.settings.instance / "live.db")
        self.house = installation.install(self.settings).house
        return self.house


@pytest.fixture
def before(make_settings: Callable[..., Settings], tmp_path: Path) -> Before:
    return Before(make_settings(), tmp_path)


def test_a_deletion_stays(before: Before) -> None:
    rights.delete(before.house, before.code)
    fulfilment.carry_out(before.house)
    house = before.put_back()
    with pytest.raises(NotFound):
        receipt.look(house, before.code)
    assert inbox.page(house, MINJI).rows == ()


def test_a_deletion_that_was_only_noted_is_carried_out(before: Before) -> None:
    placed = holds.place(
        before.house, OH, before.id, reason="x", basis="x", until=clock.now() + timedelta(days=9)
    )
    rights.delete(before.house, before.code)
    fulfilment.carry_out(before.house)
    house = before.put_back()  # the hold is gone with the copy, as the officer is told to look for
    assert placed
    gate = recovery.gate(house)
    assert gate is not None
    assert (gate.requests, gate.corrections) == (1, ())
    assert inbox.page(house, MINJI).rows[0].suspended
    fulfilment.carry_out(house)
    with pytest.raises(NotFound):
        receipt.look(house, before.code)


def test_a_suspension_and_a_withdrawal_hold(before: Before) -> None:
    rights.suspend(before.house, before.code)
    rights.withdraw(before.house, before.code, "marketing")
    fulfilment.carry_out(before.house)
    house = before.put_back()
    assert inbox.page(house, MINJI).rows[0].suspended
    fulfilment.carry_out(house)
    view = receipt.look(house, before.code)
    assert view.suspended
    assert [one.holds for one in view.consents] == [True, False]
    assert set(view.parts) == {"main", "visitor"}


def test_what_was_taken_back_stays_taken_back(before: Before) -> None:
    rights.suspend(before.house, before.code)
    fulfilment.carry_out(before.house)
    rights.resume(before.house, before.code)
    fulfilment.carry_out(before.house)
    house = before.put_back()
    fulfilment.carry_out(house)
    assert not inbox.page(house, MINJI).rows[0].suspended
    assert recovery.start(house) is not None
    assert recovery.gate(house).requests == 2  # type: ignore[union-attr]  # said once


def test_a_lost_correction_suspends_and_is_asked_for_again(before: Before) -> None:
    rights.correct(before.house, before.code, {"name": "김소라나"})
    fulfilment.carry_out(before.house)
    house = before.put_back()
    gate = recovery.gate(house)
    assert gate is not None
    assert gate.corrections == (before.id,)
    fulfilment.carry_out_waiting(house)
    view = receipt.look(house, before.code)
    assert view.interrupted
    assert [(one.state, one.because) for one in view.requests] == [(State.needs_officer, Because.lost)]
    assert inbox.page(house, MINJI).rows[0].suspended
    rights.correct(house, before.code, {"name": "김소라나"})
    fulfilment.carry_out(house)
    assert receipt.look(house, before.code).items == ITEMS | {"name": "김소라나"}
    assert not inbox.page(house, MINJI).rows[0].suspended


def test_or_she_lets_it_be(before: Before) -> None:
    rights.correct(before.house, before.code, {"name": "김소라나"})
    fulfilment.carry_out(before.house)
    house = before.put_back()
    rights.resume(house, before.code)
    fulfilment.carry_out(house)
    view = receipt.look(house, before.code)
    assert (dict(view.items), view.interrupted) == (ITEMS, False)
    assert not inbox.page(house, MINJI).rows[0].suspended
