"""The cookie by which an account knows a browser again. HTTP only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Response, after_this_request, request
from sqlalchemy.orm import Session

from microblog.accounts.sessions.known_browsers import (
    KNOWN_FOR,
    as_cookie,
    read_secrets,
    remember_browser,
)
from microblog.web.cookies import cookie_name, set_cookie

COOKIE = "microblog_browser"


def browser_secrets() -> list[str]:
    """What the browser of this request brought along.

    Also under the name without a prefix, which the cookie had once: without it every account would
    be told of a new browser. Whoever plants one gains nothing, since no account knows it.
    """
    named = request.cookies.get(cookie_name(COOKIE)) or request.cookies.get(COOKIE, "")
    return read_secrets(named)


def remember_this_browser(session: Session, user_id: int, *, now: datetime) -> bool:
    """Let the account know the browser of this request; returns whether it did before."""
    secrets, known = remember_browser(session, user_id, browser_secrets(), now=now)
    keep_secrets(secrets)
    return known


def keep_secrets(secrets: Sequence[str]) -> None:
    """Have the browser of this request keep these."""

    @after_this_request
    def _(response: Response) -> Response:
        set_cookie(response, COOKIE, as_cookie(secrets), KNOWN_FOR)
        return response
