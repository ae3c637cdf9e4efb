from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.policy import loader
from inquiries.policy.model import Policy
from inquiries.policy.period import Period
from inquiries.rules.retention import (
    Destroy,
    GroupFacts,
    Inquiry,
    Keep,
    Promise,
    Reason,
    decide,
    due_after_closing,
    due_at,
    earliest,
    promise,
    shortens,
)
from inquiries.settings import HOME

SEOUL, BERLIN, NEW_YORK, APIA, LORD_HOWE = (
    "Asia/Seoul", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"
)  # fmt: skip
YEAR = Period(years=1)


def local(text: str, zone: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def due(received: datetime, period: Period, zone: str) -> datetime:
    answer = due_at(received, period, zone)
    assert answer is not None
    assert answer.tzinfo is UTC
    return answer


@pytest.mark.promise("P08")
@pytest.mark.parametrize(
    ("zone", "received", "period", "expected"),
    [
        # a calendar year exactly
        (SEOUL, "2026-03-01T09:30:15.123456", YEAR, "2027-03-01T09:30:15.123456"),
        (SEOUL, "2027-03-01T00:00:00", YEAR, "2028-03-01T00:00:00"),  # 366 days, over a leap day
        (SEOUL, "2028-02-29T12:00:00", YEAR, "2029-02-28T12:00:00"),
        (SEOUL, "2028-02-29T12:00:00", Period(years=4), "2032-02-29T12:00:00"),
        (SEOUL, "2096-02-29T12:00:00", Period(years=4), "2100-02-28T12:00:00"),  # 2100 is no leap year
        (SEOUL, "2027-02-28T12:00:00", YEAR, "2028-02-28T12:00:00"),
        # the end of the year, in the zone and not in UTC
        (SEOUL, "2026-12-31T23:59:59", YEAR, "2027-12-31T23:59:59"),
        (SEOUL, "2027-01-01T00:00:00", YEAR, "2028-01-01T00:00:00"),
        (SEOUL, "2028-03-01T08:00:00", YEAR, "2029-03-01T08:00:00"),  # in UTC still 29 February
        # months end where a month is short
        (SEOUL, "2026-08-31T10:00:00", Period(months=6), "2027-02-28T10:00:00"),
        (SEOUL, "2026-01-31T10:00:00", Period(months=3), "2026-04-30T10:00:00"),
        (SEOUL, "2026-11-15T10:00:00", Period(months=14), "2028-01-15T10:00:00"),
        (SEOUL, "2027-12-31T10:00:00", Period(months=2), "2028-02-29T10:00:00"),
        # days after months
        (SEOUL, "2026-01-31T10:00:00", Period(months=1, days=1), "2026-03-01T10:00:00"),
        (SEOUL, "2026-12-20T10:00:00", Period(days=30), "2027-01-19T10:00:00"),
        # the same wall time across a change of the clocks
        (BERLIN, "2026-03-01T10:00:00", Period(months=6), "2026-09-01T10:00:00"),
        (NEW_YORK, "2026-11-01T12:00:00", Period(days=1), "2026-11-02T12:00:00"),
    ],
)
def test_due_at_the_same_wall_time_after_the_period(
    zone: str, received: str, period: Period, expected: str
) -> None:
    assert due(local(received, zone), period, zone) == local(expected, zone)


@pytest.mark.parametrize(
    ("zone", "received", "period", "expected"),
    [
        (BERLIN, "2026-02-28T02:30:00", Period(months=1, days=1), "2026-03-29T01:00:00+00:00"),  # 03:00 there
        (
            BERLIN,
            "2026-03-28T02:00:00",
            Period(days=1),
            "2026-03-29T01:00:00+00:00",
        ),  # the first that is skipped
        (BERLIN, "2026-03-28T02:59:59.999999", Period(days=1), "2026-03-29T01:00:00+00:00"),  # and the last
        (BERLIN, "2026-03-28T03:00:00", Period(days=1), "2026-03-29T01:00:00+00:00"),  # exists
        (BERLIN, "2026-03-28T01:59:59", Period(days=1), "2026-03-29T00:59:59+00:00"),  # exists
        (NEW_YORK, "2025-03-08T02:15:00", YEAR, "2026-03-08T07:00:00+00:00"),
        (
            LORD_HOWE,
            "2026-10-03T02:10:00",
            Period(days=1),
            "2026-10-03T15:30:00+00:00",
        ),  # half an hour is skipped
        (APIA, "2010-12-30T12:00:00", YEAR, "2011-12-30T10:00:00+00:00"),  # a whole day is skipped
    ],
)
def test_a_time_that_the_clocks_skip_becomes_the_next_that_exists(
    zone: str, received: str, period: Period, expected: str
) -> None:
    assert due(local(received, zone), period, zone) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("fold", [0, 1])
def test_of_a_time_that_comes_twice_it_is_the_second(fold: int) -> None:
    received = local("2025-10-25T02:30:00", BERLIN)
    assert due(received, Period(years=1), BERLIN) == local("2026-10-25T02:30:00", BERLIN, fold=1)
    twice = local("2026-10-25T02:30:00", BERLIN, fold=fold)
    assert due(twice, Period(days=1), BERLIN) == local("2026-10-26T02:30:00", BERLIN)


def test_the_zone_decides_over_the_day() -> None:
    received = datetime(2028, 2, 28, 16, 0, tzinfo=UTC)  # 29 February in Seoul
    assert due(received, YEAR, SEOUL) == datetime(2029, 2, 27, 16, 0, tzinfo=UTC)
    assert due(received, YEAR, "UTC") == datetime(2029, 2, 28, 16, 0, tzinfo=UTC)


def test_until_withdrawn_is_never_due() -> None:
    assert due_at(datetime(2026, 1, 1, tzinfo=UTC), Period(until_withdrawn=True), SEOUL) is None


moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from([SEOUL, BERLIN, NEW_YORK, LORD_HOWE, "Asia/Jakarta", "UTC", "Pacific/Chatham"])
some_periods = st.builds(Period, st.integers(0, 5), st.integers(0, 24), st.integers(0, 400))


@given(moments, some_periods, zones)
def test_what_is_due_has_the_wall_time_of_the_receipt_or_the_clocks_moved(
    received: datetime, period: Period, zone: str
) -> None:
    answer = due(received, period, zone)
    there, then = answer.astimezone(ZoneInfo(zone)), received.astimezone(ZoneInfo(zone))
    if there.time() != then.time():
        before = answer - timedelta(microseconds=1)
        assert there.utcoffset() != before.astimezone(ZoneInfo(zone)).utcoffset()
    assert answer >= received


@given(st.lists(moments, min_size=2), some_periods, zones)
def test_what_comes_later_is_never_due_a_day_earlier(
    received: list[datetime], period: Period, zone: str
) -> None:
    dues = [due(moment, period, zone) for moment in sorted(received)]
    assert all(later >= earlier - timedelta(days=1) for earlier, later in pairwise(dues))


# -- closing ---------------------------------------------------------------------------------------

RECEIVED = local("2026-03-01T09:00:00", SEOUL)
DUE = due(RECEIVED, YEAR, SEOUL)


@pytest.mark.promise("P09")
def test_closing_brings_the_due_date_forward() -> None:
    closed = local("2026-04-01T15:00:00", SEOUL)
    assert due_after_closing(DUE, closed, Period(days=5), SEOUL) == local("2026-04-06T15:00:00", SEOUL)
    assert due_after_closing(DUE, closed, Period(), SEOUL) == closed


def test_closing_never_puts_it_back() -> None:
    closed = local("2027-02-27T15:00:00", SEOUL)
    assert due_after_closing(DUE, closed, Period(days=30), SEOUL) == DUE


def test_what_is_kept_until_withdrawn_stays_so_when_closed() -> None:
    assert due_after_closing(None, RECEIVED, Period(days=30), SEOUL) is None


@pytest.mark.promise("P14")
def test_closing_does_not_go_below_the_minimum() -> None:
    minimum = due(RECEIVED, Period(months=6), SEOUL)
    closed = local("2026-04-01T15:00:00", SEOUL)
    assert due_after_closing(DUE, closed, Period(days=5), SEOUL, not_before=minimum) == minimum
    late = local("2026-12-01T15:00:00", SEOUL)
    forward = due_after_closing(DUE, late, Period(days=5), SEOUL, not_before=minimum)
    assert forward == local("2026-12-06T15:00:00", SEOUL)


# -- deciding --------------------------------------------------------------------------------------

MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("group", "now", "decision"),
    [
        (GroupFacts(DUE), DUE - MOMENT, Keep(Reason.not_due)),
        (GroupFacts(DUE), DUE, Destroy(Reason.due)),
        (GroupFacts(DUE), DUE + timedelta(days=400), Destroy(Reason.due)),
        (GroupFacts(None), DUE, Keep(Reason.until_withdrawn)),
        (GroupFacts(DUE, held_until=DUE + MOMENT), DUE, Keep(Reason.held)),
        (GroupFacts(DUE, held_until=DUE), DUE, Destroy(Reason.due)),
        (GroupFacts(DUE, held_until=DUE - MOMENT), DUE, Destroy(Reason.due)),
        (GroupFacts(None, held_until=DUE - MOMENT), DUE, Keep(Reason.until_withdrawn)),
    ],
)
def test_deciding(group: GroupFacts, now: datetime, decision: Keep | Destroy) -> None:
    assert decide(group, now) == decision


