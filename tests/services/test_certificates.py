"""Proofs of destruction: signed once per intent, given to whoever has the code, checked with nothing of ours."""

from __future__ import annotations

from datetime import timedelta

from inquiries.sealing import certificates as sealing
from inquiries.services import certificates
from inquiries.services.house import House
from inquiries.stores import tombstones
from tests.moments import T0


def bury(house: House, intent: int, ids: range) -> None:
    """Tombstones of this intent, as the sweep writes them."""
    stones = [
        tombstones.Tombstone(
            id=one, inquiry_id=one, group="main", reason="expired", type="support",
            due_at=None if one % 3 == 0 else T0 + timedelta(minutes=one), policy_version=1, rule="period 1 year",
            receipt_lookup=None if one % 2 == 0 else one.to_bytes(16), intent=intent, destroyed_at=T0,
        )
        for one in ids
    ]  # fmt: skip
    with house.keys.write() as connection:
        tombstones.bury(connection, stones)


def proof(house: House, intent: int) -> tombstones.Proof | None:
    with house.keys.read() as connection:
        return tombstones.proof_of(connection, intent)


def test_one_signature_covers_what_one_intent_destroyed(any_house: House) -> None:
    bury(any_house, 7, range(1, 12))
    certificates.prove_intent(any_house, 7, range(1, 12))
    found = proof(any_house, 7)
    assert found is not None
    assert found.ids == tuple(range(1, 12))
    verify_key = any_house.custody.verify_key
    sealing.verify_root(verify_key, 7, 11, found.root, found.signature)


def test_proving_again_proves_the_same(any_house: House) -> None:
    bury(any_house, 7, range(1, 4))
    certificates.prove_intent(any_house, 7, [1, 2, 3])
    first = proof(any_house, 7)
    certificates.prove_intent(any_house, 7, [1, 2, 3])
    again = proof(any_house, 7)
    assert first is not None
    assert again is not None
    assert (first.root, first.signature) == (again.root, again.signature)


def test_a_tombstone_of_an_earlier_intent_keeps_its_own_proof(any_house: House) -> None:
    bury(any_house, 7, range(1, 3))
    certificates.prove_intent(any_house, 7, [1, 2])
    bury(any_house, 8, range(1, 5))
    certificates.prove_intent(any_house, 8, [1, 2, 3, 4, 99])
    earlier, later = proof(any_house, 7), proof(any_house, 8)
    assert earlier is not None
    assert later is not None
    assert (earlier.ids, later.ids) == ((1, 2), (3, 4))


def test_where_nothing_was_destroyed_nothing_is_signed(any_house: House) -> None:
    certificates.prove_intent(any_house, 7, [1, 2])
    assert proof(any_house, 7) is None
