"""Who acts: a signed-in member of staff, as every service that reads or changes something is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inquiries.rules.permissions import Role


@dataclass(frozen=True)
class Actor:
    """A member of staff in a session; `roles` maps each role to the inquiry types it covers."""

    staff_id: int
    email: str
    roles: Mapping[Role, frozenset[str]]
    session: bytes | None = None  # digest of the session's token
    address: str | None = None  # where the request came from
