"""A token reads back as it was made, and comes from the data key of one group for one use."""

from __future__ import annotations

from base64 import urlsafe_b64decode

import pytest

from inquiries.errors import SealBroken
from inquiries.sealing import links
from inquiries.sealing.tags import suppression
from tests.sealing.builders import fixed

DEK = fixed("a data key")
#: What is expected, written out: a value that were made here would be made before any test runs.
TOKEN = "AAAAAAAAAAlH_aNSLTZid3rcnSSf2sI8"
SECRET = urlsafe_b64decode(TOKEN)[8:]


def test_the_format_stays_as_it_was() -> None:
    """Links live as long as what they end: years."""
    assert links.secret(DEK, "unsubscribe", 8, "main") == SECRET
    assert links.token(9, SECRET) == TOKEN
    assert links.read(TOKEN) == (9, SECRET)
    assert (
        links.proving_key(SECRET).hex() == "272cfda2d7cb3e42090d67b237ac4c64b0e303fe62bd0b09e0523011a97887e1"
    )
    assert (
        suppression(fixed("tag"), "main newsletter", "sora@example.com").hex()
        == "4e02f9c15f3633e62bb139ee77516fe9"
    )


@pytest.mark.parametrize("number", [0, 1, (1 << 63) - 1])
def test_a_token_reads_back(number: int) -> None:
    text = links.token(number, SECRET)
    assert len(text) == 32
    assert links.read(text) == (number, SECRET)


def test_another_key_use_inquiry_or_group_gives_another() -> None:
    assert len({
        SECRET,
        links.secret(fixed("another"), "unsubscribe", 8, "main"),
        links.secret(DEK, "guardian", 8, "main"),
        links.secret(DEK, "unsubscribe", 9, "main"),
        links.secret(DEK, "unsubscribe", 8, "marketing"),
    }) == 5  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "x", "한" * 32, TOKEN[:-1], TOKEN + "A", TOKEN + "=", TOKEN[:-1] + "*", "/" + TOKEN[1:],
     "gAAAAAAAAAA" + TOKEN[11:], " " * 32],
)  # fmt: skip
def test_what_cannot_be_a_token_is_none(text: str) -> None:
    with pytest.raises(SealBroken, match=r"^not a token$") as refused:
        links.read(text)
    assert refused.value.__context__ is None or refused.value.__suppress_context__


@pytest.mark.parametrize("size", [0, 31, 33])
def test_the_keys_are_whole(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        links.secret(bytes(size), "unsubscribe", 8, "main")
    with pytest.raises(ValueError, match="32 bytes"):
        suppression(bytes(size), "main newsletter", "sora@example.com")


def test_of_another_scope_an_address_is_another_one() -> None:
    assert (
        len({suppression(fixed("tag"), one, "sora@example.com") for one in ("marketing", "main news")}) == 2
    )
