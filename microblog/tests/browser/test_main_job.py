"""The main job in a real browser: a forgotten password is replaced."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import in_every_window
from tests.browser.people import assert_fits
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

OLD, NEW = "the first password", "the second password"


@in_every_window
def test_a_forgotten_password_is_replaced(page: Page, demo: Demonstration) -> None:
    name = register_and_forget(page, demo, "susan")
    link = mailed_link(page, demo, name)
    page.goto(link)
    assert link.rpartition("/")[2] not in page.url, "the token is in the address bar"
    choose_new_password(page, name)
    log_in(page, name, OLD)
    expect(page.get_by_role("alert")).to_contain_text("Wrong username or password.")
    log_in(page, name, NEW)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Hi, {name}!")
    assert_fits(page)
    page.get_by_role("button", name="Sign out").click()
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link no longer works")


def test_the_code_in_the_mail_leads_to_the_new_password_as_well(
    page: Page, demo: Demonstration
) -> None:
    name = register_and_forget(page, demo, "codes")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Check your email")
    expect(page.get_by_label("Username or email")).to_have_value(f"{name}@example.com")
    assert_fits(page)
    mailed_link(page, demo, name)
    code = page.frame_locator("iframe").locator("p.code").inner_text()
    page.goto(f"{demo.address}/login")
    field = page.get_by_label("Code from the email")
    field.fill("ZZZZ ZZZZ")
    field.press("Enter")
    expect(field).to_have_accessible_description("Wrong or expired code. 4 tries left.")
    assert_fits(page)
    field.fill(code.lower())
    field.press("Enter")
    choose_new_password(page, name)
    expect(page.get_by_label("Username or email")).to_have_value(name)
    log_in(page, name, NEW)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Hi, {name}!")


def test_a_form_is_filled_in_with_the_keyboard_alone(page: Page, demo: Demonstration) -> None:
    page.goto(f"{demo.address}/login")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("alice")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery staple")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hi, alice!")


def test_an_error_is_shown_beside_its_field(page: Page, demo: Demonstration) -> None:
    page.goto(f"{demo.address}/reset_password_request")
    page.get_by_label("Email").fill("not an address")
    page.get_by_role("button", name="Request Password Reset").click()
    field = page.get_by_label("Email")
    expect(field).to_have_accessible_description("Enter a valid email address.")
    expect(field).to_have_value("not an address")
    expect(field).to_have_attribute("aria-invalid", "true")


def register_and_forget(page: Page, demo: Demonstration, name: str) -> str:
    """Register with a name that begins like this, ask for a reset, and return the name."""
    name = f"{name}{secrets.token_hex(3)}"
    page.goto(demo.address)
    page.get_by_role("link", name="Join").first.click()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Email").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(OLD)
    page.get_by_label("Repeat Password").fill(OLD)
    assert_fits(page)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("main")).to_contain_text(f"We sent a link to {name}@example.com.")
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{demo.address}/login")
    page.get_by_role("link", name="Click to Reset It").click()
    page.get_by_label("Email").fill(f"{name}@example.com")
    page.get_by_role("button", name="Request Password Reset").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        "Check your email for the instructions"
    )
    return name


def choose_new_password(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Reset Your Password")
    expect(page.get_by_text(f"Account: {name}")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_label("Repeat Password").fill(NEW)
    assert_fits(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Your password has been reset.")


def mailed_link(page: Page, demo: Demonstration, name: str) -> str:
    """The link as a person finds it: in the inbox, reloaded until the mail is there."""
    page.goto(f"{demo.address}/dev/inbox")
    # The mail that confirms the address may come first.
    theirs = page.locator(".messages a", has_text=f"to {name}@example.com")
    mail = theirs.filter(has_text="Reset Your Password").first
    for _ in range(150):
        if mail.count():
            break
        page.wait_for_timeout(200)
        page.get_by_role("link", name="Refresh").click()
    mail.click()
    assert_fits(page)
    frame = page.frame_locator("iframe")
    link = frame.get_by_role("link", name="click here").get_attribute("href")
    assert link
    listed = page.locator(".links a").first
    expect(listed).to_have_attribute("href", link)
    return link


def log_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Username or email").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
