"""What was agreed to and not taken back: asked by whatever needs a consent; changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, exists, select

from inquiries.rules.requests import WITHOUT_EFFECT, Kind
from inquiries.stores.among import among
from inquiries.stores.live import guardians
from inquiries.stores.live.tables import consents, requests


def standing() -> Any:  # noqa: ANN401 - an SQL condition
    """The condition on `consents` that it holds: from the commit of a withdrawal on it holds no more."""
    withdrawing = exists().where(
        requests.c.inquiry_id == consents.c.inquiry_id,
        requests.c.subject == consents.c.purpose,
        requests.c.kind == Kind.withdraw,
        requests.c.state.not_in(sorted(WITHOUT_EFFECT)),
    )
    child = consents.c.inquiry_id.in_(guardians.all_waiting())  # whose own consent is none
    return and_(consents.c.given, consents.c.withdrawn_at.is_(None), ~withdrawing, ~child)


def purposes(connection: Connection, inquiry_ids: Sequence[int]) -> dict[int, frozenset[str]]:
    """Inquiry id → the purposes that may be followed."""
    query = select(consents.c.inquiry_id, consents.c.purpose).where(
        among(connection, consents.c.inquiry_id, inquiry_ids), standing()
    )
    found: dict[int, set[str]] = {}
    for inquiry_id, purpose in connection.execute(query):
        found.setdefault(inquiry_id, set()).add(purpose)
    return {inquiry_id: frozenset(names) for inquiry_id, names in found.items()}