# -- what a policy promises ------------------------------------------------------------------------

SOURCE = (HOME / "policies" / "default.toml").read_text(encoding="utf-8")
POLICY = loader.parse(SOURCE)
CLOSED = local("2026-04-01T15:00:00", SEOUL)


def policy(**changed: str) -> Policy:
    """The default policy with other periods everywhere, or with a minimum, or another time zone."""
    source = SOURCE
    for name, written in changed.items():
        if name == "minimum":
            source = f'minimum = "{written}"\n{source}'
        else:
            source = re.sub(rf'(?m)^{name} = ".*"$', f'{name} = "{written}"', source)
    return loader.parse(source)


@pytest.mark.parametrize(
    ("group", "inquiry", "period", "rule"),
    [
        ("main", Inquiry("support", RECEIVED), YEAR, "period 1 year"),
        ("visitor", Inquiry("support", RECEIVED), Period(months=3), "visitor 3 months"),
        ("marketing", Inquiry("support", RECEIVED), Period(months=6), "purpose marketing 6 months"),
        ("visitor", Inquiry("support", RECEIVED, CLOSED), Period(months=3), "visitor 3 months"),
        ("marketing", Inquiry("support", RECEIVED, CLOSED), Period(months=6), "purpose marketing 6 months"),
    ],
)
def test_each_group_has_a_period_of_its_own(group: str, inquiry: Inquiry, period: Period, rule: str) -> None:
    assert promise(POLICY, 4, group, inquiry) == Promise(due(RECEIVED, period, SEOUL), rule, 4)


