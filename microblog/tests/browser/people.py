"""What people do in several browser tests, and the checks of every page."""

from __future__ import annotations

import re
import secrets

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.demonstration import Demonstration

WIDTHS = (320, 390, 1280)
"""Of a small phone, a usual one, and a desktop."""

AXE_OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "resultTypes": ["violations"],
    "preload": False,
    "iframes": False,  # they hold mail, whose HTML is a page as well
}


def log_in(page: Page, demo: Demonstration, name: str, password: str) -> None:
    page.goto(f"{demo.address}/login")
    page.get_by_label("Username or email").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def registered(page: Page, demo: Demonstration, password: str) -> str:
    """Register a person with a confirmed address, and sign out; return the name."""
    name = f"susan{secrets.token_hex(3)}"
    page.goto(f"{demo.address}/register")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Email").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Repeat Password").fill(password)
    page.get_by_role("button", name="Create account").click()
    page.goto(mailed_link(page, demo, f"{name}@example.com", "verify_email"))
    page.get_by_role("button", name="Confirm my email").click()
    page.get_by_role("button", name="Sign out").click()
    return name


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
    found = violations(page)
    assert not found, "\n".join([page.url, *found])


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it is shown now; it is loaded into each page once.

    Where scripts are off, it would never come back.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("options => axe.run(options)", AXE_OPTIONS)
    return [
        f"{one['id']}: {node['html']}\n  {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def assert_fits(page: Page) -> None:
    """Check that nothing is wider than the window, on a phone or a desktop (WCAG 2.2, 1.4.10)."""
    page.wait_for_load_state("domcontentloaded")
    before = page.viewport_size
    assert before
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": before["height"]})
        shown = page.evaluate("document.documentElement.scrollWidth")
        assert shown <= width, f"{page.url} is {shown} pixels wide, the window {width}"
    page.set_viewport_size(before)


def hidden_focus(page: Page) -> list[str]:
    """The controls on which the keyboard's focus is not seen by an outline (WCAG 2.2, 2.4.7).

    The outline may be that of something around the control. Menus are opened for this.
    """
    # The browser shows the focus to those who use the keyboard.
    page.keyboard.press("Tab")
    found: list[str] = page.evaluate(_HIDDEN_FOCUS)
    return found


_HIDDEN_FOCUS = """() => {
  for (const one of document.querySelectorAll("details")) one.open = true;
  document.activeElement.blur();
  const outlined = one => {
    const style = getComputedStyle(one);
    // The browser's own, which mail has, is always wide enough.
    return style.outlineStyle === "auto"
      || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  const always = new Set([...document.querySelectorAll("*")].filter(outlined));
  const hidden = [];
  const controls = "a[href], button, input, select, textarea, summary, [tabindex]";
  for (const control of document.querySelectorAll(controls)) {
    if (control.tabIndex < 0) continue;
    control.focus();
    // Disabled, or not shown: a person cannot come there either.
    if (document.activeElement !== control) continue;
    let around = control;
    while (around && (always.has(around) || !outlined(around))) around = around.parentElement;
    if (!around) hidden.push(control.outerHTML.slice(0, 200));
  }
  return hidden;
}"""
