"""One refusal for every service: on record first, then answered as for what does not exist (P23, P25)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from inquiries.errors import NotFound, TrainingLapsed
from inquiries.rules.permissions import Permission
from inquiries.services import records
from inquiries.services.actor import Actor
from inquiries.services.house import House


def permit(
    house: House,
    actor: Actor,
    permission: Permission,
    *,
    inquiry_type: str | None = None,
    detail: Mapping[str, str] | None = None,
) -> None:
    """Refuse whoever may not do this now. Raises NotFound, TrainingLapsed."""
    decision = actor.may(permission, inquiry_type)
    if not decision.allowed:
        refuse(house, actor, permission, lapsed=decision.lapsed, detail=detail)


def refuse(
    house: House,
    actor: Actor,
    act: str,
    *,
    subject: int | None = None,
    lapsed: bool = False,
    detail: Mapping[str, str] | None = None,
) -> NoReturn:
    """Record that this person was refused, then refuse.

    Raises:
        NotFound: always, unless only her `lapsed` training forbids it.
        TrainingLapsed: then she is told so, and how to mend it (P27).
    """
    records.access(house, act=act, actor=actor, subject=subject, outcome="refused", detail=detail)
    if lapsed:
        raise TrainingLapsed(act)
    raise NotFound("unknown, destroyed, or not permitted")
