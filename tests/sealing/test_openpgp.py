from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pysequoia
import pytest
from pysequoia.packet import PacketPile

from inquiries.sealing import openpgp

NOW = datetime.now(UTC)
PHRASE = "correct horse battery staple"
TEXT = "이름,내용\r\n".encode()


@pytest.fixture(scope="module")
def owner() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate("Oh <oh@example.com>")


def certificate(owner: pysequoia.Tsk) -> str:
    return str(owner.extract_certificate())


def refusal(given: str, at: datetime = NOW) -> str:
    """The code with which it is refused."""
    with pytest.raises(openpgp.NoCertificate) as refused:
        openpgp.holding(given, at)
    assert str(refused.value) == refused.value.code
    assert refused.value.__context__ is None or refused.value.__suppress_context__
    return refused.value.code


def test_who_holds_the_certificate_opens_it_and_nobody_else(owner: pysequoia.Tsk) -> None:
    recipient = openpgp.holding(certificate(owner), NOW)
    sealed = openpgp.seal(TEXT, recipient)
    assert TEXT not in sealed
    assert pysequoia.decrypt(sealed, owner.decryptor()).bytes == TEXT
    other = pysequoia.Tsk.generate("Eve <eve@example.com>")
    with pytest.raises(RuntimeError):
        pysequoia.decrypt(sealed, other.decryptor())


def test_its_name_is_the_fingerprint(owner: pysequoia.Tsk) -> None:
    named = openpgp.holding(certificate(owner), NOW).name
    assert len(named) in {40, 64}
    assert set(named) <= set("0123456789ABCDEF")


@pytest.mark.parametrize("given", ["", "garbage", "\x00\ud800"])
def test_what_is_no_certificate_is_refused(given: str) -> None:
    assert refusal(given) == "unreadable"


def test_a_private_key_is_refused(owner: pysequoia.Tsk) -> None:
    assert refusal(str(owner)) == "private_key"


def test_a_certificate_that_only_signs_is_refused(owner: pysequoia.Tsk) -> None:
    primary, _, user, of_user, *_ = PacketPile.from_bytes(bytes(owner.extract_certificate()))
    assert refusal(str(pysequoia.Cert.from_packets([primary, user, of_user]))) == "cannot_encrypt"


def test_whoever_knows_the_passphrase_opens_it_and_its_name_says_nothing() -> None:
    recipient = openpgp.knowing(PHRASE)
    assert (recipient.name, recipient.certificate) == ("passphrase", None)
    assert repr(recipient) == "Recipient(name='passphrase')"
    assert pysequoia.decrypt(openpgp.seal(TEXT, recipient), passwords=[PHRASE]).bytes == TEXT


def test_a_message_is_binary(owner: pysequoia.Tsk) -> None:
    for recipient in (openpgp.holding(certificate(owner), NOW), openpgp.knowing(PHRASE)):
        assert openpgp.seal(TEXT, recipient)[0] & 0x80  # RFC 9580, 4.2: so begins a packet, and no letter


@pytest.mark.skipif(shutil.which("gpg") is None, reason="no GnuPG on this machine")
def test_gnupg_opens_both(tmp_path: Path) -> None:
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)

    def gpg(*words: str, given: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", *words]
        return subprocess.run(command, input=given, capture_output=True, check=True, timeout=60).stdout

    try:
        phrase = openpgp.seal(TEXT, openpgp.knowing(PHRASE))
        assert gpg("--passphrase", PHRASE, "--decrypt", given=phrase) == TEXT
        gpg("--passphrase", "", "--quick-gen-key", "oh@example.com", "default", "default", "never")
        public = gpg("--armor", "--export", "oh@example.com").decode()
        sealed = openpgp.seal(TEXT, openpgp.holding(public, NOW))
        assert gpg("--passphrase", "", "--decrypt", given=sealed) == TEXT
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, timeout=20)


def test_a_revoked_certificate_is_refused(owner: pysequoia.Tsk) -> None:
    public = owner.extract_certificate()
    revocation = PacketPile.from_bytes(bytes(public.revoke(owner.certifier())))
    first, *rest = PacketPile.from_bytes(bytes(public))
    revoked = pysequoia.Cert.from_packets([first, *revocation, *rest])
    assert refusal(str(revoked)) == "revoked"


def test_a_certificate_that_has_ended_is_refused() -> None:
    owner = pysequoia.Tsk.generate("Oh <oh@example.com>", validity_seconds=3600)
    assert openpgp.holding(certificate(owner), NOW).certificate
    end = owner.extract_certificate().expiration
    assert end is not None
    assert openpgp.holding(certificate(owner), end - timedelta(microseconds=1)).certificate
    assert refusal(certificate(owner), end) == "expired"
