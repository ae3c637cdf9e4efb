"""Until when a training holds (P27): newcomers, leap days, month ends, the day itself and the one after."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.policy.model import Plan
from inquiries.policy.period import Period
from inquiries.rules.training import WARNING, standing

pytestmark = pytest.mark.promise("P27")

PLAN = Plan()
LONG_AGO = date(2020, 1, 1)


def until(enrolled: date, trained: date | None = None, plan: Plan = PLAN) -> date:
    return standing(plan, enrolled=enrolled, trained=trained, today=enrolled).until


@pytest.mark.parametrize(
    ("trained", "last"),
    [
        (date(2026, 3, 2), date(2027, 3, 2)),
        (date(2024, 2, 29), date(2025, 2, 28)),
        (date(2023, 2, 28), date(2024, 2, 28)),
        (date(2026, 12, 31), date(2027, 12, 31)),
    ],
)
def test_it_holds_through_the_same_day_of_the_next_year(trained: date, last: date) -> None:
    assert until(LONG_AGO, trained) == last


def test_it_lapses_with_the_day_after_and_not_before() -> None:
    last = date(2027, 3, 2)
    for today, lapsed in ((last - timedelta(days=1), False), (last, False), (last + timedelta(days=1), True)):
        found = standing(PLAN, enrolled=LONG_AGO, trained=date(2026, 3, 2), today=today)
        assert (found.lapsed, found.recorded, found.until) == (lapsed, True, last)


def test_a_newcomer_has_thirty_days() -> None:
    enrolled = date(2026, 3, 2)
    last = date(2026, 4, 1)
    for today, lapsed in ((enrolled, False), (last, False), (last + timedelta(days=1), True)):
        found = standing(PLAN, enrolled=enrolled, trained=None, today=today)
        assert (found.lapsed, found.recorded, found.until) == (lapsed, False, last)


def test_a_training_long_before_she_came_takes_no_grace_away() -> None:
    assert until(date(2026, 3, 2), date(2025, 3, 3)) == date(2026, 4, 1)


def test_the_policy_may_ask_for_more() -> None:
    strict = Plan(training=Period(months=6), newcomers=Period())
    assert until(LONG_AGO, date(2026, 8, 31), strict) == date(2027, 2, 28)
    assert standing(strict, enrolled=LONG_AGO, trained=None, today=LONG_AGO + timedelta(days=1)).lapsed


def test_she_is_warned_thirty_days_before_and_no_more_once_it_has_lapsed() -> None:
    last = date(2027, 3, 2)
    found = {
        days: standing(
            PLAN, enrolled=LONG_AGO, trained=date(2026, 3, 2), today=last - timedelta(days=days)
        ).soon
        for days in (30, 29, 0, -1)
    }
    assert found == {30: False, 29: True, 0: True, -1: False}


days = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(enrolled=days, trained=st.none() | days, today=days)
def test_it_is_open_soon_or_lapsed_and_never_two_of_them(
    enrolled: date, trained: date | None, today: date
) -> None:
    found = standing(PLAN, enrolled=enrolled, trained=trained, today=today)
    assert found.lapsed == (today > found.until)
    assert not (found.lapsed and found.soon)
    assert found.soon == (timedelta(0) <= found.until - today < WARNING)
    assert found.until >= enrolled + timedelta(days=30)
