"""What the tables of all stores share: the names of their indexes and constraints, and their column types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, MetaData
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

#: 63-bit ids and counters. SQLite makes a rowid of `INTEGER PRIMARY KEY` only, never of BIGINT.
Id = BigInteger().with_variant(Integer(), "sqlite")


def new_metadata() -> MetaData:
    """The tables of one store; what is not named otherwise is named after table and columns."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


def to_microseconds(moment: datetime) -> int:
    """The moment as whole microseconds since 1970 in UTC; exact, no floating point."""
    return (moment - EPOCH) // MICROSECOND


_EARLIEST = to_microseconds(datetime(1900, 1, 1, tzinfo=UTC))
_LATEST = to_microseconds(datetime(3000, 1, 1, tzinfo=UTC))


def from_microseconds(value: int) -> datetime:
    """The inverse of `to_microseconds`; aware, in UTC.

    What lies before 1900 or after 3000 no page of ours wrote, but whoever broke into the public surface can.
    It is taken for the end of that span; else reckoning with it would fail, and with it every sweep.
    """
    return EPOCH + timedelta(microseconds=max(_EARLIEST, min(value, _LATEST)))


class Moment(TypeDecorator[datetime]):
    """An aware datetime kept as microseconds since 1970 in UTC: sortable, the same in each database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """A naive datetime is a fault of ours and raises TypeError here."""
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002, ANN401
        """Aware, in UTC."""
        return None if value is None else from_microseconds(value)
