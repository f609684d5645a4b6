"""The cookie by which an account knows a browser again. HTTP only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Response, after_this_request, current_app, request
from sqlalchemy.orm import Session

from microblog.accounts.browsers import KNOWN_FOR, as_cookie, read_secrets, remember_browser

COOKIE = "microblog_browser"


def held_secrets() -> list[str]:
    """What the browser of this request brought along."""
    return read_secrets(request.cookies.get(COOKIE, ""))


def remember_this_browser(session: Session, user_id: int, *, now: datetime) -> bool:
    """Let the account know the browser of this request; returns whether it did before."""
    held, known = remember_browser(session, user_id, held_secrets(), now=now)
    keep_secrets(held)
    return known


def keep_secrets(held: Sequence[str]) -> None:
    """Have the browser of this request keep these."""
    after_this_request(lambda response: _set_cookie(response, as_cookie(held)))


def _set_cookie(response: Response, value: str) -> Response:
    response.set_cookie(
        COOKIE,
        value,
        max_age=KNOWN_FOR,
        path=current_app.session_interface.get_cookie_path(current_app),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response
