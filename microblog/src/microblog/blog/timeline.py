"""Timelines: the home page, everybody's posts, one person's, and those with one tag.

A page begins before or after the id of a post (keyset pagination), so that no rows are skipped by
counting: the ten-thousandth page costs as much as the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import Session, aliased, contains_eager

from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.blog.models import Post, PostTag
from microblog.database import MAX_ID
from microblog.people.models import Block, Follow, Mute
from microblog.web.links import parse_id

PAGE_SIZE = 25

LATEST = MAX_ID
"""An id that no post has reached."""

WINDOW = 5_000
"""The home timeline searches so many of the newest posts before it queries each followed person in
turn: the first is fast for readers who follow many, the second for those who follow few."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: with the posts older than one, or with those newer."""

    post_id: int = LATEST
    is_older: bool = True

    @classmethod
    def of(cls, before: str | None, after: str | None) -> Cursor:
        """Read the cursor from the arguments of an address; nonsense means the newest page."""
        for text, is_older in ((before, True), (after, False)):
            post_id = parse_id(text)
            if post_id is not None:
                return cls(post_id, is_older=is_older)
        return cls()


SHOWN_OF_AUTHORS = (
    User.id, User.username, User.display_name, User.email, User.email_verified_at,
)  # fmt: skip
"""What a card shows of an author: to read all of an account for each takes a tenth of the page."""


@dataclass(frozen=True, slots=True)
class Page:
    """Posts with their authors, newest first.

    `before` is the id where the older page begins, `after` that of the newer one; None if there is
    no such page.
    """

    posts: Sequence[Post]
    before: int | None
    after: int | None


def home(session: Session, reader_id: int, cursor: Cursor) -> Page:
    """The posts of the people whom the reader follows, and the reader's own.

    Of replies, those to people whom the reader follows, to the reader, and to one's own posts.
    """
    return _page(session, _home(cursor.is_older), cursor, reader=reader_id, window=WINDOW)


def explore(session: Session, reader_id: int | None, cursor: Cursor) -> Page:
    """Everybody's posts, without replies."""
    wanted = _explore(cursor.is_older, reader_id is None)
    return _page(session, wanted, cursor, reader=reader_id)


def of_person(
    session: Session,
    person_id: int,
    reader_id: int | None,
    cursor: Cursor,
    *,
    replies: bool = False,
) -> Page:
    """One person's posts, or replies; muting does not count, since the reader came to read them."""
    wanted = _of_person(cursor.is_older, reader_id is None, replies)
    return _page(session, wanted, cursor, reader=reader_id, person=person_id)


def with_tag(session: Session, tag: str, reader_id: int | None, cursor: Cursor) -> Page:
    """The posts and replies with this tag, given in its normalised spelling."""
    wanted = _with_tag(cursor.is_older, reader_id is None)
    return _page(session, wanted, cursor, reader=reader_id, tag=tag)


def count_newer(session: Session, reader_id: int, newer_than: int) -> int:
    """How many posts the home timeline has that are newer than this one; at most a page."""
    return len(home(session, reader_id, Cursor(newer_than, is_older=False)).posts)


def is_visible(reader_id: int | None, *, muting: bool = True) -> ColumnElement[bool]:
    """The condition for posts that a reader may see, in a statement that joins their authors.

    It excludes deleted posts, accounts that are disabled or about to be deleted, blocks in either
    direction and, with `muting`, people whom the reader muted.
    """
    if reader_id is None:
        return _is_visible_to_all()
    return _is_visible_to(literal(reader_id), muting=muting)


def is_shown(is_anonymous: bool, *, muting: bool = True) -> ColumnElement[bool]:
    """The same for statements that are kept, in which the reader is the parameter `reader`."""
    return _is_visible_to_all() if is_anonymous else _is_visible_to(_READER, muting=muting)


def _page(session: Session, wanted: Select[Post], cursor: Cursor, **values: Any) -> Page:
    values |= {"cursor": cursor.post_id, "size": PAGE_SIZE}
    found = list(session.scalars(wanted, values).all())
    more, posts = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if not cursor.is_older:
        posts.reverse()
    if not posts:
        return Page((), None, None)
    came_from_newer = cursor.is_older and cursor.post_id != LATEST
    before = posts[-1].id if more or not cursor.is_older else None
    after = posts[0].id if (came_from_newer if cursor.is_older else more) else None
    return Page(posts, before, after)


# Each variant of a statement is built once: building costs more than running it.
_READER: ColumnElement[int] = bindparam("reader", type_=Integer)
_CURSOR: ColumnElement[int] = bindparam("cursor", type_=Integer)
_WINDOW: ColumnElement[int] = bindparam("window", type_=Integer)
_SIZE: ColumnElement[int] = bindparam("size", type_=Integer)


