"""Timelines: what one reads at home, everywhere, of one person, and under one tag.

Pages are found by the number of a post that they begin before or after (keyset pagination), never
by counting rows that are skipped: the ten-thousandth page costs what the first does.
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

from microblog.accounts.visibility import visible
from microblog.blog.models import Block, Follow, Mute, Post, PostTag
from microblog.database import MAX_ID
from microblog.web.links import parse_id

PAGE_SIZE = 25

LATEST = MAX_ID
"""A number that no post has reached."""

WINDOW = 5_000
"""Among so many of the newest posts those of followed people are looked for, before each of these
people is asked in turn: the first is fast for who follows many, the second for who follows few."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: with what is older than one post, or with what is newer."""

    post_id: int = LATEST
    is_older: bool = True

    @classmethod
    def of(cls, before: str | None, after: str | None) -> Cursor:
        """From what an address says; nonsense means the newest page."""
        for text, is_older in ((before, True), (after, False)):
            number = parse_id(text)
            if number is not None:
                return cls(number, is_older=is_older)
        return cls()


@dataclass(frozen=True, slots=True)
class Page:
    """Posts with their authors, newest first. `before` leads to older ones, `after` to newer ones;
    None where there are none.
    """

    posts: Sequence[Post]
    before: int | None
    after: int | None


def home(session: Session, reader_id: int, cursor: Cursor) -> Page:
    """What those whom one follows wrote, and what one wrote oneself."""
    return _page(session, _home(cursor.is_older), cursor, reader=reader_id, window=WINDOW)


def explore(session: Session, reader_id: int | None, cursor: Cursor) -> Page:
    """What everybody wrote."""
    wanted = _explore(cursor.is_older, reader_id is None)
    return _page(session, wanted, cursor, reader=reader_id)


def of_person(session: Session, person_id: int, reader_id: int | None, cursor: Cursor) -> Page:
    """What one person wrote, for somebody who came to read it: muting does not count."""
    wanted = _of_person(cursor.is_older, reader_id is None)
    return _page(session, wanted, cursor, reader=reader_id, person=person_id)


def with_tag(session: Session, tag: str, reader_id: int | None, cursor: Cursor) -> Page:
    """What has this tag, given in its one spelling."""
    wanted = _with_tag(cursor.is_older, reader_id is None)
    return _page(session, wanted, cursor, reader=reader_id, tag=tag)


def newest(session: Session, reader_id: int, newer_than: int) -> int:
    """How many posts came to the home timeline since this one; at most a page is counted."""
    return len(home(session, reader_id, Cursor(newer_than, is_older=False)).posts)


def is_visible(reader_id: int | None, *, muting: bool = True) -> ColumnElement[bool]:
    """Which posts a reader may see, in a statement that joins their authors: none of accounts that
    are disabled or being deleted, none across a block; in timelines none of muted people.
    """
    if reader_id is None:
        return visible()
    return _is_visible_to(literal(reader_id), muting=muting)


def _page(session: Session, wanted: Select[Post], cursor: Cursor, **values: Any) -> Page:
    found = list(session.scalars(wanted, {"cursor": cursor.post_id, **values}).all())
    more, posts = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if not cursor.is_older:
        posts.reverse()
    if not posts:
        return Page((), None, None)
    came_from_newer = cursor.is_older and cursor.post_id != LATEST
    before = posts[-1].id if more or not cursor.is_older else None
    after = posts[0].id if (came_from_newer if cursor.is_older else more) else None
    return Page(posts, before, after)


# The statements are built once for each of their shapes: building costs more than running them.
_READER: ColumnElement[int] = bindparam("reader", type_=Integer)
_CURSOR: ColumnElement[int] = bindparam("cursor", type_=Integer)
_WINDOW: ColumnElement[int] = bindparam("window", type_=Integer)


