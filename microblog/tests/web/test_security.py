"""What protects every page: headers, CSRF tokens, rate limits, and which proxies are trusted."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.routing import IntegerConverter, Rule
from werkzeug.test import TestResponse

from microblog.accounts.models import User
from microblog.database import transaction
from tests.constants import Make
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    make_user,
    reset_link_for,
    words,
)

pytestmark = ON_SQLITE

PAGES = {
    "the first page": ("GET", "/"),
    "the first page by its other name": ("GET", "/index"),
    "log in": ("GET", "/login"),
    "log in, refused": ("POST", "/login"),
    "register": ("GET", "/register"),
    "ask": ("GET", "/reset_password_request"),
    "a bad link": ("GET", "/reset_password/forged"),
    "a bad link for unsubscribing": ("GET", "/unsubscribe/forged"),
    "one click": ("POST", "/unsubscribe/forged"),
    "a file": ("GET", "/static/site.css"),
    "the icon": ("GET", "/favicon.ico"),
    "a file that is not there": ("GET", "/static/nothing.css"),
    "no page": ("GET", "/nothing"),
    "not like this": ("GET", "/logout"),
    "another method": ("PUT", "/"),
    "options": ("OPTIONS", "/login"),
    "head": ("HEAD", "/login"),
    "health": ("GET", "/healthz"),
    "readiness": ("GET", "/readyz"),
    "inbox": ("GET", "/dev/inbox"),
}


@pytest.mark.parametrize(("method", "path"), PAGES.values(), ids=list(PAGES))
def test_every_answer_carries_the_headers_that_protect_it(
    make_app: Make, method: str, path: str
) -> None:
    client = make_app(PUBLIC_URL="http://localhost", demo=True).test_client()
    assert_protected(client.open(path, method=method))


def assert_protected(answer: TestResponse) -> None:
    policy = policy_of(answer)
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["form-action"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert not [source for sources in policy.values() for source in sources if "unsafe" in source]
    assert not [source for sources in policy.values() for source in sources if source == "*"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
    assert "Strict-Transport-Security" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers
    for name in ("Server", "X-Powered-By"):
        assert "Python" not in answer.headers.get(name, "")


def policy_of(answer: TestResponse) -> dict[str, list[str]]:
    directives = answer.headers["Content-Security-Policy"].split(";")
    return {words[0]: words[1:] for words in (one.split() for one in directives)}


def test_no_page_of_somebody_who_is_logged_in_is_stored(app: Flask, visitor: Visitor) -> None:
    """The next person at the machine must not find private pages in its cache."""
    make_user(app, "susan")
    visitor.log_in("susan", remember=True)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(is_admin=True))
    pages = readable_pages(app)
    assert {"/", "/settings/security", "/edit_profile", "/newer_posts/1", "/admin/mail"} <= set(
        pages
    )
    for path in pages:
        answer = visitor.get(path, follow=False)
        if answer.status_code < 400 and answer.mimetype in {"text/html", "application/json"}:
            assert answer.headers["Cache-Control"] == "no-store", path
    assert Visitor(app).get("/explore").headers["Cache-Control"] == "private, no-cache"


def readable_pages(app: Flask) -> list[str]:
    """The addresses of all pages that can be read, except those for monitoring."""
    with app.test_request_context():
        addresses = app.url_map.bind("localhost")
        return sorted(
            addresses.build(rule.endpoint, arguments(rule)).replace("/user/x", "/user/susan")
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or ()) and rule.endpoint.split(".")[0] != "health"
        )


class Inline(HTMLParser):
    """Collects what a strict Content-Security-Policy would block, and addresses of other sites."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"style", "object", "embed", "base"} or (tag == "script" and "src" not in given):
            self.found.append(f"<{tag}>")
        self.found += [f"{tag} {name}" for name in given if name == "style" or name[:2] == "on"]
        for name in ("src", "href", "action", "formaction"):
            target = given.get(name) or ""
            if target.startswith(("http:", "https:", "//", "javascript:")):
                self.found.append(f"{tag} {name}={target}")


