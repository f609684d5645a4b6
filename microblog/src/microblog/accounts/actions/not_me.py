"""The owner says "this wasn't me": the account is secured, and only mail to the owner opens it.

Whoever did it may have the password, a session, a known browser and pending changes. All of that
ends. The password stops working too, or they would be back before the owner has chosen a new one.
Pressing the button again does nothing more.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import Enum, auto

from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox import Outbox, address_key
from microblog.accounts.actions.password_reset import (
    Reason,
    lock_password,
    revoke_access,
    start_reset,
    undo_deletion,
)
from microblog.accounts.audit.notices import LINK_LIFETIME
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import EmailChange, SecurityEvent, User
from microblog.accounts.pending_changes import can_be_undone, changes_not_undone
from microblog.accounts.second_factors.factors import undo_recent_factors
from microblog.accounts.tokens import NOT_ME, Keys, matches, read_token
from microblog.web.scope import Scope


class Report(Enum):
    """The outcome of a report. REFUSED: the link is not good. DONE_BEFORE: it was used already."""

    DONE = auto()
    DONE_BEFORE = auto()
    REFUSED = auto()


def reporter(
    session: Session, keys: Keys, token: str, *, now: datetime, locked: bool = False
) -> User | None:
    """Return the account that this link belongs to, if its notice went to the present address.

    Changes nothing. With `locked`, the account is locked until the transaction ends.
    """
    claims = read_token(keys, NOT_ME, token, now=now)
    if claims is None:
        return None
    user = session.get(User, claims.user_id, with_for_update=locked, populate_existing=True)
    return user if user and matches(claims, NOT_ME, user, state=(user.email_key,)) else None


def change_to_undo(
    session: Session, keys: Keys, token: str, *, now: datetime
) -> tuple[User, EmailChange] | None:
    """Return the account and the change of address that the reader of this link can undo.

    A notice that went to a former address can no longer secure the account. But while that address
    can undo its change, its reader need not look for the other mail.
    """
    claims = read_token(keys, NOT_ME, token, now=now)
    user = session.get(User, claims.user_id) if claims else None
    if claims is None or user is None:
        return None
    for change in changes_not_undone(session, user.id):
        state = (address_key(change.old_email),)
        if matches(claims, NOT_ME, user, state=state) and can_be_undone(change, now=now):
            return user, change
    return None


def report(
    session: Session,
    outbox: Outbox,
    keys: Keys,
    token: str,
    scope: Scope,
) -> Report:
    """Secure the link's account, and mail its owner a link for a new password."""
    user = reporter(session, keys, token, now=scope.now, locked=True)
    if user is None:
        return Report.REFUSED
    # The part that the signature covers, of which there is one spelling.
    link = hashlib.sha256(token.rpartition(".")[0].encode()).hexdigest()
    if _was_pressed(session, user, link, now=scope.now):
        return Report.DONE_BEFORE
    secure_account(session, user, scope)
    record(session, user.id, SecurityEventType.REPORTED, scope, link=link)
    start_reset(session, outbox, user, Reason.REPORTED, locale=scope.locale)
    return Report.DONE


def secure_account(session: Session, user: User, scope: Scope) -> None:
    """End the account's sessions, known browsers, pending changes, deletion and password.

    Second factors of the last 72 hours end, too: an intruder's would keep the owner out.
    """
    revoke_access(session, user, now=scope.now)
    undo_recent_factors(session, user.id, now=scope.now)
    undo_deletion(session, user, scope)
    lock_password(user)


def _was_pressed(session: Session, user: User, link: str, *, now: datetime) -> bool:
    reports = session.scalars(
        select(SecurityEvent.details).where(
            SecurityEvent.user_id == user.id,
            SecurityEvent.kind == SecurityEventType.REPORTED.value,
            SecurityEvent.at > now - LINK_LIFETIME,
        )
    )
    return any(details.get("link") == link for details in reports)
