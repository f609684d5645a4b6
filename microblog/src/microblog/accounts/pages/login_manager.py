"""Flask-Login, with a cookie for remembered log-ins that survives a change of SECRET_KEY.

Whoever has to log in first returns to the page where they pressed the button.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import flash, redirect, request, url_for
from flask_login import LoginManager
from flask_login.utils import decode_cookie, encode_cookie

from microblog.accounts.keys import token_keys
from microblog.web.hosts import is_own_origin


class Logins(LoginManager):
    """Accepts cookies that former keys signed, and ignores garbage."""

    def unauthorized(self) -> Any:
        """Redirect to the log-in page, from which one returns here.

        The address of a button answers no link, so one returns to the page that has the button.
        """
        if request.method in {"GET", "HEAD"}:
            return super().unauthorized()
        flash(self.login_message, self.login_message_category)
        return redirect(url_for(self.login_view, next=page_of_button()))

    def _session_protection_failed(self) -> bool:
        # It would mark log-ins as stale, which no page asks about, and takes long to find that out.
        return False

    def _load_user_from_remember_cookie(self, cookie: str) -> Any:
        if cookie.isascii():
            for key in token_keys():
                secret = decode_cookie(cookie, key)
                if secret is not None:
                    return super()._load_user_from_remember_cookie(encode_cookie(secret))
        return None


def page_of_button() -> str | None:
    """The path of the page from which this form was sent, if it is one of this site."""
    page = request.referrer or ""
    if not is_own_origin(page):
        return None
    return urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl()
