"""Writing, editing, deleting and finding posts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session, contains_eager

from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.blog.models import Mention, Post, PostTag
from microblog.blog.text import names_in, readable, tags_in
from microblog.blog.timeline import LATEST, is_visible

POST_MAXIMUM = 500
"""Characters in a post, as a person counts them."""

MENTIONS_MAXIMUM = 50
"""People whom one post can mention; further names stay text."""

# Building a statement costs more than running it.
_MENTIONED = (
    select(User.username_key, User.username)
    .join(Mention, Mention.user_id == User.id)
    .where(Mention.post_id.in_(bindparam("posts", expanding=True)), visible())
    .distinct()
)


def write_post(session: Session, *, user_id: int, body: str, now: datetime) -> Post:
    """Publish a text. Raises TextError for one that is not accepted."""
    post = Post(user_id=user_id, body=readable(body, POST_MAXIMUM), created_at=now)
    session.add(post)
    session.flush()
    _add_references(session, post)
    return post


def edit_post(session: Session, post: Post, body: str, *, now: datetime) -> bool:
    """Change a post's text; return False if it stays the same.

    Raises TextError for one that is not accepted.
    """
    text = readable(body, POST_MAXIMUM)
    if text == post.body:
        return False
    post.body, post.edited_at = text, now
    for table in (PostTag, Mention):
        session.execute(delete(table).where(table.post_id == post.id))
    _add_references(session, post)
    return True


def delete_post(session: Session, post: Post) -> None:
    """Delete a post with everything that refers to it."""
    session.delete(post)


def find_post(session: Session, post_id: int, reader_id: int | None) -> Post | None:
    """Return the post with this id and its author, or None if this reader may not see it."""
    if not 0 < post_id < LATEST:
        return None
    wanted = (
        select(Post)
        .join(Post.author)
        .options(contains_eager(Post.author))
        .where(Post.id == post_id, is_visible(reader_id, muting=False))
    )
    return session.scalar(wanted)


def own_post(session: Session, post_id: int, author_id: int) -> Post | None:
    """Return the post with this id, or None unless this person wrote it."""
    post = find_post(session, post_id, author_id)
    return post if post and post.user_id == author_id else None


def mentioned(session: Session, posts: Sequence[Post]) -> dict[str, str]:
    """The user names that these posts mention, by their keys; only those of visible accounts."""
    if not posts:
        return {}
    found = session.execute(_MENTIONED, {"posts": [post.id for post in posts]})
    return {key: name for key, name in found}  # noqa: C416 - its rows are no pairs to mypy


def _add_references(session: Session, post: Post) -> None:
    session.add_all(PostTag(tag=tag, post_id=post.id) for tag in tags_in(post.body))
    people = _people(session, names_in(post.body))
    session.add_all(Mention(user_id=person, post_id=post.id) for person in people)
    session.flush()


def _people(session: Session, keys: Iterable[str]) -> Sequence[int]:
    wanted = sorted(keys)[:MENTIONS_MAXIMUM]
    if not wanted:
        return ()
    # FOR KEY SHARE blocks only their deletion, which would break the mention's foreign key.
    named = select(User.id).where(User.username_key.in_(wanted)).order_by(User.id)
    return session.scalars(named.with_for_update(read=True, key_share=True)).all()
