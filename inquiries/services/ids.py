"""Makes the ids of rows, before anything is sealed to them; remembers none."""

from __future__ import annotations

from datetime import UTC, datetime

from inquiries import clock
from inquiries.sealing.primitives import Draw
from inquiries.stores.types import MICROSECOND

_SINCE = datetime(2020, 1, 1, tzinfo=UTC)
_RANDOM_BITS = 12

#: What both databases hold as an integer.
LARGEST_ID = (1 << 63) - 1

#: Nobody's: stands in for the one that is not there, so that what is asked does not tell.
NO_ID = 0


def new_id() -> int:
    """A 63-bit id: microseconds since 2020 in the upper 51 bits (until 2091), random in the lower 12.

    Sorts by time of receipt, and tells no more than that. Two of one microsecond meet once in 4,096
    times: the primary key refuses the second, and nothing of it is stored. Intake makes it anew.
    """
    return new_ids(1)[0]


def random_id() -> int:
    """A 63-bit id that tells no time, for rows that have a time of their own and come many at once."""
    return int.from_bytes(Draw(8).take(8)) >> 1


def first_id(moment: datetime) -> int:
    """The lowest id that can have been made at the moment."""
    return ((moment - _SINCE) // MICROSECOND) << _RANDOM_BITS


def new_ids(count: int, draw: Draw | None = None) -> tuple[int, ...]:
    """So many ids in order, no two alike: an envelope names each of its groups once."""
    draw = draw or Draw(2 * count)
    made: set[int] = set()
    while len(made) < count:
        moment = (clock.now() - _SINCE) // MICROSECOND
        made.add((moment << _RANDOM_BITS) | (int.from_bytes(draw.take(2)) >> 4))
    return tuple(sorted(made))


def cursor(after: str | None) -> int | None:
    """The id below which a list goes on; what is none gives a page with nothing on it."""
    if after is None:
        return None
    known = after.isascii() and after.isdigit() and len(after) < 20  # noqa: PLR2004
    return int(after) if known and int(after) <= LARGEST_ID else 0