@cache
def _home(is_older: bool) -> Select[Post]:
    """Looked for among the posts next to the cursor first. Only where these do not fill a page,
    each of the followed people is asked for as many as a page could need.
    """
    followed = exists().where(Follow.follower_id == _READER, Follow.followed_id == Post.user_id)
    recent = _visible_numbers(
        is_older, _within_window(is_older), or_(Post.user_id == _READER, followed)
    ).cte("recent")
    lacking = select(func.count()).select_from(recent).scalar_subquery() <= PAGE_SIZE
    sources = union_all(
        select(Follow.followed_id.label("id")).where(Follow.follower_id == _READER, lacking),
        select(_READER).where(lacking),
    ).cte("sources")
    theirs = _visible_numbers(
        is_older, Post.user_id == sources.c.id, _among_the_first(sources.c.id, is_older)
    ).subquery()
    numbers = union(select(recent.c.id), select(theirs.c.id)).subquery()
    return _posts(is_older, Post.id.in_(select(numbers.c.id)))


@cache
def _explore(is_older: bool, is_stranger: bool) -> Select[Post]:
    return _posts(is_older, _beyond(Post.id, is_older), _shown(is_stranger))


@cache
def _of_person(is_older: bool, is_stranger: bool) -> Select[Post]:
    theirs = Post.user_id == bindparam("person", type_=Integer)
    return _posts(is_older, _beyond(Post.id, is_older), theirs, _shown(is_stranger, muting=False))


@cache
def _with_tag(is_older: bool, is_stranger: bool) -> Select[Post]:
    tagged = select(PostTag.post_id).where(
        PostTag.tag == bindparam("tag", type_=String), _beyond(PostTag.post_id, is_older)
    )
    return _posts(is_older, Post.id.in_(tagged), _shown(is_stranger))


def _posts(is_older: bool, *conditions: ColumnElement[bool]) -> Select[Post]:
    return (
        select(Post)
        .join(Post.author)
        .options(contains_eager(Post.author))
        .where(*conditions)
        .order_by(_order(Post.id, is_older))
        .limit(PAGE_SIZE + 1)
    )


def _visible_numbers(is_older: bool, *conditions: ColumnElement[bool]) -> Select[int]:
    return (
        select(Post.id)
        .join(Post.author)
        .where(_beyond(Post.id, is_older), _is_visible_to(_READER), *conditions)
        .order_by(_order(Post.id, is_older))
        .limit(PAGE_SIZE + 1)
    )


def _shown(is_stranger: bool, *, muting: bool = True) -> ColumnElement[bool]:
    return visible() if is_stranger else _is_visible_to(_READER, muting=muting)


def _is_visible_to(reader: ColumnElement[int], *, muting: bool = True) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [
        visible(),
        ~exists().where(Block.blocker_id == reader, Block.blocked_id == Post.user_id),
        ~exists().where(Block.blocked_id == reader, Block.blocker_id == Post.user_id),
    ]
    if muting:
        conditions.append(~exists().where(Mute.muter_id == reader, Mute.muted_id == Post.user_id))
    return and_(*conditions)


def _within_window(is_older: bool) -> ColumnElement[bool]:
    other = aliased(Post)
    first = select(func.max(other.id) if is_older else func.min(other.id)).where(
        _beyond(other.id, is_older)
    )
    if is_older:
        return Post.id > first.scalar_subquery() - _WINDOW
    return Post.id < first.scalar_subquery() + _WINDOW


def _among_the_first(author_id: ColumnElement[int], is_older: bool) -> ColumnElement[bool]:
    """Of each author no more than a page could need."""
    other = aliased(Post)
    last = (
        select(other.id)
        .where(other.user_id == author_id, _beyond(other.id, is_older))
        .order_by(_order(other.id, is_older))
        .offset(PAGE_SIZE)
        .limit(1)
        .scalar_subquery()
    )
    if is_older:
        return Post.id >= func.coalesce(last, 0)
    return Post.id <= func.coalesce(last, LATEST)


def _beyond(number: Any, is_older: bool) -> ColumnElement[bool]:
    beyond: ColumnElement[bool] = number < _CURSOR if is_older else number > _CURSOR
    return beyond


def _order(number: Any, is_older: bool) -> ColumnElement[int]:
    order: ColumnElement[int] = number.desc() if is_older else number.asc()
    return order
