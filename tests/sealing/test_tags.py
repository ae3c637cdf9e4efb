"""A tag finds the same address again, and tells nothing without its key."""

from __future__ import annotations

import pytest

from inquiries.sealing.tags import new_tag_key, tag
from tests.sealing.builders import fixed


def test_the_same_address_gives_the_same_tag_of_sixteen_bytes() -> None:
    assert tag(fixed("tag"), "email", "sora@example.com") == tag(fixed("tag"), "email", "sora@example.com")
    assert len(tag(fixed("tag"), "email", "sora@example.com")) == 16


def test_another_key_kind_or_address_gives_another_tag() -> None:
    tags = {
        tag(fixed("tag"), "email", "+82212345678"),
        tag(fixed("tag"), "phone", "+82212345678"),
        tag(fixed("tag"), "phone", "+82212345679"),
        tag(fixed("other"), "phone", "+82212345678"),
    }
    assert len(tags) == 4


def test_tag_keys_are_fresh_and_whole() -> None:
    assert len({new_tag_key() for _ in range(20)}) == 20
    with pytest.raises(ValueError, match="32 bytes"):
        tag(new_tag_key()[:31], "email", "sora@example.com")
