"""Codes of an authenticator app (TOTP, RFC 6238): six digits, a new one every 30 seconds.

A code is good one step before and after its own, for clocks that differ, and once: the step of the
last code is stored, and none up to it is taken any more, however it is spelt (RFC 6238, 5.2; ASVS
5.0, 6.5.1). The secret is sealed at rest.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from base64 import b32encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from microblog.accounts.encryption import (
    KEY_NAME_BYTES,
    UnreadableSecretError,
    key_name,
    seal,
    unseal,
)
from microblog.accounts.models import Authenticator, User
from microblog.accounts.tokens import Keys
from microblog.accounts.typed_codes import without_separators

STEP_SECONDS = 30
DRIFT_STEPS = 1
DIGITS = 6

SECRET_BYTES = 20
"""RFC 4226, 4 (R6)."""

CONFIRM_WITHIN = timedelta(hours=1)
"""After that, an app that was never confirmed gets a new secret."""


@dataclass(frozen=True)
class SealedSecrets:
    """How many secrets SECRET_KEY opens, only a fallback opens, and no key opens."""

    current: int
    former: int
    unreadable: int


def begin_authenticator(
    session: Session, keys: Keys, user: User, *, begun_in: bytes, now: datetime
) -> str | None:
    """Return the secret for an app, in Base32, until a code confirms it; None if one was confirmed.

    While the same one can be confirmed it is the same secret: a page that is opened twice shows one
    QR code. `begun_in` is the digest of the session: nobody else's session shows or confirms this
    secret, or an intruder could read it before the owner uses it. The account must be locked.
    """
    pending = session.get(Authenticator, user.id, populate_existing=True)
    if pending is not None and pending.confirmed_at is not None:
        return None
    owner = _beginner(user.id, begun_in)
    if pending is not None and now - pending.created_at < CONFIRM_WITHIN:
        with suppress(UnreadableSecretError):
            return _base32(unseal(keys, pending.secret, owner=owner))
    secret = secrets.token_bytes(SECRET_BYTES)
    sealed = seal(keys, secret, owner=owner)
    if pending is None:
        session.add(Authenticator(user_id=user.id, secret=sealed, created_at=now))
    else:
        pending.secret, pending.created_at = sealed, now
    session.flush()
    return _base32(secret)


def provisioning_uri(secret: str, *, issuer: str, username: str) -> str:
    """Return what the QR code says: the key URI format that authenticator apps read."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)


def confirm_authenticator(
    session: Session, keys: Keys, user_id: int, code: str, *, begun_in: bytes, now: datetime
) -> bool:
    """Let the app that was begun in this session count from now on, if this is one of its codes."""
    pending = Authenticator.confirmed_at.is_(None), Authenticator.created_at > now - CONFIRM_WITHIN
    secret = _secret(session, keys, user_id, _beginner(user_id, begun_in), *pending)
    step = _matching_step(secret, code, now=now)
    if secret is None or step is None:
        return False
    sealed = seal(keys, secret, owner=_owner(user_id))
    return _take(session, user_id, step, *pending, confirmed_at=now, secret=sealed)


def take_code(session: Session, keys: Keys, user_id: int, code: str, *, now: datetime) -> bool:
    """Whether this is a code of the account's app that was not used yet; it is used now.

    Of two sessions that send one code at the same moment, one gets True.
    """
    confirmed = Authenticator.confirmed_at.is_not(None)
    secret = _secret(session, keys, user_id, _owner(user_id), confirmed)
    step = _matching_step(secret, code, now=now)
    return step is not None and _take(session, user_id, step, confirmed, used_at=now)


def read_code(typed: str) -> str | None:
    """Return the digits that were typed, of any script, whatever stands between them.

    Returns None for what cannot be a code.
    """
    text = without_separators(typed)
    if len(text) != DIGITS or not text.isdecimal():
        return None
    return "".join(str(unicodedata.decimal(digit)) for digit in text)


def count_by_key(session: Session, keys: Keys) -> SealedSecrets:
    """Count the secrets of confirmed apps by the key that they are sealed with."""
    name = func.substr(Authenticator.secret, 1, KEY_NAME_BYTES)
    confirmed = Authenticator.confirmed_at.is_not(None)
    counted = session.execute(select(name, func.count()).where(confirmed).group_by(name))
    by_key = {bytes(sealed_with): count for sealed_with, count in counted}
    former = [by_key.get(key_name(key), 0) for key in keys.former]
    current = by_key.get(key_name(keys.current), 0)
    return SealedSecrets(current, sum(former), sum(by_key.values()) - current - sum(former))


def seal_anew(session: Session, keys: Keys, *, after: int, count: int) -> tuple[int, int] | None:
    """Seal a batch of secrets with the current key, those of the accounts after this id.

    Returns the last id of the batch and how many were sealed anew; None if no account is left.
    Secrets that no key opens stay as they are.
    """
    rows = session.scalars(
        select(Authenticator)
        .where(Authenticator.user_id > after, Authenticator.confirmed_at.is_not(None))
        .order_by(Authenticator.user_id)
        .limit(count)
        .with_for_update()
    ).all()
    if not rows:
        return None
    outdated = [row for row in rows if not row.secret.startswith(key_name(keys.current))]
    return rows[-1].user_id, sum(_seal_anew(keys, row) for row in outdated)


def _seal_anew(keys: Keys, row: Authenticator) -> bool:
    owner = _owner(row.user_id)
    try:
        row.secret = seal(keys, unseal(keys, row.secret, owner=owner), owner=owner)
    except UnreadableSecretError:
        return False
    return True


def _secret(
    session: Session, keys: Keys, user_id: int, owner: str, *conditions: object
) -> bytes | None:
    own = Authenticator.user_id == user_id
    sealed = session.scalar(select(Authenticator.secret).where(own, *conditions))  # type: ignore[arg-type]
    if sealed is None:
        return None
    try:
        return unseal(keys, sealed, owner=owner)
    except UnreadableSecretError:
        # `microblog check` says so. The owner has recovery codes; nothing fails for anybody.
        return None


def _matching_step(secret: bytes | None, code: str, *, now: datetime) -> int | None:
    if secret is None:
        return None
    app = pyotp.TOTP(_base32(secret))
    present = int(now.timestamp()) // STEP_SECONDS
    # The newest first, so that the others cannot be used after it.
    steps = range(present + DRIFT_STEPS, present - DRIFT_STEPS - 1, -1)
    matching = [
        step
        for step in steps
        if hmac.compare_digest(app.generate_otp(step).encode(), code.encode())
    ]
    return matching[0] if matching else None


def _take(session: Session, user_id: int, step: int, *conditions: object, **values: object) -> bool:
    unused = Authenticator.user_id == user_id, Authenticator.last_step < step
    taken = update(Authenticator).where(*unused, *conditions).values(last_step=step, **values)  # type: ignore[arg-type]
    return bool(session.execute(taken).rowcount)  # type: ignore[attr-defined]


def _base32(secret: bytes) -> str:
    return b32encode(secret).decode()


def _owner(user_id: int) -> str:
    return f"authenticator of {user_id}"


def _beginner(user_id: int, begun_in: bytes) -> str:
    return f"{_owner(user_id)} begun in {begun_in.hex()}"
