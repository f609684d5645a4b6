"""The pictures of people: uploaded, Gravatar's, or drawn from the name."""

from __future__ import annotations

import hashlib

from flask import Flask, current_app, url_for

from microblog.accounts.models import User
from microblog.web.security import GRAVATAR

GRAVATAR_SIDE = 192
"""Pixels along each side: twice the largest size that is shown, for high-density screens."""

AVATAR_COLORS = 12
"""As many as the style sheet has."""

AVATAR_COLOR_STEP = 5
"""From one person to the next: it meets all colours, and neighbours do not look alike."""


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(avatar_url=avatar_url, gravatar_url=gravatar_url)
    app.jinja_env.filters["avatar_color"] = avatar_color


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
