"""The sweep: decides when destruction runs, and writes down how it went (P08-P10)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from inquiries import clock
from inquiries.errors import InquiriesError, JobBusy
from inquiries.services import certificates, destruction, due_dates, fulfilment, guard, records
from inquiries.services.house import House
from inquiries.services.rotation import KEY_BACKUPS_LIVE
from inquiries.stores import archive, keys
from inquiries.stores.live import due as due_groups
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.types import from_microseconds, to_microseconds

log = structlog.get_logger()

LOOK_EVERY = timedelta(days=1)
SECOND = 1_000_000  # microseconds


@dataclass(frozen=True)
class Swept:
    """How a sweep went; `max_lag_seconds` is the longest time from due to destroyed in it.

    `archived`: how many were moved to the archive since the sweep before. `held`: due, but held.
    """

    due: int
    destroyed: int = 0
    archived: int = 0
    held: int = 0
    failed: int = 0
    leftovers: int = 0
    max_lag_seconds: int = 0
    dry_run: bool = False


def sweep(house: House, *, confirm: bool = False) -> Swept:
    """Destroy every group that is due and not held, after finishing what an earlier run left.

    Raises:
        ClockSuspect: the clock or the number due is not believable; `confirm` sweeps all the same.
        JobBusy: another process sweeps.
    """
    with house.live.job("sweep"):
        due_dates.shorten(house)
        now = clock.now()
        if not confirm:
            guard.believe(house, now)
        last = records.latest(house, "operation", "sweep")
        known, _ = records.heads(house).get("destruction", (0, b""))
        swept = _destroy_all(house, last[0] if last else None)
        if not swept.failed:
            before = last[1].get("heads", {}) if last else {}
            # what was begun before it: by a run that failed, by a start, or as people asked
            begun = certificates.longest_lag(house, before.get("destruction", [0])[0], known)
            swept = replace(swept, max_lag_seconds=max(swept.max_lag_seconds, begun))
            swept, looked_at = _look(house, swept, known, last[1].get("looked_at", 0) if last else 0)
            _prune(house, now)
            _record(house, swept, looked_at, before, confirmed=confirm)
        log.info("sweep.done", **vars(swept))
        return swept


def dry_run(house: House, as_of: datetime | None = None) -> Swept:
    """What a sweep at that moment would find due; changes nothing."""
    last = records.latest(house, "operation", "sweep")
    return replace(_found(house, as_of or clock.now(), last[0] if last else None), dry_run=True)


def count_due(house: House, by: datetime) -> int:
    """How many groups, of living and archived inquiries, are due by then and not held."""
    with house.live.read() as connection:
        living = due_groups.count_due(connection, by)
    with house.archive.read() as connection:
        return living + archive.count_due(connection, by)


def _found(house: House, by: datetime, since: datetime | None) -> Swept:
    """What is there to sweep."""
    with house.live.read() as connection:
        held = due_groups.count_held(connection, by)
    with house.archive.read() as connection:
        archived = archive.count_since(connection, since) if since else archive.count(connection)
    return Swept(due=count_due(house, by), held=held, archived=archived)


def _destroy_all(house: House, since: datetime | None) -> Swept:
    swept, destroyed, lag = Swept(due=0), 0, 0
    failure: Exception | None = None
    try:
        with suppress(JobBusy):
            fulfilment.hear(house)
        swept = _found(house, clock.now(), since)
        destroyed = destruction.replay(house).groups
        for count, longest in destruction.destroy_due(house):
            destroyed, lag = destroyed + count, max(lag, longest)
            with suppress(JobBusy):  # who asks for a deletion meanwhile does not wait for a long run's end
                fulfilment.carry_out(house)
        destruction.destroy_mail(house)
    except (SQLAlchemyError, OSError, InquiriesError) as failed:
        failure = failed
    swept = replace(swept, destroyed=destroyed, max_lag_seconds=lag // SECOND)
    return swept if failure is None else _failed(house, swept, failure)


def _failed(house: House, swept: Swept, failure: Exception) -> Swept:
    """Say what is left, which the next sweep tries again."""
    due, error = count_due(house, clock.now()), type(failure).__name__
    swept = replace(swept, due=max(swept.due, due), failed=max(due, 1))
    log.error("sweep.failed", groups=swept.failed, error=error)
    records.append(house, "operation", {"act": "sweep_failed", "error": error, **vars(swept)})
    return swept


def _look(house: House, swept: Swept, known: int, looked_at: int) -> tuple[Swept, int]:
    """Look for leftovers and orphans through all stores: daily, and while a restore is not confirmed.

    `known`: the last record of destructions before this sweep, whose own have just been carried through.
    """
    now = to_microseconds(clock.now())
    with house.keys.read() as connection:
        restored = keys.how_far(connection).restored_at is not None
    if not restored and from_microseconds(looked_at) + LOOK_EVERY > from_microseconds(now):
        return swept, looked_at
    leftovers = destruction.delete_leftovers(house, known)
    orphans = destruction.destroy_orphans(house)
    return replace(swept, destroyed=swept.destroyed + orphans, leftovers=leftovers), now


def _prune(house: House, now: datetime) -> None:
    """What else has ended: ledger bodies, and envelopes whose epoch no key backup can bring back."""
    records.prune(house, now)
    with house.keys.read() as connection:
        beyond = keys.retired_before(connection, now - KEY_BACKUPS_LIVE)
    if beyond is None:
        return
    with house.archive.write() as connection:
        archive.drop_envelopes(connection, beyond + 1)
    together = destruction.Portions.of(house.live).removed
    dropped = together
    while dropped == together:
        with house.live.write_aside() as connection:
            dropped = live_epochs.drop_envelopes(connection, beyond + 1, together)


def _record(
    house: House, swept: Swept, looked_at: int, before: dict[str, list[Any]], *, confirmed: bool
) -> None:
    """Write the sweep down, with the forecast that the next one is measured by, and the ledger's heads.

    `before` are the heads that the sweep before wrote down: what came since is what its certificate counts.
    """
    body = {"act": "sweep", "confirmed": confirmed, "forecast": guard.forecast(house, clock.now())}
    heads = {chain: [n, digest.hex()] for chain, (n, digest) in records.heads(house).items()}
    since = {chain: head[0] for chain, head in before.items()}
    more = {"looked_at": looked_at, "heads": heads, "since": since}
    records.append(house, "operation", {**body, **more, **vars(swept)})
    if confirmed:  # the officer's word on the time, as the newest entry of every chain: see `guard.believe`
        for chain in ("access", "rights", "destruction"):
            records.append(house, chain, {"act": "clock_confirmed"})
