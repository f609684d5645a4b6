"""A person with a browser, for tests of pages."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from html import unescape
from typing import Any

import jwt
import pytest
from argon2 import PasswordHasher
from flask import Flask, url_for
from werkzeug.test import TestResponse

from flask_outbox.application import make_dispatcher
from microblog.accounts import passwords
from microblog.accounts.actions.password_reset import reset_link
from microblog.accounts.actions.registration import create_account
from microblog.accounts.keys import token_keys
from microblog.accounts.models import KnownBrowser
from microblog.accounts.pages.browser_cookie import COOKIE
from microblog.accounts.secrets import secret_digest
from microblog.database import db, transaction, utc_now
from tests.delivering import drain
from tests.smtp_server import ScriptedServer

PASSWORD = "correct horse battery staple"

BROWSER = "browser-of-everybody-" + "x" * 22
"""The secret of a browser that every account of `make_user` knows, so that no notice about a new
browser mixes with the mail that a test is about."""

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of decisions that need no database: one engine is enough."""


class Visitor:
    """Opens pages and sends forms with the CSRF token of the page.

    All accounts know the browser, unless it is a `new_browser`.
    """

    def __init__(self, app: Flask, *, new_browser: bool = False) -> None:
        self.client = app.test_client()
        if not new_browser:
            self.client.set_cookie(COOKIE, BROWSER)

    def get(self, path: str, *, follow: bool = True) -> TestResponse:
        return self.client.get(path, follow_redirects=follow)

    def submit(
        self,
        path: str,
        fields: dict[str, object] | None = None,
        *,
        follow: bool = True,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> TestResponse:
        """Open the page at `path` for its token, then send the form to it."""
        token = self.csrf_token(path) if token is None else token
        return self.client.post(
            path,
            data={"csrf_token": token, **(fields or {})},
            follow_redirects=follow,
            headers=headers,
        )

    def csrf_token(self, path: str) -> str:
        page = self.get(path).get_data(as_text=True)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert found, f"{path} has no form"
        return unescape(found[1])

    def register(self, name: str, *, email: str = "", password: str = PASSWORD) -> TestResponse:
        return self.submit(
            "/register",
            {
                "username": name,
                "email": email or f"{name}@example.com",
                "password": password,
                "password2": password,
            },
        )

    def log_in(
        self, login: str, *, password: str = PASSWORD, remember: bool = False
    ) -> TestResponse:
        fields: dict[str, object] = {"username": login, "password": password}
        if remember:
            fields["remember_me"] = "y"
        return self.submit("/login", fields)

    def log_out(self) -> TestResponse:
        return self.submit("/logout", token=self.csrf_token("/"))

    def ask_for_reset(self, address: str) -> TestResponse:
        return self.submit("/reset_password_request", {"email": address})

    def choose_password(self, link: str, password: str) -> TestResponse:
        """Open a mailed link and send the form that it leads to."""
        path = "/" + link.split("/", 3)[3]
        page = self.get(path)
        return self.submit(page.request.path, {"password": password, "password2": password})


def words(response: TestResponse) -> str:
    """The text of the page, without its tags."""
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", response.get_data(as_text=True))
    return " ".join(unescape(text).split())


def error_beside(page: TestResponse, field: str) -> str:
    """The error beside this field; empty if there is none."""
    found = re.search(
        rf'(?s)<div[^>]* id="{re.escape(field)}-error">(.*?)</div>\s*</div>',
        page.get_data(as_text=True),
    )
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[1])).split()) if found else ""


def value_in(page: TestResponse, field: str) -> str:
    """The value in this field of the form."""
    html = page.get_data(as_text=True)
    tag = re.search(rf'<input\b[^>]*\bname="{re.escape(field)}"[^>]*>', html)
    assert tag, f"the page has no field {field}"
    value = re.search(r'(?s)\bvalue="([^"]*)"', tag[0])
    return unescape(value[1]) if value else ""


def mailed_link(smtp: ScriptedServer, which: int = -1) -> str:
    """The link in a mail that the server received, by default the last one."""
    text = smtp.received[which].text()
    found = re.search(r"^https?://\S+$", text, re.MULTILINE)
    assert found, "the mail holds no link on a line of its own"
    return found[0]


def path_of(link: str) -> str:
    return "/" + link.split("/", 3)[3]


def reset_link_for(app: Flask, address: str) -> str:
    """The path of a reset link for this account, as if it were mailed now."""
    with app.test_request_context():
        found = reset_link(
            db.session,
            token_keys(),
            address,
            now=utc_now(),
            lifetime=timedelta(seconds=app.config["RESET_LINK_SECONDS"]),
        )
        assert found, f"{address} has no account"
        return url_for("accounts.reset_password", token=found[1])


def token_of(link: str) -> str:
    return link.rpartition("/")[2]


def payload_of(link: str) -> dict[str, Any]:
    """The payload of a link's token, whatever its age."""
    claims: dict[str, Any] = jwt.decode(
        token_of(link), options={"verify_signature": False, "verify_exp": False}
    )
    return claims


def post_new_password(visitor: Visitor, path: str, password: str = "a brand new password") -> str:
    """Send the form without opening the link first; return the text of the page."""
    token = visitor.csrf_token("/login")
    return words(visitor.submit(path, {"password": password, "password2": password}, token=token))


def make_user(
    app: Flask, name: str, *, email: str = "", password: str = PASSWORD, verified: bool = True
) -> int:
    """Create an account by the site's rules, without its pages; return its id."""
    with app.app_context(), transaction() as writing:
        made = create_account(
            writing,
            username=name,
            email=email or f"{name}@example.com",
            password_hash=_hash_of(password, passwords._hasher),
            verified_at=utc_now() if verified else None,
        )
        writing.add(KnownBrowser(user_id=made.id, digest=secret_digest(BROWSER)))
        return made.id


def deliver_from(app: Flask) -> int:
    """Deliver what is due in this site's outbox; return how many rows were handled."""
    with app.app_context():
        return drain(make_dispatcher(app))


@cache
def _hash_of(password: str, hasher: PasswordHasher) -> str:
    assert hasher is passwords._hasher
    return passwords.hash_password(password)
