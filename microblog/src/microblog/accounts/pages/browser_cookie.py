"""The cookie by which an account recognises a browser. HTTP only."""

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
    """Return the secrets that the browser of this request sent.

    The cookie's former name, without a prefix, is read as well: otherwise every account would be
    told of a new browser. Planting one gains nothing, since no account knows it.
    """
    named = request.cookies.get(cookie_name(COOKIE)) or request.cookies.get(COOKIE, "")
    return read_secrets(named)


def remember_this_browser(session: Session, user_id: int, *, now: datetime) -> bool:
    """Let the account know the browser of this request; return whether it did before."""
    secrets, known = remember_browser(session, user_id, browser_secrets(), now=now)
    keep_secrets(secrets)
    return known


def keep_secrets(secrets: Sequence[str]) -> None:
    """Have the browser of this request store these secrets."""

    @after_this_request
    def _(response: Response) -> Response:
        set_cookie(response, COOKIE, as_cookie(secrets), KNOWN_FOR)
        return response
