"""What must be known of an order before anything is disclosed, and where a disclosure stands (P35)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from inquiries.errors import FieldError, InvalidDisclosure
from inquiries.rules.procedure import LIFE, Ordered, Stand, checked, stand

TODAY = date(2026, 3, 2)
KEPT = ("name", "email", "content")
ORDERED = Ordered(
    to="recipients.police",
    statute="형사소송법 제199조",
    document="2026-17",
    dated=TODAY,
    requester="Seoul Police",
    items=("name",),
)


@pytest.mark.promise("P35")
def test_an_order_is_kept_in_good_form() -> None:
    typed = replace(
        ORDERED,
        statute=" 형사소송법\n 제199조 ",
        document="2026-17\t",
        requester="Seoul   Police",
        items=("email", "name"),
        quiet=True,
    )
    assert checked(typed, KEPT, TODAY) == replace(ORDERED, items=("name", "email"), quiet=True)
    assert checked(ORDERED, KEPT, TODAY) == ORDERED


@pytest.mark.promise("P35")
@pytest.mark.parametrize(
    "change",
    [
        {"dated": TODAY},
        {"dated": date(1999, 12, 31)},
        {"items": KEPT},
        {"statute": "x" * 200, "document": "x" * 200, "requester": "x" * 200},
    ],
)
def test_what_is_just_in_order_is_taken_as_it_is(change: dict[str, Any]) -> None:
    assert checked(replace(ORDERED, **change), KEPT, TODAY) == replace(ORDERED, **change)


@pytest.mark.promise("P35")
@pytest.mark.parametrize(
    ("change", "faults"),
    [
        ({"statute": " "}, [FieldError("statute", "required")]),
        ({"document": "x" * 201}, [FieldError("document", "too_long", {"max": 200})]),
        ({"requester": "a\u202eb"}, [FieldError("requester", "bidi_control")]),
        ({"dated": None}, [FieldError("dated", "required")]),
        ({"dated": TODAY + timedelta(days=1)}, [FieldError("dated", "to_come")]),
        ({"items": ()}, [FieldError("items", "required")]),
        ({"items": ("name", "contact")}, [FieldError("items", "undeclared")]),
        (
            {"statute": "", "document": "", "requester": "", "dated": None, "items": ()},
            [FieldError(name, "required") for name in ("statute", "document", "requester", "dated", "items")],
        ),
    ],
)
def test_every_fault_is_said_at_once(change: dict[str, Any], faults: list[FieldError]) -> None:
    with pytest.raises(InvalidDisclosure) as refused:
        checked(replace(ORDERED, **change), KEPT, TODAY)
    assert refused.value.errors == tuple(faults)


BLINK = timedelta(microseconds=1)


@pytest.mark.promise("P35")
@pytest.mark.parametrize(
    ("acts", "age", "expected"),
    [
        ([], timedelta(0), Stand.asked),
        (["asked"], LIFE - BLINK, Stand.asked),
        ([], LIFE, Stand.lapsed),
        (["approved"], LIFE - BLINK, Stand.approved),
        (["approved"], LIFE, Stand.lapsed),
        (["approved", "left"], timedelta(0), Stand.left),
        (["approved", "left"], LIFE, Stand.left),
        (["refused"], timedelta(0), Stand.refused),
        (["approved", "refused"], LIFE, Stand.refused),
    ],
)
def test_an_order_stands_where_its_acts_and_its_age_put_it(
    acts: list[str], age: timedelta, expected: Stand
) -> None:
    assert stand(acts, age) is expected
    assert timedelta(days=30) == LIFE
