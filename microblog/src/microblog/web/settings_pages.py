"""The pages under /settings: each package adds its own, and one menu lists them."""

from __future__ import annotations

from typing import Any

from flask import Flask, current_app, redirect, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

EXTENSION = "microblog.settings_pages"


def init_app(app: Flask) -> None:
    app.extensions[EXTENSION] = []
    app.jinja_env.globals["settings_pages"] = settings_pages
    app.add_url_rule("/settings/", "settings", login_required(_first))


def add_settings_page(app: Flask, endpoint: str, label: Any, *, position: int) -> None:
    """Add a page to the menu; `label` is a lazy text, lower positions come first."""
    pages = app.extensions[EXTENSION]
    pages.append((position, endpoint, label))
    pages.sort(key=lambda page: page[0])


def settings_pages() -> list[tuple[str, Any]]:
    """Endpoint and label of each page, in the order of the menu."""
    return [(endpoint, label) for _, endpoint, label in current_app.extensions[EXTENSION]]


def _first() -> Response:
    pages = settings_pages()
    return redirect(url_for(pages[0][0] if pages else "index"))
