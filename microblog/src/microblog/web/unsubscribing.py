"""The page that ends mail which people chose, behind the link in it: without signing in.

What is in its address is good for nothing else, so it does not move into the session.
"""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext as _l
from werkzeug.urls import iri_to_uri

from flask_outbox.public_pages import unsubscribe_blueprint
from microblog.settings import Settings
from microblog.web.links import DEFAULT_PUBLIC_URL
from microblog.web.secret_links import add_secret_prefix

PREFIX = "/unsubscribe"

LIST_NAMES = {"digest": _l("Replies, mentions and messages")}
"""The lists of mail that people chose, as the page names them."""


def unsubscribe_url(settings: Settings) -> str | None:
    """The address below which the links are; None without a key that could sign them."""
    if settings.SECRET_KEY is None:
        return None
    # It stands in a header of mail as well, which takes no letters beyond ASCII.
    return iri_to_uri(f"{settings.PUBLIC_URL or DEFAULT_PUBLIC_URL}{PREFIX}")


def init_app(app: Flask) -> None:
    made = unsubscribe_blueprint(lists=LIST_NAMES, layout="web/unsubscribing.html")
    app.register_blueprint(made, url_prefix=PREFIX)
    add_secret_prefix(app, f"{PREFIX}/")
