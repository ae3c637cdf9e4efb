"""An item opens where it was sealed, and nowhere else (P29)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.errors import SealBroken
from inquiries.sealing.items import (
    new_data_key,
    open_item,
    open_items,
    pack,
    seal_item,
    seal_items,
    unpack,
)
from inquiries.sealing.primitives import Draw
from tests.sealing.builders import fixed, flipped, ids, keys, names, texts

groups_of_items = st.dictionaries(names, texts, max_size=6)


@given(keys, ids, names, names, texts)
def test_what_was_sealed_opens(dek: bytes, inquiry_id: int, group: str, item: str, text: str) -> None:
    assert open_item(dek, inquiry_id, group, item, seal_item(dek, inquiry_id, group, item, text)) == text


@given(keys, ids, names, groups_of_items)
def test_a_whole_group_is_sealed_packed_and_opened(
    dek: bytes, inquiry_id: int, group: str, texts: dict[str, str]
) -> None:
    sealed = unpack(pack(seal_items(dek, inquiry_id, group, texts)))
    assert list(sealed) == list(texts)
    assert open_items(dek, inquiry_id, group, sealed) == texts
    assert {item: open_item(dek, inquiry_id, group, item, blob) for item, blob in sealed.items()} == texts


@given(st.tuples(keys, ids, names, names), st.tuples(keys, ids, names, names), st.integers(1, 15), texts)
def test_another_key_inquiry_group_or_item_is_refused(
    here: tuple[bytes, int, str, str], there: tuple[bytes, int, str, str], which: int, text: str
) -> None:
    dek = there[0] if which & 1 else here[0]
    inquiry_id = there[1] if which & 2 else here[1]
    group = there[2] if which & 4 else here[2]
    item = there[3] if which & 8 else here[3]
    blob = seal_item(*here, text)
    if (dek, inquiry_id, group, item) != here:
        with pytest.raises(SealBroken):
            open_item(dek, inquiry_id, group, item, blob)


def test_the_border_between_group_and_item_cannot_be_moved() -> None:
    blob = seal_item(fixed("dek"), 1, "ab", "c", "text")
    with pytest.raises(SealBroken):
        open_item(fixed("dek"), 1, "a", "bc", blob)


def test_every_changed_byte_of_a_packed_group_is_refused() -> None:
    dek = fixed("dek")
    packed = pack(seal_items(dek, 7, "main", {"name": "김철수", "email": "sora@example.com"}))
    for index in range(len(packed)):
        for mask in (1, 0x80, 0xFF):
            with pytest.raises(SealBroken):
                open_items(dek, 7, "main", unpack(flipped(packed, index, mask)))
        with pytest.raises(SealBroken):
            unpack(packed[:index])
    with pytest.raises(SealBroken):
        unpack(packed + b"\x00")


def test_exchanged_items_are_refused() -> None:
    dek = fixed("dek")
    sealed = seal_items(dek, 7, "main", {"name": "Sora", "email": "sora@example.com"})
    with pytest.raises(SealBroken):
        open_items(dek, 7, "main", {"name": sealed["email"], "email": sealed["name"]})


@given(st.binary(max_size=64))
def test_rubbish_is_refused_or_packs_to_itself(rubbish: bytes) -> None:
    try:
        sealed = unpack(rubbish)
    except SealBroken:
        return
    assert pack(sealed) == rubbish


@pytest.mark.parametrize("size", [0, 16, 31])
def test_a_cut_key_opens_nothing(size: int) -> None:
    with pytest.raises(SealBroken):
        open_items(fixed("dek")[:size], 1, "main", seal_items(fixed("dek"), 1, "main", {"name": "Sora"}))


def test_a_lone_surrogate_is_refused_without_the_text() -> None:
    with pytest.raises(ValueError, match="lone surrogate") as failure:
        seal_item(fixed("dek"), 1, "main", "content", "my secret \ud800")
    assert not isinstance(failure.value, UnicodeError)  # which would carry the text along
    assert failure.value.__suppress_context__


def test_data_keys_are_fresh() -> None:
    draw = Draw(50 * 32)
    drawn = {*(new_data_key() for _ in range(50)), *(new_data_key(draw) for _ in range(50))}
    assert len(drawn) == 100
    assert {len(key) for key in drawn} == {32}


def test_a_data_key_comes_from_the_draw_that_is_given(draws: list[bytes]) -> None:
    assert new_data_key(Draw(64)) == draws[0][:32]
    assert len(draws) == 1
    assert new_data_key() == draws[1]


def test_the_nonces_of_a_group_come_from_one_draw_and_each_serves_once(draws: list[bytes]) -> None:
    sealed = seal_items(fixed("dek"), 1, "main", {"name": "Sora", "company": "Sora", "content": "Sora"})
    assert len(draws) == 1
    assert [blob[1:13] for blob in sealed.values()] == [draws[0][at : at + 12] for at in (0, 12, 24)]
    assert len(set(sealed.values())) == 3
