"""Verifying that one reads the mail of the address that one registered with.

Until then one can log in, but neither post nor follow; after a month the account is removed.
Sources: OWASP ASVS 5.0, 6.3.8; CWE-204, CWE-208 (no answer and no time tells who has an account).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from sqlalchemy import ColumnElement, Exists, and_, delete, exists, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.administrators import LastAdministratorError, keep_an_administrator
from microblog.accounts.audit.notices import request_arguments
from microblog.accounts.audit.security_log import SecurityEventType, moments_of, record
from microblog.accounts.lookup import owner_of
from microblog.accounts.models import EmailChange, User
from microblog.accounts.pending_changes import AddressTakenError, require_unreserved
from microblog.accounts.sessions.reauthentication import lock_account
from microblog.accounts.tokens import VERIFY_EMAIL, Keys, State, make_token, matches, read_token
from microblog.web.scope import Scope

VERIFY_KIND = "accounts.verify_email"

LINK_LIFETIME = timedelta(days=3)
"""Longer than a weekend. The link gives nobody access, and another one is a click away."""

UNVERIFIED_KEPT = timedelta(days=30)

REMOVED_AT_ONCE = 500


class Verification(Enum):
    """The outcome of a verification."""

    DONE = auto()
    DONE_BEFORE = auto()
    TAKEN = auto()
    """Another account has verified the address meanwhile, or can still get it back."""
    REFUSED = auto()
    """The link is not good, or no longer."""


def request_verification(session: Session, outbox: Outbox, user: User, scope: Scope) -> None:
    """Enqueue a link with which the account's address is verified.

    The composer finds out whether another account has verified the address; if so, its owner is
    told instead.
    """
    about = {"user_id": user.id, **request_arguments(scope)}
    outbox.enqueue(session, VERIFY_KIND, user.email, locale=scope.locale, arguments=about)


def ask_again(session: Session, outbox: Outbox, user: User, scope: Scope) -> datetime | None:
    """Mail another link, or return when the account can ask for the next one."""
    lock_account(session, user.id)
    opens_at = can_ask_again_at(session, outbox, user, now=scope.now)
    if opens_at is None:
        record(session, user.id, SecurityEventType.VERIFICATION_ASKED, scope)
        request_verification(session, outbox, user, scope)
    return opens_at


def can_ask_again_at(
    session: Session, outbox: Outbox, user: User, *, now: datetime
) -> datetime | None:
    """Return when the account can ask for another link; None for now.

    Only the account's own requests are counted, by the recipient limit, so that the answer tells
    nothing about the address, which may be somebody else's.
    """
    asked = moments_of(
        session,
        user.id,
        SecurityEventType.REGISTERED,
        SecurityEventType.VERIFICATION_ASKED,
        since=now - timedelta(days=1),
    )
    opens_at = outbox.delivery.recipient_limit.opens_at(
        [one.timestamp() for one in asked], now=now.timestamp()
    )
    return datetime.fromtimestamp(opens_at, UTC) if opens_at is not None else None


def other_owner(session: Session, user: User) -> User | None:
    """Return the account that has verified the address which this one only claims, if any."""
    owner = owner_of(session, user.email_key)
    return owner if owner is not None and owner.id != user.id else None


def verification_token(keys: Keys, user: User, *, now: datetime) -> str:
    """Make a token that verifies this account's present address."""
    return make_token(keys, VERIFY_EMAIL, user, now=now, lifetime=LINK_LIFETIME, state=_state(user))


def find_by_token(session: Session, keys: Keys, token: str, *, now: datetime) -> User | None:
    """Return the account whose address this token verifies, or has verified. Changes nothing."""
    claims = read_token(keys, VERIFY_EMAIL, token, now=now)
    if claims is None:
        return None
    user = session.scalar(select(User).where(User.id == claims.user_id))
    if user is None or user.disabled_at is not None:
        return None
    return user if matches(claims, VERIFY_EMAIL, user, state=_state(user)) else None


def verify(session: Session, keys: Keys, token: str, scope: Scope) -> Verification:
    """Verify the address of the token's account; of many simultaneous uses, one does it."""
    user = find_by_token(session, keys, token, now=scope.now)
    if user is None:
        return Verification.REFUSED
    confirm = (
        update(User)
        .where(_is_claim(user))
        .values(email_verified_at=scope.now)
        .execution_options(synchronize_session=False)
    )
    try:
        with session.begin_nested():
            confirmed = session.execute(confirm).rowcount  # type: ignore[attr-defined]
            if confirmed:
                require_unreserved(session, user.email_key, exclude_user_id=user.id, now=scope.now)
    except (IntegrityError, AddressTakenError):
        return Verification.TAKEN
    if confirmed:
        record(session, user.id, SecurityEventType.EMAIL_VERIFIED, scope)
        return Verification.DONE
    verified_at = session.scalar(select(User.email_verified_at).where(User.id == user.id))
    return Verification.DONE_BEFORE if verified_at else Verification.REFUSED


def remove_claim(session: Session, keys: Keys, token: str, *, now: datetime) -> bool:
    """Remove the account that somebody else registered with the address of this token's reader.

    Returns False if the token is not good, if the address is verified, or if it is the last
    administrator's account.
    """
    user = find_by_token(session, keys, token, now=now)
    if user is None:
        return False
    try:
        keep_an_administrator(session, user.id)
    except LastAdministratorError:
        return False
    remove = delete(User).where(_is_claim(user)).execution_options(synchronize_session=False)
    return bool(session.execute(remove).rowcount)  # type: ignore[attr-defined]


def remove_unverified(session: Session, now: datetime, limit: int = REMOVED_AT_ONCE) -> bool:
    """Remove up to `limit` accounts that were not verified in time; return whether there are more.

    Such an account has neither posts nor followers. Administrators are spared: whoever made them
    administrators vouched for them.
    """
    old = (
        select(User.id)
        .where(
            User.email_verified_at.is_(None),
            User.registered_at < now - UNVERIFIED_KEPT,
            User.is_admin.is_(False),
            ~_lost_its_address(),
        )
        .order_by(User.id)
        .limit(limit)
    )
    numbers = session.scalars(old).all()
    # Checked again: the address may have been verified since the query.
    remove = delete(User).where(
        User.id.in_(numbers), User.email_verified_at.is_(None), User.is_admin.is_(False)
    )
    session.execute(remove.execution_options(synchronize_session=False))
    return len(numbers) == limit


def _is_claim(user: User) -> ColumnElement[bool]:
    return and_(
        User.id == user.id, User.email_key == user.email_key, User.email_verified_at.is_(None)
    )


def _lost_its_address() -> Exists:
    """Whether another account took its verified address back: such an account may have posts."""
    return exists().where(EmailChange.user_id == User.id, EmailChange.confirmed_at.is_not(None))


def _state(user: User) -> State:
    # Not the password: a stronger hash at the first log-in must not make the link worthless.
    return (user.email_key,)
