"""The operations that all formats share: binding is unambiguous, sealing refuses every change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.errors import SealBroken
from inquiries.sealing import primitives
from inquiries.sealing.primitives import Draw, Reader, bind, derive, lasting_cipher, open_sealed, seal
from tests.sealing.builders import fixed, flipped, keys, texts

parts = st.lists(st.one_of(st.binary(max_size=8), texts))


@given(parts, parts)
def test_two_lists_of_parts_bind_alike_only_if_they_are_alike(
    one: list[bytes | str], other: list[bytes | str]
) -> None:
    def raw(values: list[bytes | str]) -> list[bytes]:
        return [v.encode() if isinstance(v, str) else v for v in values]

    assert (bind(*one) == bind(*other)) == (raw(one) == raw(other))
    assert bind(*one) + bind(*other) == bind(*one, *other)


def test_a_number_is_bound_as_eight_bytes() -> None:
    assert bind(1) == b"\x00\x00\x00\x08" + b"\x00" * 7 + b"\x01"
    assert bind(2**64 - 1) == b"\x00\x00\x00\x08" + b"\xff" * 8
    with pytest.raises(OverflowError):
        bind(2**64)
    with pytest.raises(OverflowError):
        bind(-1)


@given(keys, st.binary(), st.binary())
def test_what_was_sealed_opens(key: bytes, plaintext: bytes, associated: bytes) -> None:
    blob = seal(key, plaintext, associated)
    assert open_sealed(key, blob, associated) == plaintext
    assert len(blob) == len(plaintext) + 1 + 12 + 16


@given(keys, keys, st.binary(), st.binary(), st.binary())
def test_another_key_or_place_is_refused(
    key: bytes, other: bytes, text: bytes, here: bytes, there: bytes
) -> None:
    blob = seal(key, text, here)
    if other != key:
        with pytest.raises(SealBroken):
            open_sealed(other, blob, here)
    if there != here:
        with pytest.raises(SealBroken):
            open_sealed(key, blob, there)


def test_every_changed_byte_and_every_cut_is_refused() -> None:
    key = fixed("key")
    blob = seal(key, b"kept from everybody", b"here")
    for index in range(len(blob)):
        for bit in range(8):
            with pytest.raises(SealBroken):
                open_sealed(key, flipped(blob, index, 1 << bit), b"here")
        with pytest.raises(SealBroken):
            open_sealed(key, blob[:index], b"here")
    with pytest.raises(SealBroken):
        open_sealed(key, blob + b"\x00", b"here")


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_a_key_of_another_length_neither_seals_nor_opens(size: int) -> None:
    blob = seal(fixed("key"), b"text", b"")
    with pytest.raises(ValueError, match="32 bytes"):
        seal(bytes(size), b"text", b"")
    with pytest.raises(ValueError, match="32 bytes"):
        lasting_cipher(bytes(size), "use")
    with pytest.raises(SealBroken):
        open_sealed(bytes(size), blob, b"")


def test_the_same_plaintext_never_seals_to_the_same_bytes() -> None:
    assert len({seal(fixed("key"), b"text", b"") for _ in range(100)}) == 100


def test_a_draw_hands_out_each_byte_once_and_draws_anew_when_it_ends(draws: list[bytes]) -> None:
    draw = Draw(10)
    assert [draw.take(4), draw.take(4)] == [draws[0][:4], draws[0][4:8]]
    assert draw.take(4) == draws[1]
    assert draw.take(2) == draws[0][8:]
    assert draw.take(1) == draws[2]
    assert [len(drawn) for drawn in draws] == [10, 4, 1]


def test_a_nonce_is_the_one_given_or_a_fresh_one(draws: list[bytes]) -> None:
    given = fixed("nonce")[:12]
    assert seal(fixed("key"), b"text", b"", given)[1:13] == given
    assert not draws
    assert seal(fixed("key"), b"text", b"")[1:13] == draws[0]


def test_no_two_uses_share_a_derived_key() -> None:
    key = fixed("key")
    assert derive(key, "one", 1) != derive(key, "two", 1)
    assert derive(key, "one", 1) != derive(key, "one", 2)
    assert derive(key, "one") != derive(fixed("other"), "one")
    assert len(derive(key, "one", length=64)) == 64


def test_a_failure_tells_neither_key_nor_plaintext() -> None:
    key, plaintext = fixed("key"), b"a plaintext that must not be told"
    with pytest.raises(SealBroken) as failure:
        open_sealed(key, flipped(seal(key, plaintext, b""), 20), b"")
    told = f"{failure.value!s} {failure.value!r}"
    assert "plaintext that" not in told
    assert key.hex() not in told
    assert failure.value.__suppress_context__


def test_forgetting_drops_the_ciphers_kept_ready() -> None:
    kept = lasting_cipher(fixed("key"), "use")
    assert lasting_cipher(fixed("key"), "use") is kept
    primitives.forget()
    assert lasting_cipher.cache_info().currsize == 0


def test_a_cipher_kept_ready_serves_many_threads() -> None:
    ready = lasting_cipher(fixed("key"), "threads")

    def there_and_back(n: int) -> bool:
        text = str(n).encode() * 50
        return primitives.open_with(ready, primitives.seal_with(ready, text, bind(n)), bind(n)) == text

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(there_and_back, range(2000)))


def test_a_reader_gives_all_and_no_more() -> None:
    reader = Reader(b"\x01\x00\x02ab\x00\x07rest")
    reader.version()
    assert reader.text() == "ab"
    assert reader.number(2) == 7
    with pytest.raises(SealBroken):
        reader.end()
    with pytest.raises(SealBroken):
        reader.take(5)
    assert reader.rest() == b"rest"
    reader.end()
    with pytest.raises(SealBroken):
        Reader(b"").version()


def test_fresh_keys_are_fresh() -> None:
    assert len({primitives.new_key() for _ in range(20)}) == 20
    assert len(primitives.new_key()) == 32