def test_no_page_holds_what_the_policy_would_block(app: Flask) -> None:
    make_user(app, "susan")
    stranger, susan = Visitor(app), Visitor(app)
    susan.log_in("susan")
    pages = [
        stranger.get(path)
        for path in ("/", "/login", "/register", "/reset_password_request", "/nothing")
    ]
    pages += [
        stranger.submit("/login", {"username": "a", "password": "b"}),
        stranger.submit("/register", {}),
        stranger.get("/reset_password/forged"),
        stranger.get(reset_link_for(app, "susan@example.com")),
        susan.submit("/", {"post": ""}),
        susan.submit("/", {"post": "hello"}),
    ]
    for page in pages:
        parser = Inline()
        parser.feed(page.get_data(as_text=True))
        assert parser.found == [], page.request.path


@pytest.mark.parametrize(
    ("public_url", "strict"),
    [("https://blog.example.com", True), ("http://localhost:5000", False), (None, False)],
)
@pytest.mark.parametrize("path", ["/", "/nothing", "/static/site.css"])
def test_only_a_site_with_https_insists_on_it(
    make_app: Make, public_url: str | None, strict: bool, path: str
) -> None:
    headers = make_app(PUBLIC_URL=public_url).test_client().get(path).headers
    found = re.fullmatch(r"max-age=(\d+)", headers.get("Strict-Transport-Security", ""))
    assert bool(found) is strict
    if found:
        assert int(found[1]) >= 365 * 24 * 3600


PROVED_BY_THE_ADDRESS = {"/unsubscribe/x", "/mail-events/x"}
"""Mail programs and providers post there, without a cookie (RFC 8058)."""


def posting_routes(app: Flask) -> list[str]:
    """All routes that take a form."""
    with app.test_request_context():
        return sorted(
            app.url_map.bind("localhost").build(rule.endpoint, arguments(rule), method="POST")
            for rule in app.url_map.iter_rules()
            if "POST" in (rule.methods or ())
        )


def arguments(rule: Rule) -> dict[str, str | int]:
    """A value for each variable of an address: 1 if it is a number."""
    numbers = {name for name, one in rule._converters.items() if isinstance(one, IntegerConverter)}
    made = {name: 1 if name in numbers else "x" for name in rule.arguments}
    return {**made, **(rule.defaults or {})}


def test_nothing_is_changed_by_a_form_without_its_token(make_app: Make) -> None:
    app = make_app(PUBLIC_URL="http://localhost", demo=True)
    make_user(app, "susan")
    susan = Visitor(app)
    susan.log_in("susan")
    routes = [one for one in posting_routes(app) if one not in PROVED_BY_THE_ADDRESS]
    assert {"/login", "/logout", "/register", "/reset_password_request", "/reset_password/x"} <= (
        set(routes)
    )
    for client in (app.test_client(), susan.client):
        for path in routes:
            for data in ({}, {"csrf_token": ""}, {"csrf_token": "forged"}):
                answer = client.post(path, data=data)
                assert answer.status_code == 400, path
                assert "This form has expired" in words(answer)
                assert_protected(answer)
    assert "Hi, susan!" in words(susan.get("/"))


def test_the_token_of_one_browser_is_worthless_in_another(app: Flask, visitor: Visitor) -> None:
    make_user(app, "susan")
    token = Visitor(app).csrf_token("/login")
    visitor.csrf_token("/login")
    fields: dict[str, object] = {"username": "susan", "password": PASSWORD}
    page = visitor.submit("/login", fields, token=token)
    assert page.status_code == 400
    assert "Go back, reload the page and try again." in words(page)


def test_a_form_that_was_open_for_a_day_still_works(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(app, "susan")
    token = visitor.csrf_token("/login")
    now = time.time
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now() + 24 * 3600)
    fields: dict[str, object] = {"username": "susan", "password": PASSWORD}
    assert "Hi, susan!" in words(visitor.submit("/login", fields, token=token))


def test_a_form_without_a_referrer_works_over_https(make_app: Make) -> None:
    """Browsers send none from the pages behind secret links."""
    url = "https://blog.example.com"
    client = make_app(PUBLIC_URL=url).test_client()
    page = client.get("/login", base_url=url).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    data = {"csrf_token": token[1], "username": "susan", "password": "wrong"}
    answer = client.post("/login", data=data, base_url=url)
    assert "Wrong username or password." in words(answer)


@pytest.fixture
def limited(make_app: Make) -> Flask:
    site: Flask = make_app(PUBLIC_URL="http://localhost", RATELIMIT_ENABLED=True)
    return site


def posts_until_refused(
    visitor: Visitor, path: str, fields: dict[str, object], headers: dict[str, str] | None = None
) -> list[int]:
    """Return the statuses of 32 posts in a row."""
    token = visitor.csrf_token("/login")
    return [
        visitor.submit(path, fields, token=token, follow=False, headers=headers).status_code
        for _ in range(32)
    ]


