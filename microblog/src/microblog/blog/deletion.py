"""Deleting posts, taking that back, and erasing what is deleted for good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session, aliased

from flask_outbox import Outbox
from microblog.blog.models import Like, Mention, Post, PostTag
from microblog.blog.signals import post_deleted, post_restored
from microblog.blog.timeline import LATEST

UNDO_WITHIN = timedelta(hours=1)
"""How long the author can take a deletion back."""

ERASED_AT_ONCE = 500


def delete_post(session: Session, post: Post, *, now: datetime) -> bool:
    """Hide a post from everybody; return False if it was deleted before.

    Its text and all that refers to it stay, until it is erased.
    """
    unless = Post.deleted_at.is_(None)
    deleted: Any = session.execute(
        update(Post).where(Post.id == post.id, unless).values(deleted_at=now)
    )
    if not deleted.rowcount:
        return False
    post_deleted.send(session, post=post)
    return True


def restore_post(session: Session, post_id: int, author_id: int, *, now: datetime) -> Post | None:
    """Take back the deletion of one's own post; return None if that is not possible.

    It is possible for a while, and as long as the post has its text: who removes somebody else's
    post empties it.
    """
    if not 0 < post_id < LATEST:
        return None
    wanted = select(Post).where(
        Post.id == post_id,
        Post.user_id == author_id,
        Post.deleted_at > now - UNDO_WITHIN,
        Post.body != "",
    )
    post = session.scalar(wanted.with_for_update(key_share=True))
    if post is None:
        return None
    post.deleted_at = None
    session.flush()
    post_restored.send(session, post=post)
    return post


def erase_deleted(session: Session, now: datetime) -> bool:
    """Erase a batch of posts whose deletion can no longer be taken back; return whether there may
    be more. Several processes may do it at once.

    One with replies leaves its row, without text, so that these keep their place in the thread. Its
    row is kept as well if it has no text any more: who removes somebody else's post refers to it.
    """
    reply = aliased(Post)
    wanted = (
        select(Post.id, exists().where(reply.reply_to_id == Post.id))
        .where(Post.deleted_at <= now - UNDO_WITHIN, Post.body != "")
        .order_by(Post.deleted_at)
        .limit(ERASED_AT_ONCE)
    )
    found = session.execute(wanted.with_for_update(skip_locked=True)).all()
    answered = [post_id for post_id, has_replies in found if has_replies]
    lonely = [post_id for post_id, has_replies in found if not has_replies]
    session.execute(delete(Post).where(Post.id.in_(lonely)))
    session.execute(update(Post).where(Post.id.in_(answered)).values(body=""))
    for table in (PostTag, Mention, Like):
        session.execute(delete(table).where(table.post_id.in_(answered)))
    return len(found) == ERASED_AT_ONCE


def register_periodic_tasks(outbox: Outbox) -> None:
    """Register the erasing with the outbox, whose dispatcher does it."""
    outbox.register_periodic_task("blog.deleted_posts", _erase_deleted)


def _erase_deleted(session: Session, now: float) -> bool:
    return erase_deleted(session, datetime.fromtimestamp(now, UTC))
