"""Edit, insertion, deletion, reordering of entries and a forged seal all show (P25)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inquiries.sealing import chain
from inquiries.sealing.primitives import new_key
from tests.sealing.builders import fixed

ENTRY = ("access", 3, 1_700_000_000_000_000, 1_763_000_000_000_000, fixed("previous"), fixed("commitment"))
HEADS = {"access": (9, fixed("access head")), "rights": (2, fixed("rights head"))}
SEAL = (fixed("seal"), 5, 1_700_000_000_000_000, HEADS, fixed("previous mac"))


@given(st.binary(), st.binary(), st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_a_commitment_holds_to_its_salt_and_body(
    one: bytes, other: bytes, salt: bytes, pepper: bytes
) -> None:
    alike = (salt, one) == (pepper, other)
    assert (chain.commitment(salt, one) == chain.commitment(pepper, other)) == alike


def test_an_entrys_hash_covers_each_of_its_fields() -> None:
    name, n, at_us, until_us, previous, commitment = ENTRY
    hashes = {
        chain.entry_hash(*ENTRY),
        chain.entry_hash("rights", n, at_us, until_us, previous, commitment),
        chain.entry_hash(name, n + 1, at_us, until_us, previous, commitment),
        chain.entry_hash(name, n, at_us + 1, until_us, previous, commitment),
        chain.entry_hash(name, n, at_us, until_us + 1, previous, commitment),
        chain.entry_hash(name, n, at_us, 0, previous, commitment),
        chain.entry_hash(name, n, at_us, until_us, chain.GENESIS, commitment),
        chain.entry_hash(name, n, at_us, until_us, previous, chain.GENESIS),
        chain.entry_hash_v1(name, n, at_us, previous, commitment),
    }
    assert len(hashes) == 9
    assert {len(h) for h in hashes} == {32}
    assert len(chain.GENESIS) == 32


def test_seal_keys_only_go_forwards() -> None:
    first = new_key()
    assert chain.key_at(first, 0) == first
    assert chain.key_at(first, 3) == chain.next_seal_key(chain.next_seal_key(chain.next_seal_key(first)))
    assert len({chain.key_at(first, n) for n in range(10)}) == 10


def test_a_seal_covers_each_of_its_fields() -> None:
    key, index, at_us, heads, previous = SEAL
    others = (
        (fixed("another"), index, at_us, heads, previous),
        (key, index + 1, at_us, heads, previous),
        (key, index, at_us + 1, heads, previous),
        (key, index, at_us, heads | {"access": (8, fixed("access head"))}, previous),
        (key, index, at_us, heads | {"access": (9, fixed("another head"))}, previous),
        (key, index, at_us, heads | {"more": (1, fixed("head"))}, previous),
        (key, index, at_us, {"access": heads["access"]}, previous),
        (key, index, at_us, {"access": heads["rights"], "rights": heads["access"]}, previous),
        (key, index, at_us, heads, chain.GENESIS),
    )
    assert len({chain.seal_heads(*seal) for seal in (SEAL, *others)}) == 1 + len(others)
    assert len(chain.seal_heads(*SEAL)) == 32


def test_the_order_in_which_heads_were_read_does_not_matter() -> None:
    key, index, at_us, heads, previous = SEAL
    backwards = dict(reversed(heads.items()))
    assert chain.seal_heads(key, index, at_us, backwards, previous) == chain.seal_heads(*SEAL)
