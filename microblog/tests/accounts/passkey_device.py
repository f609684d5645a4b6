"""A passkey in software, for tests over HTTP: what a browser and its authenticator would send."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as Key
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ELIGIBLE, KEPT_ELSEWHERE, NEW_KEY = 1, 4, 8, 16, 64


def unpacked(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def packed(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def options_in(page: str) -> dict[str, Any]:
    """The options that a page holds for a script."""
    found: dict[str, Any] = json.loads(
        unescape(page.partition('data-options="')[2].partition('"')[0])
    )
    return found


@dataclass
class PasskeyDevice:
    """One passkey. What it says of itself can be changed, as a broken or hostile device would."""

    origin: str = "http://localhost"
    site: str = "localhost"
    verifies: bool = True
    synced: bool = False
    counts: bool = True
    count: int = 0
    key: Key = field(default_factory=lambda: generate_private_key(SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""

    def create(self, options: Mapping[str, Any]) -> str:
        """The answer to the options for a new passkey."""
        self.handle = unpacked(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32), numbers.y.to_bytes(32)
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        credential = struct.pack(">H", len(self.credential_id)) + self.credential_id + public
        attested = {
            "fmt": "none",
            "attStmt": {},
            "authData": self._data(NEW_KEY) + bytes(16) + credential,
        }
        return self._answer(
            {
                "clientDataJSON": packed(self._client("webauthn.create", options["challenge"])),
                "attestationObject": packed(cbor2.dumps(attested)),
                "transports": ["internal", "hybrid", "of the future", 7],
            }
        )

    def get(self, options: Mapping[str, Any]) -> str:
        """The answer to the options for a passkey that exists."""
        self.count += self.counts
        client = self._client("webauthn.get", options["challenge"])
        data = self._data()
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ECDSA(SHA256()))
        return self._answer(
            {
                "clientDataJSON": packed(client),
                "authenticatorData": packed(data),
                "signature": packed(signature),
                "userHandle": packed(self.handle),
            }
        )

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _data(self, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        flags |= ELIGIBLE | KEPT_ELSEWHERE if self.synced else 0
        return hashlib.sha256(self.site.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _answer(self, response: dict[str, Any]) -> str:
        name = packed(self.credential_id)
        return json.dumps(
            {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )
