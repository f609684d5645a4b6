"""Where people are logged in: a row for each browser, so that each can be ended."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from flask_login import UserMixin
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from microblog.accounts.models import LoginSession, User
from microblog.accounts.security_log import Happening, record
from microblog.web.clients import Place

IDLE_REMEMBERED = timedelta(days=30)
IDLE_OTHERWISE = timedelta(days=1)
SEEN_EVERY = timedelta(minutes=10)


class Visitor(UserMixin):
    """Someone who is logged in: the session and its account. Flask-Login's current user."""

    def __init__(self, session: LoginSession, secret: str) -> None:
        self.session = session
        self.user = session.user
        self._secret = secret

    def get_id(self) -> str:
        """What the cookie holds: the session's secret, not the account's number."""
        return self._secret


def start_session(
    session: Session, user: User, place: Place, *, remembered: bool, now: datetime
) -> Visitor:
    """Log this account in, in the browser that will hold the secret."""
    secret = secrets.token_urlsafe(32)
    started = LoginSession(
        user=user,
        digest=_digest(secret),
        remembered=remembered,
        created_at=now,
        seen_at=now,
        browser=place.browser,
        address=place.address,
    )
    session.add(started)
    session.flush()
    return Visitor(started, secret)


def find_session(session: Session, secret: str, *, now: datetime) -> Visitor | None:
    """Who holds this secret; None where the session was ended or has been idle for too long.

    Nor may anybody be in an account that is disabled or about to be deleted.
    """
    found = session.scalar(select(LoginSession).where(LoginSession.digest == _digest(secret)))
    if found is None or found.user.disabled_at is not None or found.user.deletes_at is not None:
        return None
    idle = IDLE_REMEMBERED if found.remembered else IDLE_OTHERWISE
    return Visitor(found, secret) if now - found.seen_at <= idle else None


def note_seen(session: Session, visitor: Visitor, place: Place, *, now: datetime) -> None:
    """Remember that the session is in use, and where."""
    session.execute(
        update(LoginSession)
        .where(LoginSession.id == visitor.session.id)
        .values(seen_at=now, browser=place.browser, address=place.address)
    )


def is_due_for_note(visitor: Visitor, *, now: datetime) -> bool:
    """Whether the last note is old enough to be worth a write."""
    return now - visitor.session.seen_at >= SEEN_EVERY


def log_out(session: Session, visitor: Visitor, place: Place, *, now: datetime) -> None:
    """Log this one browser out, as the person in front of it asks."""
    session.execute(delete(LoginSession).where(LoginSession.id == visitor.session.id))
    record(session, visitor.user.id, Happening.LOGGED_OUT, place, now=now)


def renew_session(session: Session, visitor: Visitor) -> Visitor | None:
    """The same session under a new secret; the former one is worthless. None where it was ended."""
    secret = secrets.token_urlsafe(32)
    renewed = session.get(LoginSession, visitor.session.id, populate_existing=True)
    if renewed is None:
        return None
    renewed.digest = _digest(secret)
    session.flush()
    return Visitor(renewed, secret)


def end_other_sessions(session: Session, visitor: Visitor) -> None:
    """Log the account out everywhere but here."""
    session.execute(
        delete(LoginSession).where(
            LoginSession.user_id == visitor.user.id, LoginSession.id != visitor.session.id
        )
    )


def end_all_sessions(session: Session, user_id: int) -> None:
    """Log the account out everywhere."""
    session.execute(delete(LoginSession).where(LoginSession.user_id == user_id))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
