"""Writing, changing and removing posts, and finding one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, contains_eager

from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.blog.models import Mention, Post, PostTag
from microblog.blog.text import cleaned, names_in, tags_in
from microblog.blog.timeline import LATEST, is_visible

POST_MAXIMUM = 500
"""Characters in a post, as a person counts them."""

MENTIONS_MAXIMUM = 50
"""People whom one post can name; further names stay text."""


def write_post(session: Session, *, user_id: int, body: str, now: datetime) -> Post:
    """Publish a text, already checked by the form."""
    post = Post(user_id=user_id, body=cleaned(body), created_at=now)
    session.add(post)
    session.flush()
    _note_references(session, post)
    return post


def edit_post(session: Session, post: Post, body: str, *, now: datetime) -> bool:
    """Change a post's text, already checked by the form; False where it is the same as before."""
    text = cleaned(body)
    if text == post.body:
        return False
    post.body, post.edited_at = text, now
    for table in (PostTag, Mention):
        session.execute(delete(table).where(table.post_id == post.id))
    _note_references(session, post)
    return True


def delete_post(session: Session, post: Post) -> None:
    """Remove a post, with all that refers to it."""
    session.delete(post)


def find_post(session: Session, number: int, reader_id: int | None) -> Post | None:
    """The post with this number and its author, if this reader may see it."""
    if not 0 < number < LATEST:
        return None
    wanted = (
        select(Post)
        .join(Post.author)
        .options(contains_eager(Post.author))
        .where(Post.id == number, is_visible(reader_id, muting=False))
    )
    return session.scalar(wanted)


def own_post(session: Session, number: int, author_id: int) -> Post | None:
    """The post with this number, if this person wrote it."""
    post = find_post(session, number, author_id)
    return post if post and post.user_id == author_id else None


def mentioned(session: Session, posts: Sequence[Post]) -> dict[str, str]:
    """Whom these posts name: the user name of each key, for those who are there to be visited."""
    if not posts:
        return {}
    wanted = (
        select(User.username_key, User.username)
        .join(Mention, Mention.user_id == User.id)
        .where(
            Mention.post_id.in_([post.id for post in posts]),
            visible(),
        )
        .distinct()
    )
    return {row.username_key: row.username for row in session.execute(wanted)}


def _note_references(session: Session, post: Post) -> None:
    session.add_all(PostTag(tag=tag, post_id=post.id) for tag in tags_in(post.body))
    people = _people(session, names_in(post.body))
    session.add_all(Mention(user_id=person, post_id=post.id) for person in people)
    session.flush()


def _people(session: Session, keys: Iterable[str]) -> Sequence[int]:
    wanted = sorted(keys)[:MENTIONS_MAXIMUM]
    if not wanted:
        return ()
    # Locked against their deletion alone, which must not come between this and the mention.
    named = select(User.id).where(User.username_key.in_(wanted)).order_by(User.id)
    return session.scalars(named.with_for_update(read=True, key_share=True)).all()
