"""Who is notified of what, and what of it is unread.

A notification is written in the transaction of its cause and is gone with it. Nobody is notified of
what they did themselves, of what somebody did whom they block or mute or who blocks them, or of a
kind that they switched off. Blocks come later, too, so that they count again when it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    String,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.blog.models import Post
from microblog.database import MAX_ID, UTCDateTime
from microblog.notifications.models import Notification, NotificationPreference
from microblog.people.models import Mute
from microblog.people.relations import across_a_block


class Kind(StrEnum):
    REPLY = "reply"
    MENTION = "mention"
    LIKE = "like"
    FOLLOW = "follow"


KINDS: Sequence[Kind] = tuple(Kind)

WRITTEN_TO_READER: Sequence[Kind] = (Kind.REPLY, Kind.MENTION)
"""What the tab of mentions shows: a reply may mention whom it answers, and is told once."""

WITHDRAWN = {Kind.MENTION: "unmention", Kind.LIKE: "unlike", Kind.FOLLOW: "unfollow"}
"""What remains of a notification that was read when its cause was taken back. It is shown nowhere,
and keeps the same cause from being told anew again and again."""

WITHDRAWN_FOR = timedelta(days=1)

KEPT = timedelta(days=90)
"""For how long a notification stays after it was read."""

COUNTED_MAXIMUM = 100
"""Where counting ends: more are told as 99+."""

PRUNED_AT_ONCE = 1000


def notify_of_post(
    session: Session, post: Post, mentioned: Collection[int], *, now: datetime
) -> None:
    """Notify those whom a new post answers or mentions. Whom it answers gets a reply, once."""
    answered = post.reply_to_user_id
    people = {*mentioned} if answered is None else {*mentioned, answered}
    _notify(session, Kind.MENTION, people, post.user_id, post.id, answered=answered, now=now)


def notify_of_edit(
    session: Session, post: Post, mentioned: Collection[int], *, now: datetime
) -> None:
    """Notify those whom a changed post mentions anew; take it back from whom it mentions no more.

    Of a post that is older than notifications are kept, nobody is told again.
    """
    of_post = and_(Notification.post_id == post.id, Notification.actor_id == post.user_id)
    _withdraw(session, Kind.MENTION, of_post, Notification.user_id.not_in(mentioned), now=now)
    if now - post.created_at > KEPT:
        return
    _restore(session, Kind.MENTION, of_post, Notification.user_id.in_(mentioned))
    people = {*mentioned} - {post.reply_to_user_id}
    _notify(session, Kind.MENTION, people, post.user_id, post.id, now=now)


def notify_of_like(session: Session, post: Post, user_id: int, *, now: datetime) -> None:
    """Notify the author that this person likes the post."""
    if not _restore(session, Kind.LIKE, *_like(post, user_id)):
        _notify(session, Kind.LIKE, {post.user_id}, user_id, post.id, now=now)


def withdraw_like(session: Session, post: Post, user_id: int, *, now: datetime) -> None:
    """Take back what the author was told of a like that was taken back."""
    _withdraw(session, Kind.LIKE, *_like(post, user_id), now=now)


def notify_of_follow(
    session: Session, follower_id: int, followed_id: int, *, now: datetime
) -> None:
    """Notify a person of a new follower."""
    if not _restore(session, Kind.FOLLOW, *_follow(follower_id, followed_id)):
        _notify(session, Kind.FOLLOW, {followed_id}, follower_id, None, now=now)


def withdraw_follow(session: Session, follower_id: int, followed_id: int, *, now: datetime) -> None:
    """Take back what a person was told of a follower who left."""
    _withdraw(session, Kind.FOLLOW, *_follow(follower_id, followed_id), now=now)


def count_unread(session: Session, reader_id: int) -> int:
    """How many notifications this person has not seen; counting ends at COUNTED_MAXIMUM."""
    return session.scalar(_COUNT_UNREAD, {"reader": reader_id}) or 0


def mark_read(
    session: Session,
    reader_id: int,
    kinds: Collection[Kind] = KINDS,
    *,
    before: int = MAX_ID,
    now: datetime,
) -> None:
    """Mark what this person is about to see as read at `now`: all of these kinds before an id."""
    session.execute(
        update(Notification)
        .where(
            Notification.user_id == reader_id,
            Notification.read_at.is_(None),
            Notification.id < before,
            Notification.kind.in_(kinds),
        )
        .values(read_at=now)
        .execution_options(synchronize_session=False)
    )


def prune_notifications(session: Session, now: datetime) -> bool:
    """Delete a batch of those that were read long ago; return whether there may be more."""
    # One after the other, since each has an index of its own.
    withdrawn = Notification.kind.in_([literal_column(f"'{one}'") for one in WITHDRAWN.values()])
    for old in (
        Notification.read_at < now - KEPT,
        and_(withdrawn, Notification.read_at < now - WITHDRAWN_FOR),
    ):
        some = select(Notification.id).where(old).order_by(Notification.read_at)
        found = session.scalars(some.limit(PRUNED_AT_ONCE)).all()
        session.execute(delete(Notification).where(Notification.id.in_(found)))
        if len(found) == PRUNED_AT_ONCE:
            return True
    return False


def register_periodic_tasks(outbox: Outbox) -> None:
    """Register the removal of old notifications with the outbox, whose dispatcher runs it."""
    outbox.register_periodic_task(
        "notifications.old",
        lambda session, now: prune_notifications(session, datetime.fromtimestamp(now, UTC)),
    )


def wanted_kinds(session: Session, user_id: int) -> set[Kind]:
    """The kinds of which this person is notified."""
    refused = session.scalars(
        select(NotificationPreference.kind).where(
            NotificationPreference.user_id == user_id, ~NotificationPreference.is_wanted
        )
    )
    return {*KINDS} - {Kind(kind) for kind in refused}


def choose_kinds(session: Session, user_id: int, wanted: Collection[Kind]) -> None:
    """Notify this person of these kinds alone from now on."""
    own = NotificationPreference.user_id == user_id
    # Two forms that are sent at once: the account is locked, so that one follows the other.
    session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    session.execute(delete(NotificationPreference).where(own))
    session.add_all(
        NotificationPreference(user_id=user_id, kind=kind, is_wanted=False)
        for kind in KINDS
        if kind not in wanted
    )


def is_shown(reader: ColumnElement[int]) -> ColumnElement[bool]:
    """The condition for those of a reader's notifications that they may see.

    It is for a statement that joins the actor. `reader` is the bound parameter with the reader's
    id.
    """
    return and_(
        Notification.kind.in_(KINDS),
        visible(),
        ~across_a_block(reader),
        ~exists().where(Mute.muter_id == reader, Mute.muted_id == Notification.actor_id),
        ~exists().where(Post.id == Notification.post_id, Post.deleted_at.is_not(None)),
    )


_READER: ColumnElement[int] = bindparam("reader", type_=Integer)

# Building a statement costs more than running it, and this one runs with each page.
_COUNT_UNREAD = select(func.count()).select_from(
    select(Notification.id)
    .join(User, User.id == Notification.actor_id)
    .where(Notification.user_id == _READER, Notification.read_at.is_(None), is_shown(_READER))
    .limit(COUNTED_MAXIMUM)
    .subquery()
)

_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def _notify(
    session: Session,
    kind: Kind,
    people: Collection[int],
    actor_id: int,
    post_id: int | None,
    *,
    answered: int | None = None,
    now: datetime,
) -> None:
    """Write one row for each of these people who want to hear of it, in one statement.

    For whom the post answers, it is a reply.
    """
    others = sorted({*people} - {actor_id})
    if not others:
        return
    values = {
        "told": kind.value,
        "people": others,
        "actor": actor_id,
        "post": post_id,
        "answered": answered or 0,
        "now": now,
    }
    session.execute(_insert(session.get_bind().dialect.name), values)


@cache
def _insert(dialect: str) -> Any:
    """The statement that writes notifications; building it costs more than running it."""
    actor: ColumnElement[int] = bindparam("actor", type_=Integer)
    is_answered = User.id == bindparam("answered", type_=Integer)
    kind = case(
        (is_answered, literal(Kind.REPLY.value, String)), else_=bindparam("told", type_=String)
    )
    receivers = select(
        User.id,
        kind,
        actor,
        bindparam("post", type_=Integer),
        bindparam("now", type_=UTCDateTime()),
    ).where(
        User.id.in_(bindparam("people", type_=Integer, expanding=True)),
        ~across_a_block(actor),
        ~exists().where(Mute.muter_id == User.id, Mute.muted_id == actor),
        ~exists().where(
            NotificationPreference.user_id == User.id,
            NotificationPreference.kind == kind,
            ~NotificationPreference.is_wanted,
        ),
    )
    columns = ["user_id", "kind", "actor_id", "post_id", "created_at"]
    insert = _INSERT[dialect](Notification.__table__).from_select(columns, receivers)
    return insert.on_conflict_do_nothing()


def _restore(session: Session, kind: Kind, *conditions: ColumnElement[bool]) -> bool:
    """Show again what was withdrawn a short while ago, as read; return whether there was any."""
    restored: Any = session.execute(
        update(Notification)
        .where(Notification.kind == WITHDRAWN[kind], *conditions)
        .values(kind=kind)
        .execution_options(synchronize_session=False)
    )
    return bool(restored.rowcount)


def _withdraw(
    session: Session, kind: Kind, *conditions: ColumnElement[bool], now: datetime
) -> None:
    """Delete what nobody saw; of what was read, keep for a while that it was."""
    found = and_(Notification.kind == kind, *conditions)
    # In this order: what is read meanwhile is no longer deleted, and is found by the second.
    session.execute(
        delete(Notification)
        .where(found, Notification.read_at.is_(None))
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Notification)
        .where(found)
        .values(kind=WITHDRAWN[kind], read_at=now)
        .execution_options(synchronize_session=False)
    )


def _like(post: Post, user_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Notification.user_id == post.user_id,
        Notification.post_id == post.id,
        Notification.actor_id == user_id,
    )


def _follow(follower_id: int, followed_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Notification.user_id == followed_id,
        Notification.post_id.is_(None),
        Notification.actor_id == follower_id,
    )
