"""Lets go of the bodies whose period has ended; spines and seals stay for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from inquiries import clock
from inquiries.services.house import House
from inquiries.stores import ledger

log = structlog.get_logger()

#: Pruning comes with every sweep; what stands longer past its end is a promise broken.
LATE = timedelta(days=2)


def prune(house: House, now: datetime) -> int:
    """Delete what has ended by then; returns how many. The caller believes the clock.

    Where this process's role may not, nothing is deleted, and readiness says so in time.
    """
    with house.ledger.write() as connection:
        if not ledger.become_pruner(connection):
            log.error("ledger.not_pruned", role=ledger.PRUNE_ROLE)
            return 0
        return ledger.prune(connection, now)


def overdue(house: House) -> bool:
    """Whether bodies stand that should have been pruned days ago."""
    with house.ledger.read() as connection:
        return ledger.stands_from_before(connection, clock.now() - LATE)
