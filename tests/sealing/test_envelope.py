"""An envelope gives its keys to its own epoch and inquiry alone, and shows every change."""

from __future__ import annotations

import hmac
from dataclasses import replace
from hashlib import sha3_256

import pytest
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from inquiries.errors import SealBroken
from inquiries.sealing import envelope
from inquiries.sealing.envelope import (
    GroupKey,
    Opener,
    SendingKey,
    new_sending_key,
    receipt_wraps,
    seal_envelope,
)
from inquiries.sealing.epochs import EpochSecret, evolve
from inquiries.sealing.primitives import (
    Reader,
    bind,
    derive,
    lasting_cipher,
    open_sealed,
    open_with,
    seal,
    seal_with,
)
from inquiries.sealing.receipts import unwrap_with_receipt
from tests.sealing.builders import CODE, OTHER_CODE, fixed, flipped, ids, keys, names

EPOCH, INQUIRY = 4, 77
SECRET = EpochSecret(EPOCH, fixed("secret"))
SURFACE = fixed("surface")
GROUPS = (GroupKey("main", 101, fixed("main")), GroupKey("marketing", 102, fixed("marketing")))


def sealed(
    groups: tuple[GroupKey, ...] = GROUPS,
    *,
    secret: EpochSecret = SECRET,
    inquiry_id: int = INQUIRY,
    code: str | None = CODE,
    sending: SendingKey | None = None,
) -> bytes:
    return seal_envelope(
        sending=sending or new_sending_key(secret.number, secret.public_key),
        surface_key=SURFACE,
        inquiry_id=inquiry_id,
        groups=groups,
        code=code,
    )


def opened(
    blob: bytes, *, secret: EpochSecret = SECRET, surface_key: bytes = SURFACE, inquiry_id: int = INQUIRY
) -> list[tuple[str, int, bytes]]:
    found = Opener(secret, surface_key).open(blob, inquiry_id)
    return [(g.group, g.key_id, g.dek) for g in found]


def wraps(
    blob: bytes, *, epoch: int = EPOCH, surface_key: bytes = SURFACE, inquiry_id: int = INQUIRY
) -> tuple[tuple[str, int, bytes], ...]:
    return receipt_wraps(blob=blob, epoch=epoch, surface_key=surface_key, inquiry_id=inquiry_id)


group_lists = st.lists(
    st.builds(GroupKey, names, ids, keys),
    min_size=1,
    max_size=4,
    unique_by=(lambda g: g.group, lambda g: g.key_id),
)


@given(group_lists, ids, st.sampled_from([None, CODE]))
def test_what_was_sealed_opens_for_the_epoch_and_for_the_receipt(
    groups: list[GroupKey], inquiry_id: int, code: str | None
) -> None:
    blob = sealed(tuple(groups), inquiry_id=inquiry_id, code=code)
    assert opened(blob, inquiry_id=inquiry_id) == [(g.group, g.key_id, g.dek) for g in groups]
    by_receipt = wraps(blob, inquiry_id=inquiry_id)
    found = Opener(SECRET, SURFACE).open(blob, inquiry_id)
    if code is None:
        assert by_receipt == ()
        assert {g.receipt_wrap for g in found} == {None}
        return
    assert by_receipt == tuple((g.group, g.key_id, g.receipt_wrap) for g in found)
    deks = [unwrap_with_receipt(code, inquiry_id, group, wrap) for group, _, wrap in by_receipt]
    assert deks == [g.dek for g in groups]


@settings(max_examples=30)
@given(st.integers(0, 2**64 - 1), keys)
def test_any_epoch_and_secret_serve(number: int, secret: bytes) -> None:
    epoch = EpochSecret(number, secret)
    blob = sealed(secret=epoch)
    assert opened(blob, secret=epoch) == [(g.group, g.key_id, g.dek) for g in GROUPS]


def resealed(inner: bytes, version: int = 2) -> bytes:
    associated = bind("inquiries envelope", version, EPOCH, INQUIRY)
    outer = seal_with(lasting_cipher(SURFACE, "inquiries envelope"), inner, associated)
    return version.to_bytes(1) + EPOCH.to_bytes(8, "big") + outer


