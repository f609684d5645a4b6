"""A new password in a real browser: it can be shown, and the page says if it is long enough."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import assert_fits
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser


def test_a_password_can_be_shown_and_is_checked_while_it_is_typed(
    styled_page: Page, demo: Demonstration
) -> None:
    styled_page.goto(f"{demo.address}/register")
    field = styled_page.get_by_label("Password", exact=True)
    shown = styled_page.get_by_role("button", name="Show password").first
    note = styled_page.get_by_role("status").first
    for typed, said in (
        ("seven c", "Too short."),
        ("aaaaaaaaaaaaaaaa", "Easy to guess: too few different characters."),
        ("eight ch", "Long enough. Longer is safer."),
        ("fifteen letters", "Good length."),
        ("", ""),
    ):
        field.fill(typed)
        expect(note).to_have_text(said)
    field.fill("fifteen letters")
    expect(field).to_have_attribute("type", "password")
    shown.focus()
    styled_page.keyboard.press("Space")
    expect(field).to_have_attribute("type", "text")
    expect(shown).to_have_attribute("aria-pressed", "true")
    assert_fits(styled_page)
    shown.click()
    expect(field).to_have_attribute("type", "password")


def test_without_scripts_the_hint_is_shown(page: Page, demo: Demonstration) -> None:
    page.goto(f"{demo.address}/register")
    field = page.get_by_label("Password", exact=True)
    expect(field).to_have_accessible_description("Use at least 8 characters. Longer is safer.")
