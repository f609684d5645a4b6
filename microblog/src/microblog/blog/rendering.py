"""What every page with posts needs: its cursor, its reader, and its texts as HTML."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from flask import Flask, current_app, request, url_for
from flask_login import current_user
from markupsafe import Markup

from microblog.accounts.models import User
from microblog.blog import cards
from microblog.blog.models import Post
from microblog.blog.people import pictures
from microblog.blog.posts import mentioned
from microblog.blog.text import as_html
from microblog.blog.timeline import Cursor, Page
from microblog.database import db
from microblog.web.security import GRAVATAR

GRAVATAR_SIDE = 192
"""Pixels along each side: twice the largest size that is shown, for high-density screens."""

AVATAR_COLORS = 12
"""As many as the style sheet has."""

AVATAR_COLOR_STEP = 5
"""From one person to the next: it meets all colours, and neighbours do not look alike."""


def init_app(app: Flask) -> None:
    cards.init_app(app)
    app.jinja_env.globals.update(
        page_url=page_url, avatar_url=avatar_url, gravatar_url=gravatar_url
    )
    app.jinja_env.filters["avatar_color"] = avatar_color


def cursor() -> Cursor:
    """The cursor in this request's address."""
    return Cursor.of(request.args.get("before"), request.args.get("after"))


def reader_id() -> int | None:
    """The id of the signed-in reader; None if nobody is signed in."""
    return current_user.user.id if current_user.is_authenticated else None


def timeline_context(page: Page) -> dict[str, Any]:
    """What a template needs to show this page of a timeline."""
    return {"page": page, **post_context(page.posts)}


def post_context(posts: Sequence[Post]) -> dict[str, Any]:
    """What a template needs for these posts: their texts, and pictures of authors and reader."""
    shown = {post.user_id for post in posts}
    return {
        "bodies": bodies(posts),
        "pictures": pictures(db.session, shown | {reader_id() or 0}),
    }


def bodies(posts: Sequence[Post]) -> dict[int, Markup]:
    """The text of each post as HTML, by the post's id."""
    to_html = _linker(mentioned(db.session, posts))
    return {post.id: to_html(post.body) for post in posts}


def linked(text: str) -> Markup:
    """A text as HTML; its addresses and tags are links."""
    return _linker({})(text)


def _linker(names: Mapping[str, str]) -> Callable[[str], Markup]:
    """What makes HTML of a text; addresses, tags, and these names (by key) become links."""
    addresses = {key: url_for("people.profile", username=name) for key, name in names.items()}
    return partial(as_html, names=addresses, tags=url_for("blog.tagged", tag="TAG"))


def page_url(**begin: int) -> str:
    """The address of another page of the current list."""
    values: dict[str, Any] = {**(request.view_args or {}), **begin}
    return url_for(request.endpoint or "index", **values)


def avatar_color(user_id: int) -> int:
    """One of AVATAR_COLORS for a person, unlike that of whoever joined just before or after."""
    return user_id * AVATAR_COLOR_STEP % AVATAR_COLORS


def avatar_url(user: User, digest: str | None) -> str | None:
    """The address of a person's uploaded picture; None if they have none."""
    return url_for("profiles.picture", user_id=user.id, digest=digest) if digest else None


def gravatar_url(user: User) -> str | None:
    """The address of this person's Gravatar, which is transparent if they have none.

    None if GRAVATAR is off, or the address is not confirmed: whose picture it is would be unknown.
    https://docs.gravatar.com/api/avatars/images/
    """
    if not current_app.config["GRAVATAR"] or user.email_verified_at is None:
        return None
    digest = hashlib.sha256(user.email.strip().lower().encode()).hexdigest()
    return f"{GRAVATAR}/avatar/{digest}?s={GRAVATAR_SIDE}&d=blank&r=g"
