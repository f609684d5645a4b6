"""The index of posts and names, kept in the transaction of what it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.signals import account_created
from microblog.blog.models import Post
from microblog.blog.signals import post_deleted, post_edited, post_restored, post_written
from microblog.database import MAX_ID
from microblog.people.signals import profile_changed
from microblog.search.engines import add_texts
from microblog.search.folding import terms
from microblog.search.models import IndexedPost, NameTerm

BATCH = 500
"""Posts or accounts that a rebuild indexes in one transaction, for which others wait on SQLite."""


_OLDEST_IS_INDEXED = (
    select(exists().where(IndexedPost.post_id == Post.id))
    .where(Post.deleted_at.is_(None))
    .order_by(Post.id)
    .limit(1)
)


def connect() -> None:
    """Hear of all that changes what is found."""
    for signal in (post_written, post_edited, post_restored):
        signal.connect(_add_post)
    post_deleted.connect(_remove_post)
    account_created.connect(_add_account)
    profile_changed.connect(_change_names)


def is_complete(session: Session) -> bool:
    """Whether older posts are indexed, too: a rebuild begins with the newest."""
    return session.scalar(_OLDEST_IS_INDEXED) is not False


def add_posts(session: Session, below: int = MAX_ID, *, anew: bool = False) -> int | None:
    """Index a batch of posts, the newest with ids under `below`.

    Returns where the next batch begins, or None if there are no more. Those that are indexed stay
    as they are, unless all are indexed `anew`. Who edits or deletes one of the posts meanwhile
    waits until this transaction ends, and then changes what was indexed here.
    """
    wanted = select(Post.id).where(Post.id < below, Post.deleted_at.is_(None))
    ids = session.scalars(wanted.order_by(Post.id.desc()).limit(BATCH)).all()
    if not ids:
        return None
    # In one order, against deadlocks with others that lock several posts.
    locked = select(Post.id, Post.body).where(Post.id.in_(ids), Post.deleted_at.is_(None))
    if not anew:
        locked = locked.where(~exists().where(IndexedPost.post_id == Post.id))
    found = session.execute(locked.order_by(Post.id).with_for_update(key_share=True))
    add_texts(session, [(post_id, body) for post_id, body in found])
    return ids[-1]


def add_people(session: Session, below: int = MAX_ID) -> int | None:
    """Index the names of a batch of accounts anew, as `add_posts` does with posts."""
    wanted = select(User).where(User.id < below).order_by(User.id.desc()).limit(BATCH)
    found = session.scalars(wanted.with_for_update(key_share=True)).all()
    if not found:
        return None
    _write_names(session, found)
    return found[-1].id


def _add_post(session: Session, *, post: Post, **_more: Any) -> None:
    add_texts(session, [(post.id, post.body)])


def _remove_post(session: Session, *, post: Post) -> None:
    session.execute(delete(IndexedPost).where(IndexedPost.post_id == post.id))


def _add_account(session: Session, *, user: User) -> None:
    _write_names(session, [user])


def _change_names(session: Session, *, user_id: int) -> None:
    # Locked: of two changes at once, one may write the same names.
    locked = select(User).where(User.id == user_id).with_for_update(key_share=True)
    _write_names(session, session.scalars(locked).all())


def _write_names(session: Session, people: Sequence[User]) -> None:
    session.execute(delete(NameTerm).where(NameTerm.user_id.in_([user.id for user in people])))
    rows = [row for user in people for row in _names_of(user)]
    if rows:
        session.execute(insert(NameTerm), rows)


def _names_of(user: User) -> Iterator[dict[str, Any]]:
    for term in terms(f"{user.username} {user.display_name or ''}"):
        yield {"term": term, "user_id": user.id}
