"""Posts as HTML. A card shows nothing but its own values, so that each is drawn once for everybody
who gets the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from flask import Flask
from flask_babel import get_timezone
from flask_login import current_user
from markupsafe import Markup

from microblog.blog.models import Post
from microblog.blog.reactions import NONE, Reactions, reactions
from microblog.blog.threads import Thread
from microblog.database import db, utc_now
from microblog.people.intents import is_followed_later
from microblog.web.languages import reader_zone
from microblog.web.templating import drawer
from microblog.web.times import relative_time


class Author(NamedTuple):
    """What a card shows of a person."""

    id: int
    username: str
    display_name: str | None
    email: str
    email_verified_at: datetime | None


class Card(NamedTuple):
    """All that a card depends on, beside the reader's language."""

    id: int
    author: Author
    body: Markup
    created_at: datetime
    age: str
    """How long ago it was written, in the reader's language."""
    edited_at: datetime | None
    picture: str | None
    says_reply: bool
    """Whether it tells that it answers somebody, since what it answers is not above it."""
    reactions: Reactions
    is_for_member: bool
    """Whether its reader is signed in."""
    is_own: bool
    is_followed: bool | None
    """Whether its reader follows the author; None where there is no button for it."""
    is_alone: bool
    is_joined: bool
    """Whether a line leads to the next card, which answers this one."""
    zone: str | None


class Reader(NamedTuple):
    """What cards depend on that is the same for all of a page."""

    id: int | None
    zone: str | None
    now: datetime
    reactions: Mapping[int, Reactions]
    draw: Callable[[Card], Markup]


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        post_card=post_card, post_cards=post_cards, thread_cards=thread_cards
    )


def post_cards(
    posts: Sequence[Post], bodies: Mapping[int, Markup], pictures: Mapping[int, str]
) -> Markup:
    """Posts with their authors, one after the other."""
    reader = _reader(posts)
    cards = [_card(post, bodies[post.id], pictures.get(post.user_id), reader) for post in posts]
    return Markup("".join(cards))  # noqa: S704 - each is a card


def post_card(
    post: Post, bodies: Mapping[int, Markup], pictures: Mapping[int, str], *, is_alone: bool
) -> Markup:
    """One post, as in a list or as on its own page."""
    body, picture = bodies[post.id], pictures.get(post.user_id)
    return _card(post, body, picture, _reader([post]), is_alone=is_alone)


def thread_cards(
    thread: Thread, bodies: Mapping[int, Markup], pictures: Mapping[int, str]
) -> dict[int, Markup]:
    """The posts of a thread that are shown, by their ids; the one in the middle stands alone."""
    shown = thread.shown()
    reader = _reader(shown)
    joined = {one.post.id for one in thread.above if one.post}
    joined |= {one.post.id for one in thread.replies if one.post and one.answer}
    below = {post.id for post in shown[1:]} - {one.post.id for one in thread.above[:1] if one.post}
    return {
        post.id: _card(
            post,
            bodies[post.id],
            pictures.get(post.user_id),
            reader,
            is_alone=post is thread.post,
            is_joined=post.id in joined,
            is_below=post.id in below,
        )
        for post in shown
    }


def _reader(posts: Sequence[Post]) -> Reader:
    reader_id = current_user.user.id if current_user.is_authenticated else None
    now = utc_now().astimezone(get_timezone())
    draw = drawer("blog/_posts.html", "draw_card")
    return Reader(reader_id, reader_zone(), now, reactions(db.session, posts, reader_id), draw)


def _card(
    post: Post,
    body: Markup,
    picture: str | None,
    reader: Reader,
    *,
    is_alone: bool = False,
    is_joined: bool = False,
    is_below: bool = False,
) -> Markup:
    user, created_at = post.author, post.created_at
    card = Card(
        id=post.id,
        author=Author(
            user.id, user.username, user.display_name, user.email, user.email_verified_at
        ),
        body=body,
        created_at=created_at,
        age=relative_time(created_at, now=reader.now),
        edited_at=post.edited_at,
        picture=picture,
        says_reply=post.thread_id is not None and not is_below,
        # Not whether its reader follows the author, which most cards do not show.
        reactions=reader.reactions.get(post.id, NONE)._replace(is_author_followed=False),
        is_for_member=reader.id is not None,
        is_own=post.user_id == reader.id,
        is_followed=_is_followed(post, reader) if is_alone else None,
        is_alone=is_alone,
        is_joined=is_joined,
        zone=reader.zone,
    )
    return reader.draw(card)


def _is_followed(post: Post, reader: Reader) -> bool | None:
    if reader.id in {None, post.user_id}:
        return None
    found = reader.reactions.get(post.id, NONE)
    return found.is_author_followed or is_followed_later(post.user_id)
