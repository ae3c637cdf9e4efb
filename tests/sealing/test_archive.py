"""What is sealed to the archive opens with its private key alone, in its own row, and shows every change."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from inquiries.errors import SealBroken
from inquiries.sealing import archive, epochs, items
from inquiries.sealing.archive import ArchiveSecret
from inquiries.sealing.envelope import SUITE
from inquiries.sealing.epochs import EpochSecret
from inquiries.sealing.primitives import bind, derive
from tests.sealing.builders import fixed, flipped, ids, keys, names, texts

SECRET = ArchiveSecret(fixed("archive"))
EPOCH = EpochSecret(4, fixed("epoch"))
ROW, STATUTE, DEK = archive.id_of(77, "contract"), "contract", fixed("dek")


def wrapped() -> bytes:
    return archive.wrap_key(SECRET.public_key, ROW, STATUTE, DEK)


def enveloped(k: bytes) -> bytes:
    return archive.seal_envelope(EPOCH.number, EPOCH.public_key, ROW, k)


# -- ids -----------------------------------------------------------------------------------------


@given(ids, names)
def test_an_archive_id_fits_the_databases_and_comes_from_inquiry_and_statute(
    inquiry: int, statute: str
) -> None:
    one = archive.id_of(inquiry, statute)
    assert 0 <= one < 2**63
    assert one == archive.id_of(inquiry, statute)
    assert one not in {archive.id_of(inquiry + 1, statute), archive.id_of(inquiry, statute + "x")}


# -- the key pair --------------------------------------------------------------------------------


def test_the_key_pair_comes_from_the_secret_alone() -> None:
    again = ArchiveSecret(fixed("archive"))
    assert again.public_key == SECRET.public_key
    assert SECRET.private_key is SECRET.private_key
    other = ArchiveSecret(fixed("another"))
    assert len(SECRET.public_key) == epochs.PUBLIC_KEY_SIZE == len(other.public_key)
    assert other.public_key[:1184] != SECRET.public_key[:1184]
    assert other.public_key[1184:] != SECRET.public_key[1184:]
    assert repr(SECRET) == "ArchiveSecret()"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_keys_of_another_length_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ArchiveSecret(bytes(size))
    with pytest.raises(ValueError, match="32 bytes"):
        archive.wrap_key(SECRET.public_key, ROW, STATUTE, bytes(size))
    with pytest.raises(SealBroken):
        archive.open_items(bytes(size), ROW, STATUTE, archive.seal_items(DEK, ROW, STATUTE, {"name": "김"}))


@pytest.mark.parametrize("public_key", [b"", bytes(1215), b"\xff" * 1216])
def test_what_is_no_public_key_is_refused(public_key: bytes) -> None:
    with pytest.raises(SealBroken):
        archive.wrap_key(public_key, ROW, STATUTE, DEK)
    with pytest.raises(SealBroken):
        archive.seal_envelope(EPOCH.number, public_key, ROW, wrapped())


# -- the way of a data key: archive → envelope → keys store → opened -------------------------------


@given(keys, keys, keys, ids, names, st.integers(0, 2**63 - 1))
def test_a_data_key_comes_through_envelope_and_epochs_to_the_archive(
    secret: bytes, dek: bytes, epoch_secret: bytes, row: int, statute: str, number: int
) -> None:
    own, epoch = ArchiveSecret(secret), EpochSecret(number, epoch_secret)
    k = archive.wrap_key(own.public_key, row, statute, dek)
    assert len(k) == archive.KEY_WRAP_SIZE == 1169
    sealed = archive.seal_envelope(number, epoch.public_key, row, k)
    assert len(sealed) == 2314
    assert archive.open_envelope(epoch, row, sealed) == k
    kept = epochs.wrap_archive_key(epoch.kek, number, row, k)
    assert len(kept) == 1198
    assert epochs.unwrap_archive_key(epoch.kek, number, row, kept) == k
    assert archive.unwrap_key(own, row, statute, k) == dek


def test_every_changed_byte_and_every_cut_is_refused() -> None:
    k = wrapped()
    sealed, kept = enveloped(k), epochs.wrap_archive_key(EPOCH.kek, EPOCH.number, ROW, k)
    for index in range(len(sealed)):
        for bad in (flipped(sealed, index, 1 << index % 8), sealed[:index]):
            with pytest.raises(SealBroken):
                archive.open_envelope(EPOCH, ROW, bad)
    for index in range(len(k)):
        for bad in (flipped(k, index, 1 << index % 8), k[:index]):
            with pytest.raises(SealBroken):
                archive.unwrap_key(SECRET, ROW, STATUTE, bad)
    for index in range(len(kept)):
        for bad in (flipped(kept, index, 1 << index % 8), kept[:index]):
            with pytest.raises(SealBroken):
                epochs.unwrap_archive_key(EPOCH.kek, EPOCH.number, ROW, bad)
    with pytest.raises(SealBroken):
        archive.open_envelope(EPOCH, ROW, sealed + b"\x00")
    with pytest.raises(SealBroken):
        archive.unwrap_key(SECRET, ROW, STATUTE, k + b"\x00")


def test_another_row_statute_or_key_opens_nothing() -> None:
    k = wrapped()
    for secret, row, statute in (
        (ArchiveSecret(fixed("another")), ROW, STATUTE),
        (SECRET, ROW + 1, STATUTE),
        (SECRET, ROW, "payment"),
    ):
        with pytest.raises(SealBroken):
            archive.unwrap_key(secret, row, statute, k)
    sealed = enveloped(k)
    for epoch, row in (
        (EpochSecret(4, fixed("another")), ROW),
        (EpochSecret(5, fixed("epoch")), ROW),
        (EPOCH, ROW + 1),
    ):
        with pytest.raises(SealBroken):
            archive.open_envelope(epoch, row, sealed)
    moved = sealed[:1] + (5).to_bytes(8, "big") + sealed[9:]
    with pytest.raises(SealBroken):
        archive.open_envelope(EpochSecret(5, fixed("epoch")), ROW, moved)


@given(st.tuples(keys, ids, ids), st.tuples(keys, ids, ids), st.integers(1, 7))
def test_another_wrapping_key_epoch_or_key_row_is_refused(
    here: tuple[bytes, int, int], there: tuple[bytes, int, int], which: int
) -> None:
    kek = there[0] if which & 1 else here[0]
    epoch = there[1] if which & 2 else here[1]
    key_id = there[2] if which & 4 else here[2]
    if (kek, epoch, key_id) == here:
        return
    with pytest.raises(SealBroken):
        epochs.unwrap_archive_key(kek, epoch, key_id, epochs.wrap_archive_key(*here, fixed("K")))


def test_no_wrap_serves_in_the_place_of_another() -> None:
    dek_wrap = epochs.wrap_data_key(EPOCH.kek, EPOCH.number, ROW, DEK)
    with pytest.raises(SealBroken):
        epochs.unwrap_archive_key(EPOCH.kek, EPOCH.number, ROW, dek_wrap)
    with pytest.raises(SealBroken):
        epochs.unwrap_data_key(
            EPOCH.kek, EPOCH.number, ROW, epochs.wrap_archive_key(EPOCH.kek, EPOCH.number, ROW, DEK)
        )


def test_the_epochs_private_key_alone_opens_no_data_key() -> None:
    k = archive.open_envelope(EPOCH, ROW, enveloped(wrapped()))
    as_archive = ArchiveSecret(EPOCH.secret)
    with pytest.raises(SealBroken):
        archive.unwrap_key(as_archive, ROW, STATUTE, k)


def test_what_is_no_wrap_is_neither_put_into_an_envelope_nor_taken_for_a_key() -> None:
    with pytest.raises(ValueError, match="no wrap"):
        archive.seal_envelope(EPOCH.number, EPOCH.public_key, ROW, DEK)
    info = bind("inquiries archive key", 1, ROW, STATUTE)
    for size in (0, 31, 33):
        other = b"\x01" + SUITE.encrypt(bytes(size), SECRET.private_key.public_key(), info)
        with pytest.raises(SealBroken, match="no data key"):
            archive.unwrap_key(SECRET, ROW, STATUTE, other)


# -- items ---------------------------------------------------------------------------------------


@given(keys, ids, names, st.dictionaries(names, texts, max_size=5))
def test_archived_items_open(dek: bytes, row: int, statute: str, given_texts: Mapping[str, str]) -> None:
    blob = archive.seal_items(dek, row, statute, given_texts)
    assert archive.open_items(dek, row, statute, blob) == given_texts


def test_a_moved_item_row_or_statute_or_another_key_is_refused() -> None:
    blob = archive.seal_items(DEK, ROW, STATUTE, {"name": "김소라", "email": "sora@example.com"})
    sealed = items.unpack(blob)
    swapped = items.pack({"name": sealed["email"], "email": sealed["name"]})
    for dek, row, statute, bad in (
        (fixed("another"), ROW, STATUTE, blob),
        (DEK, ROW + 1, STATUTE, blob),
        (DEK, ROW, "payment", blob),
        (DEK, ROW, STATUTE, swapped),
        (DEK, ROW, STATUTE, items.pack(items.seal_items(DEK, ROW, "main", {"name": "김소라"}))),
        (DEK, ROW, STATUTE, b"\x02" + blob[1:]),
    ):
        with pytest.raises(SealBroken):
            archive.open_items(dek, row, statute, bad)
    for index in range(len(blob)):
        bad = flipped(blob, index, 1 << index % 8)
        with pytest.raises(SealBroken):
            archive.open_items(DEK, ROW, STATUTE, bad)


# -- by the letter -------------------------------------------------------------------------------


def test_an_archived_key_opens_from_the_secret_by_what_the_docstrings_say() -> None:
    """With the derivations and layouts written out, through both layers of the envelope."""
    sealed = enveloped(wrapped())

    def private(secret: bytes, name: str, *number: int) -> MLKEM768X25519PrivateKey:
        seed = derive(secret, f"inquiries {name} mlkem768", 1, *number, length=64)
        scalar = derive(secret, f"inquiries {name} x25519", 1, *number)
        return MLKEM768X25519PrivateKey(
            MLKEM768PrivateKey.from_seed_bytes(seed), X25519PrivateKey.from_private_bytes(scalar)
        )

    assert sealed[:9] == b"\x01" + (4).to_bytes(8, "big")
    outer = bind("inquiries archive envelope", 1, 4, ROW)
    k = SUITE.decrypt(sealed[9:], private(fixed("epoch"), "epoch", 4), outer)
    inner = bind("inquiries archive key", 1, ROW, STATUTE)
    assert SUITE.decrypt(k[1:], private(fixed("archive"), "archive"), inner) == DEK
