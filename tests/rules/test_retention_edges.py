"""What each version of a policy promises, which promise holds, and when a later one cannot shorten it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.policy.loader import parse
from inquiries.policy.model import Policy
from inquiries.policy.period import Period
from inquiries.rules.retention import Inquiry, Promise, earliest, promise, shortens
from tests.policy.builders import changed, policy


def seoul(text: str) -> datetime:
    """A moment by the clocks of Seoul."""
    return datetime.fromisoformat(f"{text}+09:00").astimezone(UTC)


#: What of the default policy is changed, for its first type, "introduction".
PERIOD, AFTER_CLOSING = 'period = "1 year"', 'after_closing = "30 days"'
VISITOR, MARKETING, ZONE = 'period = "3 months"', 'period = "6 months"', 'time_zone = "Asia/Seoul"'
MINIMUM = (ZONE, f'{ZONE}\nminimum = "6 months"')

RECEIVED = seoul("2026-03-01T09:00:00")
OPEN = Inquiry("introduction", RECEIVED)
CLOSED = replace(OPEN, closed_at=seoul("2026-04-01T15:00:00"))


def without(head: str, of: str = "default") -> Policy:
    """The policy without one of its tables."""
    before, _, rest = changed(of=of).partition(f"[{head}]\n")
    return parse(before + rest[rest.index("\n[") :])


# -- what one version promises ---------------------------------------------------------------------


@pytest.mark.promise("P08")
@pytest.mark.parametrize("inquiry", [OPEN, replace(OPEN, type="support")])
@pytest.mark.parametrize(
    ("group", "due", "rule"),
    [
        ("main", "2027-03-01T09:00:00", "period 1 year"),
        ("visitor", "2026-06-01T09:00:00", "visitor 3 months"),
        ("marketing", "2026-09-01T09:00:00", "purpose marketing 6 months"),
    ],
)
def test_each_group_ends_by_its_own_rule(group: str, due: str, rule: str, inquiry: Inquiry) -> None:
    assert promise(policy(), 7, group, inquiry) == Promise(seoul(due), rule, 7, by_closing=False)


@pytest.mark.parametrize("group", ["visitor", "marketing"])
def test_closing_ends_the_inquirys_own_group_alone(group: str) -> None:
    assert promise(policy(), 7, group, CLOSED) == promise(policy(), 7, group, OPEN)
    assert promise(policy(), 7, "main", CLOSED) == Promise(
        seoul("2026-05-01T15:00:00"), "after_closing 30 days", 7, by_closing=True
    )


@pytest.mark.parametrize("closed", ["2027-01-30T09:00:00", "2027-02-27T09:00:00", "2027-05-01T09:00:00"])
def test_what_is_closed_late_ends_by_its_period(closed: str) -> None:
    late = replace(OPEN, closed_at=seoul(closed))
    assert promise(policy(), 7, "main", late) == promise(policy(), 7, "main", OPEN)


@pytest.mark.promise("P14")
@pytest.mark.parametrize(
    ("minimum", "closed", "due", "rule"),
    [
        ("6 months", "2026-04-01T15:00:00", "2026-09-01T09:00:00", "minimum 6 months"),
        ("6 months", "2026-08-02T08:59:59", "2026-09-01T09:00:00", "minimum 6 months"),
        ("6 months", "2026-08-02T09:00:01", "2026-09-01T09:00:01", "after_closing 30 days"),
        ("6 months", "2027-02-27T09:00:00", "2027-03-01T09:00:00", "period 1 year"),
        ("1 year", "2026-04-01T15:00:00", "2027-03-01T09:00:00", "period 1 year"),
    ],
)
def test_closing_goes_no_lower_than_the_minimum(minimum: str, closed: str, due: str, rule: str) -> None:
    least = parse(changed((ZONE, f'{ZONE}\nminimum = "{minimum}"')))
    found = promise(least, 7, "main", replace(OPEN, closed_at=seoul(closed)))
    assert found == Promise(seoul(due), rule, 7, by_closing=not rule.startswith("period"))


@pytest.mark.promise("P15")
@pytest.mark.parametrize("closed_at", [None, seoul("2026-04-01T15:00:00")])
def test_what_is_kept_until_withdrawn_is_due_by_no_rule_and_no_closing(closed_at: datetime | None) -> None:
    newsletter = Inquiry("newsletter", RECEIVED, closed_at)
    found = promise(policy("clunix"), 7, "main", newsletter)
    assert found == Promise(None, "period until withdrawn", 7, by_closing=False)


@pytest.mark.parametrize("group", ["inquiry", "prizes", "archive"])
def test_a_version_says_nothing_of_a_group_that_it_does_not_declare(group: str) -> None:
    assert promise(policy(), 7, group, OPEN) is None


def test_a_version_says_nothing_of_a_type_that_it_does_not_declare_but_of_its_visitor() -> None:
    gone = replace(OPEN, type="complaint")
    assert promise(policy(), 7, "main", gone) is None
    assert promise(policy(), 7, "visitor", gone) == promise(policy(), 7, "visitor", OPEN)
    assert promise(without("visitor"), 7, "visitor", OPEN) is None


# -- which promise holds ---------------------------------------------------------------------------


def test_the_earliest_promise_holds_and_of_two_alike_the_older() -> None:
    never = Promise(None, "period until withdrawn", 1)
    soon, late = (Promise(seoul(f"{year}-03-01T09:00:00"), "period", 2) for year in (2027, 2028))
    assert earliest([late, never, soon]) == soon
    assert earliest([never, replace(late, version=5)]) == replace(late, version=5)
    assert earliest([replace(soon, version=4), soon, replace(soon, version=3)]) == soon
    assert earliest([replace(never, version=2), never]) == never
    assert earliest([]) is None


# -- which later versions can shorten --------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "change", "shorter"),
    [
        ("main", (PERIOD, 'period = "11 months"'), True),
        ("main", (PERIOD, 'period = "13 months"'), False),
        ("main", (AFTER_CLOSING, 'after_closing = "29 days"'), True),
        ("main", (AFTER_CLOSING, 'after_closing = "31 days"'), False),
        ("main", MINIMUM, True),
        ("main", (ZONE, 'time_zone = "Asia/Tokyo"'), True),
        ("main", (VISITOR, 'period = "2 months"'), False),
        ("main", (MARKETING, 'period = "5 months"'), False),
        ("visitor", (VISITOR, 'period = "2 months"'), True),
        ("visitor", (VISITOR, 'period = "4 months"'), False),
        ("visitor", (ZONE, 'time_zone = "Asia/Tokyo"'), True),
        ("visitor", (PERIOD, 'period = "11 months"'), False),
        ("visitor", (AFTER_CLOSING, 'after_closing = "29 days"'), False),
        ("visitor", MINIMUM, False),
        ("marketing", (MARKETING, 'period = "5 months"'), True),
        ("marketing", (MARKETING, 'period = "until withdrawn"'), False),
        ("marketing", (AFTER_CLOSING, 'after_closing = "29 days"'), False),
    ],
)
def test_a_later_version_can_shorten_what_it_says_shorter(
    group: str, change: tuple[str, str], *, shorter: bool
) -> None:
    assert shortens(policy(), parse(changed(change)), group, "introduction") is shorter
    assert not shortens(policy(), policy(), group, "introduction")


def test_a_lower_minimum_can_shorten() -> None:
    assert shortens(parse(changed(MINIMUM)), policy(), "main", "introduction")


def test_a_version_that_declares_it_no_more_or_not_yet_shortens_nothing() -> None:
    fewer = without("types.introduction")
    assert not shortens(policy(), fewer, "main", "introduction")
    assert not shortens(fewer, policy(), "main", "introduction")
    assert not shortens(policy(), without("visitor"), "visitor", "introduction")
    assert not shortens(without("visitor"), policy(), "visitor", "introduction")


def test_what_was_kept_until_withdrawn_can_get_an_end() -> None:
    ended = parse(changed(('period = "until withdrawn"', 'period = "1 year"'), of="clunix"))
    assert shortens(policy("clunix"), ended, "main", "newsletter")
    assert not shortens(ended, policy("clunix"), "main", "newsletter")


periods = st.sampled_from(
    [Period(), Period(days=30), Period(months=1), Period(months=1, days=1), Period(days=365), Period(years=1)]
)


def versions(period: Period, after_closing: Period, minimum: Period | None) -> Policy:
    kind = policy().types["introduction"]
    kind = kind.model_copy(update={"period": period, "after_closing": after_closing})
    return policy().model_copy(update={"types": {"introduction": kind}, "minimum": minimum})


policies = st.builds(versions, periods, periods, st.sampled_from([None, Period(months=1)]))


@given(
    policies,
    policies,
    st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=800))),
)
def test_a_later_version_that_cannot_shorten_never_does(
    own: Policy, later: Policy, received: datetime, after: timedelta | None
) -> None:
    inquiry = Inquiry("introduction", received, None if after is None else received + after)
    ours, theirs = promise(own, 1, "main", inquiry), promise(later, 2, "main", inquiry)
    assert ours is not None
    assert theirs is not None
    if not shortens(own, later, "main", "introduction"):
        assert earliest([theirs, ours]) == ours
