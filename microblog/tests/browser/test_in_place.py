"""What scripts do without a new page: liking, editing, deleting, copying a link."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import SIZES, opened_page
from tests.browser.people import assert_fits, log_in, violations
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


@pytest.fixture(params=["phone dark", "desktop light"])
def alice(request: pytest.FixtureRequest, browser: Browser, demo: Demonstration) -> Iterator[Page]:
    """A page on which alice is signed in, and on which nothing is loaded anew unnoticed."""
    device, _, colour = request.param.partition(" ")
    for page in opened_page(
        browser,
        viewport=SIZES[device],
        color_scheme=colour,
        permissions=["clipboard-read", "clipboard-write"],
    ):
        log_in(page, demo, "alice", PASSWORD)
        yield page


def written(page: Page) -> Locator:
    """A new post of hers, on the page on which it was written; the page is marked."""
    word = secrets.token_hex(4)
    page.locator("textarea").first.fill(f"Hello {word}")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("Your post is live.")
    page.evaluate("window.isTheSame = true")
    return page.get_by_role("article").filter(has_text=word)


def assert_same(page: Page) -> None:
    assert page.evaluate("window.isTheSame"), "the page was loaded anew"


def test_a_post_is_liked_without_a_new_page(alice: Page) -> None:
    post = written(alice)
    like = post.get_by_role("button", name="Like")
    for name, pressed in [("Like", "false"), ("Like, 1", "true"), ("Like", "false")]:
        expect(like).to_have_accessible_name(name)
        expect(like).to_have_attribute("aria-pressed", pressed)
        like.focus()
        like.press("Enter")
        expect(like).not_to_have_attribute("aria-pressed", pressed)
        expect(like).to_be_focused()
    assert not violations(alice)
    assert_same(alice)
    alice.reload()
    expect(like).to_have_accessible_name("Like, 1")


def test_a_post_is_edited_where_it_stands(alice: Page) -> None:
    post = written(alice)
    more = post.get_by_label("More")
    area = post.get_by_label("Your post")
    more.click()
    post.get_by_role("link", name="Edit").click()
    expect(area).to_be_focused()
    expect(post.locator(".post-body")).to_be_hidden()
    expect(alice.locator("#post")).to_have_count(1)
    assert not violations(alice)
    assert_fits(alice)
    area.press("Escape")
    expect(area).to_have_count(0)
    expect(more).to_be_focused()
    expect(post.locator(".post-body")).to_be_visible()
    more.click()
    post.get_by_role("link", name="Edit").click()
    expect(area).to_be_focused()
    area.fill("x" * 501)
    area.press("Control+Enter")
    post = alice.get_by_role("article").filter(has=alice.locator(".editor"))
    area = post.get_by_label("Your post")
    expect(area).to_have_accessible_description("1 character too long.")
    expect(area).to_be_focused()
    expect(area).to_have_value("x" * 501)
    word = secrets.token_hex(4)
    area.fill(f"Good evening {word}")
    post.get_by_role("button", name="Save").click()
    post = alice.get_by_role("article").filter(has_text=word)
    expect(post).to_contain_text("edited")
    expect(post.get_by_label("More")).to_be_focused()
    expect(alice.get_by_text("Your changes have been saved.")).to_be_visible()
    assert_same(alice)
    # On its own page as well.
    post.get_by_role("link", name="1 min").or_(post.locator(".post-time")).first.click()
    expect(alice.locator(".post.alone")).to_contain_text(word)
    alice.evaluate("window.isTheSame = true")
    alone = alice.locator(".post.alone")
    alone.get_by_label("More").click()
    alone.get_by_role("link", name="Edit").click()
    alone.get_by_label("Your post").fill(f"Good night {word}")
    alone.get_by_role("button", name="Save").click()
    expect(alone.locator(".post-body")).to_have_text(f"Good night {word}")
    assert_same(alice)


def test_a_post_is_deleted_and_brought_back_where_it_stood(alice: Page) -> None:
    post = written(alice)
    post.get_by_label("More").click()
    post.get_by_role("button", name="Delete").click()
    expect(post).to_have_count(0)
    undo = alice.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    expect(undo).to_be_in_viewport()
    assert not violations(alice)
    undo.press("Enter")
    expect(post).to_be_visible()
    expect(undo).to_have_count(0)
    assert_same(alice)


def test_the_link_of_a_post_is_copied(alice: Page, demo: Demonstration) -> None:
    post = written(alice)
    place = post.locator(".post-time").get_attribute("href")
    post.get_by_label("Copy link").click()
    expect(alice.get_by_text("Link copied.")).to_be_visible()
    assert alice.evaluate("navigator.clipboard.readText()") == f"{demo.address}{place}"
    assert_same(alice)


def test_what_fails_in_place_leads_to_the_ordinary_page(alice: Page) -> None:
    post = written(alice)
    like = post.get_by_role("button", name="Like")
    alice.route("**/like", lambda route: route.abort(), times=1)
    like.click()
    expect(like).to_have_accessible_name("Like, 1")
    assert not alice.evaluate("window.isTheSame")
    alice.route("**/edit", lambda route: route.fulfill(status=500, body=""), times=1)
    post.get_by_label("More").click()
    post.get_by_role("link", name="Edit").click()
    expect(alice.get_by_role("heading", level=1)).to_have_text("Edit post")
