"""Rotation: the step after which what was destroyed is beyond every copy; and settling at every start.

Each step is repeatable; whatever killed the process, the next run finishes (DESIGN §3, Finality). An epoch
is retired only after it was asserted, against the keys store, that nothing needs it any more.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from inquiries import clock
from inquiries.errors import RotationIncomplete
from inquiries.policy import pace
from inquiries.sealing import epochs as sealing
from inquiries.services import adoption, archive_keys, losses, records, rewrapping, second_factor
from inquiries.services.actor import on_one_line
from inquiries.services.house import House
from inquiries.stores import key_tables, keys, wraps
from inquiries.stores.live import epochs as live_epochs
from inquiries.stores.live import outbox
from inquiries.stores.live import staff as live_staff

log = structlog.get_logger()

#: Their sum, with the hourly sweep, is what "destroyed within 5 days" rests on (P10).
INTERVAL = pace.ROTATION
KEY_BACKUPS_LIVE = pace.KEY_BACKUPS_LIVE


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: the epoch now open, how many keys were re-wrapped, which epochs are gone."""

    epoch: int
    rewrapped: int
    retired: tuple[int, ...]


def rotate(house: House, *, break_glass: str | None = None) -> Rotation:
    """Open a new epoch, re-wrap every living key under it, and end all earlier ones.

    `break_glass`: why the operator accepts in the officer's place that what cannot be opened stays behind,
    and that a store was put back; recorded with the ids, and shown to every officer (DESIGN §5).

    Raises:
        RotationIncomplete: an earlier epoch is still needed; intake goes on in the new one.
        JobBusy: another process rotates, or a reader kept the keys store from being scoured.
    """
    with house.keys.job("rotate"):
        number = _settled_number(house)
        if not _unfinished(house, number):
            number += 1
        _publish(house, number)
        return _finish(house, number, break_glass=on_one_line(break_glass))


def settle_epochs(house: House) -> int:
    """At every start: make stores and keyring agree on the open epoch, opening a new one where they cannot.

    Returns the number of the open epoch. The first call of an installation opens epoch 1.
    """
    with house.keys.job("rotate"):
        with house.keys.write() as connection:
            keys.prepare(connection)
        number = _settled_number(house)
        _notice_restore(house)
        _publish(house, number)
        return number


def finish_pending(house: House) -> Rotation | None:
    """Carry through a rotation that was cut short; None when there is none."""
    with house.keys.job("rotate"):
        number = _settled_number(house)
        return _finish(house, number) if _unfinished(house, number) else None


def is_due(house: House) -> bool:
    """Whether the open epoch has had its day."""
    with house.live.read() as connection:
        newest = live_epochs.newest(connection)
    if newest is None:
        return False
    age = clock.now() - newest.at
    return age >= INTERVAL or age < -clock.SKEW  # begun on a clock that has since gone back


# -- which epoch ---------------------------------------------------------------------------------


def _settled_number(house: House) -> int:
    """The newest epoch that anything here has heard of, or the one after if it can no longer be sealed to."""
    with house.live.read() as connection:
        live = {row.number: row.state for row in live_epochs.every(connection)}
    with house.keys.read() as connection:
        here = keys.epoch_states(connection)
    secrets = house.custody.secret_epochs()
    newest = max([*live, *here, *secrets, *house.custody.surface_epochs(), recorded_epoch(house)], default=0)
    usable = newest in secrets and house.custody.leads_to(newest)
    usable = usable and live.get(newest, "open") == "open" and here.get(newest, "open") == "open"
    return newest if usable else newest + 1


def recorded_epoch(house: House) -> int:
    """The epoch that the last completed rotation opened, as the ledger says."""
    record = records.latest(house, "operation", "rotate")
    return int(record[1]["epoch"]) if record else 0


def _notice_restore(house: House) -> None:
    """Note the stores that were put back from a backup."""
    found = behind(house)
    if found:
        note_restore(house, recorded=recorded_epoch(house), behind=found)


def behind(house: House) -> dict[str, int]:
    """Each store that does not know an epoch that it must have known, and the one that it knows.

    An epoch's secret is made first, then the keys store hears of it, then live, at last the ledger. So a
    crash leaves a later one behind by one epoch, never an earlier one.
    """
    recorded = recorded_epoch(house)
    with house.live.read() as connection:
        newest = live_epochs.newest(connection)
    with house.keys.read() as connection:
        here = keys.open_epoch(connection) or 0
    live = newest.number if newest else 0
    held = max(house.custody.secret_epochs(), default=0)
    least = {
        "live": (live, max(recorded, here - 1)),
        "keys": (here, max(recorded, live, held - 1)),
        "keyring": (held, max(recorded, live, here)),
    }
    return {name: number for name, (number, known) in least.items() if number < known}


