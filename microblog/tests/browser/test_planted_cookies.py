"""A page of a neighbouring host that plants a cookie, then sends a form as its reader."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import Any

import pytest
import trustme
from flask import Flask
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from tests.constants import Make
from tests.services import need
from tests.site_services import chromium
from tests.visitor import ON_SQLITE, PASSWORD, Visitor, make_user

SITE, NEIGHBOUR = "blog.hosts.localhost", "evil.hosts.localhost"
INVALID = "This form has expired"

pytestmark = [ON_SQLITE, pytest.mark.slow]


class NeighbouringHosts:
    """A site and its neighbour at one port, which browsers take for one site."""

    def __init__(self, scheme: str, context: ssl.SSLContext | None) -> None:
        self.scheme = scheme
        self.page = ""
        self.server = make_server("127.0.0.1", 0, self, threaded=True, ssl_context=context)

    def open(self, make_app: Make) -> None:
        self.app: Flask = make_app(PUBLIC_URL=self.url(path=""))
        self.session_cookie = str(self.app.config["SESSION_COOKIE_NAME"])

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["HTTP_HOST"].startswith(NEIGHBOUR):
            start("200 OK", [("Content-Type", "text/html")])
            return [self.page.encode()]
        return self.app(environ, start)

    def url(self, host: str = SITE, path: str = "/") -> str:
        return f"{self.scheme}://{host}:{self.server.port}{path}"

    def attack(self, path: str, fields: dict[str, str]) -> str:
        """Let the neighbour's page plant a session and send a form with its token.

        Returns the session.
        """
        attacker = Visitor(self.app)
        token = attacker.csrf_token(self.url(path="/login"))
        cookie = attacker.client.get_cookie(self.session_cookie, domain=SITE)
        assert cookie
        given = {"csrf_token": token, **fields}
        inputs = [f'<input name="{name}" value="{escape(text)}">' for name, text in given.items()]
        self.page = f"""<form method="post" action="{self.url(path=path)}">{"".join(inputs)}</form>
        <script>
          const secure = location.protocol === "https:" ? "; Secure" : "";
          const planted = "{self.session_cookie}={cookie.value}; Path=/" + secure;
          document.cookie = planted + "; Domain=hosts.localhost";
          document.forms[0].submit();
        </script>"""
        return cookie.value

    def visit_neighbour(self, page: Page) -> str:
        """Open the neighbour's page; return the response to its form."""
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.goto(self.url(NEIGHBOUR), wait_until="commit")
        page.wait_for_url(self.url() + "**")
        return page.inner_text("body")

    def assert_planted(self, page: Page, value: str) -> None:
        """Check that the browser takes the cookie over HTTP, and refuses its name with HTTPS."""
        held = [one.get("value") for one in page.context.cookies(self.url())]
        assert (value in held) is (self.scheme == "http")


@pytest.fixture(params=["http", "https"])
def hosts(request: pytest.FixtureRequest, make_app: Make) -> Iterator[NeighbouringHosts]:
    context = None
    if request.param == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert(SITE, NEIGHBOUR).configure_cert(context)
    made = NeighbouringHosts(request.param, context)
    made.open(make_app)
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def in_browser(walk: Callable[[Page], None]) -> None:
    """Run `walk` with a page of a new browser, in another thread, which runs the event loop."""
    need(chromium() is not None, "Chromium (Debian's package chromium, or CHROMIUM=path)")

    def run() -> None:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"]
            )
            context = browser.new_context(ignore_https_errors=True)
            context.set_default_timeout(20_000)
            walk(context.new_page())
            browser.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


def test_no_neighbour_sends_a_post_as_a_remembered_reader(hosts: NeighbouringHosts) -> None:
    make_user(hosts.app, "susan")
    planted = hosts.attack("/", {"post": "I give mallory everything"})

    def walk(page: Page) -> None:
        page.goto(hosts.url(path="/login"))
        page.fill("#username", "susan")
        page.fill("#password", PASSWORD)
        page.check("#remember_me")
        page.click("#submit")
        page.get_by_text("Hi, susan!").wait_for()
        # Scripts may set cookies with such names, too.
        zone = hosts.session_cookie.replace("microblog", "time_zone")
        assert zone in [one.get("name") for one in page.context.cookies(hosts.url())]
        # As if the browser was closed and opened again.
        page.context.clear_cookies(name=hosts.session_cookie)
        assert INVALID in hosts.visit_neighbour(page)
        hosts.assert_planted(page, planted)
        page.goto(hosts.url(path="/user/susan"))
        assert "Sign out" in page.inner_text("body")
        assert "everything" not in page.inner_text("body")

    in_browser(walk)


def test_no_neighbour_logs_its_reader_in(hosts: NeighbouringHosts) -> None:
    make_user(hosts.app, "mallory")
    planted = hosts.attack("/login", {"username": "mallory", "password": PASSWORD})

    def walk(page: Page) -> None:
        assert INVALID in hosts.visit_neighbour(page)
        hosts.assert_planted(page, planted)
        page.goto(hosts.url())
        assert "Sign in" in page.inner_text("body")

    in_browser(walk)
