"""A post among what it answers and what answers it.

What a reader may not see, or nobody, leaves its place in the thread, and never its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    bindparam,
    exists,
    literal_column,
    select,
)
from sqlalchemy.orm import Session, aliased, contains_eager

from microblog.accounts.models import User
from microblog.accounts.visibility import is_visible
from microblog.blog import timeline
from microblog.blog.models import Post
from microblog.blog.removals import removed_among
from microblog.people.models import Block

ABOVE_MAXIMUM = 20
"""How many posts are shown above one; the page of the first of them has the earlier ones."""

PAGE_SIZE = 25
"""How many replies a page has."""


class Absence(Enum):
    """Why a post is not shown."""

    DELETED = auto()
    """Its author deleted it."""
    REMOVED = auto()
    """The site's administrators removed it."""
    BLOCKED = auto()
    """The reader blocked its author."""
    UNAVAILABLE = auto()
    """Its author is hidden, or blocks the reader, or nothing is left of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The place of one post in a thread; `absence` tells why it is not shown.

    `post` is None if nothing is left of it, `answer` the first reply, if it is shown, too.
    """

    post: Post | None
    absence: Absence | None = None
    answer: Post | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """What a post's page shows: what it answers, oldest first, and a page of its replies.

    `earlier` is the id of the post whose page has what comes before, `after` that where the next
    page of replies begins; None if there is nothing more.
    """

    post: Post
    above: Sequence[Entry]
    replies: Sequence[Entry]
    earlier: int | None
    after: int | None

    def shown(self) -> list[Post]:
        """All posts that are shown with their texts."""
        entries = [*self.above, *self.replies]
        whole = [one.post for one in entries if one.post and one.absence is None]
        return [self.post, *whole, *(one.answer for one in entries if one.answer)]


def read_thread(
    session: Session, post: Post, reader_id: int | None, *, after: int | None = None
) -> Thread:
    """Return the thread around a post that this reader may see, with the replies after one.

    It takes at most four statements, however many posts there are.
    """
    reader = reader_id or 0
    above, earlier = _above(session, post, reader)
    values = {"post": post.id, "reader": reader, "after": after or 0, "size": PAGE_SIZE + 1}
    found = session.execute(_replies(), values).all()
    replies = [_entry(*row) for row in found[:PAGE_SIZE]]
    more = len(found) > PAGE_SIZE
    removed = _removed(session, [*above, *replies])
    return Thread(
        post,
        [_told(one, removed) for one in above],
        [_told(one, removed) for one in _with_answers(session, replies, reader_id)],
        earlier,
        found[PAGE_SIZE - 1][0].id if more else None,
    )


def _above(session: Session, post: Post, reader: int) -> tuple[list[Entry], int | None]:
    if post.reply_to_id is None:
        return ([Entry(None, Absence.UNAVAILABLE)] if post.thread_id else []), None
    values = {"post": post.reply_to_id, "reader": reader, "size": ABOVE_MAXIMUM}
    found = [_entry(*row) for row in session.execute(_ancestors(), values)]
    first = found[0].post if found else None
    if first is None or first.thread_id is None:
        return found, None
    if first.reply_to_id is None:
        return [Entry(None, Absence.UNAVAILABLE), *found], None
    shown = (one.post.id for one in found if one.post and one.absence is None)
    return found, next(shown, None)


def _entry(post: Post, is_blocked: bool, blocks_reader: bool) -> Entry:
    if blocks_reader or not is_visible(post.author) or (is_blocked and post.deleted_at):
        return Entry(post, Absence.UNAVAILABLE)
    if post.deleted_at:
        return Entry(post, Absence.DELETED)
    return Entry(post, Absence.BLOCKED if is_blocked else None)


def _removed(session: Session, entries: Sequence[Entry]) -> set[int]:
    """The ids of those that the site's administrators removed."""
    deleted = [one.post.id for one in entries if one.post and one.absence is Absence.DELETED]
    return removed_among(session, deleted)


def _told(entry: Entry, removed: set[int]) -> Entry:
    is_removed = entry.post is not None and entry.post.id in removed
    return replace(entry, absence=Absence.REMOVED) if is_removed else entry


def _with_answers(
    session: Session, replies: Sequence[Entry], reader_id: int | None
) -> Sequence[Entry]:
    """Add to each reply that is shown the first one to it that the reader may see."""
    shown = [one.post.id for one in replies if one.post and one.absence is None]
    if not shown:
        return replies
    values = {"replies": shown, "reader": reader_id or 0}
    found = session.scalars(_first_answers(reader_id is None), values)
    answers = {answer.reply_to_id: answer for answer in found}
    return [
        Entry(one.post, one.absence, answers.get(one.post.id) if one.post else None)
        for one in replies
    ]


# Each statement is built once: building costs more than running it.
_READER = bindparam("reader", type_=Integer)
_POST = bindparam("post", type_=Integer)


def _with_author(*more: Any) -> Select[Any]:
    return select(Post, *more).join(Post.author).options(contains_eager(Post.author))


def _blocks() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whether the reader blocks the author, and the author the reader."""
    return (
        exists().where(Block.blocker_id == _READER, Block.blocked_id == Post.user_id),
        exists().where(Block.blocker_id == Post.user_id, Block.blocked_id == _READER),
    )


@cache
def _ancestors() -> Select[Any]:
    """The nearest posts above, the oldest first."""
    first: Any = select(Post.id, Post.reply_to_id, literal_column("1").label("distance"))
    above = first.where(Post.id == _POST).cte("above", recursive=True)
    further = aliased(Post)
    above = above.union_all(
        select(further.id, further.reply_to_id, above.c.distance + 1)
        .join(above, further.id == above.c.reply_to_id)
        .where(above.c.distance < bindparam("size", type_=Integer))
    )
    return (
        _with_author(*_blocks())
        .join(above, above.c.id == Post.id)
        .order_by(above.c.distance.desc())
    )


@cache
def _replies() -> Select[Any]:
    return (
        _with_author(*_blocks())
        .where(Post.reply_to_id == _POST, Post.id > bindparam("after", type_=Integer))
        .order_by(Post.id)
        .limit(bindparam("size", type_=Integer))
    )


@cache
def _first_answers(is_anonymous: bool) -> Select[Any]:
    reply = aliased(Post)
    answers = (
        select(Post.id).join(User, User.id == Post.user_id).where(Post.reply_to_id == reply.id)
    )
    shown = timeline.is_shown(is_anonymous, muting=False)
    first = answers.where(shown).order_by(Post.id).limit(1).correlate(reply).scalar_subquery()
    wanted = select(first).where(reply.id.in_(bindparam("replies", expanding=True)))
    outer = aliased(Post)
    author = aliased(User)
    return (
        select(outer)
        .join(author, outer.author)
        .options(contains_eager(outer.author.of_type(author)))
        .where(outer.id.in_(wanted))
    )
