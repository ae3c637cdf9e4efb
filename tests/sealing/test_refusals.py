"""Whatever sealing refuses, it says what was wrong; never more than that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from inquiries.errors import ReceiptMalformed, SealBroken
from inquiries.sealing import (
    archive,
    certificates,
    chain,
    documents,
    envelope,
    epochs,
    items,
    links,
    primitives,
    receipts,
    requests,
    tags,
)
from inquiries.sealing.primitives import Reader
from tests.sealing.builders import CODE, fixed

KEY, SHORT = fixed("key"), fixed("key")[:31]
SECRET = epochs.EpochSecret(4, fixed("secret"))
MAIN = envelope.GroupKey("main", 101, fixed("main"))
RECORD = epochs.EpochRecord(4, SECRET.public_key, "open", datetime(2026, 3, 1, tzinfo=UTC))
ARCHIVE = archive.ArchiveSecret(fixed("archive"))
ARCHIVED = archive.seal_envelope(4, SECRET.public_key, 7, bytes(archive.KEY_WRAP_SIZE))
REQUEST = requests.Request(7, 8, "main", "delete", "", "receipt", 1_000, 2_000, 3_000)
SEALED = primitives.seal(KEY, b"text", b"here")


def enveloped(*groups: envelope.GroupKey, code: str | None = None) -> bytes:
    return envelope.seal_envelope(
        sending=envelope.new_sending_key(4, SECRET.public_key),
        surface_key=KEY,
        inquiry_id=77,
        groups=groups,
        code=code,
    )


def opened(secret: epochs.EpochSecret = SECRET, surface_key: bytes = KEY) -> None:
    envelope.Opener(secret, surface_key).open(enveloped(MAIN), 77)


def no_text() -> bytes:
    return primitives.seal(KEY, b"\xff", primitives.bind("inquiries item", 1, 7, "main", "name"))


def short_key() -> bytes:
    info = primitives.bind("inquiries archive key", 1, 7, "contract")
    return b"\x01" + envelope.SUITE.encrypt(SHORT, ARCHIVE.private_key.public_key(), info)


def verify(signature: bytes) -> None:
    epochs.verify_record(epochs.verify_key_of(KEY), RECORD, signature)


OF_THE_CALLER: list[tuple[Callable[..., Any], tuple[Any, ...], str]] = [
    (primitives.cipher, (SHORT,), "a key is 32 bytes"),
    (primitives.lasting_cipher, (SHORT, "use"), "a key is 32 bytes"),
    (tags.tag, (SHORT, "email", "sora@example.com"), "a tag key is 32 bytes"),
    (tags.suppression, (SHORT, "main", "sora@example.com"), "a tag key is 32 bytes"),
    (links.secret, (SHORT, "unsubscribe", 8, "main"), "a data key is 32 bytes"),
    (requests.prove, (SHORT, REQUEST), "a data key is 32 bytes"),
    (chain.commitment, (bytes(15), b""), "a salt is at least 16 bytes"),
    (chain.next_seal_key, (SHORT,), "a seal key is 32 bytes"),
    (chain.seal_heads, (SHORT, 0, 0, {}, chain.GENESIS), "a seal key is 32 bytes"),
    (chain.key_at, (KEY, -1), "seals are counted from 0"),
    (receipts.wrap_for_receipt, (CODE, 7, "main", SHORT), "a data key is 32 bytes"),
    (items.seal_item, (KEY, 7, "main", "name", "\ud800"), "an item holds a lone surrogate"),
    (epochs.EpochSecret, (4, SHORT), "an epoch secret is 32 bytes"),
    (epochs.wrap_data_key, (KEY, 4, 1, SHORT), "a data key is 32 bytes"),
    (epochs.EpochRecord, (4, b"", "reopened", RECORD.at), "an epoch is open, closed or retired"),
    (epochs.EpochRecord, (4, b"", "open", datetime(2026, 3, 1)), "an epoch record's time has a time zone"),  # noqa: DTZ001
    (archive.ArchiveSecret, (SHORT,), "an archive secret is 32 bytes"),
    (archive.wrap_key, (ARCHIVE.public_key, 7, "contract", SHORT), "a data key is 32 bytes"),
    (archive.seal_envelope, (4, SECRET.public_key, 7, b""), "this is no wrap of the archive"),
    (certificates.path, ([], 0), "the tree has no such leaf"),
    (enveloped, (), "an envelope holds at least one group"),
    (enveloped, (MAIN, MAIN), "a group or a key id stands twice in the envelope"),
    (enveloped, (replace(MAIN, dek=SHORT),), "a data key is 32 bytes"),
]  # fmt: skip

OF_WHAT_WAS_SEALED: list[tuple[Callable[..., Any], tuple[Any, ...], str]] = [
    (primitives.open_sealed, (SHORT, SEALED, b"here"), "the key has the wrong length"),
    (primitives.open_sealed, (KEY, b"", b"here"), "empty, or of an unknown version"),
    (primitives.open_sealed, (KEY, SEALED, b"there"), "changed, moved, cut, or of another key"),
    (lambda: Reader(b"").take(1), (), "cut short"),
    (lambda: Reader(b"\x01").number(2), (), "cut short"),
    (lambda: Reader(b"\x02").version(), (), "of an unknown version"),
    (lambda: Reader(b"\x00\x01\xff").text(), (), "a name is not UTF-8"),
    (lambda: Reader(b"\x00").end(), (), "more than its format holds"),
    (items.open_items, (SHORT, 7, "main", {}), "the key has the wrong length"),
    (items.open_item, (KEY, 7, "main", "name", no_text()), "an item is not UTF-8"),
    (items.unpack, (b"\x01\x00\x02" + (b"\x00\x01n" + bytes(4)) * 2,), "an item stands twice"),
    (epochs.parse_public_key, (b"",), "the public key has the wrong length"),
    (epochs.parse_public_key, (b"\xff" * epochs.PUBLIC_KEY_SIZE,), "the public key is malformed"),
    (epochs.unwrap_data_key, (SHORT, 4, 1, b""), "the key has the wrong length"),
    (verify, (bytes(64),), "the epoch record is not signed by this installation"),
    (envelope.Opener(SECRET, KEY).open, (b"\x03" + bytes(2000), 77), "of an unknown version"),
    (opened, (epochs.EpochSecret(5, fixed("secret")),), "the envelope is of another epoch"),
    (opened, (epochs.EpochSecret(4, fixed("other")),), "the envelope's keys do not open"),
    (opened, (SECRET, SHORT), "the surface key has the wrong length"),
    (archive.unwrap_key, (ARCHIVE, 7, "contract", short_key()), "the archive's wrap holds no data key"),
    (archive.unwrap_key, (ARCHIVE, 7, "contract", b"\x01"), "changed, moved, cut, or of another key"),
    (archive.open_envelope, (epochs.EpochSecret(5, KEY), 7, ARCHIVED), "the envelope is of another epoch"),
    (certificates.root_from, (KEY, 1, 1, []), "not a place in a tree"),
    (certificates.root_from, (KEY, 0, 2, []), "the path is too short"),
    (certificates.root_from, (KEY, 0, 1, [KEY]), "the path is too long"),
    (certificates.verify_root, (KEY, 1, 1, KEY, b""), "not signed by this installation"),
    (
        requests.verify,
        (KEY, REQUEST, bytes(32)),
        "the request was not written by a holder of the inquiry's key",
    ),
    (documents.read, ("{}",), "this is no certificate of version 1"),
]

OF_A_RECEIPT: list[tuple[Callable[..., Any], tuple[Any, ...], str]] = [
    (receipts.normalise, ("0" * 201,), "too long for a receipt code"),
    (receipts.normalise, ("é",), "not a receipt code"),
    (receipts.lookup_id, ("",), "not a receipt code"),
]


@pytest.mark.parametrize(
    ("error", "act", "given", "says"),
    [(ValueError, *refusal) for refusal in OF_THE_CALLER]
    + [(SealBroken, *refusal) for refusal in OF_WHAT_WAS_SEALED]
    + [(ReceiptMalformed, *refusal) for refusal in OF_A_RECEIPT],
)
def test_a_refusal_says_what_was_wrong_and_no_more(
    error: type[Exception], act: Callable[..., Any], given: tuple[Any, ...], says: str
) -> None:
    with pytest.raises(error) as refused:
        act(*given)
    assert str(refused.value) == says
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None or refused.value.__suppress_context__


def test_an_empty_code_is_not_the_same_as_no_receipt() -> None:
    with pytest.raises(ReceiptMalformed):
        enveloped(MAIN, code="")
