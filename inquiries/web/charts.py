"""The geometry of plain charts, in per cent of the drawing, so that they need neither script nor style.

Knows no words and no colours: a page draws them as SVG, with a table that says the same beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_GAP = 0.2  # of a column's place, left free on both sides together


@dataclass(frozen=True)
class Part:
    """The share of one series in a column."""

    series: int
    y: float
    height: float


@dataclass(frozen=True)
class Column:
    """One column; `place` is where its room begins, `x` where it itself does."""

    place: float
    x: float
    width: float
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Line:
    """A line of the scale, and the value it stands for."""

    y: float
    value: int


@dataclass(frozen=True)
class Chart:
    """Stacked columns and their scale; `y` counts from the top, as SVG does."""

    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    room: float


def stacked(counts: Sequence[Sequence[int]]) -> Chart:
    """A chart of one column for each row of counts, in which each count is one series."""
    top = _round_up(max((sum(row) for row in counts), default=0))
    room = 100 / max(len(counts), 1)
    columns = tuple(_column(row, n * room, room, top) for n, row in enumerate(counts))
    values = (0, top // 2, top) if top % 2 == 0 else (0, top)
    return Chart(columns, tuple(Line(_per_cent(top - value, top), value) for value in values), round(room, 3))


def _column(row: Sequence[int], place: float, room: float, top: int) -> Column:
    parts, below = [], 0
    for series, count in enumerate(row):
        below += count
        if count:
            parts.append(Part(series, _per_cent(top - below, top), _per_cent(count, top)))
    x, width = place + room * _GAP / 2, room * (1 - _GAP)
    return Column(round(place, 3), round(x, 3), round(width, 3), tuple(parts))


def _per_cent(part: int, whole: int) -> float:
    return round(100 * part / whole, 3)


def _round_up(value: int) -> int:
    """The next value that reads well at the top of a scale: 1, 2, 4, 6, 8 or 10 of its power of ten."""
    power: int = 10 ** max(len(str(value)) - 1, 0)
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= value)
