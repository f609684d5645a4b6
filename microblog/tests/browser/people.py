"""What people do in several browser tests, and the checks of every page."""

from __future__ import annotations

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.demonstration import Demonstration

STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def log_in(page: Page, demo: Demonstration, name: str, password: str) -> None:
    page.goto(f"{demo.address}/login")
    page.get_by_label("Username or email").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign In").click()


def mailed_link(page: Page, demo: Demonstration, address: str, kind: str) -> str:
    """The newest link in the inbox that was mailed to this address and not returned before.

    `kind` is the beginning of the link's path.
    """
    inbox = f"{demo.address}/dev/inbox"
    mail = rf'(?s)<a href="([^"]+)">(?:(?!</a>).)*to {re.escape(address)}'
    for _ in range(150):
        for path in _paths(page, inbox, mail):
            for link in _paths(page, demo.address + path, rf'href="([^"]+/{kind}/[^"]+)"'):
                if link not in _GIVEN:
                    _GIVEN.add(link)
                    return link
        page.wait_for_timeout(200)
    raise AssertionError(f"no mail to {address} holds a link to {kind}")


_GIVEN: set[str] = set()


def _paths(page: Page, address: str, wanted: str) -> list[str]:
    return re.findall(wanted, page.request.get(address).text())


def assert_accessible(page: Page) -> None:
    """Check that nothing is wider than the window, and that the page meets WCAG 2.2 AA."""
    assert_fits(page)
    found = Axe().run(page, options={"runOnly": STANDARDS})
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


def assert_fits(page: Page) -> None:
    """Check that nothing is wider than the window (WCAG 2.2, 1.4.10)."""
    page.wait_for_load_state("domcontentloaded")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert page.viewport_size
    assert width <= page.viewport_size["width"], f"{page.url} is {width} pixels wide"
