"""What is stored about people's profiles and relations: what an export contains.

All of it is deleted with the account.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from microblog.accounts.actions.personal_data import PersonalData
from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.people.models import Avatar, Block, Follow, Mute, Profile


def collect(session: Session, user_id: int) -> dict[str, Any]:
    """Return everything except who blocked or muted them, which is private to those people."""
    return {
        "profile": _profile(session, user_id),
        "following": _names(session, Follow.followed_id, Follow.follower_id == user_id),
        "followers": _names(session, Follow.follower_id, Follow.followed_id == user_id),
        "blocked": _names(session, Block.blocked_id, Block.blocker_id == user_id),
        "muted": _names(session, Mute.muted_id, Mute.muter_id == user_id),
    }


PERSONAL_DATA = PersonalData(collect)


def _profile(session: Session, user_id: int) -> dict[str, Any]:
    profile = session.get(Profile, user_id)
    picture = session.get(Avatar, user_id)
    return {
        "about_me": profile.about_me if profile else "",
        "avatar": base64.b64encode(picture.content).decode() if picture else None,
    }


def _names(
    session: Session, person: ColumnElement[int] | Any, which: ColumnElement[bool]
) -> Sequence[str]:
    names = select(User.username).join_from(User, person.class_, User.id == person)
    return session.scalars(names.where(which, visible()).order_by(User.username_key)).all()
