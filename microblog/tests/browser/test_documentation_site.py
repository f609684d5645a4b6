"""The built documentation in a real browser: no foreign host, no error, a search that finds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import DESKTOP, PHONE, opened_page
from tests.browser.people import violations
from tests.services import need

pytestmark = pytest.mark.browser

BUILT = Path(__file__).resolve().parents[3] / "build" / "docs"

LOOKED_AT_CLOSELY = (
    "docs/index.html",  # lists
    "README.html",  # pictures
    "docs/settings.html",  # wide tables
    "flask-outbox/docs/recipes.html",  # code
    "search.html",
)
"""A page of each kind. The reference, of a kind by itself, would take axe minutes."""


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    need((BUILT / "index.html").exists(), "the built documentation (make docs)")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=BUILT)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def reader(browser: Browser, address: str) -> Iterator[Page]:
    """A page whose problems are kept in `problems`, and which reaches no other host."""
    yield from opened_page(browser, viewport=PHONE, reduced_motion="reduce")


@pytest.fixture
def problems(reader: Page, address: str) -> list[str]:
    found: list[str] = []

    def refuse(route: Route) -> None:
        found.append(f"{reader.url} asks for {route.request.url}")
        route.abort()

    reader.route(lambda url: not url.startswith(f"{address}/"), refuse)
    reader.on("console", lambda one: found.extend([one.text] if one.type == "error" else []))
    reader.on("pageerror", lambda error: found.append(str(error)))
    return found


def test_every_page_loads_from_the_site_alone_and_fits(
    reader: Page, address: str, problems: list[str]
) -> None:
    pages = [str(path.relative_to(BUILT)) for path in sorted(BUILT.rglob("*.html"))]
    assert len(pages) > 90
    pages.remove("index.html")  # only leads to the front page
    for path in pages:
        reader.emulate_media(color_scheme="light")
        reader.goto(f"{address}/{path}")
        for size in (DESKTOP, PHONE):
            reader.set_viewport_size(size)
            shown = reader.evaluate("document.documentElement.scrollWidth")
            assert shown <= size["width"], f"{path} is {shown} pixels wide"
        reader.emulate_media(color_scheme="dark")  # which loads other pictures
    assert problems == []


@pytest.mark.parametrize("path", LOOKED_AT_CLOSELY)
def test_a_page_of_each_kind_is_accessible(styled_page: Page, address: str, path: str) -> None:
    styled_page.goto(f"{address}/{path}")
    found = violations(styled_page)
    assert not found, "\n".join(found)


def test_the_search_finds_the_outbox(reader: Page, address: str, problems: list[str]) -> None:
    reader.set_viewport_size(DESKTOP)
    reader.goto(address)
    expect(reader).to_have_url(f"{address}/docs/index.html")
    reader.get_by_role("textbox", name="Search").fill("outbox")
    reader.keyboard.press("Enter")
    found = reader.locator("#search-results li a")
    expect(found.filter(has_text="FlaskOutbox").first).to_be_visible()
    assert problems == []
