"""What was sealed once opens for ever: each format's known answers, in the direction of opening."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from inquiries.sealing import (
    archive,
    certificates,
    chain,
    envelope,
    epochs,
    items,
    primitives,
    receipts,
    requests,
    tags,
)


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    return found


VECTORS = _read("vectors.json")
VECTORS_2 = _read("vectors-v2.json")  # of the formats that have a second version


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def test_bind() -> None:
    v = VECTORS["bind"]
    bound = primitives.bind(v["text"], primitives.VERSION, v["number"], unhex(v["bytes"]))
    assert bound.hex() == v["bound"]


def test_derive() -> None:
    v = VECTORS["derive"]
    assert primitives.derive(unhex(v["key"]), *v["context"], length=v["length"]).hex() == v["derived"]


def test_sealed() -> None:
    v = VECTORS["sealed"]
    opened = primitives.open_sealed(unhex(v["key"]), unhex(v["blob"]), unhex(v["associated"]))
    assert opened.hex() == v["plaintext"]


def test_packed_items() -> None:
    v = VECTORS["packed_items"]
    sealed = items.unpack(unhex(v["blob"]))
    assert items.open_items(unhex(v["dek"]), v["inquiry_id"], v["group"], sealed) == v["texts"]
    for name, text in v["texts"].items():
        assert items.open_item(unhex(v["dek"]), v["inquiry_id"], v["group"], name, sealed[name]) == text


def test_epoch() -> None:
    v = VECTORS["epoch"]
    secret = epochs.EpochSecret(v["number"], unhex(v["secret"]))
    assert secret.public_key.hex() == v["public_key"]
    assert secret.kek.hex() == v["kek"]


def test_surface_key() -> None:
    v = VECTORS["surface_key"]
    assert epochs.evolve(unhex(v["key"]), v["to_number"]).hex() == v["evolved"]


def test_data_key_wrap() -> None:
    v = VECTORS["data_key_wrap"]
    assert (
        epochs.unwrap_data_key(unhex(v["kek"]), v["epoch"], v["key_id"], unhex(v["blob"])).hex() == v["dek"]
    )


def test_receipt_cover() -> None:
    v = VECTORS["receipt_cover"]
    opened = epochs.uncover(unhex(v["surface_key"]), v["epoch"], v["key_id"], unhex(v["blob"]))
    assert opened.hex() == v["receipt_wrap"]


def test_epoch_record() -> None:
    v = VECTORS["epoch_record"]
    at = datetime.fromisoformat(v["at"])
    record = epochs.EpochRecord(v["number"], unhex(v["public_key"]), v["state"], at)
    epochs.verify_record(unhex(v["verify_key"]), record, unhex(v["signature"]))
    assert epochs.verify_key_of(unhex(v["signing_seed"])).hex() == v["verify_key"]
    assert (
        epochs.sign_record(unhex(v["signing_seed"]), record).hex() == v["signature"]
    )  # Ed25519 is deterministic


def test_receipt() -> None:
    v = VECTORS["receipt"]
    assert receipts.code_from(unhex(v["secret_key"]), unhex(v["once"]), unhex(v["digest"])) == v["code"]
    assert receipts.lookup_id(v["code"]).hex() == v["lookup_id"]


def test_receipt_wrap() -> None:
    v = VECTORS["receipt_wrap"]
    opened = receipts.unwrap_with_receipt(v["code"], v["inquiry_id"], v["group"], unhex(v["blob"]))
    assert opened.hex() == v["dek"]


@pytest.mark.parametrize("vectors", [VECTORS, VECTORS_2], ids=["1", "2"])
@pytest.mark.parametrize("name", ["envelope", "envelope_without_receipt"])
def test_envelope(name: str, vectors: dict[str, Any]) -> None:
    v = vectors[name]
    assert unhex(v["blob"])[0] == (1 if vectors is VECTORS else 2)
    blob, surface_key, inquiry_id = unhex(v["blob"]), unhex(v["surface_key"]), v["inquiry_id"]
    secret = epochs.EpochSecret(v["epoch"], unhex(v["secret"]))
    found = envelope.Opener(secret, surface_key).open(blob, inquiry_id)
    assert [[g.group, g.key_id, g.dek.hex()] for g in found] == v["groups"]
    wraps = envelope.receipt_wraps(
        blob=blob, epoch=v["epoch"], surface_key=surface_key, inquiry_id=inquiry_id
    )
    by_receipt = [
        [group, key_id, receipts.unwrap_with_receipt(v["code"], inquiry_id, group, wrap).hex()]
        for group, key_id, wrap in wraps
    ]
    assert by_receipt == (v["groups"] if v["code"] else [])


@pytest.mark.parametrize("kind", ["email", "phone"])
def test_tags(kind: tags.TagKind) -> None:
    v = VECTORS["tags"]
    address, expected = v[kind]
    assert tags.tag(unhex(v["key"]), kind, address).hex() == expected


def test_ledger_entry() -> None:
    for v in (VECTORS["ledger_entry"], VECTORS_2["ledger_entry"]):
        committed = chain.commitment(unhex(v["salt"]), v["body"].encode())
        assert committed.hex() == v["commitment"]
        told = v["chain"], v["n"], v["at_us"]
        before = unhex(v["previous"])
        if "until_us" in v:
            hashed = chain.entry_hash(*told, v["until_us"], before, committed)
        else:
            hashed = chain.entry_hash_v1(*told, before, committed)
        assert hashed.hex() == v["hash"]


def test_ledger_seal() -> None:
    v = VECTORS["ledger_seal"]
    key = chain.key_at(unhex(v["first_key"]), v["index"])
    assert key.hex() == v["key"]
    heads = {name: (n, unhex(head)) for name, (n, head) in v["heads"].items()}
    assert chain.seal_heads(key, v["index"], v["at_us"], heads, unhex(v["previous_mac"])).hex() == v["mac"]


def test_destruction_proof() -> None:
    v = VECTORS["destruction_proof"]
    count, root = len(v["statements"]), unhex(v["root"])
    certificates.verify_root(unhex(v["verify_key"]), v["intent"], count, root, unhex(v["signature"]))
    for index, statement in enumerate(v["statements"]):
        leaf = certificates.leaf(statement)
        assert leaf.hex() == v["leaves"][index]
        path = [unhex(node) for node in v["paths"][index]]
        assert certificates.root_from(leaf, index, count, path) == root
    assert certificates.root([unhex(leaf) for leaf in v["leaves"]]) == root


def test_signed_statement() -> None:
    v = VECTORS["signed_statement"]
    assert certificates.canonical(v["statement"]).decode() == v["canonical"]
    certificates.verify_statement(unhex(v["verify_key"]), v["use"], v["statement"], unhex(v["signature"]))


def test_archived() -> None:
    v = VECTORS["archived"]
    secret, epoch = (
        archive.ArchiveSecret(unhex(v["secret"])),
        epochs.EpochSecret(v["epoch"], unhex(v["epoch_secret"])),
    )
    row, statute = v["archive_id"], v["statute"]
    assert archive.id_of(v["inquiry_id"], statute) == row
    assert secret.public_key.hex() == v["public_key"]
    wrapped = archive.open_envelope(epoch, row, unhex(v["envelope"]))
    assert wrapped.hex() == v["wrapped"]
    assert epochs.unwrap_archive_key(epoch.kek, v["epoch"], row, unhex(v["kept"])) == wrapped
    dek = archive.unwrap_key(secret, row, statute, wrapped)
    assert dek.hex() == v["dek"]
    assert archive.open_items(dek, row, statute, unhex(v["blob"])) == v["texts"]


def test_request_proof() -> None:
    v = VECTORS["request_proof"]
    asked = requests.Request(**(v["request"] | {"sealed": unhex(v["request"]["sealed"])}))
    requests.verify(unhex(v["dek"]), asked, unhex(v["proof"]))


def test_every_vector_is_opened_here() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert set(VECTORS | VECTORS_2) - {"envelope_without_receipt"} == tested - {"every_vector_is_opened_here"}
