"""A tag finds the same address again, and tells nothing without its key."""

from __future__ import annotations

import pytest

from inquiries.sealing.tags import tag
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


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_tag_key_is_whole(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        tag(bytes(size), "email", "sora@example.com")
