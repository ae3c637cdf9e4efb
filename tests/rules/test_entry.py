"""What counts as evidence of a consent that did not come by the form (P06)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from inquiries.errors import InvalidItems
from inquiries.rules.entry import Channel, Evidence, Told, checked

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
SINCE = datetime(2026, 3, 2, 8, 30, 40, tzinfo=UTC)
AT = NOW - timedelta(hours=1)
TOLD = Told("phone", " Sora Kim ", "the notice was read out; she said yes", AT)


def faults(told: Told) -> list[tuple[str, str]]:
    with pytest.raises(InvalidItems) as refused:
        checked(told, 7, in_force_since=SINCE, now=NOW)
    return [(one.field, one.code) for one in refused.value.errors]


def test_who_how_when_and_by_what_channel() -> None:
    channel, evidence = checked(TOLD, 7, in_force_since=SINCE, now=NOW)
    assert channel is Channel.phone
    assert evidence == Evidence("Sora Kim", "the notice was read out; she said yes", AT, 7)


def test_each_part_is_needed_and_all_that_is_missing_is_said_at_once() -> None:
    assert faults(Told("", " ", "\u200b", None)) == [
        ("evidence.channel", "required"),
        ("evidence.who", "required"),
        ("evidence.how", "required"),
        ("evidence.at", "required"),
    ]


@pytest.mark.parametrize("channel", ["form", "api", "pigeon", None, ["phone"]])
def test_only_ways_other_than_the_form_are_entered(channel: object) -> None:
    assert faults(replace(TOLD, channel=channel)) == [("evidence.channel", "required")]


def test_texts_are_judged_as_items_are() -> None:
    assert faults(replace(TOLD, who="x" * 201)) == [("evidence.who", "too_long")]
    assert faults(replace(TOLD, how="a\u202eb")) == [("evidence.how", "bidi_control")]


def test_the_moment_lies_between_the_notice_and_now() -> None:
    assert faults(replace(TOLD, at=NOW + timedelta(minutes=1))) == [("evidence.at", "to_come")]
    assert faults(replace(TOLD, at=SINCE - timedelta(minutes=1))) == [("evidence.at", "another_notice")]
    checked(replace(TOLD, at=SINCE.replace(second=0)), 7, in_force_since=SINCE, now=NOW)
    checked(replace(TOLD, at=NOW), 7, in_force_since=SINCE, now=NOW)