def note_restore(house: House, **found: object) -> None:
    """From here on no epoch is retired until the officer confirms; who had signed in must do so again.

    A live store that was put back may hold sessions that were ended since, and mail that was sent.
    """
    log.error("restore.noticed", **found)
    records.append(house, "operation", {"act": "restore", **found})
    with house.keys.write() as connection:
        keys.note_restore(connection, clock.now())
    with house.live.write() as connection:
        live_staff.distrust(connection, second_factor.present_step(clock.now()))
        outbox.distrust(connection, clock.now(), "restored")


def _unfinished(house: House, number: int) -> bool:
    with house.live.read() as connection:
        live = any(row.number < number and row.state != "retired" for row in live_epochs.every(connection))
    with house.keys.read() as connection:
        states = keys.epoch_states(connection)
        here = any(one < number and state != "retired" for one, state in states.items())
        unscoured = bool(keys.unscoured(connection))
    return live or here or unscoured or any(one < number for one in house.custody.secret_epochs())


# -- the steps -----------------------------------------------------------------------------------


def _publish(house: House, number: int) -> None:
    """Secret durable → open in keys → open in live, where every earlier one closes."""
    secret = house.custody.add_epoch(number)
    now = clock.now()
    with house.keys.write() as connection:
        house.keys.gate(connection, keys.GATE, exclusive=True)
        keys.start_epoch(connection, number, now)
    with house.live.write() as connection:
        house.live.gate(connection, live_epochs.GATE, exclusive=True)
        standing = {row.number: row for row in live_epochs.every(connection)}
        for row in standing.values():
            if row.number < number and row.state == "open":
                _put(house, connection, row, "closed")
        if number not in standing:
            fresh = live_epochs.EpochRow(number, secret.public_key, "open", now, b"")
            _put(house, connection, fresh, "open")


def _put(house: House, connection: Connection, row: live_epochs.EpochRow, state: str) -> None:
    now = clock.now()
    record = sealing.EpochRecord(row.number, row.public_key, state, now)  # type: ignore[arg-type]
    signature = sealing.sign_record(house.custody.signing_seed, record)
    live_epochs.put(connection, live_epochs.EpochRow(row.number, row.public_key, state, now, signature))


def _finish(house: House, number: int, *, break_glass: str = "") -> Rotation:
    adoption.adopt_pending(house)
    archive_keys.adopt_pending(house)
    rewrapped, lost = rewrapping.rewrap(house, number)
    _assert_unneeded(house, number, lost, break_glass)
    retired = _retire(house, number)
    house.keys.scour(key_tables.keys.name, key_tables.tags.name)
    body = {"act": "rotate", "epoch": number, "rewrapped": rewrapped, "retired": list(retired)}
    records.append(house, "operation", body)
    with house.keys.write() as connection:
        keys.mark_scoured(connection, keys.unscoured(connection), clock.now())
    log.info("rotation.done", epoch=number, rewrapped=rewrapped, retired=list(retired))
    return Rotation(number, rewrapped, retired)


def _assert_unneeded(house: House, number: int, lost: list[keys.KeyRow], break_glass: str) -> None:
    """Nothing living needs an epoch before `number`; or what stays behind is accepted."""
    missing = [*adoption.unadopted(house, number), *archive_keys.unadopted(house, number)]
    broken = [*adoption.quarantined(house), *archive_keys.keyless(house)]
    with house.keys.read() as connection:
        left = wraps.count_wrapped_before(connection, number) - len(lost)
        restored = keys.how_far(connection).restored_at is not None
    if missing or left:
        raise RotationIncomplete(f"{len(missing)} envelopes and {left} keys still stand under earlier epochs")
    ids = [row.id for row in lost]
    if not restored and losses.confirmed(house).issuperset([*broken, *ids]):
        return
    if not break_glass:
        losses.note(house, {**losses.found(house), **{row.id: row.inquiry_id for row in lost}})
        raise RotationIncomplete(
            f"the officer must confirm: {len(broken)} envelopes and {len(lost)} keys do not open"
            + (", and a store was put back" if restored else "")
            + "; she does on /staff/restore, or `keys rotate --break-glass REASON` in her place"
        )
    losses.confirm(house, inquiries=broken, keys=ids, break_glass=break_glass)
    with house.keys.write() as connection:
        keys.note_restore(connection, None)


def _retire(house: House, number: int) -> tuple[int, ...]:
    """The record says retired, then the files are erased: holders keep them until it says so."""
    now = clock.now()
    retired = []
    with house.live.write() as connection:
        for row in live_epochs.every(connection):
            if row.number < number and row.state != "retired":
                _put(house, connection, row, "retired")
                retired.append(row.number)
    with house.keys.write() as connection:
        keys.retire_epochs(connection, number, now)
    house.custody.erase_before(number)
    return tuple(retired)
