"""How each person's training on the internal management plan stands, by the policy in force (P27)."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from inquiries import clock
from inquiries.rules import training as rules
from inquiries.rules.training import Training
from inquiries.services import publishing
from inquiries.services.house import House


def standing(house: House, enrolled_at: datetime, trained_on: date | None) -> Training:
    """How somebody's training stands today."""
    policy = publishing.in_force(house).policy
    enrolled = enrolled_at.astimezone(ZoneInfo(policy.time_zone)).date()
    return rules.standing(policy.plan, enrolled=enrolled, trained=trained_on, today=today(house))


def today(house: House) -> date:
    """The present day where the policy is at home."""
    return clock.now().astimezone(ZoneInfo(publishing.in_force(house).policy.time_zone)).date()
