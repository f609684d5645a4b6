"""A page of notifications, newest first. Likes of one post are a group, as are follows of a day.

A group stands where its newest notification does. A page begins before the id of one (keyset
pagination), so that what comes in meanwhile moves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Executable,
    Integer,
    bindparam,
    case,
    cast,
    extract,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.database import MAX_ID, UTCDateTime
from microblog.notifications.models import Notification
from microblog.notifications.notifications import KINDS, Kind, is_shown

PAGE_SIZE = 25

FACES_MAXIMUM = 4
"""How many people of a group are shown by their pictures."""

NEWEST = 10_000
"""How many of a reader's notifications are looked at: a page reads all of them."""

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Group:
    """Notifications that are told in one sentence.

    `people` are the newest who did it, `count` how many did. `post` is what they wrote or what they
    like, and `answered` the reader's own post that a reply is about; both None where there is none.
    """

    id: int
    kind: Kind
    is_new: bool
    created_at: datetime
    people: Sequence[User]
    count: int
    post: Post | None
    answered: Post | None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of groups; `before` is where the next one begins, None at the end."""

    groups: Sequence[Group]
    before: int | None


def find_groups(
    session: Session,
    reader_id: int,
    kinds: Collection[Kind] = KINDS,
    *,
    before: int = MAX_ID,
    opened_at: datetime,
    is_read: bool = True,
) -> Page:
    """Return one page. What was read at `opened_at` is new, as is what is unread.

    With `is_read`, what is unread is left out: it came in after the rest was marked as read.
    """
    values = {
        "reader": reader_id,
        "kinds": list(kinds),
        "before": before,
        "newest": NEWEST,
        "size": PAGE_SIZE + 1,
        "opened_at": opened_at,
        "faces": FACES_MAXIMUM,
    }
    heads = session.execute(_heads(is_read), values).all()
    more, heads = len(heads) > PAGE_SIZE, heads[:PAGE_SIZE]
    if not heads:
        return Page((), None)
    values |= _keys(heads)
    people: dict[tuple[str, int], list[User]] = {}
    for kind, key, person in session.execute(_people(is_read), values):
        people.setdefault((kind, key), []).append(person)
    # What was taken back since the first statement has nobody any more.
    groups = [
        _group(row, people[row.kind, row.key]) for row in heads if (row.kind, row.key) in people
    ]
    return Page(groups, heads[-1].id if more else None)


def _group(head: Any, people: Sequence[User]) -> Group:
    return Group(
        id=head.id,
        kind=Kind(head.kind),
        is_new=bool(head.is_new),
        created_at=head.created_at,
        people=people,
        count=head.total,
        post=head.Post,
        answered=head.answered,
    )


def _keys(heads: Sequence[Any]) -> dict[str, list[int]]:
    """The keys of the groups by their kinds, for the statement that finds their people."""
    by_kind = {kind: [row.key for row in heads if row.kind == kind] for kind in KINDS}
    return {
        "likes": by_kind[Kind.LIKE],
        "days": by_kind[Kind.FOLLOW],
        "alone": by_kind[Kind.REPLY] + by_kind[Kind.MENTION],
    }


# Each variant of a statement is built once: building costs more than running it.
_READER: ColumnElement[int] = bindparam("reader", type_=Integer)


@cache
def _heads(is_read: bool) -> Executable:
    """The newest notification of each group on the page, with its posts; and how many there are."""
    is_new = or_(
        Notification.read_at.is_(None),
        Notification.read_at == bindparam("opened_at", type_=UTCDateTime()),
    )
    newest = (
        select(
            func.max(Notification.id).label("id"),
            func.count().label("total"),
            func.max(case((is_new, 1), else_=0)).label("is_new"),
        )
        .join(User, User.id == Notification.actor_id)
        .where(*_conditions(is_read))
        .group_by(Notification.kind, _key())
        .having(func.max(Notification.id) < bindparam("before", type_=Integer))
        .order_by(func.max(Notification.id).desc())
        .limit(bindparam("size", type_=Integer))
        .subquery()
    )
    answered = aliased(Post, name="answered")
    return (
        select(
            Notification.id,
            Notification.kind,
            Notification.created_at,
            _key().label("key"),
            newest.c.total,
            newest.c.is_new,
            Post,
            answered,
        )
        .join(newest, newest.c.id == Notification.id)
        .outerjoin(Post, Post.id == Notification.post_id)
        .outerjoin(
            answered,
            (answered.id == Post.reply_to_id)
            & (answered.user_id == _READER)
            & answered.deleted_at.is_(None)
            & (Notification.kind == Kind.REPLY),
        )
        .order_by(Notification.id.desc())
    )


@cache
def _people(is_read: bool) -> Executable:
    """The newest people of each group on the page."""
    key = _key()
    ranked = (
        select(
            Notification.id,
            Notification.kind,
            Notification.actor_id,
            key.label("key"),
            func.row_number()
            .over(partition_by=[Notification.kind, key], order_by=Notification.id.desc())
            .label("rank"),
        )
        .join(User, User.id == Notification.actor_id)
        .where(
            *_conditions(is_read),
            or_(
                _is_among(Kind.LIKE, Notification.post_id, "likes"),
                _is_among(Kind.FOLLOW, _day(), "days"),
                Notification.id.in_(bindparam("alone", type_=Integer, expanding=True)),
            ),
        )
        .subquery()
    )
    return (
        select(ranked.c.kind, ranked.c.key, User)
        .join(User, User.id == ranked.c.actor_id)
        .where(ranked.c.rank <= bindparam("faces", type_=Integer))
        .order_by(ranked.c.id.desc())
    )


def _conditions(is_read: bool) -> list[ColumnElement[bool]]:
    kinds: Any = bindparam("kinds", expanding=True)
    own = aliased(Notification)
    older = select(own.id).where(own.user_id == _READER).order_by(own.id.desc()).limit(1)
    older = older.offset(bindparam("newest", type_=Integer))
    conditions = [
        Notification.user_id == _READER,
        Notification.id > func.coalesce(older.scalar_subquery(), 0),
        Notification.kind.in_(kinds),
        is_shown(_READER),
    ]
    return [*conditions, Notification.read_at.is_not(None)] if is_read else conditions


def _is_among(kind: Kind, key: Any, name: str) -> ColumnElement[bool]:
    among: ColumnElement[bool] = key.in_(bindparam(name, type_=Integer, expanding=True))
    return (Notification.kind == kind) & among


def _key() -> ColumnElement[int]:
    """What the notifications of one group have in common, beside their kind."""
    return case(
        (Notification.kind == Kind.LIKE, Notification.post_id),
        (Notification.kind == Kind.FOLLOW, _day()),
        else_=Notification.id,
    )


def _day() -> ColumnElement[int]:
    """Days since 1970 in UTC, for the moment of a notification."""
    return cast(extract("epoch", Notification.created_at), BigInteger) // DAY_SECONDS
