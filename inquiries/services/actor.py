"""Who acts, and why: a signed-in member of staff, as every service that reads or changes is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inquiries.rules.permissions import Role

REASON_LIMIT = 500  # characters


@dataclass(frozen=True)
class Actor:
    """A member of staff in a session; `roles` maps each role to the inquiry types it covers."""

    staff_id: int
    email: str
    roles: Mapping[Role, frozenset[str]]
    session: bytes | None = None  # digest of the session's token
    address: str | None = None  # where the request came from


def on_one_line(reason: str | None) -> str:
    """The reason that somebody gave, as it is recorded; empty when she gave none."""
    return " ".join((reason or "").split())[:REASON_LIMIT]
