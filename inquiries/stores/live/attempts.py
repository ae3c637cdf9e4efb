"""Statements over counted attempts; knows keyed hashes, never whom or what they stand for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from inquiries.stores.live.tables import attempts


@dataclass(frozen=True)
class Count:
    """How often it failed, until when it is locked, and when it was last counted."""

    key: bytes
    failures: int
    locked_until: datetime | None
    at: datetime


_COUNT = select(attempts.c.key, attempts.c.failures, attempts.c.locked_until, attempts.c.at)


def known(connection: Connection, key: bytes) -> bool:
    """Whether this is a browser that is remembered; `forget_old` takes care of those not seen for long."""
    query = select(attempts.c.key).where(attempts.c.key == key)
    return connection.execute(query).one_or_none() is not None


def hold(connection: Connection, keys: Iterable[tuple[bytes, str]], at: datetime) -> list[Count]:
    """The counts of these keys (with their kinds), begun where absent.

    Nobody else counts them before this transaction ends: each row is written as it is, in order of the keys.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    ordered = sorted(keys)
    for key, kind in ordered:
        begin = dialect.insert(attempts).values(key=key, kind=kind, failures=0, at=at)
        as_it_is = {"failures": attempts.c.failures}
        connection.execute(begin.on_conflict_do_update(index_elements=["key"], set_=as_it_is))
    held = _COUNT.where(attempts.c.key.in_([key for key, _ in ordered]))
    return [Count(*row) for row in connection.execute(held.order_by(attempts.c.key))]


def put(connection: Connection, count: Count) -> None:
    """Replace what is counted of a key."""
    values = {"failures": count.failures, "locked_until": count.locked_until, "at": count.at}
    connection.execute(update(attempts).where(attempts.c.key == count.key).values(values))


def remember(connection: Connection, key: bytes, staff_id: int, at: datetime) -> None:
    """This browser signed this person in: from now on it counts for itself, beginning at none."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values = {"staff_id": staff_id, "failures": 0, "locked_until": null(), "at": at}
    begin = dialect.insert(attempts).values(key=key, kind="device", **values)
    connection.execute(begin.on_conflict_do_update(index_elements=["key"], set_=values))


def forget(connection: Connection, key: bytes) -> None:
    """Begin anew with this key."""
    connection.execute(delete(attempts).where(attempts.c.key == key))


def forget_devices(connection: Connection, staff_id: int, besides: bytes) -> None:
    """No browser of this person is known any more, besides this one."""
    hers = and_(attempts.c.staff_id == staff_id, attempts.c.key != besides)
    connection.execute(delete(attempts).where(hers))


def forget_old(connection: Connection, *, devices: datetime, others: datetime) -> None:
    """Take away what was last counted before these moments, unless it is locked still."""
    old = or_(
        and_(attempts.c.kind == "device", attempts.c.at <= devices),
        and_(attempts.c.kind != "device", attempts.c.at <= others),
    )
    connection.execute(delete(attempts).where(old))
