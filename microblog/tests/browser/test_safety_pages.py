"""Where one is logged in, what happened, and "this wasn't me", in a real browser."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from flask_outbox.outbox.suppressions import suppress
from microblog import database
from microblog.app import create_app
from microblog.cli.ports import choose_free
from microblog.database import db, transaction, utc_now
from microblog.settings import Settings
from tests.browser.people import fits, log_in, look_at, mailed_link
from tests.constants import SECRET
from tests.demonstration import Demonstration
from tests.visitor import make_user

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"
NEW = "the second password"

Result = TypeVar("Result")


def registered(page: Page, demo: Demonstration) -> str:
    """A new person's name, with the address confirmed."""
    name = f"susan{secrets.token_hex(3)}"
    page.goto(f"{demo.address}/register")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Email").fill(f"{name}@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Repeat Password").fill(PASSWORD)
    page.get_by_role("button", name="Register").click()
    page.goto(mailed_link(page, demo, f"{name}@example.com", "verify_email"))
    page.get_by_role("button", name="Confirm My Address").click()
    return name


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
    name = registered(page, demo)
    reset(page, demo, name, NEW)
    elsewhere = browser.new_context().new_page()
    log_in(elsewhere, demo, name, NEW)
    link = mailed_link(page, demo, f"{name}@example.com", "not_me")
    page.goto(link)
    assert link.rpartition("/")[2] not in page.url, "the token is in the address bar"
    fits(page)
    page.get_by_role("button", name="This wasn't me: secure my account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account is secured")
    fits(page)
    elsewhere.reload()
    expect(elsewhere.get_by_role("link", name="Sign In").first).to_be_visible()
    elsewhere.context.close()
    log_in(page, demo, name, NEW)
    expect(page.get_by_role("alert")).to_contain_text("Invalid username or password")
    choose(page, mailed_link(page, demo, f"{name}@example.com", "reset_password"), PASSWORD)
    log_in(page, demo, name, PASSWORD)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Security log").click()
    expect(page.get_by_role("main")).to_contain_text("“This wasn't me” was pressed")


def test_another_browser_is_logged_out(page: Page, browser: Browser, demo: Demonstration) -> None:
    name = registered(page, demo)
    elsewhere = browser.new_context(user_agent="Mozilla/5.0 Firefox/140.0").new_page()
    log_in(elsewhere, demo, name, PASSWORD)
    log_in(page, demo, name, PASSWORD)
    page.goto(f"{demo.address}/settings/sessions")
    entries = page.get_by_role("main").get_by_role("listitem").filter(has=page.locator("form"))
    expect(entries).to_have_count(2)
    expect(entries.first).to_contain_text("This browser")
    entries.filter(has_text="Firefox").get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("That browser is logged out.")
    expect(entries).to_have_count(1)
    elsewhere.reload()
    expect(elsewhere.get_by_role("link", name="Sign In").first).to_be_visible()
    elsewhere.context.close()


def test_each_page_is_looked_at(look: Page, demo: Demonstration) -> None:
    name = registered(look, demo)
    reset(look, demo, name, NEW)
    link = mailed_link(look, demo, f"{name}@example.com", "not_me")
    log_in(look, demo, name, NEW)
    for path in ("sessions", "security", "security?show=mail"):
        look.goto(f"{demo.address}/settings/{path}")
        look_at(look)
    for address in (f"{demo.address}/not_me/bad", link):
        look.goto(address)
        look_at(look)
    look.get_by_role("button", name="This wasn't me: secure my account").click()
    look_at(look)


@pytest.fixture
def refused(tmp_path: Path) -> Iterator[str]:
    """The address of a site with a person, susan, whose mail is refused."""
    port = choose_free("127.0.0.1")
    app = elsewhere(lambda: site_with_refused_mail(tmp_path, port))
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{port}"
    server.shutdown()
    thread.join()
    elsewhere(lambda: close(app))


def elsewhere(work: Callable[[], Result]) -> Result:
    """Do it in another thread: this one belongs to the browser's event loop."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


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
        database.upgrade()
        make_user(app, "susan", email=address)
        with transaction() as writing:
            words = f"recipient: 550 5.1.1 <{address}>: Recipient address rejected"
            suppress(writing, [(address, words)], now=utc_now().timestamp())
    return app


def close(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


def test_the_warning_that_no_mail_arrives_is_looked_at(look: Page, refused: str) -> None:
    look.goto(f"{refused}/login")
    look.get_by_label("Username or email").fill("susan")
    look.get_by_label("Password", exact=True).fill(PASSWORD)
    look.get_by_role("button", name="Sign In").click()
    warning = look.get_by_role("region", name="No mail reaches you")
    expect(warning).to_contain_text("550 5.1.1")
    look_at(look)
    look.goto(f"{refused}/settings/sessions")
    look_at(look)
    warning.get_by_role("button", name="Try this address again").click()
    expect(warning).to_have_count(0)
    expect(look.get_by_role("alert")).to_contain_text("We mail to susan.with")
