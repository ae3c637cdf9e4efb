"""Whether this installation keeps its promises right now: one named check each; changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from inquiries import clock
from inquiries.errors import InquiriesError
from inquiries.services import (
    adoption,
    anchors,
    losses,
    mail,
    outlook,
    provision,
    publishing,
    records,
    request_deadlines,
    rotation,
)
from inquiries.services.house import House
from inquiries.stores import keys
from inquiries.stores.live import archivals, holds
from inquiries.stores.live import epochs as live_epochs

#: How long the daily rotation may take or be tried again before it is an alarm.
ROTATION_SLACK = timedelta(hours=1)
MOVED_WITHIN = timedelta(hours=1)
#: How many ids a check names; the ledger has all of them.
NAMED = 20


@dataclass(frozen=True)
class Check:
    """One thing that must hold, and what was seen."""

    name: str
    ok: bool
    detail: str


def checks(house: House) -> tuple[Check, ...]:
    """Every check; one that cannot be made has failed. The public surface reaches what two of them ask."""
    asked: dict[str, Callable[[House], Check]] = {"stores": _stores, "epoch": _epoch}
    if house.settings.surface == "public":
        return tuple(_made(name, check, house) for name, check in asked.items())
    asked |= {
        "sweep": _sweep,
        "worker": _worker,
        "envelopes": _envelopes,
        "archive": _archive,
        "requests": _requests,
        "mail": _mail,
        "keys": _keys,
        "ledger": _ledger,
        "restore": _restore,
    }
    return tuple(_made(name, check, house) for name, check in asked.items())


def _made(name: str, check: Callable[[House], Check], house: House) -> Check:
    try:
        return check(house)
    except (SQLAlchemyError, OSError, InquiriesError) as failed:
        return Check(name, ok=False, detail=type(failed).__name__)


def _stores(house: House) -> Check:
    for database in house.databases:
        with database.read() as connection:
            connection.execute(text("SELECT 1"))
    return Check("stores", ok=True, detail="all answer")


def _epoch(house: House) -> Check:
    """An epoch past its day means that destruction is not becoming final; intake goes on."""
    with house.live.read() as connection:
        newest = live_epochs.newest(connection)
    if newest is None:
        return Check("epoch", ok=False, detail="none is open")
    age = clock.now() - newest.at
    ok = -clock.SKEW <= age < rotation.INTERVAL + ROTATION_SLACK
    return Check("epoch", ok=ok, detail=f"epoch {newest.number}, open for {age // timedelta(hours=1)} h")


def _sweep(house: House) -> Check:
    """P10: red at 72 h overdue, so that the limit is never reached unseen; archived rows count alike."""
    overdue = outlook.longest_overdue(house)
    limit = publishing.in_force(house).policy.deadlines.destruction
    alarm = f"alarm at {outlook.ALARM_AFTER // timedelta(hours=1)} h, limit {limit}"
    detail = f"oldest due {overdue // timedelta(hours=1)} h ago; {alarm}" if overdue else "nothing is overdue"
    return Check("sweep", ok=overdue < outlook.ALARM_AFTER, detail=detail)


def _worker(house: House) -> Check:
    """A sweep is the worker's hourly sign of life, also when nothing is due; refused ones leave none."""
    last = records.latest(house, "operation", "sweep")
    if last is None:
        return Check("worker", ok=False, detail="no sweep yet")
    age = clock.now() - last[0]
    return Check(
        "worker", ok=age < outlook.SEEN_WITHIN, detail=f"last one {age // timedelta(minutes=1)} min ago"
    )


def _envelopes(house: House) -> Check:
    broken = len(set(adoption.quarantined(house)) - losses.confirmed(house))
    return Check("envelopes", ok=not broken, detail=f"{broken} in quarantine")


def _archive(house: House) -> Check:
    """P12: what an officer ordered to the archive is there within the hour, or somebody must look why not."""
    now = clock.now()
    with house.live.read() as connection:
        moves = archivals.every(connection)
        inquiries = [one.inquiry_id for one in moves]
        held = {one.inquiry_id for one in holds.of_inquiries(connection, inquiries, now)}
        kept = holds.kept_until(connection, inquiries, now)
    free = [one for one in moves if one.inquiry_id not in held]
    since = [max(one.ordered_at, kept.get(one.inquiry_id, one.ordered_at)) for one in free]
    age = now - min(since, default=now)
    detail = f"{len(since)} moves waiting, the oldest for {age // timedelta(minutes=1)} min"
    detail += f"; {len(held)} held" if held else ""
    return Check("archive", ok=age < MOVED_WITHIN, detail=detail)


def _requests(house: House) -> Check:
    """P22: whoever asked has her answer within the limit that the policy promises."""
    found = request_deadlines.figures(house)
    detail = f"{found.unsettled} not settled, {found.past_target} past the target, {found.overdue} overdue"
    return Check("requests", ok=not found.overdue, detail=detail)


def _mail(house: House) -> Check:
    """A message that does not go out is a promise that nobody heard of."""
    stuck = mail.trouble(house)
    if provision.relay(house) is None and stuck is None:
        return Check("mail", ok=True, detail="none is configured")
    detail = f"{stuck.waiting} waiting, {stuck.dead} given up" if stuck else "none is stuck"
    return Check("mail", ok=stuck is None, detail=detail)


def _keys(house: House) -> Check:
    """A key that is missing without a tombstone, until the officer has accepted that it is lost."""
    lost = losses.waiting(house)
    named = ", ".join(map(str, lost[:NAMED])) + (", …" if len(lost) > NAMED else "")
    return Check("keys", ok=not lost, detail=f"do not open: {named}" if lost else "none is missing")


def _ledger(house: House) -> Check:
    """P25: sealed within minutes, so that nobody rewrites what was written; pruned in time."""
    sealed = records.last_sealed(house)
    if records.prune_overdue(house):
        return Check("ledger", ok=False, detail="records stand past their end; may the worker prune them?")
    if sealed is None:
        return Check("ledger", ok=True, detail="not sealed before an officer has enrolled")
    if anchors.late(house):
        return Check("ledger", ok=False, detail="not anchored outside for two days")
    age = clock.now() - sealed
    return Check("ledger", ok=age < records.GAP, detail=f"sealed {age // timedelta(minutes=1)} min ago")


def _restore(house: House) -> Check:
    with house.keys.read() as connection:
        restored = keys.how_far(connection).restored_at
    detail = (
        "none to confirm" if restored is None else f"noticed {restored:%Y-%m-%d %H:%M} UTC, not confirmed"
    )
    return Check("restore", ok=restored is None, detail=detail)
