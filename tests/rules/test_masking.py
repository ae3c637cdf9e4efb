from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.policy.model import ItemKind
from inquiries.rules.masking import mask, mask_email


@pytest.mark.parametrize(
    ("kind", "value", "masked"),
    [
        ("text", "김철수", "김**"),
        ("text", "김", "김**"),
        ("text", "남궁민수", "남**"),
        ("text", "John Smith", "J**"),
        ("text", "㈜한빛", "한**"),
        ("text", "(주)한빛", "주**"),
        ("text", "!?", "**"),
        ("text", "", ""),
        ("email", "jane@example.com", "j***@example.com"),
        ("email", "j@example.com", "j***@example.com"),
        ("email", "소라@예시.한국", "소***@예시.한국"),
        ("email", "j@ne@example.com", "j***@example.com"),
        ("email", "", ""),
        ("phone", "010-1234-5678", "**78"),
        ("phone", "+82 10 1234 5678", "**78"),
        ("phone", "1234", "**"),
        ("phone", "12345", "**45"),
        ("phone", "", ""),
        ("long_text", "가격이 궁금합니다.", "**"),
        ("long_text", "", ""),
    ],
)
def test_masks(kind: ItemKind, value: str, masked: str) -> None:
    assert mask(kind, value) == masked


@given(st.text(st.characters(categories=["L", "N"]), min_size=3, max_size=30))
def test_a_mask_shows_one_character_and_not_how_many_there_are(text: str) -> None:
    assert len(mask("text", text)) == 3
    assert mask("text", text)[1:] == "**"
    assert mask_email(f"{text}@example.com") == f"{text[0]}***@example.com"
