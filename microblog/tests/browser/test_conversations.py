"""What two people do with each other: answering, liking, finding, and writing at the same time."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import opened_page
from tests.browser.people import WIDTHS, assert_fits, log_in
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


in_each_width = pytest.mark.parametrize("width", WIDTHS)


@contextmanager
def signed_in(
    browser: Browser, demo: Demonstration, name: str, width: int, *, scripts: bool = True
) -> Iterator[Page]:
    """A browser of this person's own, as wide as this."""
    viewport: ViewportSize = {"width": width, "height": 800}
    pages = opened_page(browser, viewport=viewport, java_script_enabled=scripts)
    page = next(pages)
    log_in(page, demo, name, PASSWORD)
    yield page
    pages.close()


def write(page: Page, demo: Demonstration, text: str) -> str:
    """Write a post; return the path of its page."""
    page.goto(demo.address)
    page.get_by_label("Your post").fill(text)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Your post is live.")
    post = page.get_by_role("article").filter(has_text=text)
    return post.locator(".post-time").get_attribute("href") or ""


def test_a_post_is_answered_liked_and_found(page: Page, demo: Demonstration) -> None:
    word = f"w{secrets.token_hex(4)}"
    log_in(page, demo, "alice", PASSWORD)
    path = write(page, demo, f"Question {word}")
    page.get_by_role("article").filter(has_text=word).get_by_label("Reply").click()
    expect(page).to_have_url(f"{demo.address}{path}#post")
    page.get_by_label("Your reply").fill(f"Answer {word}")
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Your reply is live.")
    expect(page.get_by_role("article")).to_have_count(2)
    assert_fits(page)
    page.goto(demo.address + path)
    expect(page.get_by_role("article").nth(1)).to_contain_text(f"Answer {word}")
    question = page.get_by_role("article").first
    expect(question.get_by_label("Reply, 1")).to_be_visible()
    question.get_by_role("button", name="Like").click()
    expect(question.get_by_role("button", name="Like, 1")).to_have_attribute("aria-pressed", "true")
    page.goto(f"{demo.address}/search?q={word}")
    expect(page.get_by_role("article")).to_have_count(2)
    assert_fits(page)


def test_a_deleted_reply_leaves_its_place_and_comes_back(page: Page, demo: Demonstration) -> None:
    word = secrets.token_hex(4)
    log_in(page, demo, "alice", PASSWORD)
    path = write(page, demo, f"Question {word}")
    page.goto(demo.address + path)
    page.get_by_label("Your reply").fill(f"Answer {word}")
    page.get_by_role("button", name="Reply", exact=True).click()
    page.goto(demo.address + path)
    answer = page.get_by_role("article").filter(has_text=f"Answer {word}")
    answer.get_by_label("More").click()
    answer.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("alert")).to_contain_text("Post deleted.")
    expect(answer).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(answer).to_be_visible()
    expect(page.get_by_text("Your post is back.")).to_be_visible()


@in_each_width
def test_two_people_write_to_each_other_at_once(
    browser: Browser, demo: Demonstration, width: int
) -> None:
    word = secrets.token_hex(4)
    with (
        signed_in(browser, demo, "alice", width) as alice,
        signed_in(browser, demo, "bob", width) as bob,
    ):
        for page, other in ((alice, "bob"), (bob, "alice")):
            page.goto(f"{demo.address}/messages/{other}")
        for page, text in ((alice, f"Hello bob {word}"), (bob, f"Hello alice {word}")):
            page.get_by_role("textbox").fill(text)
            page.get_by_role("textbox").press("Control+Enter")
            expect(page.get_by_text(text)).to_be_visible()
            expect(page.get_by_role("textbox")).to_have_value("")
        # Without a new page: the next one of hers comes to him by itself.
        bob.evaluate("window.isTheSame = true")
        alice.get_by_role("textbox").fill(f"Once more {word}")
        alice.get_by_role("button", name="Send").click()
        expect(bob.get_by_text(f"Once more {word}")).to_be_visible()
        expect(alice.get_by_text(f"Hello alice {word}")).to_be_visible()
        assert bob.evaluate("window.isTheSame")
        assert_fits(bob)


@in_each_width
def test_two_people_write_to_each_other_without_scripts(
    browser: Browser, demo: Demonstration, width: int
) -> None:
    word = secrets.token_hex(4)
    with (
        signed_in(browser, demo, "alice", width, scripts=False) as alice,
        signed_in(browser, demo, "bob", width, scripts=False) as bob,
    ):
        for page, other in ((alice, "bob"), (bob, "alice")):
            page.goto(f"{demo.address}/messages/{other}")
        for page, name in ((alice, "alice"), (bob, "bob")):
            page.get_by_role("textbox").fill(f"From {name} {word}")
            page.get_by_role("button", name="Send").click()
            expect(page.get_by_text(f"From {name} {word}")).to_be_visible()
        expect(bob.get_by_text(f"From alice {word}")).to_be_visible()
        alice.reload()
        expect(alice.get_by_text(f"From bob {word}")).to_be_visible()


@in_each_width
def test_what_another_person_does_is_counted_at_the_bell(
    browser: Browser, demo: Demonstration, width: int
) -> None:
    word = secrets.token_hex(4)
    with (
        signed_in(browser, demo, "alice", width) as alice,
        signed_in(browser, demo, "bob", width) as bob,
    ):
        path = write(bob, demo, f"For likes {word}")
        # What was there before is read.
        bob.goto(f"{demo.address}/notifications")
        bob.clock.install()
        bob.goto(demo.address)
        count = bob.locator("[data-unread] .count-dot")
        expect(count).to_be_hidden()
        alice.goto(demo.address + path)
        alice.get_by_role("article").first.get_by_role("button", name="Like").click()
        expect(alice.get_by_role("button", name="Like, 1").first).to_be_visible()
        bob.clock.fast_forward(61_000)
        expect(count).to_have_text("1")
        bob.goto(f"{demo.address}/notifications")
        expect(bob.get_by_role("main")).to_contain_text(f"For likes {word}")
