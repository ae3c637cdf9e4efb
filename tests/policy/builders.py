"""The default policy, and the same with one thing changed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from inquiries.errors import PolicyProblem, PolicyRefused
from inquiries.policy.loader import parse
from inquiries.policy.model import Policy

POLICIES = Path(__file__).parents[2] / "policies"


@cache
def source(name: str = "default") -> str:
    return (POLICIES / f"{name}.toml").read_text("utf-8")


@cache
def policy(name: str = "default") -> Policy:
    return parse(source(name))


def changed(*changes: tuple[str, str], of: str = "default") -> str:
    """The policy's text with each first occurrence of the one replaced by the other."""
    text = source(of)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def refusal(text: str) -> tuple[PolicyProblem, ...]:
    with pytest.raises(PolicyRefused) as refused:
        parse(text)
    return refused.value.problems


def only_problem(text: str) -> PolicyProblem:
    (problem,) = refusal(text)
    return problem
