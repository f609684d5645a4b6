"""Secrets that the site has to read again, encrypted where they are stored.

AES-256-GCM (NIST SP 800-38D) with a key that HKDF (RFC 5869) derives from SECRET_KEY. A sealed
secret names its key, so that those of former keys are found and sealed anew; ASVS 5.0, 11.3.2 and
11.2.2.
"""

from __future__ import annotations

import hashlib
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from microblog.accounts.tokens import Keys

KEY_NAME_BYTES = 8
_NONCE_BYTES = 12


class UnreadableSecretError(Exception):
    """Neither SECRET_KEY nor one of its fallbacks can read this secret."""


def seal(keys: Keys, secret: bytes, *, owner: str) -> bytes:
    """Encrypt a secret with the current key. `owner` says whose it is, and is needed to open it."""
    key = _derived(keys.current)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _name_of(key) + nonce + AESGCM(key).encrypt(nonce, secret, owner.encode())


def unseal(keys: Keys, sealed: bytes, *, owner: str) -> bytes:
    """Decrypt a secret. Raises UnreadableSecretError."""
    name, nonce = sealed[:KEY_NAME_BYTES], sealed[KEY_NAME_BYTES:][:_NONCE_BYTES]
    for key in map(_derived, keys):
        if _name_of(key) != name:
            continue
        try:
            encrypted = sealed[KEY_NAME_BYTES + _NONCE_BYTES :]
            return AESGCM(key).decrypt(nonce, encrypted, owner.encode())
        except InvalidTag:
            break
    raise UnreadableSecretError


def key_name(key: str) -> bytes:
    """Return what each secret begins with that this SECRET_KEY sealed; it tells nothing of it."""
    return _name_of(_derived(key))


def _derived(key: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"microblog secrets at rest")
    return derivation.derive(key.encode())


def _name_of(derived: bytes) -> bytes:
    return hashlib.sha256(b"name\0" + derived).digest()[:KEY_NAME_BYTES]
