"""A receipt code reads back however it was typed, and opens its own inquiry alone (P21)."""

from __future__ import annotations

import re
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.errors import ReceiptMalformed, SealBroken
from inquiries.sealing.receipts import (
    code_from,
    lookup_id,
    normalise,
    random_code,
    unwrap_with_receipt,
    wrap_for_receipt,
)
from tests.sealing.builders import CODE, OTHER_CODE, fixed, flipped, ids, keys, names

CONTRACT = re.compile(r"^[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){4}$")

codes = st.builds(code_from, keys, st.binary(), keys)


@given(keys, st.binary(), keys)
def test_a_code_is_of_the_contracts_form_and_the_same_again(
    secret_key: bytes, once: bytes, digest: bytes
) -> None:
    code = code_from(secret_key, once, digest)
    assert CONTRACT.match(code)
    assert code_from(secret_key, once, digest) == code


def test_another_key_sending_or_content_gives_another_code() -> None:
    base = code_from(fixed("key"), b"once", fixed("body"))
    assert code_from(fixed("other"), b"once", fixed("body")) != base
    assert code_from(fixed("key"), b"twice", fixed("body")) != base
    assert code_from(fixed("key"), b"once", fixed("other body")) != base


def test_a_random_code_takes_sixteen_random_bytes(draws: list[bytes]) -> None:
    assert CONTRACT.match(random_code())
    assert [len(drawn) for drawn in draws] == [16]


def test_random_codes_use_the_whole_alphabet_and_do_not_repeat() -> None:
    drawn = {random_code() for _ in range(400)}
    assert len(drawn) == 400
    assert all(CONTRACT.match(code) for code in drawn)
    for place in (0, 28):  # the first and the last character: no bit of the 125 is fixed
        assert len({code[place] for code in drawn}) == 32


@given(codes, st.randoms(use_true_random=False))
def test_a_code_reads_back_however_it_is_typed(code: str, chance: Random) -> None:
    typed = []
    for character in code.replace("-", ""):
        lookalikes = {"0": "0Oo", "1": "1IiLl"}.get(character, character + character.lower())
        typed += [chance.choice(lookalikes), chance.choice(["", " ", "-", " - ", "\t", "–", "\u3000"])]
    assert normalise("".join(typed)) == code


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "-",
        CODE[:-1],
        CODE + "0",
        CODE.replace("A", "U"),
        CODE.replace("A", "u"),
        CODE.replace("A", "!"),
        CODE.replace("A", "é"),
        CODE.replace("1", "\u0131"),  # dotless i, which upper() would make an I
        CODE.replace("A", "\x00"),
        CODE.replace("0", "\u0660"),  # a digit, but none of ours
        "\ud800" * 25,
    ],
)
def test_what_cannot_be_a_code_is_refused_and_not_repeated(typed: str) -> None:
    with pytest.raises(ReceiptMalformed) as failure:
        normalise(typed)
    assert len(typed) < 5 or typed[:5] not in str(failure.value)


def test_much_that_is_not_the_code_may_stand_around_it_but_not_without_end() -> None:
    assert normalise(CODE.ljust(200)) == CODE
    with pytest.raises(ReceiptMalformed, match="too long"):
        normalise(CODE.ljust(201))


@given(st.text())
def test_whatever_is_typed_is_a_code_or_refused(typed: str) -> None:
    with suppress(ReceiptMalformed):
        assert CONTRACT.match(normalise(typed))


@pytest.mark.parametrize("code", [CODE.lower(), CODE.replace("-", ""), CODE + "\n", f" {CODE}", ""])
def test_only_the_issued_form_is_derived_from(code: str) -> None:
    with pytest.raises(ReceiptMalformed):
        lookup_id(code)
    with pytest.raises(ReceiptMalformed):
        wrap_for_receipt(code, 1, "main", fixed("dek"))
    with pytest.raises(ReceiptMalformed):
        unwrap_with_receipt(code, 1, "main", b"")


def test_lookup_ids_are_sixteen_bytes_of_their_own() -> None:
    assert lookup_id(CODE) == lookup_id(CODE)
    assert lookup_id(CODE) != lookup_id(OTHER_CODE)
    assert len(lookup_id(CODE)) == 16


@given(codes, ids, names, keys)
def test_a_receipt_opens_what_was_wrapped_for_it(code: str, inquiry_id: int, group: str, dek: bytes) -> None:
    wrapped = wrap_for_receipt(code, inquiry_id, group, dek)
    assert unwrap_with_receipt(code, inquiry_id, group, wrapped) == dek
    assert len(wrapped) == 61
    assert wrap_for_receipt(code, inquiry_id, group, dek, wrapped[1:13]) == wrapped


@pytest.mark.parametrize(
    ("code", "inquiry_id", "group"), [(OTHER_CODE, 7, "main"), (CODE, 8, "main"), (CODE, 7, "visitor")]
)
def test_another_code_inquiry_or_group_is_refused(code: str, inquiry_id: int, group: str) -> None:
    with pytest.raises(SealBroken):
        unwrap_with_receipt(code, inquiry_id, group, wrap_for_receipt(CODE, 7, "main", fixed("dek")))


def test_every_changed_byte_is_refused() -> None:
    wrapped = wrap_for_receipt(CODE, 7, "main", fixed("dek"))
    for index in range(len(wrapped)):
        with pytest.raises(SealBroken):
            unwrap_with_receipt(CODE, 7, "main", flipped(wrapped, index))
        with pytest.raises(SealBroken):
            unwrap_with_receipt(CODE, 7, "main", wrapped[:index])
