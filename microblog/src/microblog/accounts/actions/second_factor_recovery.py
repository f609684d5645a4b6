"""A lost second factor: it is removed after 72 hours in which nobody objected.

- It begins with the password and a link in the account's mailbox: neither alone is enough.
- The owner is told at once, by mail to every address that has a say, and on each signed-in page.
  One click on any of them stops it.
- It also stops when somebody proves a second factor or adds one, and with everything that secures
  the account (see "What ends what" in docs/accounts.md).

Nothing here is quicker than the owner can object, except an administrator (`admin/accounts.py`).
Sources: OWASP ASVS 5.0, 6.4.3 and 6.4.4; NIST SP 800-63B-4, 4.2.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.actions.second_factors import Change, remove_second_factor
from microblog.accounts.audit.notices import enqueue_notice
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import User
from microblog.accounts.pending_changes import addresses_that_can_undo
from microblog.accounts.second_factors.factors import factors_of, stop_removal
from microblog.accounts.sessions.reauthentication import lock_account
from microblog.accounts.tokens import (
    KEEP_SECOND_FACTOR,
    SECOND_FACTOR_LOST,
    Keys,
    State,
    make_token,
    matches,
    read_token,
)
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope
from microblog.web.supported_languages import LANGUAGES

WAIT = timedelta(hours=72)

LINK_LIFETIME = timedelta(hours=1)
"""For opening the mailed link that begins it."""

LOST_KIND = "accounts.second_factor_lost"
REMOVAL_KIND = "accounts.second_factor_removal"


def ask_for_removal(session: Session, outbox: Outbox, user: User, scope: Scope) -> None:
    """Mail a link to the account's address, with which the 72 hours begin.

    Whoever asks has given the password. Nothing is mailed to an address that was never verified.
    """
    enqueue_notice(session, outbox, LOST_KIND, user, scope)


def removal_token(keys: Keys, user: User, *, now: datetime) -> str:
    """Make the token with which the 72 hours begin. A new password or address ends it."""
    return make_token(keys, SECOND_FACTOR_LOST, user, now=now, lifetime=LINK_LIFETIME)


def find_to_begin(
    session: Session, keys: Keys, token: str, *, now: datetime, locked: bool = False
) -> User | None:
    """Return the account whose second factor this token can have removed. Changes nothing."""
    claims = read_token(keys, SECOND_FACTOR_LOST, token, now=now)
    if claims is None:
        return None
    user = lock_account(session, claims.user_id) if locked else session.get(User, claims.user_id)
    if user is None or user.disabled_at is not None or user.deletes_at is not None:
        return None
    is_good = matches(claims, SECOND_FACTOR_LOST, user) and factors_of(session, user.id)
    return user if is_good else None


def begin_removal(
    session: Session, outbox: Outbox, keys: Keys, token: str, scope: Scope
) -> datetime | None:
    """Begin the 72 hours, and tell the owner everywhere; return when they end.

    Pressed again it returns the same moment. Returns None if the token is not good.
    """
    user = find_to_begin(session, keys, token, now=scope.now, locked=True)
    if user is None:
        return None
    if user.second_factor_ends_at is None:
        user.second_factor_ends_at = scope.now + WAIT
        record(session, user.id, SecurityEventType.SECOND_FACTOR_REMOVAL_ASKED, scope)
        for address in addresses_that_can_undo(session, user, now=scope.now):
            enqueue_notice(session, outbox, REMOVAL_KIND, user, scope, to=address)
    return user.second_factor_ends_at


def keep_token(keys: Keys, user: User, *, now: datetime) -> str:
    """Make the token that stops this removal, as long as it waits."""
    assert user.second_factor_ends_at is not None  # noqa: S101
    lifetime = user.second_factor_ends_at - now
    return make_token(
        keys, KEEP_SECOND_FACTOR, user, now=now, lifetime=lifetime, state=_removal_state(user)
    )


def find_to_keep(
    session: Session, keys: Keys, token: str, *, now: datetime, locked: bool = False
) -> User | None:
    """Return the account whose removal this token can stop. Changes nothing."""
    claims = read_token(keys, KEEP_SECOND_FACTOR, token, now=now)
    if claims is None:
        return None
    user = lock_account(session, claims.user_id) if locked else session.get(User, claims.user_id)
    if user is None or user.second_factor_ends_at is None:
        return None
    return user if matches(claims, KEEP_SECOND_FACTOR, user, state=_removal_state(user)) else None


def keep_by_link(session: Session, keys: Keys, token: str, scope: Scope) -> bool:
    """Stop the removal that the mail was about; return whether the link was good."""
    user = find_to_keep(session, keys, token, now=scope.now, locked=True)
    return user is not None and keep(session, user.id, scope)


def keep(session: Session, user_id: int, scope: Scope) -> bool:
    """Stop the removal that waits: somebody objects, or proved a factor. Return whether one did."""
    stopped = stop_removal(session, user_id)
    if stopped:
        record(session, user_id, SecurityEventType.SECOND_FACTOR_REMOVAL_STOPPED, scope)
    return stopped


def finish_removal(session: Session, outbox: Outbox, user: User, scope: Scope) -> bool:
    """Remove the second factor if its 72 hours are over; return whether it was removed.

    The account must be locked.
    """
    ends_at = user.second_factor_ends_at
    if ends_at is None or scope.now < ends_at:
        return False
    return remove_second_factor(session, outbox, user, Change.REMOVED_AFTER_WAITING, scope)


def finish_due_removals(session: Session, outbox: Outbox, now: datetime) -> bool:
    """Finish one removal whose 72 hours are over; return False if there is none."""
    user = session.scalar(
        select(User)
        .where(User.second_factor_ends_at <= now)
        .order_by(User.second_factor_ends_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if user is None:
        return False
    scope = Scope(RequestOrigin(), now, user.locale or LANGUAGES[0])
    if not finish_removal(session, outbox, user, scope):
        user.second_factor_ends_at = None
    return True


def _removal_state(user: User) -> State:
    ends_at = user.second_factor_ends_at
    return (ends_at.isoformat() if ends_at else "",)
