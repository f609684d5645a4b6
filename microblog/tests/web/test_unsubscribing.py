"""The page that ends chosen mail, in the site's look, without signing in."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask

from flask_outbox import Email, EmailType, current_outbox
from flask_outbox.operations import is_opted_out
from microblog.database import db
from tests.constants import Make
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, make_user, words

pytestmark = ON_SQLITE

SUSAN = "susan@example.com"
DIGEST = "digest"


def link(app: Flask) -> str:
    with app.app_context():
        return current_outbox().unsubscribe_url(SUSAN, DIGEST)


def path(app: Flask) -> str:
    return link(app).removeprefix("http://localhost")


def has_left(app: Flask) -> bool:
    with app.app_context():
        return is_opted_out(db.session, SUSAN, DIGEST, now=current_outbox().clock())


@pytest.mark.parametrize("url", ["https://microblog.example.com", "http://localhost/blog"])
def test_links_begin_with_the_public_address(make_app: Make, url: str) -> None:
    assert link(make_app(PUBLIC_URL=url)).startswith(f"{url}/unsubscribe/")


def test_one_click_needs_no_session_and_no_token_of_a_form(app: Flask) -> None:
    answer = app.test_client().post(path(app), data={"List-Unsubscribe": "One-Click"})
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert "Set-Cookie" not in answer.headers
    assert has_left(app)


def test_the_page_has_the_look_of_the_site_and_one_button(app: Flask) -> None:
    page = Visitor(app).get(path(app))
    assert SUSAN in words(page)
    assert "Replies, mentions and messages" in words(page)
    assert "Skip to content" in words(page)
    assert page.text.count('name="unsubscribe"') == 1
    assert not has_left(app)


@pytest.mark.parametrize("is_good", [True, False])
def test_its_address_stays_with_whoever_has_it(app: Flask, is_good: bool) -> None:
    opened = path(app) if is_good else "/unsubscribe/forged"
    page = Visitor(app).get(opened)
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    links = re.findall(r'href="([^"]*)"', page.text)
    assert [one for one in links if opened in one and not one.startswith("/language/")] == []


def test_another_language_keeps_the_page(app: Flask) -> None:
    visitor = Visitor(app)
    page = visitor.get(path(app))
    russian = re.search(r'href="([^"]*/language/ru[^"]*)"', page.text)
    assert russian
    answer = visitor.get(unescape(russian[1]), follow=False)
    assert answer.location == path(app)
    assert 'lang="ru"' in visitor.get(answer.location).text
    assert not has_left(app)


def test_somebody_who_is_signed_in_uses_it_as_well(app: Flask) -> None:
    make_user(app, "susan")
    susan = Visitor(app)
    susan.log_in("susan")
    page = susan.client.post(path(app), data={"page": "1", "unsubscribe": DIGEST})
    assert "You won't get these emails any more." in words(page)
    assert has_left(app)
    page = susan.client.post(path(app), data={"page": "1", "resubscribe": DIGEST})
    assert "You'll get these emails again." in words(page)
    assert not has_left(app)


def test_a_site_without_a_key_offers_no_links(make_app: Make) -> None:
    app = make_app(SECRET_KEY=None)
    with app.app_context():
        assert current_outbox().delivery.unsubscribe_links is None


def test_posts_are_not_limited_by_client(make_app: Make) -> None:
    """Mail programs of millions of people have few addresses."""
    app = make_app(PUBLIC_URL="http://localhost", RATELIMIT_ENABLED=True)
    client = app.test_client()
    statuses = {client.post(path(app)).status_code for _ in range(40)}
    assert statuses == {200}


def test_the_log_names_the_route_and_not_the_link(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    opened = path(app)
    app.test_client().get(opened)
    app.test_client().post(opened)
    assert opened.rpartition("/")[2] not in caplog.text


def test_a_digest_does_not_leave_after_it(make_app: Make, smtp: ScriptedServer) -> None:
    app = make_app(PUBLIC_URL="http://localhost")

    def send() -> None:
        with app.app_context(), current_outbox().sessions() as session:
            current_outbox().enqueue(session, "tests.digest", SUSAN)
            session.commit()
        deliver_from(app)

    with app.app_context():
        current_outbox().register(
            EmailType("tests.digest", lambda _s, _c: Email("News", "News."), list=DIGEST)
        )
    send()
    app.test_client().post(path(app))
    send()
    (received,) = smtp.received
    assert received.message["List-Unsubscribe"] == f"<{link(app)}>"


def test_a_button_says_what_it_is_about(app: Flask) -> None:
    buttons = re.findall(
        r"<button [^>]*unsubscribe[^>]*>([^<]+)<", Visitor(app).get(path(app)).text
    )
    assert buttons == ["Stop these emails"]