@pytest.mark.parametrize(
    ("path", "fields", "ordinary"),
    [
        ("/reset_password_request", {"email": "susan@example.com"}, 302),
        ("/reset_password_request", {"email": "nobody@example.com"}, 302),
        ("/reset_password_request", {"email": "no address"}, 200),
        ("/reset_password/forged", {"password": "x", "password2": "x"}, 200),
        ("/login", {"username": "", "password": ""}, 200),
        ("/register", {"username": ""}, 200),
        ("/", {"post": "x"}, 200),
    ],
    ids=lambda value: str(value) if isinstance(value, str | int) else next(iter(value.values())),
)
def test_the_thirty_first_post_in_a_minute_is_refused(
    limited: Flask, path: str, fields: dict[str, object], ordinary: int
) -> None:
    make_user(limited, "susan")
    assert posts_until_refused(Visitor(limited), path, fields) == [ordinary] * 30 + [429] * 2


def test_too_many_posts_are_refused_with_an_explanation(limited: Flask) -> None:
    visitor = Visitor(limited)
    posts_until_refused(visitor, "/login", {})
    page = visitor.submit("/login", {})
    assert page.status_code == 429
    assert "Too many requests" in words(page)
    assert "Wait a minute" in words(page)
    assert_protected(page)


def test_get_requests_are_not_limited(limited: Flask) -> None:
    visitor = Visitor(limited)
    posts_until_refused(visitor, "/login", {})
    assert {visitor.get("/login").status_code for _ in range(100)} == {200}
    assert {visitor.client.get("/healthz").status_code for _ in range(100)} == {200}


def test_a_limit_affects_no_other_client(limited: Flask) -> None:
    posts_until_refused(Visitor(limited), "/login", {})
    answer = post_from(limited.test_client(), "198.51.100.7", {})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("2001:db8:1:2::{:x}", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2::{:x}", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("203.0.113.9", "203.0.113.10", False),
    ],
)
def test_a_network_of_one_client_is_counted_as_one(
    limited: Flask, first: str, second: str, refused: bool
) -> None:
    client = limited.test_client()
    for number in range(30):
        assert post_from(client, first.format(number), {}).status_code == 200
    assert post_from(client, second, {}).status_code == (429 if refused else 200)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "refused"), [("2001:db8:1:ffff", True), ("2001:db8:2:1", False)]
)
def test_the_networks_of_one_client_are_counted_together(
    limited: Flask, network: str, refused: bool
) -> None:
    """A connection with a /48 has 65,536 of the networks by which clients are counted."""
    limited.config["WTF_CSRF_ENABLED"] = False
    client = limited.test_client()

    def post(address: str) -> int:
        answer = client.post(
            "/edit_profile/picture/remove", environ_overrides={"REMOTE_ADDR": address}
        )
        return answer.status_code

    posts = [post(f"2001:db8:1:{number:x}::1") for number in range(12) for _ in range(30)]
    assert posts == [302] * 300 + [429] * 60
    assert (post(f"{network}::1") == 429) is refused


def post_from(client: FlaskClient, address: str, headers: dict[str, str]) -> TestResponse:
    """Post to the log-in page from this IP address."""
    environ = {"REMOTE_ADDR": address}
    page = client.get("/login", environ_overrides=environ, headers=headers).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    return client.post(
        "/login", data={"csrf_token": token[1]}, environ_overrides=environ, headers=headers
    )


PROXY = "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "refused"),
    [
        (0, "203.0.113.{}", True),  # nobody is believed, so all come from the proxy
        (1, "203.0.113.{}", False),  # the one proxy tells its clients apart
        (1, "203.0.113.{}, 198.51.100.1", True),  # one client puts others before itself
        (2, "203.0.113.{}, 198.51.100.1", False),
        (2, "10.0.0.{}, 203.0.113.9, 198.51.100.1", True),
    ],
)
def test_only_as_many_proxies_are_trusted_as_configured(
    make_app: Make, proxies: int, forwarded: str, refused: bool
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", RATELIMIT_ENABLED=True, TRUSTED_PROXIES=proxies)
    client = app.test_client()
    statuses = [
        post_from(client, PROXY, {"X-Forwarded-For": forwarded.format(number)}).status_code
        for number in range(31)
    ]
    assert statuses == [200] * 30 + ([429] if refused else [200])
