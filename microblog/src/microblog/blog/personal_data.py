"""The blog's personal data: what an export contains, and what is erased with an account."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from microblog.accounts.actions.export import moment
from microblog.accounts.actions.personal_data import PersonalData
from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.blog.models import Avatar, Block, Follow, Mute, Post, Profile

ERASED_AT_ONCE = 1000


def collect(session: Session, user_id: int) -> dict[str, Any]:
    """Return everything except who blocked or muted them, which is private to those people."""
    return {
        "profile": _profile(session, user_id),
        "posts": _posts(session, user_id),
        "following": _names(session, Follow.followed_id, Follow.follower_id == user_id),
        "followers": _names(session, Follow.follower_id, Follow.followed_id == user_id),
        "blocked": _names(session, Block.blocked_id, Block.blocker_id == user_id),
        "muted": _names(session, Mute.muted_id, Mute.muter_id == user_id),
    }


def erase(session: Session, user_id: int) -> bool:
    """Delete a batch of the posts; return whether there may be more. The account takes the rest."""
    some = select(Post.id).where(Post.user_id == user_id).limit(ERASED_AT_ONCE)
    ids = session.scalars(some).all()
    session.execute(delete(Post).where(Post.id.in_(ids)))
    return len(ids) == ERASED_AT_ONCE


PERSONAL_DATA = PersonalData(collect, erase)


def _profile(session: Session, user_id: int) -> dict[str, Any]:
    profile = session.get(Profile, user_id)
    picture = session.get(Avatar, user_id)
    return {
        "about_me": profile.about_me if profile else "",
        "avatar": base64.b64encode(picture.content).decode() if picture else None,
    }


def _posts(session: Session, user_id: int) -> list[dict[str, Any]]:
    posts = session.execute(
        select(Post.id, Post.body, Post.created_at, Post.edited_at)
        .where(Post.user_id == user_id)
        .order_by(Post.id)
    )
    return [
        {"id": post_id, "body": body, "created_at": moment(made), "edited_at": moment(edited)}
        for post_id, body, made, edited in posts
    ]


def _names(
    session: Session, person: ColumnElement[int] | Any, which: ColumnElement[bool]
) -> Sequence[str]:
    names = select(User.username).join_from(User, person.class_, User.id == person)
    return session.scalars(names.where(which, visible()).order_by(User.username_key)).all()
