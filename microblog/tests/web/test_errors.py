"""Error pages, and what the log holds about an error."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing

import pytest
from flask import Flask, abort
from sqlalchemy import text

from microblog import database
from microblog.database import db, transaction
from tests.constants import Make
from tests.visitor import (
    ON_SQLITE,
    Visitor,
    make_user,
    post_new_password,
    reset_link_for,
    token_of,
    words,
)

FAILED = "Something went wrong Try again in a little while."
AWAY = "Out of service for a moment Wait a minute, then reload this page."
NOT_SAVED = (
    "Out of service for a moment Nothing was saved. Wait a minute, then reload this page: your"
    " browser sends again what you typed."
)
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def app(make_app: Make) -> Flask:
    """A site of its own, to which tests add pages."""
    site = make_app(PUBLIC_URL="http://localhost")
    assert isinstance(site, Flask)
    return site


@ON_SQLITE
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (400, "Bad request Your browser sent something that can't be read."),
        (403, "Not allowed You can't see this page or do this."),
        (404, "Page not found It may have been removed, or the address has a typo."),
        (405, "This action isn't supported here This address works only from a form."),
        (413, "Too large What you sent is too large. Make it smaller and try again."),
        (429, "Too many requests Wait a minute, then try again."),
        (418, FAILED),
        (500, FAILED),
        (503, FAILED),
    ],
)
def test_an_error_has_a_page_that_explains_it(
    app: Flask, visitor: Visitor, code: int, said: str
) -> None:
    app.add_url_rule("/wrong", view_func=lambda: abort(code), endpoint="wrong")
    page = visitor.get("/wrong")
    assert page.status_code == code
    assert page.mimetype == "text/html"
    assert said in words(page)
    assert "Go home" in words(page)
    assert 'href="/">Go home</a>' in page.get_data(as_text=True)


@ON_SQLITE
@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/user",
        "/%00",
        "/%ff%fe",
        "/<script>alert(1)</script>",
        "/" + "x" * 5000,
        "/../..",
    ],
    ids=lambda path: path[:20],
)
def test_an_unknown_address_has_a_page_that_says_so(visitor: Visitor, path: str) -> None:
    page = visitor.get(path)
    assert page.status_code == 404
    assert "Page not found" in words(page)
    assert "<script>" not in page.get_data(as_text=True)


@ON_SQLITE
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/logout"), ("PUT", "/"), ("POST", "/healthz")]
)
def test_the_wrong_method_has_a_page_that_says_so(
    app: Flask, visitor: Visitor, method: str, path: str
) -> None:
    token = visitor.csrf_token("/login")
    page = visitor.client.open(path, method=method, headers={"X-CSRFToken": token})
    assert page.status_code == 405
    assert "This address works only from a form." in words(page)


def fail(secret: str) -> str:
    raise RuntimeError(f"the house lost {len(secret)} letters")


def test_an_unhandled_exception_has_a_page_and_a_line_in_the_log(
    app: Flask, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_url_rule("/broken/<secret>", view_func=fail, endpoint="broken")
    make_user(app, "susan")
    visitor.log_in("susan")
    page = visitor.get("/broken/hush")
    assert page.status_code == 500
    assert FAILED in words(page)
    assert "Sign out" in words(page)
    for hidden in ("RuntimeError", "the house lost 4 letters", "Traceback"):
        assert hidden not in page.get_data(as_text=True)
    (record,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert record.getMessage() == "Exception on /broken/<secret> [GET]"
    assert record.exc_info is not None
    assert "RuntimeError: the house lost 4 letters" in caplog.text
    assert "hush" not in caplog.text


def test_the_log_of_a_failure_at_a_mailed_link_holds_no_token(
    app: Flask,
    visitor: Visitor,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make_user(app, "susan")
    link = reset_link_for(app, "susan@example.com")
    said = break_database_and_open(app, visitor, link)
    assert said == [FAILED, FAILED]
    logged = caplog.text + "".join(capfd.readouterr())
    assert logged.count("Exception on /reset_password/<token>") == 2
    assert token_of(link) not in logged
    assert token_of(link).split(".")[2] not in logged


def break_database_and_open(app: Flask, visitor: Visitor, link: str) -> list[str]:
    """Return the texts of the pages at the link while the table of accounts is missing."""
    with app.app_context():
        with transaction() as writing:
            writing.execute(text("ALTER TABLE users RENAME TO gone"))
        try:
            pages = [words(visitor.get(link)), post_new_password(visitor, link)]
        finally:
            db.session.rollback()
            with transaction() as writing:
                writing.execute(text("ALTER TABLE gone RENAME TO users"))
    return [FAILED if FAILED in page else page for page in pages]


@pytest.fixture
def browser_without_database(app: Flask, make_app: Make) -> Visitor:
    """A visitor who is logged in when the database goes away."""
    make_user(app, "susan")
    browser = Visitor(app)
    browser.log_in("susan")
    cookie = browser.client.get_cookie("microblog")
    assert cookie is not None
    left_alone = Visitor(make_app(PUBLIC_URL="http://localhost", DATABASE_URL=NOWHERE))
    left_alone.client.set_cookie("microblog", cookie.value)
    return left_alone


@ON_SQLITE
@pytest.mark.parametrize("path", ["/", "/index"])
def test_a_lost_database_has_a_page_that_explains_it(
    browser_without_database: Visitor, path: str
) -> None:
    page = browser_without_database.get(path)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert AWAY in words(page)


@ON_SQLITE
def test_pages_without_a_database_are_shown_without_one(browser_without_database: Visitor) -> None:
    page = browser_without_database.get("/nothing")
    assert page.status_code == 404
    assert "Page not found" in words(page)


@ON_SQLITE
def test_a_lost_database_has_a_page_for_anonymous_readers_too(make_app: Make) -> None:
    visitor = Visitor(make_app(PUBLIC_URL="http://localhost", DATABASE_URL=NOWHERE))
    assert "Forgot Your Password?" in words(visitor.get("/login"))
    page = visitor.submit("/reset_password_request", {"email": "susan@example.com"})
    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert NOT_SAVED in words(page)


@ON_SQLITE
def test_a_form_that_meets_a_locked_database_can_be_sent_again(
    app: Flask, visitor: Visitor, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reloading the page sends it once more, which is what the page advises."""
    make_user(app, "susan")
    visitor.log_in("susan")
    token = visitor.csrf_token("/")
    form = {"csrf_token": token, "post": "what nobody wants to type twice"}
    # The wait for whoever holds the lock is not what this is about.
    monkeypatch.setattr(database, "SQLITE_BUSY_SECONDS", 0)
    with app.app_context():
        db.engine.dispose()
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        page = visitor.client.post("/", data=form)
    assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
    assert NOT_SAVED in words(page)
    assert visitor.client.post("/", data=form).status_code == 302
    assert form["post"] in words(visitor.get("/"))
