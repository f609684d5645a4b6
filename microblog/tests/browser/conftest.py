"""A real browser, and a site for it: a demonstration with all its processes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.demonstration import Demonstration, running_demo
from tests.services import need
from tests.site_services import chromium

SIZES = {"phone": {"width": 320, "height": 640}, "desktop": {"width": 1280, "height": 800}}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """No longer than a module: the library keeps an event loop running in this thread, in which
    the application of another test could not end its requests.
    """
    need(chromium() is not None, "Chromium (Debian's package chromium, or CHROMIUM=path)")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def demo(browser: Browser) -> Iterator[Demonstration]:
    with running_demo() as running:
        yield running


@pytest.fixture(params=["phone without scripts", "desktop"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page of a phone that runs no scripts, or of a desktop."""
    device, _, scripts = request.param.partition(" ")
    yield from opened_page(
        browser, viewport=SIZES[device], java_script_enabled=not scripts, color_scheme="light"
    )


@pytest.fixture(params=["phone dark", "desktop light"])
def look(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page of each size and of each colour, for what is to be looked at."""
    device, _, colour = request.param.partition(" ")
    yield from opened_page(
        browser, viewport=SIZES[device], color_scheme=colour, reduced_motion="reduce"
    )


def opened_page(browser: Browser, **options: Any) -> Generator[Page]:
    context = browser.new_context(**options)
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    yield opened
    context.close()
