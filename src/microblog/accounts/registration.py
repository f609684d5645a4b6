"""Making an account.

Its address is a claim until it is verified: several accounts may name one address, one may hold it.
So whoever registers learns nothing about who has an account, neither from the answer, nor from its
time, nor by trying the new account out.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from microblog.accounts.authentication import holder_of
from microblog.accounts.email_changes import reservation
from microblog.accounts.models import User
from microblog.accounts.names import username_key
from microblog.accounts.security_log import Happening, record
from microblog.accounts.verification import request_verification
from microblog.database import utc_now
from microblog.mail import Outbox, parse_address
from microblog.web.clients import Place


class TakenError(Exception):
    """Another account has the name or the address; `field` is "username" or "email"."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"Another account has this {field}.")


def register(
    session: Session,
    outbox: Outbox,
    *,
    username: str,
    email: str,
    password_hash: str,
    place: Place,
    now: datetime,
    locale: str,
) -> User:
    """Make an account, and ask whoever reads the mail of its address to confirm it.

    Raises TakenError for a user name; then the transaction has been rolled back. Nobody is looked
    up by the address: the same is written whether another account holds it or not.
    """
    user = create_account(session, username=username, email=email, password_hash=password_hash)
    record(session, user.id, Happening.REGISTERED, place, now=now)
    request_verification(session, outbox, user, locale)
    return user


def create_account(
    session: Session,
    *,
    username: str,
    email: str,
    password_hash: str,
    verified_at: datetime | None = None,
) -> User:
    """Make an account without telling anybody; with `verified_at`, its address counts as verified.

    Raises TakenError for a user name or, with `verified_at`, for an address that another account
    holds or may still get back; then the transaction has been rolled back.
    """
    address = parse_address(email)
    user = User(
        username=unicodedata.normalize("NFC", username),
        username_key=username_key(username),
        email=address.mailbox,
        email_key=address.key,
        email_verified_at=verified_at,
        password_hash=password_hash,
    )
    taken = _taken(session, user)
    if taken:
        raise TakenError(taken)
    session.add(user)
    try:
        session.flush()
    except IntegrityError:
        # Somebody else was faster, between the look and the insert.
        session.rollback()
        raise TakenError(_taken(session, user) or "username") from None
    return user


def _taken(session: Session, user: User) -> str | None:
    named = select(User.id).where(User.username_key == user.username_key)
    if session.scalar(named) is not None:
        return "username"
    if user.email_verified_at is None:
        return None
    is_held = holder_of(session, user.email_key) or reservation(
        session, user.email_key, but_for=None, now=utc_now()
    )
    return "email" if is_held else None
