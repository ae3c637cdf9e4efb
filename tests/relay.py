"""A real mail relay on this machine that takes, defers, refuses, hangs, or breaks off, as a test tells it."""

from __future__ import annotations

import asyncio
import email
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.running import free_port

SENDER = "forms@example.com"
HANGS_FOR = 2.0


@dataclass
class Relay:
    """`takes`: what it does next, one word a message, then as `after`; `mail`: what it took.

    Words: take; defer, refuse (at the recipient); defer_data, refuse_data, drop, hang (after the content, of
    which `seen` keeps all); closing (421).
    """

    notes: Path | None = None  # where it writes down whose messages it took
    port: int = 0
    takes: list[str] = field(default_factory=list)
    after: str = "take"
    mail: list[EmailMessage] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    tried: int = 0
    _now: str = "take"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def ids(self) -> list[str]:
        return [message["Message-ID"] for message in self.mail]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's word
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        self.tried += 1
        self._now = self.takes.pop(0) if self.takes else self.after
        if self._now == "defer":
            return f"451 4.7.1 {address} is greylisted"
        if self._now == "refuse":
            return f"550 5.1.1 {address} is unknown"
        if self._now == "closing":
            return "421 4.3.2 shutting down"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's word
        content = envelope.original_content or b""
        self.seen.append(content)
        if self._now == "drop":
            assert server.transport is not None
            server.transport.close()
            return ""
        if self._now == "hang":
            await asyncio.sleep(HANGS_FOR)
            return "451 4.3.0 too late"
        if self._now == "defer_data":
            return "451 4.3.0 try later"
        if self._now == "refuse_data":
            return "554 5.7.1 no"
        assert server.transport is not None
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        message = email.message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        assert list(envelope.rcpt_tos) == [message["To"].addresses[0].addr_spec]
        self.mail.append(message)
        if self.notes is not None:
            with self.notes.open("a", encoding="ascii") as notes:
                notes.write(message["Message-ID"].strip("<>").partition("@")[0] + "\n")
        return "250 OK"


@contextmanager
def relay(state: Relay | None = None, **given: Any) -> Iterator[Relay]:
    """A relay that listens while the block lasts; on the port of `state`, if it had one before."""
    state = state or Relay()
    state.port = state.port or free_port()
    # Else it would ask the name service for its own name.
    named: dict[str, Any] = {"server_hostname": "relay.example.com"}
    controller = Controller(state, hostname="127.0.0.1", port=state.port, **named, **given)
    controller.start()
    try:
        yield state
    finally:
        controller.stop()


def certified(directory: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """(what a server shows, the file that makes a client believe it): a certificate for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = directory / "relay.pem", directory / "relay.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, private)
    return context, chain


def signs_in(state: Relay) -> Any:
    """An authenticator that knows one user."""

    def ask(_server: Any, _session: Any, _envelope: Any, _mechanism: Any, data: Any) -> AuthResult:
        known = (data.login, data.password) == (b"relay user", b"p@ss/word")
        state.users.append(data.login.decode())
        return AuthResult(success=known)

    return ask