@pytest.mark.parametrize(
    ("group", "kind"), [("main", "unknown"), ("unknown", "support"), ("inquiry", "support")]
)
def test_what_a_policy_does_not_declare_it_does_not_promise(group: str, kind: str) -> None:
    assert promise(POLICY, 1, group, Inquiry(kind, RECEIVED)) is None


def test_a_closed_inquiry_is_due_by_the_rule_that_ends_it_first() -> None:
    closed = Inquiry("support", RECEIVED, CLOSED)
    forward = due(CLOSED, Period(days=30), SEOUL)
    assert promise(POLICY, 1, "main", closed) == Promise(forward, "after_closing 30 days", 1, by_closing=True)
    minimum = Promise(due(RECEIVED, Period(months=6), SEOUL), "minimum 6 months", 1, by_closing=True)
    assert promise(policy(minimum="6 months"), 1, "main", closed) == minimum
    late = Inquiry("support", RECEIVED, DUE - timedelta(days=3))
    assert promise(POLICY, 1, "main", late) == Promise(DUE, "period 1 year", 1)


def test_the_earliest_promise_is_kept_and_of_two_alike_the_older() -> None:
    first, second = Promise(DUE, "a", 1), Promise(DUE, "b", 2)
    sooner, never = Promise(RECEIVED, "c", 3), Promise(None, "d", 0)
    assert earliest([second, first, never]) == first
    assert earliest([never, first, sooner]) == sooner
    assert earliest([never]) == never
    assert earliest([]) is None


@pytest.mark.parametrize(
    ("changed", "group", "expected"),
    [
        ({}, "main", False),
        ({}, "visitor", False),
        ({"period": "8 months"}, "main", True),
        ({"period": "2 years"}, "main", False),
        ({"period": "2 months"}, "visitor", True),
        ({"period": "5 months"}, "marketing", True),
        ({"period": "5 months"}, "visitor", False),
        ({"after_closing": "10 days"}, "main", True),
        ({"after_closing": "40 days"}, "main", False),
        ({"after_closing": "10 days"}, "visitor", False),
        ({"minimum": "6 months"}, "main", True),  # to be counted, though it keeps longer
        ({"minimum": "6 months"}, "visitor", False),
        ({"time_zone": "Asia/Tokyo"}, "visitor", True),
        ({"period": "2 months"}, "unknown", False),
    ],
)
def test_which_later_policies_can_bring_a_date_nearer(
    changed: dict[str, str],
    group: str,
    expected: bool,  # noqa: FBT001
) -> None:
    assert shortens(POLICY, policy(**changed), group, "support") is expected
