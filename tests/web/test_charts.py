"""The geometry of the charts: columns as high as what they stand for, under a scale that reads well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.web import charts


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 1), (1, 1), (3, 4), (4, 4), (9, 10), (10, 10), (11, 20), (450, 600), (99_999, 100_000)],
)
def test_the_scale_ends_at_a_round_value(highest: int, top: int) -> None:
    lines = charts.stacked([[highest]]).lines
    assert (lines[0].value, lines[0].y) == (0, 100)
    assert (lines[-1].value, lines[-1].y) == (top, 0)
    assert all(line.y == 100 - 100 * line.value / top for line in lines)


def test_a_column_is_stacked_from_the_bottom_without_what_is_nought() -> None:
    (column, empty) = charts.stacked([[1, 0, 2], [0, 0, 0]]).columns
    assert [(part.series, part.y, part.height) for part in column.parts] == [(0, 75, 25), (2, 25, 50)]
    assert empty.parts == ()
    assert (column.place, empty.place) == (0, 50)


def test_nothing_makes_an_empty_chart() -> None:
    assert charts.stacked([]).columns == ()


@given(st.lists(st.lists(st.integers(0, 10**6), min_size=3, max_size=3), min_size=1, max_size=53))
def test_every_column_stays_within_the_drawing_and_beside_its_neighbours(counts: list[list[int]]) -> None:
    chart = charts.stacked(counts)
    top = chart.lines[-1].value
    for row, column in zip(counts, chart.columns, strict=True):
        assert sum(part.height for part in column.parts) == pytest.approx(100 * sum(row) / top, abs=0.01)
        assert all(part.y >= 0 for part in column.parts)
        assert column.place <= column.x
        assert column.x + column.width <= column.place + chart.room + 0.01
    assert chart.columns[-1].place + chart.room <= 100.1