def inner_of(blob: bytes) -> bytes:
    associated = bind("inquiries envelope", 2, EPOCH, INQUIRY)
    return open_with(lasting_cipher(SURFACE, "inquiries envelope"), blob[envelope.HEADER_SIZE :], associated)


def inner_of_the_first_version() -> bytes:
    """As version 1 sealed it; what was stored under it must open for as long as it is kept."""
    reader = Reader(inner_of(sealed()))
    table = reader.take(2)
    for _ in GROUPS:
        name = reader.take(2)
        table += name + reader.take(int.from_bytes(name, "big") + 8)
        wrap = reader.take(2)
        table += wrap + reader.take(int.from_bytes(wrap, "big"))
    named = [part for entry in wraps(resealed(table)) for part in entry]
    info = bind("inquiries envelope keys", 1, EPOCH, INQUIRY, *named)
    deks = b"".join(group.dek for group in GROUPS)
    return table + envelope.SUITE.encrypt(deks, SECRET.private_key.public_key(), info)


INNERS = [pytest.param(inner_of_the_first_version(), 1, id="1"), pytest.param(inner_of(sealed()), 2, id="2")]


@pytest.mark.parametrize(("inner", "version"), INNERS)
def test_every_changed_byte_and_every_cut_is_refused(inner: bytes, version: int) -> None:
    blob = resealed(inner, version)
    assert opened(blob) == [(g.group, g.key_id, g.dek) for g in GROUPS]
    for index in range(len(blob)):
        for bad in (flipped(blob, index, 1 << index % 8), blob[:index]):
            with pytest.raises(SealBroken):
                opened(bad)
            with pytest.raises(SealBroken):
                wraps(bad)
    with pytest.raises(SealBroken):
        opened(blob + b"\x00")


@pytest.mark.parametrize(("inner", "version"), INNERS)
def test_eve_with_the_surface_key_changes_nothing_unnoticed(inner: bytes, version: int) -> None:
    for index in range(len(inner)):
        with pytest.raises(SealBroken):
            opened(resealed(flipped(inner, index, 1 << index % 8), version))
    for size in range(0, len(inner), 7):
        with pytest.raises(SealBroken):
            opened(resealed(inner[:size], version))
    with pytest.raises(SealBroken):
        opened(resealed(inner, 3 - version))


def test_eve_with_the_surface_key_cannot_take_the_receipt_away() -> None:
    def without_wraps(inner: bytes) -> bytes:
        reader = Reader(inner)
        out = reader.take(2)
        for _ in GROUPS:
            name = reader.text().encode()
            out += len(name).to_bytes(2, "big") + name + reader.take(8) + b"\x00\x00"
            reader.take(reader.number(2))
        return out + reader.rest()

    with pytest.raises(SealBroken):
        opened(resealed(without_wraps(inner_of(sealed()))))


def test_an_envelope_of_no_group_or_of_one_twice_is_neither_made_nor_opened() -> None:
    same_name = (GROUPS[0], GroupKey("main", 102, fixed("other")))
    same_id = (GROUPS[0], GroupKey("other", 101, fixed("other")))
    for groups in ((), same_name, same_id):
        with pytest.raises(ValueError, match=r"at least one|twice"):
            sealed(groups)
    rest = envelope.ENCAPSULATED_SIZE + 29 + 32
    one = inner_of(sealed(GROUPS[:1]))[2:-rest]
    for count, table, says in ((0, b"", "at least one group$"), (2, one + one, "stands twice")):
        with pytest.raises(SealBroken, match=says):
            wraps(resealed(count.to_bytes(2, "big") + table + bytes(rest)))


TABLE = b"\x00\x01" + b"\x00\x04main" + (101).to_bytes(8, "big") + b"\x00\x00"


def forged(sending: bytes, deks: bytes) -> bytes:
    """What whoever broke into the public surface could seal: he has pk_e and P_e."""
    info = bind("inquiries sending key", 2, EPOCH)
    encapsulated = envelope.SUITE.encrypt(sending, SECRET.private_key.public_key(), info)
    place = bind("inquiries envelope keys", 2, EPOCH, INQUIRY, "main", 101, b"")
    return resealed(TABLE + encapsulated + seal(sending[:32].ljust(32, b"\0"), deks, place))


