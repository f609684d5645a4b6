"""A new password in a real browser: it can be looked at, and says whether it is long enough."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import fits
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser


def test_a_password_can_be_looked_at_and_is_judged_while_it_is_typed(
    look: Page, demo: Demonstration
) -> None:
    look.goto(f"{demo.address}/register")
    field = look.get_by_label("Password", exact=True)
    shown = look.get_by_role("button", name="Show password").first
    note = look.get_by_role("status").first
    for typed, said in (
        ("seven c", "Too short."),
        ("aaaaaaaaaaaaaaaa", "Easily guessed: few different characters."),
        ("eight ch", "Long enough; longer is better."),
        ("fifteen letters", "A good length."),
        ("", ""),
    ):
        field.fill(typed)
        expect(note).to_have_text(said)
    field.fill("fifteen letters")
    expect(field).to_have_attribute("type", "password")
    shown.focus()
    look.keyboard.press("Space")
    expect(field).to_have_attribute("type", "text")
    expect(shown).to_have_attribute("aria-pressed", "true")
    fits(look)
    shown.click()
    expect(field).to_have_attribute("type", "password")


def test_without_scripts_the_hint_stands_there(page: Page, demo: Demonstration) -> None:
    page.goto(f"{demo.address}/register")
    field = page.get_by_label("Password", exact=True)
    expect(field).to_have_accessible_description(
        "At least 8 characters; 15 or more are better. Any characters will do."
    )
