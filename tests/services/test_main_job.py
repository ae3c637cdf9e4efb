"""The main job on both databases, service by service: receive, read by receipt, open, close, destroy, rotate."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from inquiries import clock
from inquiries.errors import NotFound
from inquiries.services import inbox, receipt, records, retention, rotation
from inquiries.services.house import House
from tests.cast import MINJI, send


def test_an_inquiry_lives_and_ends(any_house: House) -> None:
    received = send(any_house, consents={"inquiry": True, "marketing": True})
    assert receipt.look(any_house, received.receipt).items["name"] == "김소라"

    (row,) = inbox.page(any_house, MINJI).rows
    assert (row.who, row.unread) == ("김**", True)
    opened = inbox.open_inquiry(any_house, MINJI, row.id, None)
    assert opened.items["email"] == "sora@example.com"

    rotation.rotate(any_house)
    assert receipt.look(any_house, received.receipt).state == "open"

    inbox.answered(any_house, MINJI, row.id)
    inbox.close(any_house, MINJI, row.id)
    with time_machine.travel(clock.now() + timedelta(days=400)):
        with pytest.raises(NotFound):  # due is as good as destroyed, before any sweep
            receipt.look(any_house, received.receipt)
        assert retention.sweep(any_house, confirm=True).destroyed == 3
        rotation.rotate(any_house)
        assert inbox.page(any_house, MINJI).rows == ()
        assert records.verify(any_house).ok
