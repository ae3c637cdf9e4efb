"""A device that makes and uses passkeys, in software: what a browser would hand on, and every forgery of it."""

from __future__ import annotations

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def spelled(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def unspelled(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Device:
    """One passkey. Each answer may be given another origin, name, flags or handle than an honest device would."""

    origin: str
    site: str
    id: bytes = field(default_factory=lambda: os.urandom(20))
    counter: int = 0
    handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: str, **forged: Any) -> str:
        """Answer a request to make a passkey."""
        asked = json.loads(options)
        self.handle = unspelled(asked["user"]["id"])
        client = self._client("webauthn.create", asked["challenge"], forged)
        numbers = self.key.public_key().public_numbers()
        cose = cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )
        attested = b"\0" * 16 + len(self.id).to_bytes(2, "big") + self.id + cose
        data = self._data(forged, ATTESTED) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(client, {"attestationObject": spelled(statement)})

    def show(self, options: str, **forged: Any) -> str:
        """Answer a request to show it."""
        asked = json.loads(options)
        self.counter += forged.get("counted", 1)
        client = self._client("webauthn.get", asked["challenge"], forged)
        data = self._data(forged, 0)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        handle = forged.get("handle", self.handle)
        shown = {"authenticatorData": spelled(data), "signature": spelled(signature)}
        return self._answer(client, shown | ({"userHandle": spelled(handle)} if handle is not None else {}))

    def _client(self, kind: str, challenge: str, forged: dict[str, Any]) -> bytes:
        said = {
            "type": forged.get("kind", kind),
            "challenge": forged.get("challenge", challenge),
            "origin": forged.get("origin", self.origin),
            "crossOrigin": False,
        }
        return json.dumps(said).encode()

    def _data(self, forged: dict[str, Any], more: int) -> bytes:
        flags = forged.get("flags", USER_PRESENT | USER_VERIFIED) | more
        site = hashlib.sha256(forged.get("site", self.site).encode()).digest()
        return site + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _answer(self, client: bytes, response: dict[str, str]) -> str:
        name = spelled(self.id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": {"clientDataJSON": spelled(client), **response},
            }
        )
