"""What people do with the keyboard alone: no pointer, and nothing that a test alone could press."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import in_every_window
from tests.browser.people import mailed_link
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

PASSWORD, NEW = "an uncommon password", "another uncommon password"


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until this control has the focus, unless the page gave it to it."""
    for _ in range(80):
        if wanted.evaluate("one => one === document.activeElement"):
            assert wanted.evaluate("one => one.matches(':focus-visible')")
            expect(wanted).to_be_in_viewport()
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not lead to {wanted}")


def press(page: Page, wanted: Locator) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Enter")


def fill(page: Page, **fields: str) -> None:
    """Type into these fields of the page, in the order in which Tab reaches them; send the form."""
    for name, text in fields.items():
        tab_to(page, page.locator(f"main [name={name}]"))
        page.keyboard.type(text)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def signed_in(page: Page, name: str) -> None:
    """Check that somebody with this name is signed in."""
    expect(page.locator(f".sitenav a[href='/user/{name}']")).to_have_count(1)


@in_every_window
def test_one_joins_posts_and_gets_back_in(page: Page, demo: Demonstration) -> None:
    name = f"keys{secrets.token_hex(3)}"
    address = f"{name}@example.com"
    page.goto(demo.address)
    press(page, page.locator(".top a[href^='/register']"))
    page.wait_for_url("**/register*")
    fill(page, username=name, email=address, password=PASSWORD, password2=PASSWORD)
    signed_in(page, name)
    page.goto(mailed_link(page, demo, address, "verify_email"))
    with page.expect_navigation():
        press(page, page.locator("main [type=submit]"))
    press(page, page.locator(".sitenav a.new"))
    page.wait_for_url("**write=1*")
    tab_to(page, page.locator("main textarea"))
    page.keyboard.type(f"Written by {name}")
    with page.expect_navigation():
        press(page, page.locator(".composer [type=submit]"))
    expect(page.get_by_role("article").first).to_contain_text(f"Written by {name}")
    press(page, page.locator(".foot [type=submit]"))
    page.wait_for_load_state()
    expect(page.locator(".sitenav")).to_have_count(0)

    press(page, page.locator(".top a[href^='/login']"))
    page.wait_for_url("**/login*")
    press(page, page.locator("main a[href='/reset_password_request']"))
    page.wait_for_url("**/reset_password_request")
    fill(page, email=address)
    page.wait_for_url("**/login")
    page.goto(mailed_link(page, demo, address, "reset_password"))
    fill(page, password=NEW, password2=NEW)
    page.wait_for_url("**/login")
    expect(page.locator("#username")).to_have_value(name)
    fill(page, password=NEW)
    signed_in(page, name)


def test_an_error_is_reached_and_mended(page: Page, demo: Demonstration) -> None:
    page.goto(f"{demo.address}/reset_password_request")
    fill(page, email="not an address")
    summary = page.locator("main [autofocus]")
    expect(summary).to_be_focused()
    field = page.locator("#email")
    press(page, summary.locator("a[href='#email']"))
    expect(field).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type(f"{secrets.token_hex(4)}@example.com")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_url("**/login*")


def test_a_menu_opens_and_closes(page: Page, demo: Demonstration) -> None:
    page.goto(f"{demo.address}/login")
    fill(page, username="alice", password="correct horse battery staple")
    page.goto(f"{demo.address}/user/bob")
    menu = page.locator("main details.menu").first
    press(page, menu.locator("summary"))
    expect(menu).to_have_attribute("open", "")
    tab_to(page, menu.locator("a, button").first)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(menu).not_to_have_attribute("open", "")
