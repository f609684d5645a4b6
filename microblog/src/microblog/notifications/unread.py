"""What somebody has not seen of what came in within given windows, for the emails about it.

It is what the pages of notifications and messages would show them as new: nothing that was taken
back or deleted meanwhile, and nobody whom they mute or who is on the other side of a block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from sqlalchemy import (
    ColumnElement,
    Executable,
    Integer,
    and_,
    bindparam,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.database import UTCDateTime
from microblog.messages.unread import Writers, unread_writers
from microblog.notifications.email_preferences import EmailedKind, Window
from microblog.notifications.models import Notification
from microblog.notifications.notifications import Kind, is_shown

POSTS_MAXIMUM = 20
"""In one email: Gmail cuts off what is longer than 102 KB."""

EMPTY: Window = (datetime(2000, 1, 1, tzinfo=UTC),) * 2


@dataclass(frozen=True, slots=True)
class UnreadPost:
    """A reply to the reader, or a post that mentions them."""

    kind: Kind
    post_id: int
    body: str
    at: datetime
    username: str
    display_name: str | None


@dataclass(frozen=True, slots=True)
class Unread:
    """The newest posts in the order in which they were written, of `total`; and who wrote."""

    posts: Sequence[UnreadPost]
    total: int
    writers: Writers

    @property
    def count(self) -> int:
        return self.total + self.writers.messages


def find_unread(session: Session, reader_id: int, windows: Mapping[EmailedKind, Window]) -> Unread:
    """Return what is unread of each kind that has a window."""
    rows: Sequence[tuple[int, UnreadPost]] = []
    if windows.keys() & {EmailedKind.REPLY, EmailedKind.MENTION}:
        replies = windows.get(EmailedKind.REPLY, EMPTY)
        mentions = windows.get(EmailedKind.MENTION, EMPTY)
        values = {
            "reader": reader_id,
            "reply_since": replies[0],
            "reply_until": replies[1],
            "mention_since": mentions[0],
            "mention_until": mentions[1],
        }
        found = session.execute(_unread_posts(), values)
        rows = [(total, UnreadPost(Kind(kind), *rest)) for total, kind, *rest in found]
    writers = Writers()
    if EmailedKind.MESSAGE in windows:
        since, until = windows[EmailedKind.MESSAGE]
        writers = unread_writers(session, reader_id, since=since, until=until)
    return Unread([post for _, post in reversed(rows)], rows[0][0] if rows else 0, writers)


@cache
def _unread_posts() -> Executable:
    # Building a statement costs more than running it, and there may be many emails.
    reader: ColumnElement[int] = bindparam("reader", type_=Integer)
    # By another name than in the condition for what is shown, which asks for the post as well.
    post = aliased(Post)
    return (
        select(
            func.count().over(),
            Notification.kind,
            post.id,
            post.body,
            Notification.created_at,
            User.username,
            User.display_name,
        )
        .join(User, User.id == Notification.actor_id)
        .join(post, post.id == Notification.post_id)
        .where(
            Notification.user_id == reader,
            Notification.read_at.is_(None),
            or_(_within(Kind.REPLY), _within(Kind.MENTION)),
            is_shown(reader),
        )
        .order_by(Notification.id.desc())
        .limit(POSTS_MAXIMUM)
    )


def _within(kind: Kind) -> ColumnElement[bool]:
    moment = UTCDateTime()
    return and_(
        Notification.kind == kind.value,
        Notification.created_at > bindparam(f"{kind.value}_since", type_=moment),
        Notification.created_at <= bindparam(f"{kind.value}_until", type_=moment),
    )
