"""The proof of one destruction among many: every leaf's path verifies, and any change is refused."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from inquiries.errors import SealBroken
from inquiries.sealing import certificates, epochs
from tests.sealing.builders import fixed, flipped

SEED = fixed("certificate signing seed")
VERIFY_KEY = epochs.verify_key_of(SEED)

leaf_hashes = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40)
statements = st.dictionaries(
    st.text(max_size=8), st.one_of(st.none(), st.integers(), st.text(max_size=8)), max_size=5
)


def by_the_letter(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 2.1 defines it: split at the largest power of two below the count."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + by_the_letter(leaves[:split]) + by_the_letter(leaves[split:])).digest()


@given(leaf_hashes)
def test_the_root_is_the_one_that_the_rfc_defines(leaves: list[bytes]) -> None:
    assert certificates.root(leaves) == by_the_letter(leaves)


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert certificates.root([]) == sha256(b"").digest()


def test_a_leaf_is_hashed_apart_from_every_node() -> None:
    assert certificates.leaf({"b": 1, "a": "가"}) == sha256(b'\x00{"a":"\\uac00","b":1}').digest()


@given(leaf_hashes)
def test_every_leafs_path_leads_to_the_root(leaves: list[bytes]) -> None:
    root = certificates.root(leaves)
    for index, leaf in enumerate(leaves):
        path = certificates.path(leaves, index)
        assert certificates.root_from(leaf, index, len(leaves), path) == root


@given(leaf_hashes, st.data())
def test_a_change_anywhere_leads_elsewhere_or_is_refused(leaves: list[bytes], data: st.DataObject) -> None:
    root, count = certificates.root(leaves), len(leaves)
    index = data.draw(st.integers(0, count - 1))
    at, mask = data.draw(st.integers(0, 31)), data.draw(st.integers(1, 255))
    path = certificates.path(leaves, index)
    assert certificates.root_from(flipped(leaves[index], at, mask), index, count, path) != root
    if path:
        which = data.draw(st.integers(0, len(path) - 1))
        changed = [*path[:which], flipped(path[which], at, mask), *path[which + 1 :]]
        assert certificates.root_from(leaves[index], index, count, changed) != root
        with pytest.raises(SealBroken, match="too short"):
            certificates.root_from(leaves[index], index, count, path[:-1])
    with pytest.raises(SealBroken, match="too long"):
        certificates.root_from(leaves[index], index, count, [*path, root])


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=40, unique=True), st.data())
def test_a_leaf_stands_at_its_own_place_only(leaves: list[bytes], data: st.DataObject) -> None:
    index, other = data.draw(st.lists(st.integers(0, len(leaves) - 1), min_size=2, max_size=2, unique=True))
    path = certificates.path(leaves, index)
    try:
        found = certificates.root_from(leaves[index], other, len(leaves), path)
    except SealBroken:
        return
    assert found != certificates.root(leaves)


@pytest.mark.parametrize(("index", "count"), [(-1, 3), (3, 3), (0, 0), (1, 0), (0, -1)])
def test_a_place_outside_the_tree_is_refused(index: int, count: int) -> None:
    with pytest.raises(SealBroken, match="not a place"):
        certificates.root_from(bytes(32), index, count, [])
    with pytest.raises(ValueError, match="no such leaf"):
        certificates.path([bytes(32)] * max(count, 0), index)


@pytest.mark.parametrize(("leaf", "path"), [(bytes(31), [bytes(32)]), (bytes(32), [bytes(33)])])
def test_what_is_no_hash_is_refused(leaf: bytes, path: list[bytes]) -> None:
    with pytest.raises(SealBroken, match="not a place"):
        certificates.root_from(leaf, 0, 2, path)


@given(
    st.integers(0, 2**63 - 1), st.integers(0, 2**32), st.binary(min_size=32, max_size=32), st.integers(0, 63)
)
def test_a_signed_root_is_bound_to_its_intent_and_count(
    intent: int, count: int, root: bytes, at: int
) -> None:
    signature = certificates.sign_root(SEED, intent, count, root)
    certificates.verify_root(VERIFY_KEY, intent, count, root, signature)
    for changed in (
        (VERIFY_KEY, intent + 1, count, root, signature),
        (VERIFY_KEY, intent, count + 1, root, signature),
        (VERIFY_KEY, intent, count, flipped(root, at % 32), signature),
        (VERIFY_KEY, intent, count, root, flipped(signature, at)),
        (epochs.verify_key_of(fixed("another")), intent, count, root, signature),
        (VERIFY_KEY[:31], intent, count, root, signature),
    ):
        with pytest.raises(SealBroken):
            certificates.verify_root(*changed)


@given(statements, st.integers(0, 63))
def test_a_signed_statement_is_bound_to_its_use_and_every_word(statement: dict[str, object], at: int) -> None:
    signature = certificates.sign_statement(SEED, "sweep", statement)
    certificates.verify_statement(VERIFY_KEY, "sweep", dict(reversed(statement.items())), signature)
    for use, said, signed in (
        ("other", statement, signature),
        ("sweep", statement | {"destroyed too": 1}, signature),
        ("sweep", statement, flipped(signature, at)),
    ):
        with pytest.raises(SealBroken):
            certificates.verify_statement(VERIFY_KEY, use, said, signed)


def test_a_signed_root_serves_as_no_statement() -> None:
    root = certificates.root([bytes(32)])
    signature = certificates.sign_root(SEED, 1, 1, root)
    with pytest.raises(SealBroken):
        certificates.verify_statement(VERIFY_KEY, "sweep", {}, signature)


def test_a_statement_that_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        certificates.canonical({"lag": float("nan")})


@example({"rule": "100 % of %s and %%", "type": None}, 1, None)
@given(
    st.fixed_dictionaries({"rule": st.text(max_size=12), "type": st.one_of(st.none(), st.text(max_size=3))}),
    st.integers(0, 2**63 - 1),
    st.one_of(st.none(), st.just("2026-03-02T00:30:00.000000Z")),
)
def test_a_form_writes_the_leaves_that_the_statements_have(
    shared: dict[str, str | None], key: int, due: str | None
) -> None:
    assume("\0" not in shared.values())
    written = "null" if due is None else f'"{due}"'
    form = certificates.Form(shared | {"id": 1, "due": None}, ("due", "id"))
    assert form.leaf(written, key) == certificates.leaf(shared | {"id": key, "due": due})
