"""Whether somebody's training on the internal management plan still holds (P27): days alone, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from inquiries.policy.model import Plan
from inquiries.rules.retention import day_after

#: So long before her inbox closes somebody is told.
WARNING = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Training:
    """Until which day, that day included, somebody's inbox stays open, and how that stands today.

    `recorded`: she was trained; otherwise she is a newcomer. `soon`: it is time to renew it.
    """

    until: date
    recorded: bool
    lapsed: bool
    soon: bool


def standing(plan: Plan, *, enrolled: date, trained: date | None, today: date) -> Training:
    """How the training of somebody stands who enrolled on this day and was last trained on that one.

    It holds through the day on which the period after it ends (Korean Civil Act, Art. 157: the first day
    does not count). A newcomer has the grace, also when her training was longer ago.
    """
    grace = day_after(enrolled, plan.newcomers)
    until = grace if trained is None else max(grace, day_after(trained, plan.training))
    return Training(until, trained is not None, lapsed=today > until, soon=until - WARNING < today <= until)
