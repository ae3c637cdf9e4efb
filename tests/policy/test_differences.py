"""What a reader is told of a later version: what it changed, and nothing else."""

from __future__ import annotations

from inquiries.policy.differences import Change, between
from inquiries.policy.loader import parse
from inquiries.policy.model import Policy
from tests.policy.builders import changed, policy


def changes(*pairs: tuple[str, str]) -> tuple[Change, ...]:
    return between(policy(), parse(changed(*pairs)), "en")


def test_the_same_notice_differs_in_nothing() -> None:
    assert between(policy(), policy(), "en") == ()


def test_a_changed_row_is_told_as_it_was_and_as_it_is() -> None:
    (change,) = changes(('period = "1 year"', 'period = "2 years"'))
    assert change.removed == ("Introduction · Period of keeping and use: 1 year from receipt",)
    assert change.added == ("Introduction · Period of keeping and use: 2 years from receipt",)


def test_a_section_that_came_or_went_is_told_whole() -> None:
    without = policy().model_copy(update={"visitor": None, "statutes": {}})
    went = {one.heading: one for one in between(policy(), Policy.model_validate(without), "ko")}
    came = {one.heading: one for one in between(without, policy(), "ko")}
    assert went.keys() == came.keys()
    statutes = next(one for name, one in went.items() if "법" in name)
    assert statutes.removed
    assert not statutes.added
    assert came[statutes.heading].added == statutes.removed
