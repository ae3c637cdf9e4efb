"""By when a request is answered: in the calendar of the policy, the target never beyond the limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from inquiries.policy.loader import parse
from inquiries.policy.period import Period
from inquiries.rules.deadlines import Deadline, Lateness, lateness, of_request
from tests.policy.builders import changed, policy

ASKED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "limit_days"), [("default", 10), ("jne-works", 10), ("clunix", 10), ("tiki-jne", 3)]
)
def test_each_profile_promises_its_own_limit(name: str, limit_days: int) -> None:
    assert of_request(ASKED, policy(name)) == Deadline(
        ASKED + timedelta(days=3), ASKED + timedelta(days=limit_days)
    )


def test_a_target_beyond_the_limit_is_the_limit() -> None:
    sooner = parse(changed(('requests = "10 days"', 'requests = "2 days"')))
    assert of_request(ASKED, sooner) == Deadline(ASKED + timedelta(days=2), ASKED + timedelta(days=2))


def test_a_profile_sets_its_own_target() -> None:
    own = parse(changed(('requests = "10 days"', 'requests = "10 days"\nrequests_target = "1 day"')))
    assert of_request(ASKED, own).target_at == ASKED + timedelta(days=1)


def test_days_are_those_of_the_calendar_where_the_company_is() -> None:
    berlin = parse(changed(('time_zone = "Asia/Seoul"', 'time_zone = "Europe/Berlin"')))
    asked = datetime(2026, 3, 27, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    assert of_request(asked, berlin).target_at.astimezone(ZoneInfo("Europe/Berlin")).hour == 12


@pytest.mark.parametrize("which", ["requests", "requests_target"])
def test_a_period_without_an_end_is_no_deadline(which: str) -> None:
    """No policy that was read holds one."""
    never = policy().deadlines.model_copy(update={which: Period(until_withdrawn=True)})
    with pytest.raises(ValueError, match=r"^a deadline has an end$"):
        of_request(ASKED, policy().model_copy(update={"deadlines": never}))


def test_late_from_the_very_moment_on() -> None:
    deadline, blink = of_request(ASKED, policy()), timedelta(microseconds=1)
    for moment, expected in (
        (ASKED, Lateness.in_time),
        (deadline.target_at - blink, Lateness.in_time),
        (deadline.target_at, Lateness.past_target),
        (deadline.limit_at - blink, Lateness.past_target),
        (deadline.limit_at, Lateness.overdue),
    ):
        assert lateness(deadline, moment) == expected
