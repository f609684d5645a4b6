"""How many answered and like each post of a page, and what is one reader's of it.

Hidden accounts are not counted. Blocks do not count either way, so that everybody sees the same
numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    bindparam,
    exists,
    func,
    literal_column,
    select,
)
from sqlalchemy.orm import Session, aliased

from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.blog.models import Like, Post
from microblog.people.models import Follow
from microblog.people.relations import across_a_block

COUNTED_MAXIMUM = 1000
"""Where counting ends, so that no page waits for one popular post: more are told as 999+."""


class Reactions(NamedTuple):
    """What others did with a post. `answered` is the name of whom it answers, if it may be told.

    `is_liked` and `is_author_followed` are about its reader.
    """

    replies: int
    likes: int
    is_liked: bool
    is_author_followed: bool
    answered: str | None


NONE = Reactions(0, 0, is_liked=False, is_author_followed=False, answered=None)


def reactions(
    session: Session, posts: Sequence[Post], reader_id: int | None
) -> dict[int, Reactions]:
    """Count them for each of these posts, in one statement."""
    if not posts:
        return {}
    values = {"reader": reader_id or 0, "posts": [post.id for post in posts]}
    found = session.execute(_REACTIONS, values)
    return {
        post_id: Reactions(replies, likes, bool(is_liked), bool(is_followed), answered)
        for post_id, replies, likes, is_liked, is_followed, answered in found
    }


def _count(rows: Select[int]) -> ScalarSelect[int]:
    some = rows.correlate(Post).limit(literal_column(str(COUNTED_MAXIMUM))).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


# Building a statement costs more than running it.
_READER: ColumnElement[int] = bindparam("reader", type_=Integer)
_reply, _person = aliased(Post), aliased(User)
_REPLIES = (
    select(_reply.id)
    .join_from(_reply, _person, _person.id == _reply.user_id)
    .where(_reply.reply_to_id == Post.id, _reply.deleted_at.is_(None), visible(_person))
)
_LIKES = (
    select(Like.user_id)
    .join_from(Like, _person, _person.id == Like.user_id)
    .where(Like.post_id == Post.id, visible(_person))
)
_ANSWERED = (
    select(_person.username)
    .where(_person.id == Post.reply_to_user_id, visible(_person), ~across_a_block(_READER, _person))
    .correlate(Post)
)
_REACTIONS = select(
    Post.id,
    _count(_REPLIES),
    _count(_LIKES),
    exists().where(Like.user_id == _READER, Like.post_id == Post.id),
    exists().where(Follow.follower_id == _READER, Follow.followed_id == Post.user_id),
    _ANSWERED.scalar_subquery(),
).where(Post.id.in_(bindparam("posts", expanding=True)))
