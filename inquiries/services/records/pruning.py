"""Lets go of the bodies whose period has ended; spines and seals stay for ever."""

from __future__ import annotations

from datetime import datetime

from inquiries.services.house import House
from inquiries.stores import ledger


def prune(house: House, now: datetime) -> int:
    """Delete what has ended by then; returns how many. The caller believes the clock."""
    with house.ledger.write() as connection:
        return ledger.prune(connection, now)
