"""A forgotten password: asking for a link, and choosing a new password with it.

Sources: OWASP Forgot Password Cheat Sheet; ASVS 5.0, 6.3.8 and 6.5; CWE-640, CWE-204, CWE-208.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flask_outbox import AddressLike, Outbox
from microblog.accounts.actions.password_reset_code import begin_request, end_request
from microblog.accounts.audit.notices import enqueue_notice, request_arguments
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.lookup import find_by_email
from microblog.accounts.models import User
from microblog.accounts.passwords import unusable_password
from microblog.accounts.pending_changes import (
    AddressTakenError,
    cancel_pending,
    require_unreserved,
)
from microblog.accounts.second_factors.factors import factors_of, remove_factors, stop_removal
from microblog.accounts.secrets import secret_digest
from microblog.accounts.sessions.known_browsers import forget_browsers
from microblog.accounts.sessions.login_throttle import reset_account_throttle
from microblog.accounts.sessions.sessions import end_all_sessions
from microblog.accounts.tokens import RESET_PASSWORD, Keys, make_token, matches, read_token
from microblog.web.scope import Scope

RESET_KIND = "accounts.reset_password"
STARTED_KIND = "accounts.reset_started"
CHANGED_KIND = "accounts.password_changed"


class Reason(StrEnum):
    """Why a reset was started for an account. The values are stored; the email says it in words."""

    REPORTED = "reported"
    UNDONE = "undone"
    ADMINISTRATOR = "administrator"


def request_reset(
    session: Session,
    outbox: Outbox,
    address: str,
    scope: Scope,
    *,
    nonce: str,
    former_nonce: str | None = None,
) -> None:
    """Enqueue a link for the account with this address, if there is one.

    Nothing is looked up here: the same row is written for any address, so that neither the answer
    nor its time tells who has an account. The composer looks the account up. The origin and the
    moment are stored for the owner, who is told what the request came from, and when.

    The mail has a code, too, for the browser that keeps this `nonce`; the code for the
    `former_nonce` becomes worthless, unless it is the same.
    """
    about = {**request_arguments(scope), "nonce_digest": secret_digest(nonce).hex()}
    message_id = outbox.enqueue(session, RESET_KIND, address, locale=scope.locale, arguments=about)
    if nonce != former_nonce:
        begin_request(session, message_id, nonce, now=scope.now)
        if former_nonce is not None:
            end_request(session, former_nonce)


def start_reset(
    session: Session, outbox: Outbox, user: User, reason: Reason, *, locale: str
) -> None:
    """Mail a reset link to the owner of this account, for a reason that needs no request.

    Unlike a stranger's request, it is not stopped by the recipient limit.
    """
    arguments = {"user_id": user.id, "reason": reason.value}
    outbox.enqueue(session, STARTED_KIND, user.email, locale=locale, arguments=arguments)


def lock_password(user: User) -> None:
    """Make the account's password unusable until its owner chooses a new one.

    This makes all reset links that were mailed worthless, too.
    """
    user.password_hash = unusable_password()


def reset_link(
    session: Session, keys: Keys, address: AddressLike, *, now: datetime, lifetime: timedelta
) -> tuple[User, str] | None:
    """Return the account with this address and a new token for it, at the moment of sending.

    Returns None if there is no account or it is disabled. Look for a `reservation` first: a
    reserved address belongs to the account that can get it back.
    """
    user = find_by_email(session, address)
    if user is None or user.disabled_at is not None:
        return None
    return user, reset_token(keys, user, now=now, lifetime=lifetime)


def reset_token(keys: Keys, user: User, *, now: datetime, lifetime: timedelta) -> str:
    """Make the token with which this account gets a new password."""
    return make_token(keys, RESET_PASSWORD, user, now=now, lifetime=lifetime)


def find_by_token(session: Session, keys: Keys, token: str, *, now: datetime) -> User | None:
    """Return the account that this token can give a new password. Changes nothing."""
    claims = read_token(keys, RESET_PASSWORD, token, now=now)
    if claims is None:
        return None
    user = session.scalar(select(User).where(User.id == claims.user_id))
    if user is None or user.disabled_at is not None:
        return None
    return user if matches(claims, RESET_PASSWORD, user) else None


def find_by_ended_token(session: Session, keys: Keys, token: str) -> User | None:
    """Return the account that this token was made for, however old or used it is.

    Whoever has such a token can ask for a new one, and no more.
    """
    claims = read_token(keys, RESET_PASSWORD, token, now=None)
    return session.get(User, claims.user_id) if claims else None


def reset_password(
    session: Session,
    outbox: Outbox,
    keys: Keys,
    token: str,
    scope: Scope,
    *,
    password_hash: str,
) -> User | None:
    """Give the token's account a new password, end what others began there, and tell its owner.

    Whoever has the token reads the mail of the address, so the address becomes verified. Returns
    None if the token is not good any more: one of many simultaneous uses wins, and none if another
    account has verified the address meanwhile, or can still get it back.
    """
    user = find_by_token(session, keys, token, now=scope.now)
    if user is None:
        return None
    was_verified = user.email_verified_at is not None
    if not _replace_password(session, user, password_hash, now=scope.now):
        return None
    session.refresh(user)
    revoke_access(session, user, now=scope.now)
    reset_account_throttle(session, keys, user)
    record(session, user.id, SecurityEventType.PASSWORD_RESET, scope)
    if not was_verified:
        record(session, user.id, SecurityEventType.EMAIL_VERIFIED, scope)
        # Whoever began these had not verified the address: they may be somebody else's.
        undo_deletion(session, user, scope)
        if factors_of(session, user.id):
            record(session, user.id, SecurityEventType.SECOND_FACTOR_REMOVED, scope)
        remove_factors(session, user.id)
    enqueue_notice(session, outbox, CHANGED_KIND, user, scope)
    return user


def _replace_password(session: Session, user: User, password_hash: str, *, now: datetime) -> bool:
    """Set the new password and verify the address.

    Returns False, and changes nothing, if somebody else was faster.
    """
    change = (
        update(User)
        .where(
            User.id == user.id,
            User.password_hash == user.password_hash,
            User.email_key == user.email_key,
        )
        .values(password_hash=password_hash, email_verified_at=user.email_verified_at or now)
        .execution_options(synchronize_session=False)
    )
    try:
        with session.begin_nested():
            changed = session.execute(change).rowcount  # type: ignore[attr-defined]
            if changed and user.email_verified_at is None:
                require_unreserved(session, user.email_key, exclude_user_id=user.id, now=now)
    except (IntegrityError, AddressTakenError):
        return False
    return bool(changed)


def revoke_access(session: Session, user: User, *, now: datetime) -> None:
    """End the account's sessions, its known browsers and what is pending: a change, a removal."""
    end_all_sessions(session, user.id)
    forget_browsers(session, user.id)
    cancel_pending(session, user.id, now=now)
    stop_removal(session, user.id)


def undo_deletion(session: Session, user: User, scope: Scope) -> None:
    """Undo a pending deletion, if there is one."""
    if user.deletes_at is not None:
        user.deletes_at = None
        record(session, user.id, SecurityEventType.DELETION_UNDONE, scope)
