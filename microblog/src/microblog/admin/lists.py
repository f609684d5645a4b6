"""The lists of administrators: each package adds its own, and one menu has them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app

EXTENSION = "microblog.admin_lists"


@dataclass(frozen=True)
class AdminList:
    """A list of the menu, and the pages that are reached from it.

    `label` is a lazy text. The endpoints of its pages begin with one of `prefixes`. `count` says
    how much of it waits for somebody.
    """

    position: int
    endpoint: str
    label: Any
    prefixes: tuple[str, ...]
    count: Callable[[], int] | None = None


def init_app(app: Flask) -> None:
    app.extensions[EXTENSION] = []
    app.jinja_env.globals.update(admin_lists=admin_lists, list_of=list_of)


def add_admin_list(app: Flask, entry: AdminList) -> None:
    """Add a list to the menu; lower positions come first."""
    entries = app.extensions[EXTENSION]
    entries.append(entry)
    entries.sort(key=lambda one: one.position)


def admin_lists() -> list[AdminList]:
    """The lists, in the order of the menu."""
    entries: list[AdminList] = current_app.extensions[EXTENSION]
    return entries


def list_of(endpoint: str) -> AdminList:
    """The list that this page is reached from: the one with the longest prefix."""
    prefixes = {
        prefix: one
        for one in admin_lists()
        for prefix in (*one.prefixes, one.endpoint)
        if endpoint.startswith(prefix)
    }
    return prefixes[max(prefixes, key=len)]
