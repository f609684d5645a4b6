"""The second step of a log-in: the password was right, and the account asks for more.

Between the steps nothing is stored: the browser holds a token for ten minutes, which ends with the
password and the address that it was made for. What is proved in the second step is used in the
transaction that opens the session. Sources: OWASP ASVS 5.0, 6.3.3, 6.5.1 and 6.6.3; NIST SP
800-63B-4, 3.2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.actions import second_factor_recovery
from microblog.accounts.actions.second_factors import (
    Change,
    tell,
    tell_code_used,
)
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import User
from microblog.accounts.second_factors.authenticator import read_code, take_code
from microblog.accounts.second_factors.passkeys import use_passkey
from microblog.accounts.second_factors.recovery_codes import read_recovery_code, use_code
from microblog.accounts.second_factors.relying_party import PasskeyError, RelyingParty
from microblog.accounts.sessions.known_browsers import known_browser
from microblog.accounts.sessions.login_throttle import SECOND_STEP as SECOND_STEP_TRIES
from microblog.accounts.sessions.login_throttle import reset_throttle, throttle_key
from microblog.accounts.sessions.reauthentication import lock_account
from microblog.accounts.tokens import SECOND_STEP, Keys, make_token, matches, read_token
from microblog.web.scope import Scope

LIFETIME = timedelta(minutes=10)
"""Between the steps."""


class Method(StrEnum):
    """What proves who somebody is, as RFC 8176 names it where it does."""

    PASSWORD = "pwd"  # noqa: S105 - the name of a method
    CODE = "otp"
    RECOVERY_CODE = "recovery"
    DEVICE_PASSKEY = "hwk"
    SYNCED_PASSKEY = "swk"
    USER_VERIFIED = "user"


@dataclass(frozen=True)
class Proof:
    """Whose passkey it was, and how it proves that."""

    user: User
    methods: list[Method]


def begin_second_step(keys: Keys, user: User, *, now: datetime) -> str:
    """Return a token which says that the password of this account was right."""
    return make_token(keys, SECOND_STEP, user, now=now, lifetime=LIFETIME)


def find_halfway(
    session: Session, keys: Keys, token: str, *, now: datetime, locked: bool = False
) -> User | None:
    """Return the account whose password was right; None if that was too long ago or has changed.

    With `locked`, the account is locked until the transaction ends.
    """
    claims = read_token(keys, SECOND_STEP, token, now=now)
    if claims is None:
        return None
    user = session.get(User, claims.user_id, with_for_update=locked, populate_existing=True)
    if user is None or user.disabled_at is not None or user.deletes_at is not None:
        return None
    return user if matches(claims, SECOND_STEP, user) else None


def tries_key(
    session: Session, keys: Keys, user: User, browser_secrets: list[str], *, now: datetime
) -> str:
    """Return what wrong codes are counted by: the account, and each browser that it knows apart."""
    known = known_browser(session, user.id, browser_secrets, now=now)
    return throttle_key(keys, str(user.id), known or b"", purpose=SECOND_STEP_TRIES)


def prove_with_code(
    session: Session,
    outbox: Outbox,
    keys: Keys,
    scope: Scope,
    *,
    user: User,
    typed: str,
    counted_by: str,
) -> Method | None:
    """Return how this code proves that its sender is the owner, and use it; None if it doesn't."""
    method = _use(session, keys, user, typed, now=scope.now)
    if method is None:
        record(session, user.id, SecurityEventType.SECOND_STEP_FAILED, scope)
        return None
    reset_throttle(session, counted_by)
    second_factor_recovery.keep(session, user.id, scope)
    if method is Method.RECOVERY_CODE:
        tell_code_used(session, outbox, user, scope)
    return method


def prove_with_passkey(
    session: Session,
    outbox: Outbox,
    keys: Keys,
    scope: Scope,
    *,
    site: RelyingParty,
    answer: str,
    purpose: str,
    user: User | None = None,
) -> Proof | None:
    """Return whose passkey this answer proves, and use it; None if it does not.

    With `user` it must be that account's; without, it proves an account by itself. A copied one is
    refused, and its owner is told.
    """
    user_id = user.id if user else None
    try:
        use = use_passkey(
            session, keys, site, answer, purpose=purpose, now=scope.now, user_id=user_id
        )
    except PasskeyError:
        if user is not None:
            record(session, user.id, SecurityEventType.SECOND_STEP_FAILED, scope)
        return None
    owner = lock_account(session, use.passkey.user_id)
    if owner is None or owner.disabled_at is not None:
        return None
    if use.is_copied:
        tell(session, outbox, owner, Change.PASSKEY_COPIED, scope, name=use.passkey.name)
        return None
    second_factor_recovery.keep(session, owner.id, scope)
    kind = Method.SYNCED_PASSKEY if use.passkey.is_synced else Method.DEVICE_PASSKEY
    return Proof(owner, [kind, Method.USER_VERIFIED] if use.user_verified else [kind])


def is_recovery_code(typed: str) -> bool:
    """Whether this may be a recovery code, which nobody can guess: its tries are not limited."""
    return read_recovery_code(typed) is not None


def _use(session: Session, keys: Keys, user: User, typed: str, *, now: datetime) -> Method | None:
    code = read_code(typed)
    if code is not None:
        return Method.CODE if take_code(session, keys, user.id, code, now=now) else None
    code = read_recovery_code(typed)
    if code is not None and use_code(session, user.id, code, now=now):
        return Method.RECOVERY_CODE
    return None
