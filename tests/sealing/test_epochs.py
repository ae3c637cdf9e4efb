"""An epoch's keys come from its secret alone; wraps and records hold to their epoch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inquiries.errors import SealBroken
from inquiries.sealing import epochs
from inquiries.sealing.epochs import EpochRecord, EpochSecret
from tests.sealing.builders import fixed, flipped, ids, keys

AT = datetime(2026, 3, 1, 0, 0, 0, 1, tzinfo=UTC)
RECORD = EpochRecord(number=4, public_key=b"p" * epochs.PUBLIC_KEY_SIZE, state="open", at=AT)


def test_everything_of_an_epoch_comes_from_number_and_secret() -> None:
    one, again = EpochSecret(4, fixed("secret")), EpochSecret(4, fixed("secret"))
    assert (one.public_key, one.kek) == (again.public_key, again.kek)
    assert len(one.public_key) == epochs.PUBLIC_KEY_SIZE == 1216
    assert one.private_key is one.private_key
    for other in (EpochSecret(5, fixed("secret")), EpochSecret(4, fixed("another"))):
        assert other.kek != one.kek
        assert other.public_key[:1184] != one.public_key[:1184]
        assert other.public_key[1184:] != one.public_key[1184:]


def test_an_epoch_secret_shows_itself_to_nobody() -> None:
    assert repr(EpochSecret(4, fixed("secret"))) == "EpochSecret(number=4)"


@pytest.mark.parametrize("size", [0, 31, 33])
def test_keys_of_another_length_are_refused(size: int) -> None:
    dek = fixed("dek")
    with pytest.raises(ValueError, match="32 bytes"):
        EpochSecret(4, bytes(size))
    with pytest.raises(ValueError, match="32 bytes"):
        epochs.wrap_data_key(fixed("kek"), 4, 1, bytes(size))
    with pytest.raises(ValueError, match="32 bytes"):
        epochs.wrap_data_key(bytes(size), 4, 1, dek)
    with pytest.raises(SealBroken):
        epochs.unwrap_data_key(bytes(size), 4, 1, epochs.wrap_data_key(fixed("kek"), 4, 1, dek))
    with pytest.raises(SealBroken):
        epochs.uncover(bytes(size), 4, 1, epochs.cover(fixed("surface"), 4, 1, b"wrap"))


@pytest.mark.parametrize("public_key", [b"", bytes(1215), bytes(1217), b"\xff" * 1216])
def test_what_is_no_public_key_is_refused(public_key: bytes) -> None:
    with pytest.raises(SealBroken):
        epochs.parse_public_key(public_key)


# -- surface keys --------------------------------------------------------------------------------


def test_surface_keys_evolve_alike_everywhere_and_by_number() -> None:
    key = fixed("surface")
    assert epochs.evolve(key, 5) == epochs.evolve(key, 5)
    assert (
        len({key, epochs.evolve(key, 5), epochs.evolve(key, 6), epochs.evolve(epochs.evolve(key, 5), 6)}) == 4
    )


# -- wraps ---------------------------------------------------------------------------------------


@given(keys, ids, ids, keys)
def test_wraps_and_covers_open(key: bytes, epoch: int, key_id: int, dek: bytes) -> None:
    wrapped = epochs.wrap_data_key(key, epoch, key_id, dek)
    assert epochs.unwrap_data_key(key, epoch, key_id, wrapped) == dek
    assert len(wrapped) == 61
    assert epochs.uncover(key, epoch, key_id, epochs.cover(key, epoch, key_id, wrapped)) == wrapped


@given(st.tuples(keys, ids, ids), st.tuples(keys, ids, ids), st.integers(1, 7))
def test_another_key_epoch_or_row_is_refused(
    here: tuple[bytes, int, int], there: tuple[bytes, int, int], which: int
) -> None:
    key = there[0] if which & 1 else here[0]
    epoch = there[1] if which & 2 else here[1]
    key_id = there[2] if which & 4 else here[2]
    if (key, epoch, key_id) == here:
        return
    with pytest.raises(SealBroken):
        epochs.unwrap_data_key(key, epoch, key_id, epochs.wrap_data_key(*here, fixed("dek")))
    with pytest.raises(SealBroken):
        epochs.uncover(key, epoch, key_id, epochs.cover(*here, fixed("wrap")))


def test_every_changed_byte_of_a_wrap_is_refused() -> None:
    key = fixed("key")
    wrapped, covered = epochs.wrap_data_key(key, 4, 1, fixed("dek")), epochs.cover(key, 4, 1, fixed("wrap"))
    for index in range(len(wrapped)):
        with pytest.raises(SealBroken):
            epochs.unwrap_data_key(key, 4, 1, flipped(wrapped, index))
        with pytest.raises(SealBroken):
            epochs.uncover(key, 4, 1, flipped(covered, index))


def test_a_wrap_is_no_cover_even_under_one_key() -> None:
    key = fixed("key")
    with pytest.raises(SealBroken):
        epochs.uncover(key, 4, 1, epochs.wrap_data_key(key, 4, 1, fixed("dek")))


# -- records -------------------------------------------------------------------------------------


def test_a_signed_record_is_believed_in_any_time_zone() -> None:
    seed = fixed("signing")
    signature = epochs.sign_record(seed, RECORD)
    assert len(signature) == 64
    epochs.verify_record(epochs.verify_key_of(seed), RECORD, signature)
    seoul = replace(RECORD, at=AT.astimezone(timezone(timedelta(hours=9))))
    epochs.verify_record(epochs.verify_key_of(seed), seoul, signature)


CHANGED = [
    replace(RECORD, number=5),
    replace(RECORD, public_key=flipped(RECORD.public_key, 1000)),
    replace(RECORD, state="closed"),
    replace(RECORD, state="retired"),
    replace(RECORD, at=AT + timedelta(microseconds=1)),
]


@pytest.mark.parametrize("changed", CHANGED)
def test_a_changed_record_is_refused(changed: EpochRecord) -> None:
    seed = fixed("signing")
    with pytest.raises(SealBroken):
        epochs.verify_record(epochs.verify_key_of(seed), changed, epochs.sign_record(seed, RECORD))


def test_a_changed_signature_or_another_installation_is_refused() -> None:
    seed = fixed("signing")
    signature, verify_key = epochs.sign_record(seed, RECORD), epochs.verify_key_of(seed)
    for index in range(len(signature)):
        with pytest.raises(SealBroken):
            epochs.verify_record(verify_key, RECORD, flipped(signature, index))
    for verify in (epochs.verify_key_of(fixed("eve")), b"", verify_key[:31]):
        with pytest.raises(SealBroken):
            epochs.verify_record(verify, RECORD, signature)
    for cut in (b"", signature[:63], signature + b"\x00"):
        with pytest.raises(SealBroken):
            epochs.verify_record(verify_key, RECORD, cut)
