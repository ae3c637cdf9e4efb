"""What Prometheus reads: the state of the stores at the moment of the scrape; counts nothing in memory.

No label is an id, a token or an address: types, reasons and names of checks alone (docs/decisions/0005).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from inquiries import clock
from inquiries.errors import InquiriesError
from inquiries.services import adoption, outlook, readiness, records, recovery, request_deadlines, retention
from inquiries.services.house import House
from inquiries.stores import archive, tombstones
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.live import holds, outbox

log = structlog.get_logger()

#: What is adopted later than this has long turned another check red; to look further back costs more.
PENDING_WITHIN = timedelta(hours=1)


def exposition(house: House) -> bytes:
    """Everything in Prometheus's text format; what cannot be read is left out."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Stores(house))
    return generate_latest(registry)


class Stores(Collector):
    """Reads one house at each scrape."""

    def __init__(self, house: House) -> None:
        self._house = house

    def collect(self) -> Iterator[Metric]:
        """Each family by itself, so that one store that does not answer hides no other's figures."""
        for read in (
            _retention, _destroyed, _last_sweep, _epoch, _envelopes, _requests, _mail, _restore, _readiness,
        ):  # fmt: skip
            try:
                yield from read(self._house)
            except (SQLAlchemyError, OSError, InquiriesError) as failed:
                log.error("metrics.left_out", family=read.__name__.strip("_"), error=type(failed).__name__)


def _gauge(name: str, words: str, value: float) -> Metric:
    family = GaugeMetricFamily(f"inquiries_{name}", words)
    family.add_metric([], value)
    return family


def _retention(house: House) -> Iterator[Metric]:
    now = clock.now()
    with house.live.read() as connection:
        held = holds.count(connection, now)
    with house.archive.read() as connection:
        archived = archive.count(connection)
    yield _gauge(
        "overdue_seconds",
        "How long the oldest due group or archived inquiry has waited.",
        outlook.longest_overdue(house).total_seconds(),
    )
    yield _gauge("due", "Groups and archived inquiries that are due.", retention.count_due(house, now))
    yield _gauge("held", "Inquiries under a legal hold.", held)
    yield _gauge("archived", "Inquiries in the archive.", archived)


def _last_sweep(house: House) -> Iterator[Metric]:
    failed = outlook.failed_last(house)
    yield _gauge("sweep_failed", "Groups that the last sweep could not destroy.", failed)
    last = records.latest(house, "operation", "sweep")
    if last is None:
        return
    at, swept = last
    age = (clock.now() - at).total_seconds()
    yield _gauge("sweep_age_seconds", "How long ago the last sweep ended.", age)
    lag = swept["max_lag_seconds"]
    yield _gauge("sweep_max_lag_seconds", "Longest time from due to destroyed in the last sweep.", lag)


def _epoch(house: House) -> Iterator[Metric]:
    with house.live.read() as connection:
        newest = live_epochs.newest(connection)
    if newest is not None:
        age = (clock.now() - newest.at).total_seconds()
        yield _gauge("epoch_age_seconds", "How long the open epoch has been open.", age)


def _envelopes(house: House) -> Iterator[Metric]:
    pending = adoption.pending(house, clock.now() - PENDING_WITHIN)
    yield _gauge("envelopes_pending", "Envelopes of the last hour whose keys are not adopted.", pending)
    broken = len(adoption.quarantined(house))
    yield _gauge("envelopes_quarantined", "Envelopes that do not open, accepted as lost or not.", broken)


def _requests(house: House) -> Iterator[Metric]:
    found = request_deadlines.figures(house)
    yield _gauge("requests_unsettled", "Requests of data subjects that nobody has settled.", found.unsettled)
    yield _gauge("requests_past_target", "Those past their target, and in time still.", found.past_target)
    yield _gauge("requests_overdue", "Those past the limit that the policy promises.", found.overdue)


def _mail(house: House) -> Iterator[Metric]:
    now = clock.now()
    with house.live.read() as connection:
        found = outbox.figures(connection, now)
    age = 0.0 if found.oldest is None else (now - found.oldest).total_seconds()
    yield _gauge("mail_waiting", "Messages that are to be sent.", found.waiting)
    yield _gauge("mail_waiting_seconds", "For how long the oldest of them has waited.", age)
    yield _gauge("mail_given_up", "Messages that could not be sent, and wait for the officer.", found.dead)


def _restore(house: House) -> Iterator[Metric]:
    waits = recovery.gate(house) is not None
    yield _gauge("restore_waiting", "1 while a restore waits for the officer's confirmation.", int(waits))


def _readiness(house: House) -> Iterator[Metric]:
    family = GaugeMetricFamily("inquiries_ready", "1 while the check of /readyz holds.", labels=["check"])
    for check in readiness.checks(house):
        family.add_metric([check.name], int(check.ok))
    yield family


# -- destroyed in total --------------------------------------------------------------------------


@dataclass
class _Counted:
    """Destroyed groups by (type, reason), of the proofs of all intents up to `until`."""

    until: int = 0
    total: Counter[tuple[str, str]] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)


def _destroyed(house: House) -> Iterator[Metric]:
    words = "Groups destroyed, by inquiry type and reason."
    family = CounterMetricFamily("inquiries_destroyed", words, labels=["type", "reason"])
    for (kind, reason), number in sorted(_total(house).items()):
        family.add_metric([kind, reason], number)
    yield family


def _total(house: House) -> Counter[tuple[str, str]]:
    counted = house.recall("metrics", _Counted)
    with counted.lock:
        with house.keys.read() as connection:
            fresh = tombstones.counts(connection, counted.until)
        for intent, counts in fresh:
            counted.total.update(counts)
            counted.until = intent
        return Counter(counted.total)
