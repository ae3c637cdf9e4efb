"""A proof stands for one request of one inquiry, and nobody makes it without the key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inquiries.errors import SealBroken
from inquiries.sealing.requests import Request, prove, verify
from tests.sealing.builders import fixed

DEK = fixed("a data key")
ASKED = Request(7, 8, "main", "delete", "", "receipt", 1_000, 2_000, 3_000)


def test_whoever_holds_the_key_proves_it() -> None:
    proof = prove(DEK, ASKED)
    assert len(proof) == 32
    verify(DEK, ASKED, proof)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 9}, {"inquiry_id": 9}, {"group": "marketing"}, {"kind": "suspend"}, {"subject": "x"},
        {"channel": "phone"}, {"asked_at": 9}, {"target_at": 9}, {"limit_at": 9}, {"sealed": b"x"},
    ],
    ids=str,
)  # fmt: skip
def test_each_part_is_covered(change: dict[str, Any]) -> None:
    with pytest.raises(SealBroken):
        verify(DEK, replace(ASKED, **change), prove(DEK, ASKED))


def test_parts_do_not_run_into_one_another() -> None:
    first = replace(ASKED, group="mar", kind="ket")
    assert prove(DEK, first) != prove(DEK, replace(ASKED, group="mark", kind="et"))


def test_another_key_proves_nothing() -> None:
    with pytest.raises(SealBroken):
        verify(fixed("another data key"), ASKED, prove(DEK, ASKED))
    with pytest.raises(SealBroken):
        verify(DEK, ASKED, b"")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_data_key_is_whole(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        prove(bytes(size), ASKED)
