"""Timelines: what one reads at home, everywhere, of one person, and under one tag.

Pages are found by the number of a post that they begin before or after (keyset pagination), never
by counting rows that are skipped: the ten-thousandth page costs what the first does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import Session, aliased, contains_eager

from microblog.accounts.states import visible
from microblog.blog.models import Block, Follow, Mute, Post, PostTag

PAGE_SIZE = 25

LATEST = 2**31 - 1
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
            if text and text.isascii() and text.isdigit() and len(text) < 10:
                return cls(int(text), is_older=is_older)
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
    return _page(session, cursor, reader_id, Post.id.in_(_at_home(reader_id, cursor)))


def explore(session: Session, reader_id: int | None, cursor: Cursor) -> Page:
    """What everybody wrote."""
    return _page(session, cursor, reader_id)


def of_person(session: Session, person_id: int, reader_id: int | None, cursor: Cursor) -> Page:
    """What one person wrote, for somebody who came to read it: muting does not count."""
    return _page(session, cursor, reader_id, Post.user_id == person_id, muting=False)


def with_tag(session: Session, tag: str, reader_id: int | None, cursor: Cursor) -> Page:
    """What has this tag, given in its one spelling."""
    tagged = select(PostTag.post_id).where(PostTag.tag == tag, _beyond(PostTag.post_id, cursor))
    return _page(session, cursor, reader_id, Post.id.in_(tagged))


def newest(session: Session, reader_id: int, newer_than: int) -> int:
    """How many posts came to the home timeline since this one; at most a page is counted."""
    return len(home(session, reader_id, Cursor(newer_than, is_older=False)).posts)


def is_visible(reader_id: int | None, *, muting: bool = True) -> ColumnElement[bool]:
    """Which posts a reader may see, in a statement that joins their authors: none of accounts that
    are disabled or being deleted, none across a block; in timelines none of muted people.
    """
    conditions: list[ColumnElement[bool]] = [visible()]
    if reader_id is not None:
        conditions += [
            ~exists().where(Block.blocker_id == reader_id, Block.blocked_id == Post.user_id),
            ~exists().where(Block.blocked_id == reader_id, Block.blocker_id == Post.user_id),
        ]
        if muting:
            muted = exists().where(Mute.muter_id == reader_id, Mute.muted_id == Post.user_id)
            conditions.append(~muted)
    return and_(*conditions)


def _page(
    session: Session,
    cursor: Cursor,
    reader_id: int | None,
    *conditions: ColumnElement[bool],
    muting: bool = True,
) -> Page:
    wanted = (
        select(Post)
        .join(Post.author)
        .options(contains_eager(Post.author))
        .where(_beyond(Post.id, cursor), is_visible(reader_id, muting=muting), *conditions)
        .order_by(_order(Post.id, cursor))
        .limit(PAGE_SIZE + 1)
    )
    found = list(session.scalars(wanted).all())
    more, posts = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if not cursor.is_older:
        posts.reverse()
    if not posts:
        return Page((), None, None)
    came_from_newer = cursor.is_older and cursor.post_id != LATEST
    before = posts[-1].id if more or not cursor.is_older else None
    after = posts[0].id if (came_from_newer if cursor.is_older else more) else None
    return Page(posts, before, after)


def _at_home(reader_id: int, cursor: Cursor) -> CompoundSelect[Any]:
    """The numbers of the posts on a page of the home timeline.

    Looked for among the posts next to the cursor first. Only where these do not fill a page, each
    of the followed people is asked for as many as a page could need.
    """
    followed = exists().where(Follow.follower_id == reader_id, Follow.followed_id == Post.user_id)
    near = _within_window(cursor)
    recent = _visible_numbers(
        reader_id, cursor, near, or_(Post.user_id == reader_id, followed)
    ).cte("recent")
    lacking = select(func.count()).select_from(recent).scalar_subquery() <= PAGE_SIZE
    sources = union_all(
        select(Follow.followed_id.label("id")).where(Follow.follower_id == reader_id, lacking),
        select(literal(reader_id)).where(lacking),
    ).cte("sources")
    theirs = _visible_numbers(
        reader_id, cursor, Post.user_id == sources.c.id, _among_the_first(sources.c.id, cursor)
    ).subquery()
    return union(select(recent.c.id), select(theirs.c.id))


def _visible_numbers(
    reader_id: int, cursor: Cursor, *conditions: ColumnElement[bool]
) -> Select[int]:
    return (
        select(Post.id)
        .join(Post.author)
        .where(_beyond(Post.id, cursor), is_visible(reader_id), *conditions)
        .order_by(_order(Post.id, cursor))
        .limit(PAGE_SIZE + 1)
    )


def _within_window(cursor: Cursor) -> ColumnElement[bool]:
    other = aliased(Post)
    first = select(func.max(other.id) if cursor.is_older else func.min(other.id)).where(
        _beyond(other.id, cursor)
    )
    if cursor.is_older:
        return Post.id > first.scalar_subquery() - WINDOW
    return Post.id < first.scalar_subquery() + WINDOW


def _among_the_first(author_id: ColumnElement[int], cursor: Cursor) -> ColumnElement[bool]:
    """Of each author no more than a page could need."""
    other = aliased(Post)
    last = (
        select(other.id)
        .where(other.user_id == author_id, _beyond(other.id, cursor))
        .order_by(_order(other.id, cursor))
        .offset(PAGE_SIZE)
        .limit(1)
        .scalar_subquery()
    )
    if cursor.is_older:
        return Post.id >= func.coalesce(last, 0)
    return Post.id <= func.coalesce(last, LATEST)


def _beyond(number: Any, cursor: Cursor) -> ColumnElement[bool]:
    beyond: ColumnElement[bool] = (
        number < cursor.post_id if cursor.is_older else number > cursor.post_id
    )
    return beyond


def _order(number: Any, cursor: Cursor) -> ColumnElement[int]:
    order: ColumnElement[int] = number.desc() if cursor.is_older else number.asc()
    return order
