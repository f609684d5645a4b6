"""What every page with posts needs: its cursor, its reader, and its texts as HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, request
from markupsafe import Markup

from microblog.accounts.pages.reader import reader_id
from microblog.blog import cards
from microblog.blog.models import Post
from microblog.blog.posts import mentioned
from microblog.blog.threads import Thread
from microblog.blog.timeline import Cursor, Page
from microblog.database import db
from microblog.people.linking import linker
from microblog.people.relations import pictures


def init_app(app: Flask) -> None:
    cards.init_app(app)


def cursor() -> Cursor:
    """The cursor in this request's address."""
    return Cursor.of(request.args.get("before"), request.args.get("after"))


def timeline_context(page: Page) -> dict[str, Any]:
    """What a template needs to show this page of a timeline."""
    return {"page": page, **post_context(page.posts)}


def thread_context(thread: Thread) -> dict[str, Any]:
    """What a template needs to show this thread."""
    return {"thread": thread, **post_context(thread.shown())}


def post_context(
    posts: Sequence[Post], show: Callable[[str], Markup] | None = None
) -> dict[str, Any]:
    """What a template needs for these posts: their texts, and pictures of authors and reader.

    `show` makes HTML of the words in a text, inside and beside its links.
    """
    shown = {post.user_id for post in posts}
    return {
        "bodies": bodies(posts, show),
        "pictures": pictures(db.session, shown | {reader_id() or 0}),
    }


def bodies(posts: Sequence[Post], show: Callable[[str], Markup] | None = None) -> dict[int, Markup]:
    """The text of each post as HTML, by the post's id."""
    to_html = linker(mentioned(db.session, posts), show)
    return {post.id: to_html(post.body) for post in posts}
