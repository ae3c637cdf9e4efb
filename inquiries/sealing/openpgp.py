"""Encrypts a file to its recipient as OpenPGP (RFC 9580 and its predecessors), which ordinary tools open.

The format and its cryptography are Sequoia's; nothing here is ours. What was encrypted we cannot open again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pysequoia


class NoCertificate(Exception):
    """What was given is no certificate to which something can be encrypted; `code` says why not."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Recipient:
    """For whom: the holder of a certificate, or whoever knows the passphrase; `name` can be recorded."""

    name: str
    certificate: pysequoia.Cert | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)


def knowing(passphrase: str) -> Recipient:
    """Whoever knows the passphrase."""
    return Recipient("passphrase", passphrase=passphrase)


def holding(certificate: str, at: datetime) -> Recipient:
    """The holder of this certificate (a public key, as text) at this moment; its name is the fingerprint.

    Raises:
        NoCertificate: `unreadable`, `private_key`, `revoked`, `expired`, or `cannot_encrypt` (only signs).
    """
    if "PRIVATE KEY BLOCK" in certificate:
        raise NoCertificate("private_key")
    try:
        found = pysequoia.Cert.from_bytes(certificate.encode())
    except (RuntimeError, ValueError):  # no text, or no certificate; the message quotes what was given
        raise NoCertificate("unreadable") from None
    if found.is_revoked:
        raise NoCertificate("revoked")
    if found.expiration is not None and found.expiration <= at:  # Sequoia would encrypt all the same
        raise NoCertificate("expired")
    recipient = Recipient(found.fingerprint.upper(), certificate=found)
    try:
        seal(b"", recipient)
    except (RuntimeError, ValueError):
        raise NoCertificate("cannot_encrypt") from None
    return recipient


def seal(content: bytes, recipient: Recipient) -> bytes:
    """One binary OpenPGP message for this recipient alone."""
    if recipient.certificate is not None:
        return pysequoia.encrypt(content, recipients=[recipient.certificate], armor=False)
    assert recipient.passphrase  # noqa: S101 - a recipient is made by one of the two functions above
    return pysequoia.encrypt(content, passwords=[recipient.passphrase], armor=False)
