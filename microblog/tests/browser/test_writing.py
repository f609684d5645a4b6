"""What scripts add to writing: names in a list, Ctrl+Enter, and drafts that are kept."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import PHONE, SIZES, opened_page
from tests.browser.people import log_in, registered, violations
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


@pytest.fixture(params=["phone dark", "desktop light"])
def alice(request: pytest.FixtureRequest, browser: Browser, demo: Demonstration) -> Iterator[Page]:
    """A page on which alice is signed in."""
    device, _, colour = request.param.partition(" ")
    for page in opened_page(browser, viewport=SIZES[device], color_scheme=colour):
        log_in(page, demo, "alice", PASSWORD)
        yield page


def field(page: Page) -> Locator:
    return page.locator("textarea[data-mentions]")


def options(page: Page) -> Locator:
    return page.get_by_role("option")


def test_a_name_is_completed_by_keyboard_alone(alice: Page) -> None:
    area = field(alice)
    area.press_sequentially("Hello @bo")
    expect(options(alice)).to_have_count(1)
    expect(options(alice)).to_have_accessible_name("bob")
    expect(options(alice)).to_have_attribute("aria-selected", "true")
    expect(options(alice)).to_be_in_viewport(ratio=1)
    expect(area).to_have_role("combobox")
    expect(area).to_have_attribute("aria-expanded", "true")
    active = options(alice).get_attribute("id") or ""
    expect(area).to_have_attribute("aria-activedescendant", active)
    assert not violations(alice)
    area.press("Enter")
    expect(area).to_have_value("Hello @bob ")
    expect(area).to_be_focused()
    expect(area).to_have_role("textbox")
    expect(options(alice)).to_have_count(0)
    expect(alice.locator(".counter")).to_have_text("490")


def test_arrows_move_escape_closes_and_tab_takes_the_name(alice: Page, demo: Demonstration) -> None:
    area = field(alice)
    alice.route(
        "**/people/names?*",
        lambda route: route.fulfill(
            json={"people": [{"username": f"b{place}", "name": None} for place in range(3)]}
        ),
    )
    selected = alice.locator("[role=option][aria-selected]")
    area.press_sequentially("(@b")
    for key, username in [("ArrowDown", "b1"), ("ArrowUp", "b0"), ("ArrowUp", "b2")]:
        expect(options(alice)).to_have_count(3)
        area.press(key)
        expect(selected).to_have_attribute("data-username", username)
    area.press("Escape")
    expect(options(alice)).to_have_count(0)
    expect(area).to_have_value("(@b")
    area.press_sequentially("x")
    expect(options(alice)).to_have_count(3)
    area.press("Tab")
    expect(area).to_have_value("(@b0 ")
    area.press_sequentially("@b")
    options(alice).nth(1).click()
    expect(area).to_have_value("(@b0 @b1 ")
    expect(area).to_be_focused()
    area.press_sequentially("susan@b")
    alice.wait_for_timeout(500)
    expect(options(alice)).to_have_count(0)


def test_ctrl_and_enter_sends(alice: Page, demo: Demonstration) -> None:
    word = secrets.token_hex(4)
    area = field(alice)
    hint = alice.get_by_text("Ctrl+Enter to send")
    area.fill(f"Sent by keys {word}")
    if alice.viewport_size == PHONE:
        expect(hint).to_be_hidden()
    else:
        expect(hint).to_be_visible()
    area.press("Control+Enter")
    expect(alice.get_by_role("alert")).to_contain_text("Your post is live.")
    expect(alice.get_by_role("article").first).to_contain_text(word)


def test_a_draft_is_kept_until_it_is_sent_or_discarded(alice: Page, demo: Demonstration) -> None:
    kept = alice.get_by_text("We've kept your draft.")
    area = field(alice)
    area.fill("Half a thought")
    alice.goto(f"{demo.address}/explore")
    alice.goto(demo.address)
    expect(area).to_have_value("Half a thought")
    expect(kept).to_be_visible()
    assert not violations(alice)
    alice.get_by_role("button", name="Discard").click()
    expect(area).to_have_value("")
    expect(area).to_be_focused()
    expect(kept).to_have_count(0)
    alice.reload()
    expect(area).to_have_value("")
    # One that is refused stays, one that is taken goes.
    area.fill("x" * 501)
    area.press("Control+Enter")
    expect(alice.get_by_role("group", name="1 thing to fix")).to_be_focused()
    alice.goto(demo.address)
    expect(area).to_have_value("x" * 501)
    area.fill(f"A whole thought {secrets.token_hex(4)}")
    area.press("Control+Enter")
    expect(alice.get_by_role("alert")).to_contain_text("Your post is live.")
    expect(area).to_have_value("")
    alice.reload()
    expect(area).to_have_value("")


def test_a_draft_that_could_not_be_sent_is_kept(alice: Page, demo: Demonstration) -> None:
    area = field(alice)
    area.fill("Not lost")
    alice.context.set_offline(True)
    area.press("Control+Enter")
    alice.wait_for_timeout(500)
    alice.context.set_offline(False)
    alice.goto(demo.address)
    expect(area).to_have_value("Not lost")
    alice.get_by_role("button", name="Discard").click()


def test_a_draft_belongs_to_one_person_and_place(
    browser: Browser, demo: Demonstration, alice: Page
) -> None:
    area = field(alice)
    alice.goto(f"{demo.address}/post/1")
    area.fill("A reply")
    alice.goto(f"{demo.address}/post/2")
    expect(area).to_have_value("")
    alice.goto(demo.address)
    expect(area).to_have_value("")
    alice.goto(f"{demo.address}/post/1")
    expect(area).to_have_value("A reply")
    alice.get_by_role("button", name="Sign out").click()
    expect(alice.get_by_role("link", name="Sign in")).to_be_visible()
    assert alice.evaluate("localStorage.length") == 0
    log_in(alice, demo, "alice", PASSWORD)
    area.fill("Left behind")
    # Whoever signs in next, though alice never signed out, finds nothing of hers.
    alice.context.clear_cookies()
    name = registered(alice, demo, PASSWORD)
    log_in(alice, demo, name, PASSWORD)
    expect(area).to_have_value("")
    assert "Left behind" not in alice.evaluate("JSON.stringify(localStorage)")
