"""The blog's personal data: what an export contains, and what is erased with an account."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from microblog.accounts.actions.export import moment
from microblog.accounts.actions.personal_data import PersonalData
from microblog.blog.models import Like, Post

ERASED_AT_ONCE = 1000


def collect(session: Session, user_id: int) -> dict[str, Any]:
    """Return everything that they wrote and did not delete, and what they like."""
    return {"posts": _posts(session, user_id), "likes": _likes(session, user_id)}


def erase(session: Session, user_id: int) -> bool:
    """Delete a batch of the posts; return whether there may be more. The account takes the rest.

    What others answered stays, and no longer says to whom.
    """
    some = select(Post.id).where(Post.user_id == user_id).order_by(Post.id).limit(ERASED_AT_ONCE)
    ids = session.scalars(some).all()
    # In one order, since two accounts that answered each other may be deleted at the same time.
    is_touched = or_(Post.id.in_(ids), Post.reply_to_id.in_(ids))
    session.execute(select(Post.id).where(is_touched).order_by(Post.id).with_for_update())
    nobody = {"reply_to_id": None, "reply_to_user_id": None}
    session.execute(update(Post).where(Post.reply_to_id.in_(ids)).values(nobody))
    session.execute(delete(Post).where(Post.id.in_(ids)))
    return len(ids) == ERASED_AT_ONCE


PERSONAL_DATA = PersonalData(collect, erase)


def _posts(session: Session, user_id: int) -> list[dict[str, Any]]:
    posts = session.execute(
        select(Post.id, Post.body, Post.created_at, Post.edited_at, Post.reply_to_id)
        .where(Post.user_id == user_id, Post.deleted_at.is_(None))
        .order_by(Post.id)
    )
    return [
        {
            "id": post_id,
            "body": body,
            "created_at": moment(made),
            "edited_at": moment(edited),
            "reply_to": answered,
        }
        for post_id, body, made, edited, answered in posts
    ]


def _likes(session: Session, user_id: int) -> list[dict[str, Any]]:
    likes = session.execute(
        select(Like.post_id, Like.created_at).where(Like.user_id == user_id).order_by(Like.post_id)
    )
    return [{"post_id": post_id, "created_at": moment(at)} for post_id, at in likes]
