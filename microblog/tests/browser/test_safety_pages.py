"""Sessions, the security log, and "this wasn't me" in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from flask_outbox.outbox.suppressions import suppress
from microblog import schema
from microblog.app import create_app
from microblog.cli.ports import choose_free
from microblog.database import transaction, utc_now
from microblog.settings import Settings
from tests.browser.filled_site import in_another_thread, served
from tests.browser.people import assert_accessible, assert_fits, log_in, mailed_link, registered
from tests.constants import SECRET
from tests.demonstration import Demonstration
from tests.visitor import make_user

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
NEW = "the second password"


def reset(page: Page, demo: Demonstration, name: str, password: str) -> None:
    page.goto(f"{demo.address}/reset_password_request")
    page.get_by_label("Email").fill(f"{name}@example.com")
    page.get_by_role("button", name="Request Password Reset").click()
    choose(page, mailed_link(page, demo, f"{name}@example.com", "reset_password"), password)


def choose(page: Page, link: str, password: str) -> None:
    page.goto(link)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_label("Repeat Password").fill(password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Your password has been reset.")


def test_an_owner_stops_what_somebody_else_did(
    page: Page, browser: Browser, demo: Demonstration
) -> None:
    name = registered(page, demo, PASSWORD)
    reset(page, demo, name, NEW)
    in_another_thread = browser.new_context().new_page()
    log_in(in_another_thread, demo, name, NEW)
    link = mailed_link(page, demo, f"{name}@example.com", "not_me")
    page.goto(link)
    assert link.rpartition("/")[2] not in page.url, "the token is in the address bar"
    assert_fits(page)
    page.get_by_role("button", name="This wasn't me: secure my account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account is secure")
    assert_fits(page)
    in_another_thread.reload()
    expect(in_another_thread.get_by_role("link", name="Sign in").first).to_be_visible()
    in_another_thread.context.close()
    log_in(page, demo, name, NEW)
    expect(page.get_by_role("alert")).to_contain_text("Wrong username or password.")
    choose(page, mailed_link(page, demo, f"{name}@example.com", "reset_password"), PASSWORD)
    log_in(page, demo, name, PASSWORD)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Security log").click()
    expect(page.get_by_role("main")).to_contain_text("“This wasn't me” was used")


def test_another_browser_is_logged_out(page: Page, browser: Browser, demo: Demonstration) -> None:
    name = registered(page, demo, PASSWORD)
    in_another_thread = browser.new_context(user_agent="Mozilla/5.0 Firefox/140.0").new_page()
    log_in(in_another_thread, demo, name, PASSWORD)
    log_in(page, demo, name, PASSWORD)
    page.goto(f"{demo.address}/settings/sessions")
    entries = page.locator(".devices").get_by_role("listitem")
    expect(entries).to_have_count(2)
    expect(entries.first).to_contain_text("This device")
    entries.filter(has_text="Firefox").get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("That device is signed out.")
    expect(entries).to_have_count(1)
    in_another_thread.reload()
    expect(in_another_thread.get_by_role("link", name="Sign in").first).to_be_visible()
    in_another_thread.context.close()


@pytest.fixture
def refused(tmp_path: Path) -> Iterator[str]:
    """The address of a site with a person, susan, whose mail is refused."""
    port = choose_free("127.0.0.1")
    app = in_another_thread(lambda: site_with_refused_mail(tmp_path, port))
    with served(app, port) as address:
        yield address


def site_with_refused_mail(folder: Path, port: int) -> Flask:
    address = "susan.with.a.very.long.address@a-domain-that-is-even-longer.example.com"
    app = create_app(
        Settings(
            DATABASE_URL=f"sqlite:///{folder}/site.db",
            INSTANCE_PATH=folder,
            SECRET_KEY=SECRET,
            PUBLIC_URL=f"http://localhost:{port}",
        )
    )
    with app.app_context():
        schema.upgrade()
        make_user(app, "susan", email=address)
        with transaction() as writing:
            words = f"recipient: 550 5.1.1 <{address}>: Recipient address rejected"
            suppress(writing, [(address, words)], now=utc_now().timestamp())
    return app


def test_the_warning_that_no_mail_arrives_is_accessible(styled_page: Page, refused: str) -> None:
    styled_page.goto(f"{refused}/login")
    styled_page.get_by_label("Username or email").fill("susan")
    styled_page.get_by_label("Password", exact=True).fill(PASSWORD)
    styled_page.get_by_role("button", name="Sign in", exact=True).click()
    warning = styled_page.get_by_role("region", name="Our emails don't reach you")
    expect(warning).to_contain_text("550 5.1.1")
    assert_accessible(styled_page)
    styled_page.goto(f"{refused}/settings/sessions")
    assert_accessible(styled_page)
    warning.get_by_role("button", name="Try again").click()
    expect(warning).to_have_count(0)
    expect(styled_page.get_by_role("alert")).to_contain_text("We're emailing susan.with")
