"""The people whom somebody may be about to mention, from the first letters that they typed.

The work is bounded however many people there are: names are found by the index of user names, and
display names only among some of those whom the reader follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.usernames import USERNAME_MAXIMUM, username_key
from microblog.accounts.visibility import visible
from microblog.people.models import Follow
from microblog.people.relations import across_a_block

SUGGESTIONS_MAXIMUM = 6

FOLLOWED_MAXIMUM = 1_000
"""Of whom the reader follows, the newest accounts."""

_BEGINNING = regex.compile(
    rf"[\p{{L}}\p{{N}}][\p{{L}}\p{{M}}\p{{N}}._-]{{0,{USERNAME_MAXIMUM - 1}}}"
)

_AFTER_ALL = "\U0010ffff"
"""Sorts after every letter, whatever the database sorts by."""


@dataclass(frozen=True, slots=True)
class SuggestedName:
    username: str
    display_name: str | None


def suggest_names(session: Session, reader_id: int, typed: str) -> Sequence[SuggestedName]:
    """Return people whose names begin so, first those whom the reader follows.

    None of them is the reader, hidden, without a verified address, or across a block.
    """
    if not _BEGINNING.fullmatch(typed):
        return []
    followed = _first(session, _followed(reader_id, typed))
    return (followed + _first(session, _others(reader_id, typed)))[:SUGGESTIONS_MAXIMUM]


def _first(session: Session, wanted: Select[str, str | None]) -> list[SuggestedName]:
    rows = session.execute(wanted.order_by(User.username_key).limit(SUGGESTIONS_MAXIMUM))
    return [SuggestedName(*row) for row in rows]


def _followed(reader_id: int, typed: str) -> Select[str, str | None]:
    newest = (
        select(Follow.followed_id)
        .where(Follow.follower_id == reader_id)
        .order_by(Follow.followed_id.desc())
        .limit(FOLLOWED_MAXIMUM)
        .subquery()
    )
    return (
        select(User.username, User.display_name)
        .join(newest, newest.c.followed_id == User.id)
        .where(or_(_is_named(typed), _is_called(typed)), _may_be_named(reader_id))
    )


def _others(reader_id: int, typed: str) -> Select[str, str | None]:
    is_followed = exists().where(Follow.follower_id == reader_id, Follow.followed_id == User.id)
    return select(User.username, User.display_name).where(
        _is_named(typed), _may_be_named(reader_id), ~is_followed
    )


def _is_named(typed: str) -> ColumnElement[bool]:
    """The range lets the index be used; where it is sorted by language, it holds a few others."""
    key = username_key(typed)
    return and_(
        User.username_key >= key,
        User.username_key < key + _AFTER_ALL,
        func.substr(User.username_key, 1, len(key)) == key,
    )


def _is_called(typed: str) -> ColumnElement[bool]:
    # SQLite folds the case of ASCII alone.
    spellings = {typed, typed.lower(), typed.upper(), typed.capitalize()}
    return or_(*(func.substr(User.display_name, 1, len(one)) == one for one in sorted(spellings)))


def _may_be_named(reader_id: int) -> ColumnElement[bool]:
    return and_(
        visible(),
        User.email_verified_at.is_not(None),
        User.id != reader_id,
        ~across_a_block(reader_id),
    )
