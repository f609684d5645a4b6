"""The pages under /settings: each package adds its own, and one menu lists them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from flask_login import login_required

EXTENSION = "microblog.settings_pages"


@dataclass(frozen=True)
class SettingsPage:
    """A page of the menu. `label` and `hint` are lazy texts; `icon` is one of static/icons.svg."""

    position: int
    endpoint: str
    label: Any
    hint: Any
    icon: str


def init_app(app: Flask) -> None:
    app.extensions[EXTENSION] = []
    app.jinja_env.globals["settings_pages"] = settings_pages
    app.add_url_rule("/settings/", "settings", login_required(_list))


def add_settings_page(
    app: Flask, endpoint: str, label: Any, hint: Any = "", *, icon: str, position: int
) -> None:
    """Add a page to the menu; lower positions come first."""
    pages = app.extensions[EXTENSION]
    pages.append(SettingsPage(position, endpoint, label, hint, icon))
    pages.sort(key=lambda page: page.position)


def settings_pages() -> list[SettingsPage]:
    """The pages, in the order of the menu."""
    pages: list[SettingsPage] = current_app.extensions[EXTENSION]
    return pages


def _list() -> Any:
    """The first page, beside the list; the style sheet shows phones the list alone."""
    return current_app.view_functions[settings_pages()[0].endpoint]()
