"""Who acts, and why: a signed-in member of staff, as every service that reads or changes is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inquiries.rules import permissions
from inquiries.rules.permissions import Decision, Permission, Role
from inquiries.rules.training import Training

REASON_LIMIT = 500  # characters


@dataclass(frozen=True)
class Actor:
    """A member of staff in a session; `roles` maps each role to the inquiry types it covers."""

    staff_id: int
    email: str
    roles: Mapping[Role, frozenset[str]]
    session: bytes | None = None  # digest of the session's token
    address: str | None = None  # where the request came from
    training: Training | None = None  # as it stands at this request; None: it was not asked for

    def may(
        self, permission: Permission, inquiry_type: str | None = None, *, granted: bool = False
    ) -> Decision:
        """Whether she may do this now, by her roles and her training (P23, P27)."""
        lapsed = self.training is not None and self.training.lapsed
        return permissions.allowed(self.roles, permission, inquiry_type, granted=granted, lapsed=lapsed)


def on_one_line(reason: str | None) -> str:
    """The reason that somebody gave, as it is recorded; empty when she gave none."""
    return visible(reason or "")[:REASON_LIMIT]


def visible(text: str) -> str:
    """The text on one line, without what nobody sees: some of it turns around what is read beside it."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
