"""Finding posts, people and tags. The work is bounded, however much there is to be found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    Select,
    String,
    bindparam,
    exists,
    func,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Session, aliased, contains_eager

from microblog.accounts.models import User
from microblog.accounts.usernames import username_key
from microblog.accounts.visibility import visible
from microblog.blog.models import Post, PostTag
from microblog.blog.timeline import is_shown, is_visible
from microblog.people.models import Follow, Profile
from microblog.people.relations import across_a_block
from microblog.people.text import tag_key
from microblog.search.engines import Forms, day_of, newest_matches, query_for, word_forms
from microblog.search.folding import wanted_terms
from microblog.search.models import NameTerm
from microblog.search.ranking import Match, ranked

PAGE_SIZE = 25

PAGES_MAXIMUM = 20

MATCHES_MAXIMUM = PAGE_SIZE * PAGES_MAXIMUM
"""So many of the newest posts that match are ranked, and can be shown."""

TERMS_MAXIMUM = 10
"""Terms of a query; further ones do not count."""

NAMES_MAXIMUM = 500
"""Names with the beginning that was typed, in the order of the alphabet."""

TAGS_MAXIMUM = 25

COUNT_MAXIMUM = 100
"""Posts of a tag that are counted."""

RECENT_POSTS = 1_000
"""The tags of the newest posts are those that are recent."""

LAST_CHARACTER = "\U0010ffff"
"""Follows every character that a term has, so that a beginning is a range."""


@dataclass(frozen=True, slots=True)
class PostsPage:
    """One page of posts that were found, the best first.

    `total` is how many there are, as far as they are counted. `newest` is the id of the newest: the
    pages that follow are pages of these posts. `wanted` and `forms` are the terms to
    mark, and their word forms.
    """

    posts: Sequence[Post]
    total: int
    newest: int | None
    number: int
    has_more: bool
    wanted: Sequence[str]
    forms: Forms


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A person whom the reader may see, and whether the reader follows them."""

    user: User
    profile: Profile | None
    is_followed: bool
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class FoundTag:
    """A tag, and how many posts have it: at most COUNT_MAXIMUM, which means that or more."""

    tag: str
    posts: int


