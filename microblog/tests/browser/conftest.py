"""A real browser, and a site for it: a demonstration with all its processes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser.people import WIDTHS
from tests.demonstration import Demonstration, running_demo
from tests.services import need
from tests.site_services import chromium

PHONE: ViewportSize = {"width": 320, "height": 640}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
SIZES = {"phone": PHONE, "desktop": DESKTOP}


PATIENCE_MS = 30_000
"""How long a page may take: many times what it takes, since the machine may be busy."""

expect.set_options(timeout=PATIENCE_MS)


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


@pytest.fixture(params=["320 without scripts", "390", "1280"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page in a window of this width, whose browser may run no scripts."""
    width, _, without = request.param.partition(" ")
    yield from opened_page(
        browser,
        viewport={"width": int(width), "height": 800},
        java_script_enabled=not without,
        color_scheme="light",
    )


in_every_window = pytest.mark.parametrize(
    "page",
    [f"{width}{scripts}" for width in WIDTHS for scripts in ("", " without scripts")],
    indirect=True,
)
"""For what matters most."""


@pytest.fixture(params=["phone dark", "desktop light"])
def styled_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page in each size and colour scheme, for checks of accessibility."""
    device, _, colour = request.param.partition(" ")
    yield from opened_page(
        browser, viewport=SIZES[device], color_scheme=colour, reduced_motion="reduce"
    )


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    """One page for many tests, since a new one takes as long as what they do in it."""
    yield from opened_page(browser, viewport=PHONE, reduced_motion="reduce")


def opened_page(browser: Browser, **options: Any) -> Generator[Page]:
    context = browser.new_context(**options)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    yield opened
    context.close()
