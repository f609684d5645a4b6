"""The tokens in mailed links: JSON Web Tokens (RFC 7519), HS256, signed with SECRET_KEY.

There is no table of tokens. A fingerprint binds a token to the state of what it was made for: by
default the account's password hash and address. So its use, a new password or a new address makes
all of these tokens worthless.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

from microblog.accounts.models import User

ALGORITHM = "HS256"
RESET_PASSWORD = "reset_password"  # noqa: S105 - the name of a claim
NOT_ME = "not_me"
CONFIRM_EMAIL_CHANGE = "confirm_email_change"
UNDO_EMAIL_CHANGE = "undo_email_change"
KEEP_ACCOUNT = "keep_account"
VERIFY_EMAIL = "verify_email"
SECOND_STEP = "second_step"
SECOND_FACTOR_LOST = "second_factor_lost"
KEEP_SECOND_FACTOR = "keep_second_factor"

_FINGERPRINT, _FORMER_FINGERPRINT = "f", "fpr"
"""The claim with the fingerprint; the second in links that former versions mailed."""

_LETTERS, _FORMER_LETTERS = 16, 22
"""How many letters of a fingerprint they hold: now 96 bits, as HMAC may be truncated (RFC 2404).
A fingerprint is only compared; forging is what the signature prevents."""

_FINGERPRINT_BYTES = 16

# A part of the header that may be left out (RFC 7519, 5.1) and would lengthen each link.
_NO_TYPE = {"typ": None}

# The library overlooks characters that do not belong; one token is one text.
_TOKEN = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


State = Sequence[str]
"""Texts without NUL whose change makes a token worthless."""


@dataclass(frozen=True)
class Keys:
    """The key that signs, and former keys that are still accepted."""

    current: str
    former: Sequence[str] = ()

    def __iter__(self) -> Any:
        yield self.current
        yield from self.former


@dataclass(frozen=True)
class Claims:
    """The content of a token whose signature is good and which has not expired."""

    user_id: int
    fingerprint: str
    key: str


def account_state(user: User) -> State:
    """The state that a new password or a new address changes."""
    return (user.password_hash, user.email_key)


def make_token(
    keys: Keys,
    purpose: str,
    user: User,
    *,
    now: datetime,
    lifetime: timedelta,
    state: State | None = None,
) -> str:
    """Make a token for one purpose and one account, valid until `now + lifetime`.

    `state` is what must not change meanwhile; by default the account's password and address.
    """
    payload = {
        purpose: user.id,
        "exp": int((now + lifetime).timestamp()),
        _FINGERPRINT: _fingerprint(keys.current, purpose, user, state)[:_LETTERS],
    }
    return jwt.encode(payload, keys.current, algorithm=ALGORITHM, headers=_NO_TYPE)


def read_token(keys: Keys, purpose: str, token: str, *, now: datetime | None) -> Claims | None:
    """Return a token's claims; None if it is forged, expired or for another purpose.

    Without `now`, expired ones are read as well: they give no access, but tell whose link it was.
    """
    if not _TOKEN.fullmatch(token):
        return None
    for key in keys:
        try:
            payload = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                options={"verify_exp": False, "require": ["exp"]},
            )
        except jwt.PyJWTError:
            continue
        return _claims(payload, purpose, key, now)
    return None


def matches(claims: Claims, purpose: str, user: User, *, state: State | None = None) -> bool:
    """Whether what the token was made for is still in the same state."""
    present = _fingerprint(claims.key, purpose, user, state)[: len(claims.fingerprint)]
    return hmac.compare_digest(present, claims.fingerprint)


def _claims(payload: dict[str, Any], purpose: str, key: str, now: datetime | None) -> Claims | None:
    user_id, expiry = payload.get(purpose), payload["exp"]
    fingerprint = payload.get(_FINGERPRINT, payload.get(_FORMER_FINGERPRINT))
    if not isinstance(user_id, int) or isinstance(user_id, bool):
        return None
    if not isinstance(fingerprint, str) or not fingerprint.isascii():
        return None
    if len(fingerprint) not in {_LETTERS, _FORMER_LETTERS}:
        return None
    if not isinstance(expiry, int | float):
        return None
    if now is not None and now.timestamp() >= expiry:
        return None
    return Claims(user_id, fingerprint, key)


def _fingerprint(key: str, purpose: str, user: User, state: State | None) -> str:
    bound = account_state(user) if state is None else state
    text = "\0".join([purpose, str(user.id), *bound])
    digest = hmac.digest(key.encode(), b"fingerprint\0" + text.encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:_FINGERPRINT_BYTES]).rstrip(b"=").decode()
