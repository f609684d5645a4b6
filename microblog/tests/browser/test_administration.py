"""What administrators do in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import log_in
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


def test_the_history_of_a_message_is_found(page: Page, demo: Demonstration) -> None:
    page.goto(f"{demo.address}/reset_password_request")
    page.get_by_label("Email").fill("bob@microblog.example")
    page.get_by_role("button", name="Request Password Reset").click()
    log_in(page, demo, "alice", PASSWORD)
    page.get_by_role("link", name="Administration").click()
    page.get_by_label("Address or message number").fill("bob@microblog")
    page.get_by_label("Status", exact=True).select_option("sent")
    search = page.get_by_role("button", name="Search")
    search.click()
    expect(page.get_by_label("Address or message number")).to_have_value("bob@microblog")
    message = page.get_by_role("link", name="bob@microblog.example").first
    for _ in range(50):
        if message.count():
            break
        page.wait_for_timeout(200)
        search.click()
    message.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("to bob@microblog.example")
    expect(page.locator(".outbox-timeline strong")).to_have_text(["Sent", "Created"])
    expect(page.locator(".outbox-timeline")).to_contain_text("250")
    page.get_by_role("link", name="All messages to this address").click()
    expect(page.get_by_label("Address or message number")).to_have_value("bob@microblog.example")


def test_an_account_is_disabled_and_enabled(page: Page, demo: Demonstration) -> None:
    log_in(page, demo, "alice", PASSWORD)
    page.goto(f"{demo.address}/admin/users")
    page.get_by_label("Username or email").fill("carol")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="carol", exact=True).click()
    for action, said in (("Disable", "is disabled"), ("Enable", "is enabled")):
        page.get_by_role("link", name=f"{action}…").click()
        page.get_by_role("button", name=f"{action} account").click()
        expect(page.get_by_role("alert")).to_contain_text(f"The account {said}")