@cache
def _home(is_older: bool) -> Select[Post]:
    """Search the posts next to the cursor first. Only if they do not fill a page, query each of the
    followed people for as many posts as a page could need.
    """
    followed = exists().where(Follow.follower_id == _READER, Follow.followed_id == Post.user_id)
    recent = _visible_ids(
        is_older, _within_window(is_older), or_(Post.user_id == _READER, followed), _is_for_home()
    ).cte("recent")
    lacking = select(func.count()).select_from(recent).scalar_subquery() <= _SIZE
    sources = union_all(
        select(Follow.followed_id.label("id")).where(Follow.follower_id == _READER, lacking),
        select(_READER).where(lacking),
    ).cte("sources")
    theirs = _visible_ids(
        is_older,
        Post.user_id == sources.c.id,
        _among_the_first(sources.c.id, is_older),
        _is_for_home(),
    ).subquery()
    ids = union(select(recent.c.id), select(theirs.c.id)).subquery()
    return _posts(is_older, Post.id.in_(select(ids.c.id)))


@cache
def _explore(is_older: bool, is_anonymous: bool) -> Select[Post]:
    is_first = Post.thread_id.is_(None)
    return _posts(is_older, _beyond(Post.id, is_older), is_first, is_shown(is_anonymous))


@cache
def _of_person(is_older: bool, is_anonymous: bool, replies: bool) -> Select[Post]:
    theirs = Post.user_id == bindparam("person", type_=Integer)
    kind = Post.thread_id.is_not(None) if replies else Post.thread_id.is_(None)
    shown = is_shown(is_anonymous, muting=False)
    return _posts(is_older, _beyond(Post.id, is_older), theirs, kind, shown)


@cache
def _with_tag(is_older: bool, is_anonymous: bool) -> Select[Post]:
    tagged = select(PostTag.post_id).where(
        PostTag.tag == bindparam("tag", type_=String), _beyond(PostTag.post_id, is_older)
    )
    return _posts(is_older, Post.id.in_(tagged), is_shown(is_anonymous))


def _posts(is_older: bool, *conditions: ColumnElement[bool]) -> Select[Post]:
    return (
        select(Post)
        .join(Post.author)
        .options(contains_eager(Post.author).load_only(*SHOWN_OF_AUTHORS))
        .where(*conditions)
        .order_by(_order(Post.id, is_older))
        .limit(_SIZE + 1)
    )


def _visible_ids(is_older: bool, *conditions: ColumnElement[bool]) -> Select[int]:
    return (
        select(Post.id)
        .join(Post.author)
        .where(_beyond(Post.id, is_older), _is_visible_to(_READER), *conditions)
        .order_by(_order(Post.id, is_older))
        .limit(_SIZE + 1)
    )


def _is_visible_to_all() -> ColumnElement[bool]:
    return and_(Post.deleted_at.is_(None), visible())


def _is_visible_to(reader: ColumnElement[int], *, muting: bool = True) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [
        _is_visible_to_all(),
        ~exists().where(Block.blocker_id == reader, Block.blocked_id == Post.user_id),
        ~exists().where(Block.blocked_id == reader, Block.blocker_id == Post.user_id),
    ]
    if muting:
        conditions.append(~exists().where(Mute.muter_id == reader, Mute.muted_id == Post.user_id))
    return and_(*conditions)


def _is_for_home(post: Any = Post) -> ColumnElement[bool]:
    """Whether it begins a thread, or answers the reader, its own author, or somebody followed."""
    answered = post.reply_to_user_id
    return or_(
        post.thread_id.is_(None),
        answered == _READER,
        answered == post.user_id,
        exists().where(Follow.follower_id == _READER, Follow.followed_id == answered),
    )


def _within_window(is_older: bool) -> ColumnElement[bool]:
    other = aliased(Post)
    first = select(func.max(other.id) if is_older else func.min(other.id)).where(
        _beyond(other.id, is_older)
    )
    if is_older:
        return Post.id > first.scalar_subquery() - _WINDOW
    return Post.id < first.scalar_subquery() + _WINDOW


def _among_the_first(author_id: ColumnElement[int], is_older: bool) -> ColumnElement[bool]:
    """Limit each author's posts to as many as a page could need."""
    other = aliased(Post)
    last = (
        select(other.id)
        .where(
            other.user_id == author_id,
            _beyond(other.id, is_older),
            other.deleted_at.is_(None),
            _is_for_home(other),
        )
        .order_by(_order(other.id, is_older))
        .offset(_SIZE)
        .limit(1)
        .scalar_subquery()
    )
    if is_older:
        return Post.id >= func.coalesce(last, 0)
    return Post.id <= func.coalesce(last, LATEST)


def _beyond(post_id: Any, is_older: bool) -> ColumnElement[bool]:
    beyond: ColumnElement[bool] = post_id < _CURSOR if is_older else post_id > _CURSOR
    return beyond


def _order(post_id: Any, is_older: bool) -> ColumnElement[int]:
    order: ColumnElement[int] = post_id.desc() if is_older else post_id.asc()
    return order
