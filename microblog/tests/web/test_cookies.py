"""The names of cookies, and where browsers send them."""

from __future__ import annotations

import re
import time

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner
from werkzeug.test import TestResponse

from tests.constants import Make
from tests.outbox_rows import rows
from tests.visitor import BROWSER, ON_SQLITE, PASSWORD, make_user, words

pytestmark = ON_SQLITE

NAMES = ("microblog", "microblog_remember", "microblog_browser", "language")


def log_in(client: FlaskClient, base: str) -> TestResponse:
    """Log susan in on a site at this address; return the page with the form."""
    page = client.get("/login", base_url=base)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get_data(as_text=True))
    assert token
    fields = {"csrf_token": token[1], "username": "susan", "password": PASSWORD, "remember_me": "y"}
    assert client.post("/login", data=fields, base_url=base).status_code == 302
    return page


@pytest.mark.parametrize(
    ("public_url", "prefix", "path"),
    [
        ("https://blog.example.com", "__Host-", "/"),
        ("https://example.com/blog", "__Secure-", "/blog"),
        ("http://blog.example.com", "", "/"),
        ("http://blog.example.com/a/blog", "", "/a/blog"),
        (None, "", "/"),
    ],
)
def test_no_neighbour_can_set_or_read_the_sites_cookies(
    make_app: Make, public_url: str | None, prefix: str, path: str
) -> None:
    """Browsers enforce the prefix of a cookie, and send it only below this path."""
    app = make_app(PUBLIC_URL=public_url)
    make_user(app, "susan")
    client = app.test_client()
    base = public_url or "http://localhost"
    client.get("/language/en", base_url=base)
    page = log_in(client, base)
    assert "Hi, susan!" in words(client.get("/", base_url=base))
    host = base.split("/")[2]
    for name in NAMES:
        cookie = client.get_cookie(f"{prefix}{name}", domain=host, path=path)
        assert cookie, name
        assert cookie.origin_only
        assert cookie.secure is (prefix != "")
        assert (cookie.http_only, cookie.same_site) == (True, "Lax")
    # The page's script sets its cookie in the same way.
    assert f'data-cookie="{prefix}time_zone" data-path="{path}"' in page.get_data(as_text=True)


def test_a_browser_known_by_the_cookies_former_name_stays_known(make_app: Make) -> None:
    """Otherwise everybody on a site with HTTPS would get a notice about a new browser."""
    app: Flask = make_app(PUBLIC_URL="https://blog.example.com")
    make_user(app, "susan")
    client = app.test_client()
    client.set_cookie("microblog_browser", BROWSER, domain="blog.example.com")
    log_in(client, "https://blog.example.com")
    assert rows(app) == []
    assert client.get_cookie("__Host-microblog_browser", domain="blog.example.com")


def test_a_clock_that_is_set_back_ends_no_session(
    make_app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(PUBLIC_URL="http://localhost")
    make_user(app, "susan")
    client = app.test_client()
    log_in(client, "http://localhost")
    # Only the session, so that nothing is remembered.
    client.delete_cookie("microblog_remember")
    now = time.time()
    for seconds in (-1, -3600):
        monkeypatch.setattr(
            TimestampSigner, "get_timestamp", lambda _self, at=now + seconds: int(at)
        )
        assert "Hi, susan!" in words(client.get("/"))
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: int(now) + 32 * 86400)
    assert "Hi, susan!" not in words(client.get("/"))
