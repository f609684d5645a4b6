"""Changing one's user name."""

from __future__ import annotations

import unicodedata

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from microblog.accounts.actions.registration import TakenError, require_free_name
from microblog.accounts.confusables import skeleton
from microblog.accounts.models import User
from microblog.accounts.usernames import check_username, username_key


def rename(session: Session, user: User, username: str) -> None:
    """Change an account's user name.

    Raises UsernameError for a name that is not allowed, and TakenError if another account has it or
    one that looks like it. Nothing is changed then.
    """
    if username != user.username:
        # A name from before a rule may be kept.
        check_username(username)
    key, look = username_key(username), skeleton(username)
    # A name from before this rule may go on looking like another one, whatever its case.
    is_new = look != user.username_skeleton
    require_free_name(session, key=key, skeleton=look if is_new else None, exclude_user_id=user.id)
    try:
        with session.begin_nested():
            user.username, user.username_key = unicodedata.normalize("NFC", username), key
            if is_new:
                user.username_skeleton, user.confusable_username = look, False
    except IntegrityError:
        # Somebody else was faster, between the query and the update.
        require_free_name(session, key=key, skeleton=look, exclude_user_id=user.id)
        raise TakenError("username") from None