def test_a_number_of_keys_other_than_of_groups_is_refused() -> None:
    assert opened(forged(fixed("sending"), fixed("main"))) == [("main", 101, fixed("main"))]
    with pytest.raises(SealBroken, match=r"^the envelope holds another number of keys than of groups$"):
        opened(forged(fixed("sending"), bytes(64)))
    info = bind("inquiries envelope keys", 1, EPOCH, INQUIRY, "main", 101, b"")
    keys_of_two = envelope.SUITE.encrypt(bytes(64), SECRET.private_key.public_key(), info)
    with pytest.raises(SealBroken, match=r"^the envelope holds another number of keys than of groups$"):
        opened(resealed(TABLE + keys_of_two, 1))


def test_a_sending_key_of_another_length_is_refused() -> None:
    for size in (0, 16, 31, 33):
        with pytest.raises(SealBroken):
            opened(forged(bytes(size), fixed("main")))


def test_another_inquiry_epoch_secret_or_surface_key_is_refused() -> None:
    blob = sealed()
    with pytest.raises(SealBroken):
        opened(blob, inquiry_id=INQUIRY + 1)
    with pytest.raises(SealBroken):
        opened(blob, secret=EpochSecret(EPOCH + 1, fixed("secret")))
    with pytest.raises(SealBroken):
        opened(blob, secret=EpochSecret(EPOCH, fixed("other")))
    for other in (evolve(SURFACE, EPOCH + 1), fixed("other"), b"", SURFACE[:31]):
        with pytest.raises(SealBroken):
            opened(blob, surface_key=other)
        with pytest.raises(SealBroken):
            wraps(blob, surface_key=other)
    with pytest.raises(SealBroken):
        wraps(blob, inquiry_id=INQUIRY + 1)
    with pytest.raises(SealBroken):
        wraps(blob, epoch=EPOCH + 1)


def test_a_header_of_another_epoch_is_refused_under_either_number() -> None:
    moved = b"\x02" + (EPOCH + 1).to_bytes(8, "big") + sealed()[9:]
    for epoch in (EPOCH, EPOCH + 1):
        with pytest.raises(SealBroken):
            wraps(moved, epoch=epoch)
        with pytest.raises(SealBroken):
            opened(moved, secret=EpochSecret(epoch, fixed("secret")))


@pytest.mark.parametrize(
    "blob", [b"", b"\x02", b"\x02" + bytes(7), b"\x03" + bytes(2000), b"\x00" + bytes(2000)]
)
def test_a_cut_header_or_another_version_is_refused(blob: bytes) -> None:
    with pytest.raises(SealBroken):
        opened(blob)


def test_another_receipt_or_another_groups_wrap_opens_nothing() -> None:
    (main, _, main_wrap), (_, _, other_wrap) = wraps(sealed())
    assert unwrap_with_receipt(CODE, INQUIRY, main, main_wrap) == fixed("main")
    for code, wrap in ((OTHER_CODE, main_wrap), (CODE, other_wrap)):
        with pytest.raises(SealBroken):
            unwrap_with_receipt(code, INQUIRY, main, wrap)


# -- inquiries that share a sending key ------------------------------------------------------------


def test_one_who_opens_many_asks_the_private_key_once_for_each_sending_key() -> None:
    first, second = (new_sending_key(EPOCH, SECRET.public_key) for _ in range(2))
    opener = Opener(SECRET, SURFACE)
    for inquiry_id in range(6):
        blob = sealed(inquiry_id=inquiry_id, sending=second if inquiry_id % 3 else first)
        assert [g.dek for g in opener.open(blob, inquiry_id)] == [g.dek for g in GROUPS]
    assert len(opener._met) == 2


def test_what_was_sealed_under_one_sending_key_cannot_be_exchanged() -> None:
    """Eve has the surface key, and would give one inquiry the keys of another."""
    sending = new_sending_key(EPOCH, SECRET.public_key)
    mine, others = inner_of(sealed(sending=sending)), inner_of(sealed(sending=sending))
    end = -(29 + 64)
    opener = Opener(SECRET, SURFACE)
    for inner in (mine, others):
        assert opener.open(resealed(inner), INQUIRY)
    assert len(opener._met) == 1
    with pytest.raises(SealBroken):
        opener.open(resealed(mine[:end] + others[end:]), INQUIRY)


