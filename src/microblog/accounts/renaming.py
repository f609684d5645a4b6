"""Taking another user name."""

from __future__ import annotations

import unicodedata

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.names import username_key
from microblog.accounts.registration import TakenError


def rename(session: Session, user: User, username: str) -> None:
    """Give an account another name, which the form has checked.

    Raises TakenError where another account has it; then the transaction has been rolled back.
    """
    key = username_key(username)
    taken = session.scalar(select(User.id).where(User.username_key == key, User.id != user.id))
    if taken is not None:
        raise TakenError("username")
    user.username, user.username_key = unicodedata.normalize("NFC", username), key
    try:
        session.flush()
    except IntegrityError:
        # Somebody else was faster, between the look and the change.
        session.rollback()
        raise TakenError("username") from None
