"""By when a request is answered: the target we set ourselves and the limit that we promise (P22)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inquiries.policy.model import Policy
from inquiries.rules.retention import due_at


class Lateness(StrEnum):
    """How a request that nobody has settled stands with its deadline."""

    in_time = "in_time"
    past_target = "past_target"
    overdue = "overdue"


@dataclass(frozen=True, slots=True)
class Deadline:
    """The target never lies beyond the limit."""

    target_at: datetime
    limit_at: datetime


def of_request(asked_at: datetime, policy: Policy) -> Deadline:
    """What the policy promises for a request of this moment, in its calendar and time zone."""
    promised = policy.deadlines
    target = due_at(asked_at, promised.requests_target, policy.time_zone)
    limit = due_at(asked_at, promised.requests, policy.time_zone)
    if target is None or limit is None:  # the policy's own types leave no such period
        raise ValueError("a deadline has an end")
    return Deadline(min(target, limit), limit)


def lateness(deadline: Deadline, now: datetime) -> Lateness:
    """How it stands now; overdue from the very moment of the limit on."""
    if now >= deadline.limit_at:
        return Lateness.overdue
    return Lateness.past_target if now >= deadline.target_at else Lateness.in_time
