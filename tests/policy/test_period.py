from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.policy.period import Period
from inquiries.rules.retention import due_at

moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
periods = st.builds(Period, st.integers(0, 20), st.integers(0, 40), st.integers(0, 800))


@pytest.mark.parametrize(
    ("written", "period"),
    [
        ("1 year", Period(years=1)),
        ("2 years", Period(years=2)),
        ("6 months", Period(months=6)),
        ("30 days", Period(days=30)),
        ("1 year 6 months", Period(years=1, months=6)),
        ("1 year 2 months 3 days", Period(1, 2, 3)),
        ("  1   year ", Period(years=1)),
        ("0 days", Period()),
        ("until withdrawn", Period(until_withdrawn=True)),
    ],
)
def test_a_period_is_read_as_it_is_written(written: str, period: Period) -> None:
    assert Period.parse(written) == period


@pytest.mark.parametrize(
    "written",
    [
        "",
        "1",
        "year",
        "one year",
        "1year",
        "-1 day",
        "1.5 years",
        "1 week",
        "6 months 1 year",
        "1년",
        "٣ days1",
    ],
)
def test_anything_else_is_refused_with_how_to_write_it(written: str) -> None:
    with pytest.raises(ValueError, match='such as "1 year"'):
        Period.parse(written)


def test_a_period_beyond_a_century_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 100 years"):
        Period.parse("99999 days")


def test_a_number_is_no_period() -> None:
    with pytest.raises(ValueError, match="must be a period"):
        Period.parse(365)


@given(periods)
def test_what_a_period_writes_it_reads_again(period: Period) -> None:
    assert Period.parse(str(period)) == period


@given(periods, periods, moments)
def test_a_period_that_covers_another_is_never_shorter(one: Period, other: Period, start: datetime) -> None:
    long, short = due_at(start, one, "UTC"), due_at(start, other, "UTC")
    assert long is not None
    assert short is not None
    assert long >= short or not one.covers(other)


@pytest.mark.parametrize(
    ("long", "short", "covers"),
    [
        ("1 year", "12 months", True),
        ("12 months", "1 year", True),
        ("365 days", "1 year", False),
        ("366 days", "1 year", True),
        ("1 year", "365 days", True),
        ("1 year", "366 days", False),
        ("1 month", "28 days", True),
        ("1 month", "29 days", False),
        ("until withdrawn", "100 years", True),
        ("100 years", "until withdrawn", False),
        ("until withdrawn", "until withdrawn", True),
    ],
)
def test_covering(long: str, short: str, *, covers: bool) -> None:
    assert Period.parse(long).covers(Period.parse(short)) is covers


@pytest.mark.parametrize(
    ("period", "ko", "en"),
    [
        (Period(years=1), "1년", "1 year"),
        (Period(years=1, months=6), "1년 6개월", "1 year 6 months"),
        (Period(days=1), "1일", "1 day"),
        (Period(), "0일", "0 days"),
        (Period(until_withdrawn=True), "동의를 철회하실 때까지", "until you withdraw your consent"),
    ],
)
def test_a_period_in_words(period: Period, ko: str, en: str) -> None:
    assert (period.in_words("ko"), period.in_words("en")) == (ko, en)
