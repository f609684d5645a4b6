"""Writing, answering, editing and finding posts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, delete, func, insert, select
from sqlalchemy.orm import Session, contains_eager

from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.blog.models import Mention, Post, PostTag
from microblog.blog.signals import post_edited, post_written
from microblog.blog.timeline import LATEST, is_visible
from microblog.people.text import names_in, readable, tags_in

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
# FOR KEY SHARE blocks only their deletion, which would break the mention's foreign key.
_NAMED = (
    select(User.id)
    .where(User.username_key.in_(bindparam("keys", expanding=True)))
    .order_by(User.id)
    .with_for_update(read=True, key_share=True)
)
_MENTIONS: Any = Mention.__table__
_ADD_TAGS = insert(PostTag)
_ADD_MENTIONS = insert(_MENTIONS).from_select(
    ["user_id", "post_id"],
    select(User.id, bindparam("post", type_=Integer)).where(
        User.id.in_(bindparam("people", expanding=True))
    ),
)


class NotAnswerableError(Exception):
    """The post that is answered is deleted, or this person may not see it."""


def write_post(
    session: Session, *, user_id: int, body: str, now: datetime, reply_to: int | None = None
) -> Post:
    """Publish a text, as a reply if `reply_to` is the id of a post.

    Raises TextError for a text that is not accepted, and NotAnswerableError for a post that this
    person cannot answer.
    """
    text = readable(body, POST_MAXIMUM)
    # People are locked before posts, as where an account is deleted: nobody waits in a circle.
    people = _people(session, names_in(text))
    post = Post(user_id=user_id, body=text, created_at=now)
    if reply_to is not None:
        _answer(session, post, reply_to)
    session.add(post)
    session.flush()
    _add_references(session, post, people)
    post_written.send(session, post=post, mentioned=people)
    return post


def edit_post(session: Session, post: Post, body: str, *, now: datetime) -> bool:
    """Change a post's text; return False if it stays the same, or the post was deleted meanwhile.

    Raises TextError for one that is not accepted.
    """
    text = readable(body, POST_MAXIMUM)
    people = _people(session, names_in(text))
    is_there = select(Post.body).where(Post.id == post.id, Post.deleted_at.is_(None))
    if session.scalar(is_there.with_for_update(key_share=True)) in {None, text}:
        return False
    post.body, post.edited_at = text, now
    for table in (PostTag, Mention):
        session.execute(delete(table).where(table.post_id == post.id))
    _add_references(session, post, people)
    post_edited.send(session, post=post, mentioned=people)
    return True


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


def find_post_locked(session: Session, post_id: int, reader_id: int) -> Post | None:
    """Lock a post, its author and the reader until this transaction ends, then return the post as
    `find_post` does.

    To be called before it is answered or liked: neither slips past a deletion or a block.
    """
    post = find_post(session, post_id, reader_id)
    if post is None:
        return None
    # FOR SHARE: many can answer one post at once, while a block and a deletion wait.
    pair = {reader_id, post.user_id}
    people = select(User.id).where(User.id.in_(pair), visible()).order_by(User.id)
    if len(session.scalars(people.with_for_update(read=True)).all()) < len(pair):
        return None
    session.execute(select(Post.id).where(Post.id == post_id).with_for_update(read=True))
    session.expire(post)
    return find_post(session, post_id, reader_id)


def own_post(session: Session, post_id: int, author_id: int) -> Post | None:
    """Return the post with this id, or None unless this person wrote it."""
    post = find_post(session, post_id, author_id)
    return post if post and post.user_id == author_id else None


def count_posts(session: Session, author_id: int) -> int:
    theirs = select(func.count()).where(Post.user_id == author_id, Post.deleted_at.is_(None))
    return session.scalar(theirs) or 0


def mentioned(session: Session, posts: Sequence[Post]) -> dict[str, str]:
    """The user names that these posts mention, by their keys; only those of visible accounts."""
    if not posts:
        return {}
    found = session.execute(_MENTIONED, {"posts": [post.id for post in posts]})
    return {key: name for key, name in found}  # noqa: C416 - its rows are no pairs to mypy


def _answer(session: Session, post: Post, answered_id: int) -> None:
    answered = find_post_locked(session, answered_id, post.user_id)
    if answered is None:
        raise NotAnswerableError
    post.reply_to_id, post.reply_to_user_id = answered.id, answered.user_id
    post.thread_id = answered.thread_id or answered.id


def _add_references(session: Session, post: Post, people: Sequence[int]) -> None:
    tags = [{"tag": tag, "post_id": post.id} for tag in tags_in(post.body)]
    if tags:
        session.execute(_ADD_TAGS, tags)
    if people:
        session.execute(_ADD_MENTIONS, {"post": post.id, "people": people})


def _people(session: Session, keys: Iterable[str]) -> Sequence[int]:
    wanted = sorted(keys)[:MENTIONS_MAXIMUM]
    return session.scalars(_NAMED, {"keys": wanted}).all() if wanted else ()
