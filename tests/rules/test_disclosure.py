"""Which reasons the person is told as they were given: none that reach somebody (P17)."""

from __future__ import annotations

import pytest

from inquiries.rules.disclosure import harmless


@pytest.mark.promise("P17")
@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("she asked for a copy", True),
        ("요청 처리 2026", True),
        ("order 12345", True),
        ("call 123456", False),
        ("call 010-1234-5678", False),
        ("call (02) 123.4567", False),
        ("ask bae@example.com", False),
        ("see https://example.com", False),
        ("see www.example.com", False),
        ("two\nlines", False),
        ("call\n010-1234-5678", False),
    ],
)
def test_a_reason_is_told_unless_it_reaches_somebody_or_cannot_be_shown(reason: str, *, shown: bool) -> None:
    assert harmless(reason) is shown
