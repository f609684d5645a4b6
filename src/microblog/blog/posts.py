"""Writing posts, and reading the latest."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from microblog.blog.models import Post

POST_MAXIMUM = 500
"""Characters in a post."""

PAGE_SIZE = 25


def write_post(session: Session, *, user_id: int, body: str) -> Post:
    """Publish a text, already checked by the form."""
    post = Post(user_id=user_id, body=body)
    session.add(post)
    session.flush()
    return post


def latest_posts(session: Session, *, count: int = PAGE_SIZE) -> Sequence[Post]:
    """The newest posts of everybody, with their authors, newest first."""
    newest = select(Post).options(joinedload(Post.author)).order_by(Post.id.desc()).limit(count)
    return session.scalars(newest).all()
