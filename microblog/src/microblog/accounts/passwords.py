"""How passwords are kept and compared; `password_rules` says which are accepted.

Sources: OWASP ASVS 5.0, 6.2.8 (no truncation), NIST SP 800-63B-4 (normalised), OWASP Password
Storage (Argon2id with 19 MiB, 2 passes).
"""

from __future__ import annotations

import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_LOCKED = "!"

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

# Verified against when there is no account, so that the answer takes as long as for a wrong one.
_NOBODYS_HASH = _hasher.hash("nobody's")


def hash_password(password: str) -> str:
    """Return the form in which a password is stored (Argon2id, PHC string).

    It checks nothing: new passwords go through `password_rules.hash_new_password`, and the forms
    refuse a password that is too long to compare.
    """
    return _hasher.hash(_normalised(password))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether this is the password. For None or an unusable hash it is not, after the same work."""
    usable = None if password_hash is None or is_locked(password_hash) else password_hash
    try:
        _hasher.verify(usable or _NOBODYS_HASH, _normalised(password))
    except (VerificationError, InvalidHashError):
        return False
    return usable is not None


def unusable_password() -> str:
    """Return a value for the hash that no password matches; each one is different."""
    return _LOCKED + secrets.token_urlsafe(16)


def is_locked(password_hash: str) -> bool:
    return password_hash.startswith(_LOCKED)


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _normalised(password: str) -> str:
    return unicodedata.normalize("NFC", password)
