"""A person with a browser, as far as the tests of pages need one."""

from __future__ import annotations

import re
from html import unescape

from flask import Flask
from werkzeug.test import TestResponse

PASSWORD = "correct horse battery staple"


class Visitor:
    """Opens pages and sends forms, with the CSRF token that the page holds."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

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

    def register(self, name: str, *, password: str = PASSWORD) -> TestResponse:
        return self.submit(
            "/register",
            {
                "username": name,
                "email": f"{name}@example.com",
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

    def ask_for_reset(self, address: str) -> TestResponse:
        return self.submit("/reset_password_request", {"email": address})

    def choose_password(self, link: str, password: str) -> TestResponse:
        """Open a mailed link and send the form that it leads to."""
        path = "/" + link.split("/", 3)[3]
        page = self.get(path)
        return self.submit(page.request.path, {"password": password, "password2": password})


def words(response: TestResponse) -> str:
    """What the page says, without its tags."""
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", response.get_data(as_text=True))
    return " ".join(unescape(text).split())
