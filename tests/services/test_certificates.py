"""Proofs of destruction: signed once per intent, given to whoever has the code, checked with nothing of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from inquiries.errors import NotFound, ReceiptMalformed
from inquiries.sealing import certificates as sealing
from inquiries.sealing import documents
from inquiries.services import adoption, archive, certificates, inbox, records, retention, rotation
from inquiries.services.house import House, open_house
from inquiries.settings import Settings
from inquiries.stores import tombstones
from inquiries.stores.database import Database
from tests import stones as tombs
from tests.cast import MINJI, OH, send
from tests.moments import T0, at, installed

BOTH = {"inquiry": True, "marketing": True}


@pytest.fixture
def any_house_at_t0(make_settings: Callable[..., Settings], store_urls: dict[str, str]) -> Iterator[House]:
    with installed(make_settings, **store_urls) as house:
        yield house


@pytest.fixture
def house_at_t0(make_settings: Callable[..., Settings]) -> Iterator[House]:
    with installed(make_settings) as house:
        yield house


def bury(house: House, intent: int, ids: range) -> None:
    """Tombstones of this intent, as the sweep writes them."""
    stones = [
        tombstones.Tombstone(
            id=one, inquiry_id=one, group="main", reason="expired", type="support",
            due_at=None if one % 3 == 0 else T0 + timedelta(minutes=one - 6), policy_version=1,
            rule="period 1 year", receipt_lookup=None if one % 2 == 0 else one.to_bytes(16),
            intent=intent, destroyed_at=T0,
        )
        for one in ids
    ]  # fmt: skip
    with house.keys.write() as connection:
        tombs.bury(connection, stones)


def proof(house: House, intent: int) -> tombstones.Proof | None:
    with house.keys.read() as connection:
        return tombstones.proof_of(connection, intent)


def sweep(house: House) -> None:
    """As a process sweeps that starts now, and has seen no other time."""
    house.memory.pop("clock", None)
    assert not retention.sweep(house, confirm=True).failed


def check(house: House, document: documents.InquiryDocument | documents.RunDocument) -> documents.Checked:
    """As somebody checks the file who has nothing but the published key."""
    return documents.check(documents.read(document.model_dump_json()), house.custody.verify_key)


# -- signing ------------------------------------------------------------------------------------------


def test_one_signature_covers_what_one_intent_destroyed(any_house: House) -> None:
    bury(any_house, 7, range(1, 12))
    certificates.prove_intent(any_house, 7, range(1, 12))
    found = proof(any_house, 7)
    assert found is not None
    assert found.ids == tuple(range(1, 12))
    verify_key = any_house.custody.verify_key
    sealing.verify_root(verify_key, 7, 11, found.root, found.signature)


def test_every_statement_of_a_batch_is_proved_whatever_it_says(any_house: House) -> None:
    bury(any_house, 7, range(1, 12))
    certificates.prove_intent(any_house, 7, range(1, 12))
    with any_house.keys.read() as connection:
        buried = tombs.standing(connection, range(1, 12))
        proved = certificates._proved(connection, buried)
    key = any_house.custody.verify_key
    for statement, one in proved.values():
        documents._check_proof(documents.Destroyed(statement=statement, proof=one, final=None), key)
    assert {statement["lag_seconds"] for statement, _ in proved.values()} == {None, 60, 120, 240, 300}


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


# -- of one inquiry -----------------------------------------------------------------------------------


def test_whoever_has_the_code_gets_the_proof_and_checks_it_with_the_published_key(
    any_house_at_t0: House,
) -> None:
    house = any_house_at_t0
    with at():
        hers, other = send(house, consents=BOTH), send(house)
        adoption.adopt_pending(house)
    with at(days=400):
        sweep(house)
        found = certificates.for_receipt(house, hers.receipt.lower())
        checked = check(house, found.document)
        assert checked.problems == ()
        assert {one["group"] for one in checked.proved} == {"main", "visitor", "marketing"}
        assert {one["receipt"] for one in checked.proved}.isdisjoint(
            {
                one.statement["receipt"]
                for one in certificates.for_receipt(house, other.receipt).document.destroyed
            }
        )
        main = next(one for one in checked.proved if one["group"] == "main")
        assert main["reason"] == "expired"
        assert str(main["due"]).startswith("2027-03-02T09:30:0")
        assert main["lag_seconds"] // 60 in {35 * 1440 - 1, 35 * 1440}
        assert found.remaining == ()


@pytest.mark.parametrize("adopted", [True, False])
def test_it_says_what_stands_beside_what_is_gone(house_at_t0: House, *, adopted: bool) -> None:
    with at():
        hers = send(house_at_t0, consents=BOTH)
        if adopted:
            adoption.adopt_pending(house_at_t0)
    with at(days=100):
        sweep(house_at_t0)
        found = certificates.for_receipt(house_at_t0, hers.receipt)
        assert [one.stone.group for one in found.parts] == ["visitor"]
        assert found.remaining == ("main", "marketing")
        assert check(house_at_t0, found.document).ok


def test_what_was_never_adopted_is_proved_too(house_at_t0: House) -> None:
    with at():
        hers = send(house_at_t0)
    with at(days=400):
        sweep(house_at_t0)
        found = certificates.for_receipt(house_at_t0, hers.receipt)
        assert check(house_at_t0, found.document).ok
        assert {one.statement["epoch"] for one in found.document.destroyed} == {1}
        rotation.rotate(house_at_t0)
        assert all(one.final for one in certificates.for_receipt(house_at_t0, hers.receipt).parts)


def test_a_living_inquiry_and_an_unknown_code_are_one_answer(any_house: House) -> None:
    living = send(any_house)
    adoption.adopt_pending(any_house)
    for code in (living.receipt, "00000-00000-00000-00000-00000"):
        with pytest.raises(NotFound, match="nothing was destroyed"):
            certificates.for_receipt(any_house, code)
    with pytest.raises(ReceiptMalformed):
        certificates.for_receipt(any_house, "no code at all")


def test_it_is_final_once_its_epoch_and_the_backups_of_the_keys_are_over(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at():
        hers = send(house)
        adoption.adopt_pending(house)
    with at(days=400):
        sweep(house)
        before = certificates.for_receipt(house, hers.receipt)
        assert {part.final for part in before.parts} == {None}
        assert before.parts[0].final_by == before.parts[0].stone.destroyed_at + timedelta(hours=24 + 72)
        assert check(house, before.document).ok
        rotation.rotate(house)
        after = certificates.for_receipt(house, hers.receipt)
        with house.keys.read() as connection:
            carried_through = tombstones.scoured(connection, [1])[1]
        assert {part.final for part in after.parts} == {carried_through + timedelta(hours=72)}
        assert [one.number for one in after.document.epochs] == [1]
        assert check(house, after.document).ok


def test_a_late_rotation_is_not_made_better_than_it_is(house_at_t0: House) -> None:
    with at():
        hers = send(house_at_t0)
    with at(days=400):
        sweep(house_at_t0)
    with at(days=410):
        part = certificates.for_receipt(house_at_t0, hers.receipt).parts[0]
        assert part.final is None
        assert part.final_by > part.stone.destroyed_at + timedelta(days=12)


def test_the_public_surface_gives_it_without_a_private_key(
    house_at_t0: House, make_settings: Callable[..., Settings]
) -> None:
    with at():
        hers = send(house_at_t0)
    with at(days=400):
        sweep(house_at_t0)
        public = open_house(make_settings(surface="public"))
        try:
            found = certificates.for_receipt(public, hers.receipt)
        finally:
            public.close()
        assert check(house_at_t0, found.document).ok


@pytest.mark.parametrize(
    "field", ["reason", "rule", "due", "destroyed", "policy_version", "receipt", "epoch"]
)
def test_no_word_of_it_can_be_changed(house_at_t0: House, field: str) -> None:
    with at():
        hers = send(house_at_t0)
    with at(days=400):
        sweep(house_at_t0)
        document = certificates.for_receipt(house_at_t0, hers.receipt).document
    data = document.model_dump(mode="json")
    data["destroyed"][0]["statement"][field] = "another"
    checked = documents.check(documents.read(json.dumps(data)), house_at_t0.custody.verify_key)
    assert ["not the one that was signed" in problem for problem in checked.problems] == [True]
    assert len(checked.proved) == len(data["destroyed"]) - 1


@pytest.mark.parametrize("adopted", [True, False])
def test_the_number_of_the_inquiry_finds_what_its_code_finds(house_at_t0: House, *, adopted: bool) -> None:
    with at():
        hers = send(house_at_t0, consents=BOTH)
        send(house_at_t0)
        if adopted:
            adoption.adopt_pending(house_at_t0)
    with at(days=400):
        sweep(house_at_t0)
        by_code = certificates.for_receipt(house_at_t0, hers.receipt)
        by_number = certificates.of_inquiry(house_at_t0, by_code.parts[0].stone.inquiry_id)
        assert [one.stone for one in by_number.parts] == [one.stone for one in by_code.parts]
        assert len(by_number.parts) == 3
        assert by_number.document.destroyed == by_code.document.destroyed
        assert by_number.document.epochs == by_code.document.epochs


def test_the_archived_copy_is_found_by_the_number_of_the_inquiry_and_by_its_own(
    any_house_at_t0: House,
) -> None:
    house = any_house_at_t0
    with at():
        send(house)
        (inquiry,) = (row.id for row in inbox.page(house, MINJI).rows)
        kept = archive.order(house, OH, inquiry, statute="complaint", items=["name"], reason="a law")
        sweep(house)
        assert certificates.of_inquiry(house, inquiry).remaining == ("archive", "visitor")
    with at(days=3 * 366):
        sweep(house)
        for number in (inquiry, kept):
            found = certificates.of_inquiry(house, number)
            reasons = {one.stone.group: one.stone.reason for one in found.parts}
            assert reasons == {"main": "archived", "visitor": "expired", "archive": "statute"}
            assert found.remaining == ()
            assert check(house, found.document).ok


def test_without_a_lookup_id_the_number_finds_it_all_the_same(any_house: House) -> None:
    bury(any_house, 7, range(1, 5))
    certificates.prove_intent(any_house, 7, [1, 2, 3, 4])
    for number in (2, 3):  # of which one has none
        found = certificates.of_inquiry(any_house, number)
        assert [one.stone.id for one in found.parts] == [number]
        assert check(any_house, found.document).ok


def test_of_what_is_no_inquiry_there_is_no_proof(any_house: House) -> None:
    """Unknown, or the key of a message, which has a tombstone under its own number."""
    cohort = tombstones.Cohort("mail", "mail", "", 0, "mail", [(5, 5, None)])
    with any_house.keys.write() as connection:
        tombstones.bury(connection, 7, T0, cohort)
    for number in (5, 4711):
        with pytest.raises(NotFound):
            certificates.of_inquiry(any_house, number)


# -- of one run ---------------------------------------------------------------------------------------


def last_run(house: House) -> int:
    return max(n for n, body in records.bodies(house, "operation") if body["act"] == "sweep")


def test_a_run_is_certified_from_its_record_and_always_the_same(any_house_at_t0: House) -> None:
    house = any_house_at_t0
    with at():
        send(house)
    with at(days=400):
        sweep(house)
        found = certificates.of_run(house, last_run(house))
        checked = check(house, found)
        assert checked.ok
        assert checked.proved[0]["destroyed"] == 2
        assert checked.proved[0]["max_lag_seconds"] > 35 * 86400
        assert "forecast" not in checked.proved[0]
        assert checked.proved[0]["by_type"]["support"]["destroyed"] == 2
        assert checked.proved[0]["by_reason"].keys() == {"expired"}
        assert checked.proved[0]["failed_runs"] == []
    with at(days=401):
        assert certificates.of_run(house, last_run(house)) == found


def test_a_run_counts_since_the_run_before_and_names_the_failures_between(house_at_t0: House) -> None:
    house = house_at_t0
    with at():
        for kind in ("support", "introduction", "introduction"):
            send(house, type=kind)
    with at(days=100):  # the visitors' data
        sweep(house)
    with at(days=400):
        house.memory.pop("clock", None)
        _run(house.keys, "ALTER TABLE proofs RENAME TO away")
        assert retention.sweep(house, confirm=True).failed
        _run(house.keys, "ALTER TABLE away RENAME TO proofs")
        sweep(house)
        said = check(house, certificates.of_run(house, last_run(house))).proved[0]
    assert {name: one["destroyed"] for name, one in said["by_type"].items()} == {
        "support": 1, "introduction": 2,
    }  # fmt: skip
    assert said["by_type"]["introduction"]["max_lag_seconds"] // 86400 in {34, 35}
    assert [one["error"] for one in said["failed_runs"]] == ["OperationalError"]
    heads = records.heads(house)
    assert said["heads"]["destruction"][0] <= heads["destruction"][0]
    assert bytes.fromhex(said["heads"]["operation"][1]) != heads["operation"][1]  # its own record came after


def _run(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(statement)


def test_a_number_without_a_sweep_has_no_certificate(house_at_t0: House) -> None:
    with at():
        sweep(house_at_t0)
        rotation.rotate(house_at_t0)
        number = last_run(house_at_t0)
        for other in (0, -5, number + 1, number + 100):
            with pytest.raises(NotFound):
                certificates.of_run(house_at_t0, other)


def test_a_run_that_was_changed_is_not_proved(house_at_t0: House) -> None:
    with at():
        sweep(house_at_t0)
        document = certificates.of_run(house_at_t0, last_run(house_at_t0))
    forged = document.model_copy(update={"statement": document.statement | {"failed": 1}})
    checked = check(house_at_t0, forged)
    assert (checked.ok, checked.proved) == (False, ())
