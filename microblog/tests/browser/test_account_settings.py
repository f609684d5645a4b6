"""What people do with their account in a real browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import assert_fits, log_in, mailed_link, registered
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
NEW = "the second password"


def test_settings_are_a_list_on_phones_and_a_column_where_there_is_room(
    page: Page, demo: Demonstration
) -> None:
    assert page.viewport_size
    is_phone = page.viewport_size["width"] < 1000
    log_in(page, demo, "bob", PASSWORD)
    page.get_by_role("link", name="Settings").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Settings")
    rows = page.get_by_role("navigation", name="Settings").get_by_role("link")
    for row in rows.all():
        box = row.bounding_box()
        assert box
        assert box["height"] >= (60 if is_phone else 44)
    about_me = page.get_by_label("About me")
    expect(about_me).to_be_visible(visible=not is_phone)
    rows.filter(has_text="Security log").click()
    expect(heading).to_have_text("Security log")
    expect(rows.first).to_be_visible(visible=not is_phone)
    if is_phone:
        page.get_by_role("link", name="Back").click()
        expect(heading).to_have_text("Settings")
        expect(rows.first).to_be_visible()
    else:
        page.goto(f"{demo.address}/settings/")
        about_me.fill("I bake.")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("main")).to_contain_text("I bake.")


def test_a_change_of_address_is_made_and_undone(page: Page, demo: Demonstration) -> None:
    name = registered(page, demo, PASSWORD)
    old, new = f"{name}@example.com", f"{name}.new@example.com"
    log_in(page, demo, name, PASSWORD)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name=re.compile("^Email")).click()
    page.get_by_label("New email address").fill(new)
    page.get_by_label("Current password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Current password")).to_have_accessible_description(
        "This isn't your current password."
    )
    expect(page.get_by_label("New email address")).to_have_value(new)
    page.get_by_label("Current password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("We sent a link to the new address.")
    link = mailed_link(page, demo, new, "confirm_email_change")
    page.goto(link)
    assert link.rpartition("/")[2] not in page.url, "the token is in the address bar"
    page.get_by_role("button", name="Confirm this address").click()
    expect(page.get_by_role("alert")).to_contain_text(f"Your address is now {new}.")
    page.goto(mailed_link(page, demo, old, "undo_email_change"))
    page.get_by_role("button", name="This wasn't me: undo it").click()
    expect(page.get_by_role("alert").first).to_contain_text(f"Your address is {old} again.")
    page.goto(mailed_link(page, demo, old, "reset_password"))
    page.get_by_label("Password", exact=True).fill(NEW)
    page.get_by_label("Repeat Password").fill(NEW)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Your password has been reset.")
    log_in(page, demo, name, NEW)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.goto(f"{demo.address}/settings/password")
    page.get_by_label("Current password").fill(NEW)
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("Repeat Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Your password was changed")


def test_data_is_downloaded_and_the_account_deleted_and_kept(
    page: Page, demo: Demonstration
) -> None:
    log_in(page, demo, "carol", PASSWORD)
    page.goto(f"{demo.address}/settings/delete")
    page.get_by_role("link", name="Download your data first").click()
    page.get_by_label("Current password").fill(PASSWORD)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "microblog-carol.json"
    data = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert data["account"]["username"] == "carol"
    page.goto(f"{demo.address}/settings/")
    page.get_by_role("link", name="Delete account").click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Your account will be deleted on")
    log_in(page, demo, "carol", PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep your account?")
    page.get_by_role("button", name="Keep my account").click()
    expect(page.get_by_role("alert")).to_contain_text("Your account is kept.")
    log_in(page, demo, "carol", PASSWORD)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert_fits(page)
