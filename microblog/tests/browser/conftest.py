"""A real browser, and a site for it: a demonstration with all its processes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.demonstration import Demonstration, running_demo
from tests.services import need
from tests.site_services import chromium

PHONE: ViewportSize = {"width": 320, "height": 640}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
SIZES = {"phone": PHONE, "desktop": DESKTOP}


def need_chromium() -> None:
    need(chromium() is not None, "Chromium (Debian's package chromium, or CHROMIUM=path)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one module. Playwright keeps an event loop running in this thread, in which the
    applications of other tests could not finish their requests.
    """
    need_chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-background-networking"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def demo() -> Iterator[Demonstration]:
    """One for all tests, since it takes as long to start as a test: leave its people as they were,
    or register others.
    """
    need_chromium()
    with running_demo() as running:
        yield running


@pytest.fixture(params=["phone without scripts", "desktop"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page in a phone's browser without scripts, or in a desktop's."""
    device, _, scripts = request.param.partition(" ")
    yield from opened_page(
        browser, viewport=SIZES[device], java_script_enabled=not scripts, color_scheme="light"
    )


@pytest.fixture(params=["phone dark", "desktop light"])
def styled_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page in each size and colour scheme, for checks of accessibility."""
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
