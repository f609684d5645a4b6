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
from microblog.database import utc_now
from microblog.web.languages import reader_zone
from microblog.web.secret_links import return_path
from microblog.web.templating import VALUE_MAXIMUM, drawer
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
    is_own: bool
    is_alone: bool
    zone: str | None
    page: str | None
    """Where its author goes back to after deleting it."""


class Reader(NamedTuple):
    """What cards depend on that is the same for all of a page."""

    id: int | None
    zone: str | None
    now: datetime
    page: str
    draw: Callable[[Card], Markup]


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(post_card=post_card, post_cards=post_cards)


def post_cards(
    posts: Sequence[Post], bodies: Mapping[int, Markup], pictures: Mapping[int, str]
) -> Markup:
    """Posts with their authors, one after the other."""
    reader = _reader()
    cards = [_card(post, bodies[post.id], pictures.get(post.user_id), reader) for post in posts]
    return Markup("".join(cards))  # noqa: S704 - each is a card


def post_card(post: Post, body: Markup, picture: str | None) -> Markup:
    """A post that stands alone; it also tells when it was edited."""
    return _card(post, body, picture, _reader(), alone=True)


def _reader() -> Reader:
    reader_id = current_user.user.id if current_user.is_authenticated else None
    page = return_path()
    draw = drawer("blog/_posts.html", "draw_card", keep=len(page) <= VALUE_MAXIMUM)
    return Reader(reader_id, reader_zone(), utc_now().astimezone(get_timezone()), page, draw)


def _card(
    post: Post, body: Markup, picture: str | None, reader: Reader, *, alone: bool = False
) -> Markup:
    is_own = post.user_id == reader.id
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
        is_own=is_own,
        is_alone=alone,
        zone=reader.zone,
        page=reader.page if is_own and not alone else None,
    )
    return reader.draw(card)
