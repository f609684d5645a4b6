"""Who likes which posts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, text
from sqlalchemy.orm import Session

from microblog.blog.models import Like, Post
from microblog.blog.signals import post_liked, post_unliked
from microblog.database import UTCDateTime

_ADD = text(
    "INSERT INTO likes (user_id, post_id, created_at) VALUES (:user_id, :post_id, :created_at)"
    " ON CONFLICT DO NOTHING"
).bindparams(bindparam("created_at", type_=UTCDateTime()))


def like(session: Session, post: Post, user_id: int, *, now: datetime) -> bool:
    """Make this person like a post that `find_post_locked` found; return False if they do."""
    added: Any = session.execute(_ADD, {"user_id": user_id, "post_id": post.id, "created_at": now})
    if not added.rowcount:
        return False
    post_liked.send(session, post=post, user_id=user_id)
    return True


def unlike(session: Session, post: Post, user_id: int) -> bool:
    """Make this person like a post no more; return False if they did not."""
    theirs = delete(Like).where(Like.user_id == user_id, Like.post_id == post.id)
    removed: Any = session.execute(theirs)
    if not removed.rowcount:
        return False
    post_unliked.send(session, post=post, user_id=user_id)
    return True
