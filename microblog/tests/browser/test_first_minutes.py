"""From registering to the first people one follows, in a real browser."""

from __future__ import annotations

import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import assert_fits, mailed_link
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

REMINDER = "Confirm your email to start posting and following."


def test_what_a_newcomer_wanted_is_done_after_confirming(page: Page, demo: Demonstration) -> None:
    name = f"newcomer{secrets.token_hex(3)}"
    page.goto(f"{demo.address}/register?next=/edit_profile")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Email").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill("an uncommon password")
    page.get_by_label("Repeat Password").fill("an uncommon password")
    page.get_by_role("button", name="Create account").dblclick()
    expect(page.get_by_role("main")).to_contain_text(REMINDER)
    expect(page.get_by_role("heading", level=1)).to_have_text("Profile")
    assert_fits(page)
    page.goto(f"{demo.address}/user/bob")
    page.get_by_role("main").get_by_role("button", name="Follow", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("You'll follow bob")
    page.goto(demo.address)
    page.get_by_role("textbox").fill("My first post")
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("textbox")).to_have_accessible_description(
        "Confirm your email before posting. We've kept your draft."
    )
    assert_fits(page)
    page.get_by_role("button", name="Resend email").click()
    page.get_by_role("button", name="Resend email").click()
    expect(page.get_by_role("main")).to_contain_text("You can request another email at")
    assert_fits(page)
    page.goto(mailed_link(page, demo, f"{name}@example.com", "verify_email"))
    expect(page.get_by_role("main")).to_contain_text(f"{name}@example.com will belong to")
    expect(page.get_by_role("main")).not_to_contain_text(REMINDER)
    assert_fits(page)
    page.get_by_role("link", name="Remove account").click()
    assert_fits(page)
    page.go_back()
    page.get_by_role("button", name="Confirm my email").click()
    expect(page.get_by_role("main")).to_contain_text("You're following bob.")
    expect(page.get_by_role("textbox")).to_have_value("My first post")
    page.goto(f"{demo.address}/people")
    expect(page.get_by_role("main")).to_contain_text("Follow alice")
    assert_fits(page)
