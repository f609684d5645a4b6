"""Addresses in mail are built from PUBLIC_URL; redirects stay on this site."""

from __future__ import annotations

import pytest
from flask import Flask

from microblog.web.links import home, public_link, safe_next
from tests.constants import Make
from tests.visitor import ON_SQLITE

pytestmark = ON_SQLITE

STAYS = [
    "/",
    "/index",
    "/index?page=2",
    "/user/susan#posts",
    "/search?q=a%20b&to=https://elsewhere.example",
    "/user/%C3%A9va",
    "/user/éva",
    "/a//b",
    "/a:b",
    "/@evil.example",
    "/.evil.example",
    "/%2F%2Fevil.example",
    "/%5Cevil.example",
]

LEAVES = [
    None,
    "",
    " ",
    " /index",
    "index",
    "?page=2",
    "https://evil.example",
    "https:/evil.example",
    "https:evil.example",
    "HTTPS://evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "//[",
    "//[::1]",
    "//evil.example:port",
    "//user@evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    "/\r\nLocation: https://evil.example",
    "/\0/evil.example",
    "/\x7f/evil.example",
    "/\u2028/evil.example",
    "/\u202egro.live//",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,hello",
    "vbscript:x",
    "mailto:evil@example.org",
    "file:///etc/passwd",
    "%2F%2Fevil.example",
    "%68ttps://evil.example",
    "\u2044\u2044evil.example",
    "／／evil.example",
]


@pytest.mark.parametrize("target", STAYS, ids=ascii)
def test_a_path_on_this_site_is_followed(app: Flask, target: str) -> None:
    with app.test_request_context():
        assert safe_next(target) == target


@pytest.mark.parametrize("target", LEAVES, ids=ascii)
def test_anything_else_leads_to_the_first_page(app: Flask, target: str | None) -> None:
    with app.test_request_context():
        assert safe_next(target) == home() == "/"


@pytest.mark.parametrize(
    ("public_url", "link"),
    [
        ("https://blog.example.com", "https://blog.example.com/reset_password/t.o.k"),
        ("https://blog.example.com/", "https://blog.example.com/reset_password/t.o.k"),
        ("https://example.com/micro/blog/", "https://example.com/micro/blog/reset_password/t.o.k"),
        ("http://localhost:5000", "http://localhost:5000/reset_password/t.o.k"),
        ("http://[::1]:5000", "http://[::1]:5000/reset_password/t.o.k"),
        (None, "http://localhost:5000/reset_password/t.o.k"),
    ],
)
def test_a_link_in_mail_begins_with_the_public_address(
    make_app: Make, public_url: str | None, link: str
) -> None:
    app = make_app(PUBLIC_URL=public_url)
    with app.app_context():
        assert public_link("accounts.reset_password", token="t.o.k") == link


@pytest.mark.parametrize("base", ["https://evil.example", "http://evil.example:1/x"])
def test_a_link_in_mail_is_the_same_in_any_request(make_app: Make, base: str) -> None:
    app = make_app(PUBLIC_URL="https://blog.example.com")
    with app.test_request_context("/", base_url=base):
        assert public_link("index") == "https://blog.example.com/"


def test_what_stands_in_a_link_in_mail_is_quoted(app: Flask) -> None:
    with app.app_context():
        link = public_link("accounts.reset_password", token='a b"<>?#&é\r\n')
    assert link == "http://localhost/reset_password/a%20b%22%3C%3E%3F%23&%C3%A9%0D%0A"


def test_an_address_in_a_template_is_below_the_path_of_its_own_request(make_app: Make) -> None:
    app = make_app()
    url_for = app.jinja_env.globals["url_for"]
    for below in ("", "/blog", ""):
        with app.test_request_context(environ_overrides={"SCRIPT_NAME": below}):
            assert url_for("index") == f"{below}/"
            assert url_for("static", filename="site.css") == f"{below}/static/site.css"
            assert url_for("index", page=2) == f"{below}/?page=2"
