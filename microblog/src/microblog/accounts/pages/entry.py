"""Logging a browser in. HTTP only."""

from __future__ import annotations

from flask import session
from flask_login import login_user

from microblog.accounts.pages.browser_cookie import keep_secrets
from microblog.accounts.sessions.entry import Entry


def start(entry: Entry, *, remembered: bool) -> None:
    """Log this browser in, in a new session of its own."""
    session.clear()
    login_user(entry.visitor, remember=remembered)
    keep_secrets(entry.browser_secrets)
