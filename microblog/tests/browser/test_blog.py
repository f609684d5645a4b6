"""What people do on the site in a real browser."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import SIZES, opened_page
from tests.browser.people import assert_fits, log_in, violations
from tests.demonstration import Demonstration

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"


def write(page: Page, demo: Demonstration, text: str) -> None:
    page.goto(f"{demo.address}/")
    page.get_by_label("Your post").fill(text)
    page.get_by_role("button", name="Post", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Your post is live.")


def open_menu(place: Page | Locator) -> None:
    # A page of a person has the person's menu first, then those of posts.
    place.get_by_label("More").first.click()


def test_a_post_is_written_changed_and_removed(page: Page, demo: Demonstration) -> None:
    word = secrets.token_hex(4)
    log_in(page, demo, "alice", PASSWORD)
    write(page, demo, f"Hello {word} @bob #garden{word}")
    post = page.get_by_role("article").filter(has_text=word)
    expect(post.get_by_role("link", name="@bob")).to_have_attribute("href", "/user/bob")
    post.get_by_role("link", name=f"#garden{word}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"#garden{word}")
    # The page itself, which scripts pass by.
    address = page.locator(".post a[href$='/edit']").get_attribute("href")
    page.goto(f"{demo.address}{address}")
    page.get_by_label("Your post").fill("x" * 501)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("group", name="1 thing to fix")).to_be_focused()
    expect(page).to_have_title("Error: Edit post - Microblog")
    page.get_by_role("link", name="Your post: 1 character too long.").click()
    expect(page.get_by_label("Your post")).to_be_focused()
    expect(page.get_by_label("Your post")).to_have_accessible_description("1 character too long.")
    page.get_by_label("Your post").fill(f"Good evening {word}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("article")).to_contain_text("edited")
    page.goto(f"{demo.address}{address}".replace("/edit", "/delete"))
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("alert")).to_contain_text("Post deleted.")
    expect(page).to_have_url(f"{demo.address}/user/alice")
    expect(page.get_by_role("article").filter(has_text=word)).to_have_count(0)
    assert_fits(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("alert")).to_contain_text("Your post is back.")
    expect(post).to_be_in_viewport()
    assert_fits(page)


def test_people_are_followed_and_muted(page: Page, demo: Demonstration) -> None:
    log_in(page, demo, "bob", PASSWORD)
    # Other tests may have written more than one page of Explore.
    page.goto(f"{demo.address}/search?q=jungle")
    page.get_by_role("article").get_by_role("link", name="carol").first.click()
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_role("alert")).to_contain_text("You're following carol.")
    page.get_by_role("link", name="1 follower", exact=True).click()
    expect(page.get_by_role("main").get_by_role("link", name="bob")).to_be_visible()
    page.goto(f"{demo.address}/user/carol")
    open_menu(page)
    page.get_by_role("button", name="Mute").click()
    expect(page.get_by_role("alert")).to_contain_text("carol is muted.")
    open_menu(page)
    page.get_by_role("button", name="Unmute").click()
    page.get_by_role("button", name="Unfollow").click()
    expect(page.get_by_role("alert")).to_contain_text("You're not following carol.")


def test_a_profile_has_a_text_and_a_picture(
    page: Page, demo: Demonstration, tmp_path: Path
) -> None:
    file = tmp_path / "me.png"
    Image.new("RGB", (400, 300), "teal").save(file)
    log_in(page, demo, "carol", PASSWORD)
    page.goto(f"{demo.address}/edit_profile")
    page.get_by_label("About me").fill("I like gardens.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text("I like gardens.")
    page.get_by_role("link", name="Edit profile").click()
    page.get_by_label("New picture").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("Your picture was changed.")
    expect(page.locator("main img.avatar")).to_have_js_property("naturalWidth", 256)
    page.get_by_role("button", name="Remove picture").click()
    expect(page.locator("main img.avatar")).to_have_count(0)


def test_the_language_is_chosen_at_the_end_of_the_page(page: Page, demo: Demonstration) -> None:
    page.goto(f"{demo.address}/explore")
    page.get_by_role("link", name="Русский").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Обзор")
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    page.goto(f"{demo.address}/register")
    page.locator("#username").fill("half")
    page.locator("#password").fill("never shown again")
    # A form is half filled: it keeps all but the password, and shows no errors.
    page.get_by_role("button", name="繁體中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hant")
    expect(page).to_have_url(f"{demo.address}/register")
    expect(page.locator("#username")).to_have_value("half")
    expect(page.locator("#password")).to_have_value("")
    expect(page.locator("[aria-invalid]")).to_have_count(0)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Join Microblog")
    expect(page.locator("#username")).to_have_value("half")


def test_a_browsers_time_zone_is_the_first_that_is_offered(
    browser: Browser, demo: Demonstration
) -> None:
    pages = opened_page(browser, viewport=SIZES["desktop"], timezone_id="Asia/Taipei", locale="en")
    page = next(pages)
    log_in(page, demo, "alice", PASSWORD)
    page.goto(f"{demo.address}/post/1")
    expect(page.locator(".when")).not_to_contain_text("UTC")
    page.goto(f"{demo.address}/settings/language")
    expect(page.get_by_label("Time zone").locator("option").first).to_have_text(
        "Same as my browser: Taipei"
    )
    pages.close()


def test_scripts_add_a_counter_and_a_hint_and_close_menus(
    browser: Browser, demo: Demonstration
) -> None:
    pages = opened_page(browser, viewport=SIZES["desktop"], locale="en-GB")
    page = next(pages)
    log_in(page, demo, "alice", PASSWORD)
    page.get_by_label("Your post").fill("👨‍👩‍👧‍👦 hello")
    expect(page.locator(".counter")).to_have_text("493")
    write(page, demo, "With a menu")
    post = page.get_by_role("article").first
    open_menu(post)
    expect(post.get_by_role("link", name="Edit")).to_be_visible()
    page.keyboard.press("Escape")
    expect(post.get_by_role("link", name="Edit")).to_be_hidden()
    expect(post.get_by_label("More")).to_be_focused()
    page.clock.install()
    page.goto(f"{demo.address}/")
    expect(page.locator(".newer a")).to_be_hidden()
    other = page.context.new_page()
    write(other, demo, "Written elsewhere")
    page.clock.fast_forward(61_000)
    expect(page.get_by_role("link", name="1 new post")).to_be_visible()
    page.get_by_role("link", name="1 new post").click()
    expect(page.get_by_role("article").first).to_contain_text("Written elsewhere")
    pages.close()


def test_a_card_about_an_author_stands_beside_the_post_and_only_on_intent(
    browser: Browser, demo: Demonstration
) -> None:
    pages = opened_page(browser, viewport=SIZES["desktop"])
    page = next(pages)
    page.clock.install()
    page.goto(f"{demo.address}/search?q=rains")
    post = page.get_by_role("article").filter(has=page.get_by_role("link", name="bob", exact=True))
    name, card = post.get_by_role("link", name="bob", exact=True).first, page.locator(".card")
    name.hover()
    page.clock.run_for(400)
    page.mouse.move(5, 5)
    page.clock.run_for(1000)
    expect(card).to_have_count(0)
    name.focus()
    page.clock.run_for(1000)
    expect(card).to_have_count(0)
    name.hover()
    page.clock.run_for(600)
    expect(card).to_contain_text("bob")
    assert_beside(card, post.first)
    expect(card.locator("a, button, [tabindex]")).to_have_count(0)
    assert not violations(page)
    card.hover()
    page.clock.run_for(1000)
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)
    page.set_viewport_size({"width": 320, "height": 640})
    name.hover()
    page.clock.run_for(600)
    page.wait_for_load_state("networkidle")
    expect(card).to_have_count(0)
    pages.close()


def assert_beside(one: Locator, other: Locator) -> None:
    here, there = one.bounding_box(), other.bounding_box()
    assert here
    assert there
    assert here["x"] > there["x"] + there["width"]
    assert abs(here["y"] - there["y"]) < there["height"]


def test_the_buttons_of_posts_stand_in_columns_and_the_menu_ends_on_the_edge_of_the_time(
    page: Page, demo: Demonstration
) -> None:
    log_in(page, demo, "alice", PASSWORD)
    write(page, demo, "One line")
    post, other = page.get_by_role("article").first, page.get_by_role("article").nth(1)
    post.get_by_role("button", name="Like").click()
    expect(post.get_by_role("button", name="Like, 1", pressed=True)).to_be_visible()
    for number in (1, 2, 3):
        column = f".post-actions > :nth-child({number})"
        boxes = [one.locator(column).bounding_box() for one in (post, other)]
        assert len({box["x"] for box in boxes if box}) == 1
    post.get_by_role("button", name="Like, 1", pressed=True).click()
    expect(post.get_by_role("button", name="Like", exact=True, pressed=False)).to_be_visible()
    icon = post.locator("summary .icon").bounding_box()
    time = post.locator(".post-time").bounding_box()
    assert icon
    assert time
    assert abs(icon["x"] + icon["width"] - time["x"] - time["width"]) < 4
    open_menu(post)
    expect(post.get_by_role("button", name="Delete")).to_be_in_viewport(ratio=1)


def test_a_reply_is_written_and_read_in_its_thread(page: Page, demo: Demonstration) -> None:
    word = secrets.token_hex(4)
    log_in(page, demo, "alice", PASSWORD)
    write(page, demo, f"Question {word}")
    page.get_by_role("article").filter(has_text=word).get_by_role("link", name="Reply").click()
    page.get_by_label("Your reply").fill(f"Answer {word}")
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Your reply is live.")
    texts = page.locator(".post-body")
    expect(texts).to_have_text([f"Question {word}", f"Answer {word}"])
    expect(page.get_by_role("article").nth(1)).to_contain_text("Replying to @alice")
    assert_fits(page)


@pytest.mark.parametrize("path", ["/", "/user/bob", "/tag/garden", "/settings/blocked"])
def test_a_print_has_the_content_alone(styled_page: Page, demo: Demonstration, path: str) -> None:
    log_in(styled_page, demo, "alice", PASSWORD)
    styled_page.goto(f"{demo.address}{path}")
    styled_page.emulate_media(media="print")
    shown = styled_page.locator("nav, button, summary, .btn, textarea, [type=submit]")
    expect(shown.locator("visible=true")).to_have_count(0)
    expect(styled_page.get_by_role("heading", level=1)).to_be_visible()
    if path != "/settings/blocked":
        expect(styled_page.get_by_role("article").first).to_be_visible()


@pytest.mark.parametrize("language", ["en-GB", "ru", "zh-TW"])
def test_a_strangers_bar_is_one_line_on_a_phone(
    browser: Browser, demo: Demonstration, language: str
) -> None:
    pages = opened_page(browser, viewport=SIZES["phone"], locale=language)
    page = next(pages)
    page.goto(f"{demo.address}/explore")
    items = [item.bounding_box() for item in page.locator(".top li").all()]
    middles = {item["y"] + item["height"] / 2 for item in items if item}
    assert len(items) == 4
    assert len(middles) == 1
    pages.close()


def test_the_first_page_is_small_and_loads_nothing_from_other_sites(
    browser: Browser, demo: Demonstration
) -> None:
    pages = opened_page(browser, viewport=SIZES["desktop"])
    page = next(pages)
    sizes: dict[str, int] = {}
    received: list[int] = []

    page.on("requestfinished", lambda request: sizes.update({request.url: 0}))
    page.goto(f"{demo.address}/", wait_until="networkidle")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.reload(wait_until="networkidle")
    assert sizes
    assert all(address.startswith(demo.address) for address in sizes), sizes
    assert 10_000 < sum(received) < 70_000
    pages.close()
