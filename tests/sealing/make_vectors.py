"""Writes new known-answer vectors; run by hand, and only when a format gets a new version.

    python -m tests.sealing.make_vectors tests/sealing/vectors-v2.json envelope envelope_without_receipt

After the file come the names of the formats that are new. It never writes over a file: the vectors of a version that was ever released stay as they are, because
what was sealed under it must open for ever.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

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
from tests.sealing.builders import fixed

INQUIRY = 1_234_567_890_123_456_789
EPOCH = 20_514
AT = datetime(2026, 3, 1, 9, 30, 15, 123_456, tzinfo=UTC)
TEXTS = {"name": "김철수", "email": "sora@example.com", "content": "견적을 부탁드립니다.\n감사합니다 🙏"}


def _basic() -> dict[str, Any]:
    key, associated = (
        fixed("vectors key"),
        primitives.bind("a name", primitives.VERSION, INQUIRY, b"\x00\xff"),
    )
    sealed = primitives.seal(key, b"plain bytes \x00\xff", associated)
    return {
        "bind": {"text": "a name", "number": INQUIRY, "bytes": "00ff", "bound": associated.hex()},
        "derive": {
            "key": key.hex(),
            "context": ["a name", 7],
            "length": 48,
            "derived": primitives.derive(key, "a name", 7, length=48).hex(),
        },
        "sealed": {
            "key": key.hex(),
            "associated": associated.hex(),
            "plaintext": b"plain bytes \x00\xff".hex(),
            "blob": sealed.hex(),
        },
    }


def _items() -> dict[str, Any]:
    dek = fixed("vectors main data key")
    packed = items.pack(items.seal_items(dek, INQUIRY, "main", TEXTS))
    return {
        "packed_items": {
            "dek": dek.hex(),
            "inquiry_id": INQUIRY,
            "group": "main",
            "texts": TEXTS,
            "blob": packed.hex(),
        }
    }


def _epochs() -> dict[str, Any]:
    secret, surface = epochs.EpochSecret(EPOCH, fixed("vectors epoch secret")), fixed("vectors surface key")
    dek, seed, key_id = fixed("vectors main data key"), fixed("vectors signing seed"), INQUIRY + 1
    record = epochs.EpochRecord(EPOCH, secret.public_key, "closed", AT)
    receipt_wrap = receipts.wrap_for_receipt(_code(), INQUIRY, "main", dek)
    return {
        "epoch": {
            "number": EPOCH,
            "secret": secret.secret.hex(),
            "public_key": secret.public_key.hex(),
            "kek": secret.kek.hex(),
        },
        "surface_key": {
            "key": surface.hex(),
            "to_number": EPOCH + 1,
            "evolved": epochs.evolve(surface, EPOCH + 1).hex(),
        },
        "data_key_wrap": {
            "kek": secret.kek.hex(),
            "epoch": EPOCH,
            "key_id": key_id,
            "dek": dek.hex(),
            "blob": epochs.wrap_data_key(secret.kek, EPOCH, key_id, dek).hex(),
        },
        "receipt_cover": {
            "surface_key": surface.hex(),
            "epoch": EPOCH,
            "key_id": key_id,
            "receipt_wrap": receipt_wrap.hex(),
            "blob": epochs.cover(surface, EPOCH, key_id, receipt_wrap).hex(),
        },
        "epoch_record": {
            "number": EPOCH,
            "public_key": secret.public_key.hex(),
            "state": record.state,
            "at": AT.isoformat(),
            "signing_seed": seed.hex(),
            "verify_key": epochs.verify_key_of(seed).hex(),
            "signature": epochs.sign_record(seed, record).hex(),
        },
    }


def _code() -> str:
    return receipts.code_from(fixed("vectors secret key"), fixed("vectors once"), fixed("vectors content"))


def _receipts() -> dict[str, Any]:
    dek = fixed("vectors main data key")
    return {
        "receipt": {
            "secret_key": fixed("vectors secret key").hex(),
            "once": fixed("vectors once").hex(),
            "digest": fixed("vectors content").hex(),
            "code": _code(),
            "lookup_id": receipts.lookup_id(_code()).hex(),
        },
        "receipt_wrap": {
            "code": _code(),
            "inquiry_id": INQUIRY,
            "group": "main",
            "dek": dek.hex(),
            "blob": receipts.wrap_for_receipt(_code(), INQUIRY, "main", dek).hex(),
        },
    }


def _envelope(code: str | None) -> dict[str, Any]:
    secret, surface = epochs.EpochSecret(EPOCH, fixed("vectors epoch secret")), fixed("vectors surface key")
    groups = [
        envelope.GroupKey("main", INQUIRY + 1, fixed("vectors main data key")),
        envelope.GroupKey("visitor", INQUIRY + 2, fixed("vectors visitor data key")),
        envelope.GroupKey("marketing", INQUIRY + 3, fixed("vectors marketing data key")),
    ]
    blob = envelope.seal_envelope(
        sending=envelope.new_sending_key(EPOCH, secret.public_key),
        surface_key=surface,
        inquiry_id=INQUIRY,
        groups=groups,
        code=code,
    )
    return {
        "epoch": EPOCH,
        "secret": secret.secret.hex(),
        "surface_key": surface.hex(),
        "inquiry_id": INQUIRY,
        "code": code,
        "groups": [[g.group, g.key_id, g.dek.hex()] for g in groups],
        "blob": blob.hex(),
    }


def _tags_and_chain() -> dict[str, Any]:
    tag_key, first, salt = (
        fixed("vectors tag key"),
        fixed("vectors first seal key"),
        fixed("vectors salt")[:16],
    )
    body = '{"act":"open","subject":7}'
    committed = chain.commitment(salt, body.encode())
    at_us = 1_772_357_415_123_456
    until_us = at_us + 63_158_400_000_000
    entry = chain.entry_hash("access", 1, at_us, until_us, chain.GENESIS, committed)
    heads = {"rights": (2, fixed("vectors rights head")), "access": (1, entry)}
    key = chain.key_at(first, 3)
    return {
        "tags": {
            "key": tag_key.hex(),
            "email": ["sora@example.com", tags.tag(tag_key, "email", "sora@example.com").hex()],
            "phone": ["+82212345678", tags.tag(tag_key, "phone", "+82212345678").hex()],
        },
        "ledger_entry": {
            "salt": salt.hex(),
            "body": body,
            "commitment": committed.hex(),
            "chain": "access",
            "n": 1,
            "at_us": at_us,
            "until_us": until_us,
            "previous": chain.GENESIS.hex(),
            "hash": entry.hex(),
        },
        "ledger_seal": {
            "first_key": first.hex(),
            "index": 3,
            "key": key.hex(),
            "at_us": at_us,
            "heads": {name: [n, h.hex()] for name, (n, h) in heads.items()},
            "previous_mac": chain.GENESIS.hex(),
            "mac": chain.seal_heads(key, 3, at_us, heads, chain.GENESIS).hex(),
        },
    }


def _certificates() -> dict[str, Any]:
    seed, intent = fixed("vectors signing seed"), 41
    statements = [
        {"id": INQUIRY + n, "group": "main", "reason": "expired", "rule": "period 1 year", "due": None}
        for n in range(5)
    ]
    leaves = [certificates.leaf(statement) for statement in statements]
    root = certificates.root(leaves)
    return {
        "destruction_proof": {
            "statements": statements,
            "leaves": [leaf.hex() for leaf in leaves],
            "paths": [[node.hex() for node in certificates.path(leaves, n)] for n in range(5)],
            "root": root.hex(),
            "intent": intent,
            "signing_seed": seed.hex(),
            "verify_key": epochs.verify_key_of(seed).hex(),
            "signature": certificates.sign_root(seed, intent, 5, root).hex(),
        },
        "signed_statement": {
            "use": "sweep",
            "statement": {"destroyed": 5, "note": "가 ", "by_type": {"support": 5}},
            "canonical": certificates.canonical(
                {"destroyed": 5, "note": "가 ", "by_type": {"support": 5}}
            ).decode(),
            "verify_key": epochs.verify_key_of(seed).hex(),
            "signature": certificates.sign_statement(
                seed, "sweep", {"destroyed": 5, "note": "가 ", "by_type": {"support": 5}}
            ).hex(),
        },
    }


def _archive() -> dict[str, Any]:
    secret, epoch = (
        archive.ArchiveSecret(fixed("vectors archive secret")),
        epochs.EpochSecret(EPOCH, fixed("vectors epoch secret")),
    )
    dek, row = fixed("vectors archived data key"), archive.id_of(INQUIRY, "contract")
    wrapped = archive.wrap_key(secret.public_key, row, "contract", dek)
    return {
        "archived": {
            "secret": secret.secret.hex(),
            "public_key": secret.public_key.hex(),
            "inquiry_id": INQUIRY,
            "statute": "contract",
            "archive_id": row,
            "epoch": EPOCH,
            "epoch_secret": epoch.secret.hex(),
            "dek": dek.hex(),
            "envelope": archive.seal_envelope(EPOCH, epoch.public_key, row, wrapped).hex(),
            "wrapped": wrapped.hex(),
            "kept": epochs.wrap_archive_key(epoch.kek, EPOCH, row, wrapped).hex(),
            "texts": TEXTS,
            "blob": archive.seal_items(dek, row, "contract", TEXTS).hex(),
        }
    }


def _requests() -> dict[str, Any]:
    dek = fixed("vectors main data key")
    asked = requests.Request(
        id=INQUIRY + 9,
        inquiry_id=INQUIRY,
        group="main",
        kind="correct",
        subject="name email",
        channel="receipt",
        asked_at=1_772_357_415_123_456,
        target_at=1_772_616_615_123_456,
        limit_at=1_773_221_415_123_456,
        sealed=b"what it says",
    )
    told = {name: getattr(asked, name) for name in requests.Request.__dataclass_fields__}
    return {
        "request_proof": {
            "dek": dek.hex(),
            "request": told | {"sealed": asked.sealed.hex()},
            "proof": requests.prove(dek, asked).hex(),
        }
    }


def main(target: Path, names: Sequence[str]) -> None:
    """Write the vectors of these formats to a file that does not exist yet."""
    envelopes = {"envelope": _envelope(_code()), "envelope_without_receipt": _envelope(None)}
    vectors = _basic() | _items() | _epochs() | _receipts() | envelopes | _tags_and_chain()
    vectors |= _certificates() | _archive() | _requests()
    with target.open("x", encoding="utf-8") as file:
        json.dump({name: vectors[name] for name in names}, file, ensure_ascii=False, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
