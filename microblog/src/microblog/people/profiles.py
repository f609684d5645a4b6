"""A person's profile: what they say about themselves, and their picture."""

from __future__ import annotations

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from microblog.accounts.actions.renaming import rename
from microblog.accounts.display_names import change_display_name
from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.database import MAX_ID
from microblog.people.models import Avatar, Block, Profile
from microblog.people.pictures import Picture
from microblog.people.signals import profile_changed
from microblog.people.text import readable

ABOUT_MAXIMUM = 300
"""Characters, as a person counts them."""


def find_profile(session: Session, user_id: int) -> Profile:
    """Return a person's profile, or an empty one that is not stored."""
    return session.get(Profile, user_id) or Profile(user_id=user_id, about_me="")


def change_profile(
    session: Session, user: User, *, display_name: str, username: str, about_me: str
) -> None:
    """Change what a person is called, and what they say about themselves.

    Raises DisplayNameError, UsernameError, TakenError, and TextError for what is not accepted.
    """
    change_display_name(session, user, display_name)
    rename(session, user, username)
    text = readable(about_me, ABOUT_MAXIMUM, may_be_blank=True)
    _stored_profile(session, user.id).about_me = text
    session.flush()
    profile_changed.send(session, user_id=user.id)


def set_picture(session: Session, user_id: int, picture: Picture) -> None:
    """Use this picture instead of the one drawn from the name."""
    _stored_profile(session, user_id).avatar_digest = picture.digest
    session.merge(Avatar(user_id=user_id, content=picture.content))


def remove_picture(session: Session, user_id: int) -> None:
    """Delete the uploaded picture; the one drawn from the name takes its place."""
    _stored_profile(session, user_id).avatar_digest = None
    session.execute(delete(Avatar).where(Avatar.user_id == user_id))


def find_picture(
    session: Session, user_id: int, digest: str, reader_id: int | None
) -> bytes | None:
    """Return the content of a person's picture if it still has this digest.

    None if this reader may not see the person, who is hidden or blocks the reader.
    """
    if user_id > MAX_ID or "\0" in digest:
        return None
    return session.scalar(
        select(Avatar.content)
        .join(Profile, Profile.user_id == Avatar.user_id)
        .join(User, User.id == Avatar.user_id)
        .where(
            User.id == user_id,
            Profile.avatar_digest == digest,
            visible(),
            ~exists().where(Block.blocker_id == User.id, Block.blocked_id == (reader_id or 0)),
        )
    )


def _stored_profile(session: Session, user_id: int) -> Profile:
    return session.merge(find_profile(session, user_id))
