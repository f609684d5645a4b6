"""Sessions: a row for each browser in which somebody is logged in, so that each can be ended."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask_login import UserMixin
from sqlalchemy import ColumnElement, and_, bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import KnownBrowser, LoginSession, User
from microblog.accounts.secrets import secret_digest
from microblog.database import MAX_ID
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope

PASSWORD = "pwd"  # noqa: S105 - the name of a method
"""The method of RFC 8176 for a password alone."""

IDLE_REMEMBERED = timedelta(days=30)
IDLE_OTHERWISE = timedelta(days=1)
SEEN_EVERY = timedelta(minutes=10)
PRUNED_AT_ONCE = 1000

# Building a statement costs more than running it, and each page needs this one.
_WITH_DIGEST = select(LoginSession).where(LoginSession.digest == bindparam("digest"))


class Visitor(UserMixin):
    """Somebody who is logged in: a session and its account. It is Flask-Login's current user."""

    def __init__(self, session: LoginSession, secret: str) -> None:
        self.session = session
        self.user = session.user
        self._secret = secret

    def get_id(self) -> str:
        """Return what the cookie stores: the session's secret, not the account's id."""
        return self._secret


def start_session(
    session: Session, user: User, scope: Scope, *, remembered: bool, methods: str = PASSWORD
) -> Visitor:
    """Start a session of this account, in the browser that gets the secret.

    `methods` are how its person proved who they are, in the words of RFC 8176.
    """
    secret = secrets.token_urlsafe(32)
    started = LoginSession(
        user=user,
        digest=secret_digest(secret),
        remembered=remembered,
        created_at=scope.now,
        seen_at=scope.now,
        browser=scope.origin.browser,
        address=scope.origin.network,
        methods=methods,
    )
    user.last_seen_at = scope.now
    session.add(started)
    session.flush()
    return Visitor(started, secret)


def find_session(session: Session, secret: str, *, now: datetime) -> Visitor | None:
    """Return the visitor with this secret; None if the session was ended or idle for too long.

    Accounts that are disabled or about to be deleted have no visitors.
    """
    found = session.scalar(_WITH_DIGEST, {"digest": secret_digest(secret)})
    if found is None or found.user.disabled_at is not None or found.user.deletes_at is not None:
        return None
    idle = IDLE_REMEMBERED if found.remembered else IDLE_OTHERWISE
    return Visitor(found, secret) if now - found.seen_at <= idle else None


def touch(session: Session, visitor: Visitor, origin: RequestOrigin, *, now: datetime) -> None:
    """Record that the session is in use, and where; and that its person is here.

    It takes no Scope: a visitor is looked up before the language of the request is known.
    """
    # The account first, as where it is deleted with its sessions: nobody waits in a circle.
    session.execute(update(User).where(User.id == visitor.user.id).values(last_seen_at=now))
    session.execute(
        update(LoginSession)
        .where(LoginSession.id == visitor.session.id)
        .values(seen_at=now, browser=origin.browser, address=origin.network)
    )


def needs_touch(visitor: Visitor, *, now: datetime) -> bool:
    """Whether the session was last touched long enough ago to be worth a write."""
    return now - visitor.session.seen_at >= SEEN_EVERY


def prove(session: Session, visitor: Visitor, *, now: datetime) -> None:
    """Record that the visitor proved who they are once more."""
    own = LoginSession.id == visitor.session.id
    session.execute(update(LoginSession).where(own).values(proved_at=now))


def log_out(session: Session, visitor: Visitor, scope: Scope) -> None:
    """Log the visitor out of this browser."""
    session.execute(delete(LoginSession).where(LoginSession.id == visitor.session.id))
    record(session, visitor.user.id, SecurityEventType.LOGGED_OUT, scope)


def renew_session(session: Session, visitor: Visitor) -> Visitor | None:
    """Give the session a new secret; return its visitor, None if the session was ended."""
    secret = secrets.token_urlsafe(32)
    renewed = session.get(LoginSession, visitor.session.id, populate_existing=True)
    if renewed is None:
        return None
    renewed.digest = secret_digest(secret)
    session.flush()
    return Visitor(renewed, secret)


def open_sessions(session: Session, user_id: int, *, now: datetime) -> Sequence[LoginSession]:
    """Return the sessions of this account, the one used last first."""
    return session.scalars(
        select(LoginSession)
        .where(LoginSession.user_id == user_id, ~_is_over(now))
        .order_by(LoginSession.seen_at.desc(), LoginSession.id.desc())
    ).all()


def end_session(session: Session, visitor: Visitor, session_id: int, scope: Scope) -> bool:
    """End one session of the visitor's account.

    Returns False if the account has no session with this id.
    """
    if session_id > MAX_ID:
        return False
    theirs = LoginSession.id == session_id, LoginSession.user_id == visitor.user.id
    ended = session.execute(
        delete(LoginSession).where(*theirs).returning(LoginSession.browser, LoginSession.address)
    ).one_or_none()
    if ended is None:
        return False
    if session_id != visitor.session.id:
        _forget_browsers(session, visitor.user.id)
    where = ", ".join(part for part in ended if part)
    record(session, visitor.user.id, SecurityEventType.SESSION_ENDED, scope, where=where)
    return True


def log_out_elsewhere(session: Session, visitor: Visitor, scope: Scope) -> int:
    """End all sessions of the visitor's account but this one; return how many."""
    ended = end_other_sessions(session, visitor)
    _forget_browsers(session, visitor.user.id)
    if ended:
        record(session, visitor.user.id, SecurityEventType.SESSIONS_ENDED, scope)
    return ended


def end_other_sessions(session: Session, visitor: Visitor) -> int:
    """End all sessions of the account but this one, without a record; return how many."""
    others = LoginSession.user_id == visitor.user.id, LoginSession.id != visitor.session.id
    return int(session.execute(delete(LoginSession).where(*others)).rowcount)  # type: ignore[attr-defined]


def end_all_sessions(session: Session, user_id: int) -> None:
    """End all sessions of the account."""
    session.execute(delete(LoginSession).where(LoginSession.user_id == user_id))


def _forget_browsers(session: Session, user_id: int) -> None:
    """Forget all known browsers, since nobody can tell which of them was logged out.

    So the owner gets a notice if somebody logs in from that browser again.
    """
    session.execute(delete(KnownBrowser).where(KnownBrowser.user_id == user_id))


def prune_sessions(session: Session, now: datetime) -> bool:
    """Delete a batch of sessions that are over; return whether there may be more."""
    over = session.scalars(select(LoginSession.id).where(_is_over(now)).limit(PRUNED_AT_ONCE)).all()
    session.execute(delete(LoginSession).where(LoginSession.id.in_(over)))
    return len(over) == PRUNED_AT_ONCE


def _is_over(now: datetime) -> ColumnElement[bool]:
    """The SQL condition for sessions that were idle for too long."""
    return or_(
        LoginSession.seen_at < now - IDLE_REMEMBERED,
        and_(~LoginSession.remembered, LoginSession.seen_at < now - IDLE_OTHERWISE),
    )
