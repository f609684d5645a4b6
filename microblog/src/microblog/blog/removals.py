"""Which posts the site's administrators removed. Moderation knows, and says here how to ask it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from flask import Flask, current_app
from sqlalchemy.orm import Session

EXTENSION = "microblog.removals"

RemovedAmong = Callable[[Session, Collection[int]], set[int]]


def set_removals(app: Flask, ask: RemovedAmong) -> None:
    """Let `ask` answer: of these posts, given by their ids, which did administrators remove?"""
    app.extensions[EXTENSION] = ask


def removed_among(session: Session, post_ids: Collection[int]) -> set[int]:
    """Return those of these posts that administrators removed; their authors can't restore them."""
    ask: RemovedAmong = current_app.extensions[EXTENSION]
    return ask(session, post_ids) if post_ids else set()
