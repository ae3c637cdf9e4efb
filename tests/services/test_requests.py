"""A request as it is written: sealed and proved under the group's key, with the deadline of its moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from inquiries import clock
from inquiries.errors import SealBroken
from inquiries.rules.requests import Kind
from inquiries.sealing import items
from inquiries.services import requests
from inquiries.services.requests import Asked
from tests.policy.builders import policy

DEK = items.new_data_key()


def test_it_says_under_the_key_what_was_asked_and_by_when_it_is_answered() -> None:
    row = requests.written(DEK, Asked(7, Kind.correct, "name", {"name": "김소라"}), policy())
    assert requests.is_proved(DEK, row)
    assert requests.detail(DEK, row) == {"name": "김소라"}
    assert row.sealed is not None
    assert "김소라".encode() not in row.sealed
    assert clock.now() - row.asked_at < timedelta(seconds=5)
    assert (row.target_at - row.asked_at, row.limit_at - row.asked_at) == (
        timedelta(days=3),
        timedelta(days=10),
    )


def test_it_opens_under_no_other_request_and_no_other_key() -> None:
    row = requests.written(DEK, Asked(7, Kind.correct, "name", {"name": "김소라"}), policy())
    for other in (
        replace(row, id=row.id + 1),
        replace(row, group_name="marketing"),
        replace(row, inquiry_id=8),
    ):
        assert not requests.is_proved(DEK, other)
        with pytest.raises(SealBroken):
            requests.detail(DEK, other)
    assert not requests.is_proved(items.new_data_key(), row)


def test_one_that_says_nothing_seals_nothing() -> None:
    row = requests.written(DEK, Asked(7, Kind.suspend), policy())
    assert (row.sealed, requests.detail(DEK, row)) == (None, {})
    assert requests.is_proved(DEK, row)
