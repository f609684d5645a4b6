"""People to follow: first those who post, most followed by the people one follows, then the rest.

The work is bounded however many people and posts there are: only the newest posts count, and of
whom one follows only so many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.orm import Session, aliased

from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.blog.models import Post
from microblog.people.models import Follow, Mute, Profile
from microblog.people.relations import across_a_block

PAGE_SIZE = 25

NEWEST_POSTS = 5_000
"""Whoever wrote one of these is active."""

ACTIVE_MAXIMUM = 200
"""The active people who posted last; all others are among the rest."""

FRIENDS_MAXIMUM = 100
"""Of whom the reader follows, the newest accounts."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A person to follow. `friends` is how many people whom the reader follows follow them."""

    user: User
    profile: Profile | None
    friends: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of suggestions; `following` is where the next page begins, as its arguments."""

    rows: Sequence[Suggestion]
    following: dict[str, int] | None


def suggest(session: Session, reader_id: int, *, skip: int = 0, after: int | None = None) -> Page:
    """Return a page of people whom the reader could follow.

    It begins after `skip` active people, or, among the rest, after the account `after`. Nobody is
    suggested who is hidden or not verified, whom the reader follows or muted, or with whom there is
    a block.
    """
    active: list[Suggestion] = []
    if after is None:
        wanted = _active_people(reader_id).offset(skip)
        active = _first(session, wanted, PAGE_SIZE + 1)
    rows = active + _first(session, _other_people(reader_id, after), PAGE_SIZE + 1 - len(active))
    page = rows[:PAGE_SIZE]
    if len(rows) == len(page):
        return Page(page, None)
    if len(active) >= PAGE_SIZE:
        return Page(page, {"skip": skip + PAGE_SIZE})
    return Page(page, {"after": page[-1].user.id})


def _first(session: Session, wanted: Select[Any], count: int) -> list[Suggestion]:
    return [Suggestion(*row) for row in session.execute(wanted.limit(count))] if count else []


def _active_people(reader_id: int) -> Select[Any]:
    active, friends = _active(reader_id), _friends(reader_id)
    return (
        select(User, Profile, friends)
        .join(active, active.c.id == User.id)
        .outerjoin(Profile, Profile.user_id == User.id)
        .order_by(friends.desc(), active.c.last_post_id.desc())
    )


def _other_people(reader_id: int, after: int | None) -> Select[Any]:
    wanted = (
        select(User, Profile, _friends(reader_id))
        .outerjoin(Profile, Profile.user_id == User.id)
        .where(_can_be_suggested(reader_id), User.id.not_in(select(_active(reader_id).c.id)))
        .order_by(User.id.desc())
    )
    return wanted if after is None else wanted.where(User.id < after)


def _active(reader_id: int) -> Any:
    newest = select(func.max(Post.id)).scalar_subquery()
    last_post_id = func.max(Post.id).label("last_post_id")
    return (
        select(User.id, last_post_id)
        .join_from(Post, User, User.id == Post.user_id)
        .where(
            Post.id > newest - NEWEST_POSTS,
            Post.deleted_at.is_(None),
            _can_be_suggested(reader_id),
        )
        .group_by(User.id)
        .order_by(last_post_id.desc())
        .limit(ACTIVE_MAXIMUM)
        .cte("active")
    )


def _friends(reader_id: int) -> Any:
    """How many people whom the reader follows follow the person of this row."""
    friend, theirs = aliased(User), aliased(Follow)
    friends = (
        select(Follow.followed_id)
        .join(friend, friend.id == Follow.followed_id)
        .where(Follow.follower_id == reader_id, visible(friend))
        .order_by(Follow.followed_id.desc())
        .limit(FRIENDS_MAXIMUM)
        .cte("friends")
    )
    followers = select(func.count()).join_from(
        friends, theirs, theirs.follower_id == friends.c.followed_id
    )
    return followers.where(theirs.followed_id == User.id).correlate(User).scalar_subquery()


def _can_be_suggested(reader_id: int) -> ColumnElement[bool]:
    return and_(
        visible(),
        User.email_verified_at.is_not(None),
        User.id != reader_id,
        ~exists().where(Follow.follower_id == reader_id, Follow.followed_id == User.id),
        ~exists().where(Mute.muter_id == reader_id, Mute.muted_id == User.id),
        ~across_a_block(reader_id),
    )
