"""Making an account."""

from __future__ import annotations

import unicodedata

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.names import username_key
from microblog.mail import parse_address


class TakenError(Exception):
    """Another account has the name or the address; `field` is "username" or "email"."""

    def __init__(self, field: str) -> None:
        self.field = field
        super().__init__(f"Another account has this {field}.")


def register(session: Session, *, username: str, email: str, password_hash: str) -> User:
    """Make an account. Raises TakenError; then the transaction has been rolled back."""
    address = parse_address(email)
    user = User(
        username=unicodedata.normalize("NFC", username),
        username_key=username_key(username),
        email=address.mailbox,
        email_key=address.key,
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
    for field, key in (("username", User.username_key), ("email", User.email_key)):
        if session.scalar(select(User.id).where(key == getattr(user, key.key))) is not None:
            return field
    return None