def test_a_sending_key_serves_its_own_epoch_alone() -> None:
    moved = replace(new_sending_key(EPOCH, SECRET.public_key), epoch=EPOCH + 1)
    later = EpochSecret(EPOCH + 1, fixed("secret"))
    with pytest.raises(SealBroken):
        opened(sealed(sending=moved), secret=later)
    same_pair = new_sending_key(EPOCH, later.public_key)
    with pytest.raises(SealBroken):
        opened(sealed(sending=replace(same_pair, epoch=EPOCH + 1)), secret=later)


def test_the_nonces_of_an_envelope_come_from_one_draw_and_each_serves_once(
    draws: list[bytes],
) -> None:
    sending = new_sending_key(EPOCH, SECRET.public_key)
    assert [len(drawn) for drawn in draws] == [32]
    blob = sealed(sending=sending)
    assert [len(drawn) for drawn in draws] == [32, 4 * 12]
    inner = inner_of(blob)
    sealed_keys = inner[-(29 + 64) :]
    nonces = {blob[10:22], sealed_keys[1:13], *(wrap[1:13] for _, _, wrap in wraps(blob))}
    assert nonces == {draws[1][at : at + 12] for at in (0, 12, 24, 36)}
    assert len(nonces) == 4


def test_no_key_shows_in_what_is_printed() -> None:
    found = Opener(SECRET, SURFACE).open(sealed(), INQUIRY)
    assert repr(GROUPS[0]) == "GroupKey(group='main', key_id=101)"
    assert repr(found[0]) == "GroupKey(group='main', key_id=101)"
    assert repr(new_sending_key(EPOCH, SECRET.public_key)) == "SendingKey(epoch=4)"


def test_a_malformed_public_key_is_refused() -> None:
    with pytest.raises(SealBroken):
        new_sending_key(1, b"")


# -- the same, without the library's HPKE --------------------------------------------------------


XWING_LABEL = bytes.fromhex("5c2e2f2f5e5c")


def _extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, "sha256")


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    message = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, message + b"\x01", "sha256")[:length]


def test_the_sealed_keys_open_by_the_letter_of_the_standards() -> None:
    """X-Wing by hand (MLKEM768-X25519, KEM 0x647a) and the key schedule of RFC 9180, section 5.1.

    So that an envelope can be opened without this product and without this library.
    """
    blob = sealed()
    named = [part for entry in wraps(blob) for part in entry]
    hpke = inner_of(blob)[-(1120 + 32 + 16 + 29 + 64) :]
    kem_m, kem_x, ciphertext, keys = hpke[:1088], hpke[1088:1120], hpke[1120:1168], hpke[1168:]
    seed = derive(fixed("secret"), "inquiries epoch mlkem768", 1, EPOCH, length=64)
    scalar = X25519PrivateKey.from_private_bytes(derive(fixed("secret"), "inquiries epoch x25519", 1, EPOCH))
    shared_m = MLKEM768PrivateKey.from_seed_bytes(seed).decapsulate(kem_m)
    shared_x = scalar.exchange(X25519PublicKey.from_public_bytes(kem_x))
    public_x = scalar.public_key().public_bytes_raw()
    shared = sha3_256(shared_m + shared_x + kem_x + public_x + XWING_LABEL).digest()

    suite = b"HPKE\x64\x7a\x00\x01\x00\x02"
    info = bind("inquiries sending key", 2, EPOCH)
    context = b"\x00" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
    secret = _extract(suite, shared, b"secret", b"")
    key = _expand(suite, secret, b"key", context, 32)
    nonce = _expand(suite, secret, b"base_nonce", context, 12)
    sending = AESGCM(key).decrypt(nonce, ciphertext, b"")
    place = bind("inquiries envelope keys", 2, EPOCH, INQUIRY, *named)
    assert open_sealed(sending, keys, place) == fixed("main") + fixed("marketing")