def find_posts(
    session: Session, typed: str, reader_id: int | None, *, number: int = 1, below: int
) -> PostsPage:
    """Return a page of the posts that have all words of what was typed, and ids under `below`.

    Deleted posts are not found, nor those of people whom the reader may not see, or muted.
    """
    wanted = wanted_terms(typed)[:TERMS_MAXIMUM]
    forms = word_forms(session, wanted)
    if not wanted:
        return PostsPage((), 0, None, number, has_more=False, wanted=(), forms={})
    matches = _matches(session, wanted, forms, reader_id, below)
    ids = ranked(matches, wanted, typed)
    page = ids[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return PostsPage(
        posts=_in_order(session, page),
        total=len(ids),
        newest=max(ids, default=None),
        number=number,
        has_more=len(ids) > number * PAGE_SIZE,
        wanted=wanted,
        forms=forms,
    )


def find_people(
    session: Session, typed: str, reader_id: int | None, *, size: int, skip: int = 0
) -> Sequence[FoundPerson]:
    """Return people who have a name with each of the words, or one that begins so.

    First the one with this user name, then those whom the reader follows.
    """
    wanted = sorted(wanted_terms(typed)[:TERMS_MAXIMUM], key=len, reverse=True)
    values: dict[str, Any] = {
        "key": username_key(typed.strip().removeprefix("@")),
        "reader": reader_id or 0,
        "skip": skip,
        "people": size,
        "names": NAMES_MAXIMUM,
    }
    for number, term in enumerate(wanted):
        values |= {f"first{number}": term, f"last{number}": term + LAST_CHARACTER}
    found = session.execute(_find_people(len(wanted), reader_id is None), values)
    return [FoundPerson(*row) for row in found]


def find_tags(session: Session, typed: str, reader_id: int | None) -> Sequence[FoundTag]:
    """Return tags that begin with what was typed; first that tag, then those of most posts."""
    key = tag_key("".join(typed.split()).removeprefix("#"))
    if not key or "\0" in key:
        return ()
    values = {"first": key, "last": key + LAST_CHARACTER, "size": TAGS_MAXIMUM}
    tags = session.scalars(_TAGS, values).all()
    if not tags:
        return ()
    values = {f"tag{number}": tag for number, tag in enumerate(tags)}
    values |= {"reader": reader_id, "counted": COUNT_MAXIMUM}
    counts = session.execute(_count_posts(len(tags), reader_id is None), values)
    found = [FoundTag(tag, count) for tag, count in counts if count]
    return sorted(found, key=lambda one: (one.tag != key, -one.posts, one.tag))


def recent_tags(session: Session, reader_id: int | None, *, size: int) -> Sequence[FoundTag]:
    """Return the tags that most of the newest posts have."""
    newest = (
        select(Post.id)
        .join(Post.author)
        .where(is_visible(reader_id))
        .order_by(Post.id.desc())
        .limit(RECENT_POSTS)
        .subquery()
    )
    count = func.count()
    tags = (
        select(PostTag.tag, count)
        .join(newest, newest.c.id == PostTag.post_id)
        .group_by(PostTag.tag)
        .order_by(count.desc(), PostTag.tag)
        .limit(size)
    )
    return [FoundTag(*row) for row in session.execute(tags)]


# One look for each tag, however many posts it has.
_TAGS = text(
    """WITH RECURSIVE found(tag) AS (
        SELECT min(tag) FROM post_tags WHERE tag >= :first AND tag < :last
        UNION ALL
        SELECT (SELECT min(tag) FROM post_tags WHERE tag > found.tag AND tag < :last)
        FROM found WHERE found.tag IS NOT NULL
    )
    SELECT tag FROM found WHERE tag IS NOT NULL LIMIT :size"""
)


def _matches(
    session: Session, wanted: Sequence[str], forms: Forms, reader_id: int | None, below: int
) -> Sequence[Match]:
    """The newest posts that match, less those that the reader may not see."""
    seen = _seen(session.get_bind().dialect.name, reader_id is None)
    values = {
        "query": query_for(session, wanted, forms),
        "reader": reader_id,
        "below": below,
        "size": MATCHES_MAXIMUM,
    }
    return [(key, body, day) for key, body, day in session.execute(seen, values)]


def _in_order(session: Session, ids: Sequence[int]) -> Sequence[Post]:
    if not ids:
        return ()
    posts = {post.id: post for post in session.scalars(_POSTS, {"ids": ids})}
    return [posts[post_id] for post_id in ids if post_id in posts]


# Each variant of a statement is built once: building costs more than running it.
_READER: ColumnElement[int] = bindparam("reader", type_=Integer)
_POSTS = (
    select(Post)
    .join(Post.author)
    .options(contains_eager(Post.author))
    .where(Post.id.in_(bindparam("ids", expanding=True)))
)


@cache
def _seen(dialect: str, is_anonymous: bool) -> Select[Any]:
    newest = newest_matches(dialect).subquery()
    return (
        select(Post.id, Post.body, day_of(dialect, Post.created_at))
        .join(newest, newest.c.post_id == Post.id)
        .join(Post.author)
        .where(is_shown(is_anonymous))
    )


@cache
def _find_people(terms: int, is_anonymous: bool) -> Select[Any]:
    follows = exists().where(Follow.follower_id == _READER, Follow.followed_id == User.id)
    is_named_so = User.username_key == bindparam("key", type_=String)
    columns: list[Any] = [User, Profile, follows]
    found = (
        select(*columns)
        .outerjoin(Profile, Profile.user_id == User.id)
        .where(User.id.in_(_named(terms, is_named_so)), visible())
        .order_by(is_named_so.desc(), follows.desc(), User.id)
        .offset(bindparam("skip", type_=Integer))
        .limit(bindparam("people", type_=Integer))
    )
    return found if is_anonymous else found.where(~across_a_block(_READER))


def _named(terms: int, is_named_so: ColumnElement[bool]) -> Select[Any]:
    """The ids of accounts with this name, or with the first of so many terms and all others."""
    exactly = select(User.id).where(is_named_so)
    if not terms:
        return exactly
    begins = (
        select(NameTerm.user_id)
        .where(_begins_with(NameTerm.term, 0))
        .order_by(NameTerm.term, NameTerm.user_id)
        .limit(bindparam("names", type_=Integer))
        .subquery()
    )
    named = select(begins.c.user_id)
    for number in range(1, terms):
        other = aliased(NameTerm)
        named = named.where(
            exists().where(other.user_id == begins.c.user_id, _begins_with(other.term, number))
        )
    return select(union_all(named, exactly).subquery())


def _begins_with(column: Any, number: int) -> ColumnElement[bool]:
    begins: ColumnElement[bool] = column.between(
        bindparam(f"first{number}", type_=column.type),
        bindparam(f"last{number}", type_=column.type),
    )
    return begins


@cache
def _count_posts(tags: int, is_anonymous: bool) -> CompoundSelect[Any]:
    return union_all(*(_count_posts_of(number, is_anonymous) for number in range(tags)))


def _count_posts_of(number: int, is_anonymous: bool) -> Select[Any]:
    tag: ColumnElement[str] = bindparam(f"tag{number}", type_=String)
    posts = (
        select(Post.id)
        .join(PostTag, PostTag.post_id == Post.id)
        .join(Post.author)
        .where(PostTag.tag == tag, is_shown(is_anonymous))
        .limit(bindparam("counted", type_=Integer))
        .subquery()
    )
    return select(tag, select(func.count()).select_from(posts).scalar_subquery())
