"""Posts as HTML. A card shows nothing but its own values, so that each is drawn once for everybody
who gets the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from flask import Flask, current_app, request
from flask_login import current_user
from jinja2 import Template
from markupsafe import Markup

from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.database import utc_now
from microblog.web.languages import current_language, reader_zone
from microblog.web.secret_links import return_path
from microblog.web.times import relative_time

TEMPLATE = "blog/_posts.html"

CARDS_MAXIMUM = 4096
"""How many are kept: at about two kilobytes each, those of 160 pages."""


@dataclass(frozen=True, slots=True)
class Author:
    """What a card shows of a person."""

    id: int
    username: str
    display_name: str | None
    email: str
    email_verified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Card:
    """All that a card depends on. Its template gets this, and not the request or the reader."""

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
    language: str
    zone: str | None
    root: str
    """The path below which the site is reached, with which all addresses begin."""
    page: str | None
    """Where its author goes back to after deleting it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What cards depend on that is the same for all of a page."""

    id: int | None
    language: str
    zone: str | None
    root: str
    now: datetime
    page: str


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(post_card=post_card, reader_of_cards=current_reader)


def current_reader() -> Reader:
    """Who reads this page, and how."""
    reader_id = current_user.user.id if current_user.is_authenticated else None
    return Reader(
        reader_id, current_language(), reader_zone(), request.script_root, utc_now(), return_path()
    )


def post_card(
    post: Post,
    body: Markup,
    picture: str | None = None,
    *,
    alone: bool = False,
    reader: Reader | None = None,
) -> Markup:
    """A post with its author; one that stands `alone` also tells when it was edited."""
    reader = reader or current_reader()
    is_own = post.user_id == reader.id
    card = Card(
        id=post.id,
        author=_author(post.author),
        body=body,
        created_at=post.created_at,
        age=relative_time(post.created_at, now=reader.now),
        edited_at=post.edited_at,
        picture=picture,
        is_own=is_own,
        is_alone=alone,
        language=reader.language,
        zone=reader.zone,
        root=reader.root,
        page=reader.page if is_own and not alone else None,
    )
    # The template is part of the key: each application has its own, and a changed file a new one.
    return _drawn(current_app.jinja_env.get_template(TEMPLATE), card)


def _author(user: User) -> Author:
    return Author(user.id, user.username, user.display_name, user.email, user.email_verified_at)


@lru_cache(CARDS_MAXIMUM)
def _drawn(template: Template, card: Card) -> Markup:
    drawn: Markup = vars(template.module)["draw_card"](card)
    return drawn
