"""Which accesses are marked: each rule at its very edge, and nothing that is usual."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.policy.model import Unusual
from inquiries.rules.unusual import OPENINGS, Access, Mark, marked

NOON = datetime(2026, 3, 2, 3, tzinfo=UTC)  # in Seoul
RULES = Unusual(opens_in_hour=3, opens_in_day=5, refusals_in_day=2)


def found(accesses: list[Access], rules: Unusual = RULES, zone: str = "Asia/Seoul") -> list[tuple[int, Mark]]:
    return [(access.n, mark) for access, mark in marked(accesses, rules, zone)]


def openings(*minutes: float, staff: int = 1, act: str = "open") -> list[Access]:
    return [Access(n, NOON + timedelta(minutes=at), staff, act) for n, at in enumerate(minutes, 1)]


def test_as_many_as_are_usual_in_an_hour_are_not_marked() -> None:
    assert found(openings(0, 1, 2)) == []
    assert found(openings(0, 1, 2, 60)) == []  # the first is an hour ago
    assert found(openings(0, 1, 2, 59.9)) == [(4, Mark.many)]


def test_each_that_is_beyond_is_marked() -> None:
    assert found(openings(0, 0, 0, 0, 0)) == [(4, Mark.many), (5, Mark.many)]


def test_in_a_day_too() -> None:
    slowly = [n * 61 for n in range(6)]
    assert found(openings(*slowly)) == [(6, Mark.many)]
    assert found(openings(*slowly[:5], 24 * 60)) == []


@pytest.mark.parametrize("act", sorted(OPENINGS))
def test_every_act_that_shows_what_people_wrote_counts(act: str) -> None:
    assert found(openings(0, 1, 2, 3, act=act)) == [(4, Mark.many)]


@pytest.mark.parametrize("act", ["list", "look", "answer", "sign_in", "hold"])
def test_no_other_act_does(act: str) -> None:
    assert found(openings(*range(50), act=act)) == []
    assert found([Access(1, NOON + timedelta(hours=12), 1, act)]) == []


def test_people_are_counted_each_by_herself() -> None:
    both = [one for pair in zip(openings(0, 1, 2), openings(0, 1, 2, staff=2), strict=True) for one in pair]
    assert found(both) == []


@pytest.mark.parametrize(
    ("hour", "minute", "night"),
    [(21, 59, False), (22, 0, True), (0, 0, True), (5, 59, True), (6, 0, False), (12, 0, False)],
)
def test_night_is_told_by_the_clock_of_the_zone(hour: int, minute: int, *, night: bool) -> None:
    at = datetime(2026, 3, 2, hour, minute, tzinfo=UTC)
    assert found([Access(1, at, 1, "open")], zone="UTC") == ([(1, Mark.night)] if night else [])
    in_seoul = at - timedelta(hours=9)
    assert found([Access(1, in_seoul, 1, "open")]) == ([(1, Mark.night)] if night else [])


def test_a_night_may_lie_within_one_day() -> None:
    early = Unusual(night_from=time(1), night_until=time(5))
    hours = [
        hour for hour in range(24) if found([Access(1, NOON.replace(hour=hour), 1, "open")], early, "UTC")
    ]
    assert hours == [1, 2, 3, 4]


def test_from_a_time_to_the_same_it_is_always_night() -> None:
    always = Unusual(night_from=time(3), night_until=time(3))
    assert found([Access(n, NOON.replace(hour=n), 1, "open") for n in (2, 3, 4)], always, "UTC") == [
        (n, Mark.night) for n in (2, 3, 4)
    ]


def test_what_is_of_another_type_than_her_own_is_marked_once_it_was_opened() -> None:
    assert found([Access(1, NOON, 1, "open", other_type=True)]) == [(1, Mark.other_types)]
    assert found([Access(1, NOON, 1, "look", other_type=True)]) == []


def test_more_refusals_than_happen_by_mistake() -> None:
    refused = [Access(n, NOON + timedelta(minutes=n), 1, "open_inquiry", refused=True) for n in range(4)]
    assert found(refused) == [(2, Mark.refused), (3, Mark.refused)]
    assert found([*refused[:2], Access(9, NOON + timedelta(days=1), 1, "sign_in", refused=True)]) == []


def test_one_access_may_have_several_marks() -> None:
    late = [Access(n, NOON + timedelta(hours=11, minutes=n), 1, "open", other_type=n == 3) for n in range(4)]
    assert found(late)[-3:] == [(3, Mark.many), (3, Mark.night), (3, Mark.other_types)]


@given(st.lists(st.integers(0, 3000), max_size=60).map(sorted), st.integers(1, 6), st.integers(1, 12))
def test_many_is_what_counting_anew_each_time_says(minutes: list[int], in_hour: int, in_day: int) -> None:
    rules = Unusual(opens_in_hour=in_hour, opens_in_day=in_day, night_from=time(3), night_until=time(3, 1))
    accesses = openings(*minutes)
    expected = []
    for n, one in enumerate(accesses):
        ages = [one.at - other.at for other in accesses[: n + 1]]
        hour, day = (sum(age < span for age in ages) for span in (timedelta(hours=1), timedelta(days=1)))
        if hour > in_hour or day > in_day:
            expected.append(one.n)
    assert [n for n, mark in found(accesses, rules, "UTC") if mark is Mark.many] == expected
