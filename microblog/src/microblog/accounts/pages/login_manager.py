"""Flask-Login, with a cookie for remembered log-ins that survives a change of SECRET_KEY."""

from __future__ import annotations

from typing import Any

from flask_login import LoginManager
from flask_login.utils import decode_cookie, encode_cookie

from microblog.accounts.keys import token_keys


class Logins(LoginManager):
    """Accepts cookies that former keys signed, and ignores garbage."""

    def _load_user_from_remember_cookie(self, cookie: str) -> Any:
        if cookie.isascii():
            for key in token_keys():
                secret = decode_cookie(cookie, key)
                if secret is not None:
                    return super()._load_user_from_remember_cookie(encode_cookie(secret))
        return None
