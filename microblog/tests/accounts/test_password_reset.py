"""A forgotten password, from the form to the new one (statements T8 to T14)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import jwt
import pytest
from flask import Flask
from sqlalchemy import update

from flask_outbox import current_outbox, email_from_templates
from flask_outbox.application import state_of
from flask_outbox.message.addresses import address_key
from microblog.accounts.actions.password_reset import RESET_KIND, request_reset
from microblog.accounts.models import User
from microblog.database import transaction
from microblog.web.times import from_unix, moment_in_words
from tests.constants import SECRET, Make
from tests.outbox_rows import rows
from tests.scopes import scope_at
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, mailed_link, make_user, words

pytestmark = pytest.mark.delivery

Deliver = Callable[[], int]


def test_a_forgotten_password_is_replaced(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    page = visitor.ask_for_reset("susan@example.com")
    assert page.request.path == "/login"
    assert "Check your email for the instructions to reset your password" in words(page)
    assert deliver() == 1
    page = visitor.choose_password(mailed_link(smtp), "a brand new password")
    assert page.request.path == "/login"
    assert "Your password has been reset." in words(page)
    assert "Wrong username or password." in words(visitor.log_in("susan"))
    assert "Hi, susan!" in words(visitor.log_in("susan", password="a brand new password"))


def test_the_mail(app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer) -> None:
    make_user(app, "susan")
    visitor.ask_for_reset("SUSAN@Example.com")
    deliver()
    (received,) = smtp.received
    message = received.message
    assert received.recipients == ["susan@example.com"]
    assert message["To"] == "susan@example.com"
    assert message["From"] == f"Microblog <{app.config['ADMINS'][0]}>"
    assert message["Subject"] == "[Microblog] Reset Your Password"
    link = mailed_link(smtp)
    for subtype in ("plain", "html"):
        text = " ".join(received.text(subtype).split())
        for sentence in (
            "Dear susan,",
            link,
            "If you have not requested a password reset simply ignore this message.",
            "Sincerely,",
            "The Microblog Team",
        ):
            assert sentence in text
    html = received.text("html")
    assert re.search(rf'<a href="{re.escape(link)}"[^>]*>click here</a>', html)
    assert re.search(rf'<td [^>]*><a href="{re.escape(link)}"[^>]*>Choose a new password</a>', html)
    assert re.search(rf">{re.escape(link)}</a>", html)
    token = link.rpartition("/")[2]
    payload = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert payload["reset_password"] == 1
    assert 540 <= payload["exp"] - received.at <= 600


def test_the_mail_says_from_what_and_when_it_was_requested(
    app: Flask, smtp: ScriptedServer
) -> None:
    """Not by what the browser calls itself, which may be anything, nor from where."""
    make_user(app, "susan")
    asked = datetime(2026, 3, 1, 12, 30, 45, tzinfo=UTC)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(time_zone="Europe/Berlin"))
        request_reset(
            writing, current_outbox(), "susan@example.com", scope_at(asked), nonce="a nonce"
        )
    deliver_from(app)
    for subtype in ("plain", "html"):
        text = " ".join(smtp.received[-1].text(subtype).split())
        assert "Requested from Firefox on Linux, Mar 1, 2026, 1:30 PM." in text
        assert "203.0.113" not in text


def test_a_row_of_a_former_version_becomes_a_mail(app: Flask, smtp: ScriptedServer) -> None:
    make_user(app, "susan")
    with app.app_context(), transaction() as writing:
        current_outbox().enqueue(writing, RESET_KIND, "susan@example.com")
    deliver_from(app)
    assert "Requested from an unknown browser," in smtp.received[-1].text()


@ON_SQLITE
def test_the_mail_has_a_place_for_a_code_to_type(app: Flask) -> None:
    name = "accounts/emails/password_reset"
    texts = dict.fromkeys(("username", "link", "until", "browser", "when"), "x")
    with app.app_context():
        without = email_from_templates(name, {**texts, "code": None})
        with_code = email_from_templates(name, {**texts, "code": "ABCD EFGH"})
    said = "Or enter this code where you asked:"
    assert f"\n\n{said}\n\nABCD EFGH\n\n" in with_code.text
    assert re.search(rf'{said}</p>\s*<p class="code"[^>]*>ABCD EFGH</p>', with_code.html or "")
    assert said not in without.text + (without.html or "")


def test_the_mail_goes_to_the_stored_spelling_of_the_address(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    make_user(app, "susan", email="Susan.Strong@Example.COM")
    visitor.ask_for_reset("  sUSAN.sTRONG@eXAMPLE.com ")
    deliver()
    visitor.choose_password(mailed_link(smtp), "a brand new password")
    deliver()
    asked, notice = smtp.received
    for received in (asked, notice):
        assert received.recipients == ["Susan.Strong@example.com"]
        assert received.message["To"] == "Susan.Strong@example.com"


def test_the_owner_is_told_that_the_password_was_changed(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    visitor.ask_for_reset("susan@example.com")
    deliver()
    visitor.choose_password(mailed_link(smtp), "a brand new password")
    assert deliver() == 1
    notice = smtp.received[-1]
    assert notice.recipients == ["susan@example.com"]
    assert notice.message["From"] == f"Microblog <{app.config['ADMINS'][0]}>"
    assert notice.message["Subject"] == "Your password was changed"
    for subtype in ("plain", "html"):
        text = " ".join(notice.text(subtype).split())
        assert "The password of your account susan was changed" in text
        assert "http://localhost/not_me/" in text
        assert "a brand new password" not in text


def test_a_name_is_text_in_the_mail_and_not_markup(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    number = make_user(app, "susan")
    with app.app_context(), transaction() as writing:
        writing.execute(
            update(User).where(User.id == number).values(username="<b>&amp;</b>\r\nBcc: x@y.z")
        )
    visitor.ask_for_reset("susan@example.com")
    deliver()
    (received,) = smtp.received
    assert received.recipients == ["susan@example.com"]
    assert received.message["Bcc"] is None
    assert "<b>" not in received.text("html")
    assert "<b>&amp;</b>" in received.text()


def test_the_link_lives_as_long_as_it_is_set_to_and_the_mail_says_so(
    make_app: Make, smtp: ScriptedServer
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", RESET_LINK_SECONDS=3600)
    make_user(app, "susan")
    Visitor(app).ask_for_reset("susan@example.com")
    deliver_from(app)
    (received,) = smtp.received
    payload = jwt.decode(mailed_link(smtp).rpartition("/")[2], SECRET, algorithms=["HS256"])
    assert 3540 <= payload["exp"] - received.at <= 3600
    with app.app_context():
        until = moment_in_words(from_unix(payload["exp"]), None, today=from_unix(received.at))
    for subtype in ("plain", "html"):
        assert f"The link works once, until {until}." in " ".join(received.text(subtype).split())


def test_the_life_of_the_link_begins_when_the_mail_leaves(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    visitor.ask_for_reset("susan@example.com")
    outbox = state_of(app).outbox
    now = outbox.clock
    outbox.clock = lambda: now() + 3600
    assert deliver() == 1
    token = mailed_link(smtp).rpartition("/")[2]
    payload = jwt.decode(token, SECRET, algorithms=["HS256"], options={"verify_exp": False})
    assert 3600 + 540 <= payload["exp"] - smtp.received[0].at <= 3600 + 600


def test_a_request_that_waited_for_too_long_is_not_sent_at_all(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    visitor.ask_for_reset("susan@example.com")
    outbox = state_of(app).outbox
    now = outbox.clock
    outbox.clock = lambda: now() + 24 * 3600
    deliver()
    assert smtp.received == []
    (row,) = rows(app)
    assert row.status == "expired"


def test_the_outbox_never_holds_a_token_or_a_name(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    make_user(app, "susan", email="s@example.com")
    visitor.ask_for_reset("s@example.com")
    before = rows(app)
    deliver()
    token = mailed_link(smtp).rpartition("/")[2]
    for row in (*before, *rows(app)):
        everything = repr(vars(row))
        assert token not in everything
        assert "susan" not in everything


@ON_SQLITE
@pytest.mark.parametrize("proxies", [0, 1])
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"},
        {"Forwarded": "host=evil.example;proto=gopher"},
        {"X-Forwarded-Prefix": "//evil.example", "X-Original-URL": "//evil.example/"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_a_forged_host_changes_no_link(
    make_app: Make, smtp: ScriptedServer, headers: dict[str, str], proxies: int
) -> None:
    app = make_app(PUBLIC_URL="http://blog.example.com:8080/site", TRUSTED_PROXIES=proxies)
    make_user(app, "susan")
    client = app.test_client()
    address = "http://blog.example.com:8080/site/reset_password_request"
    html = client.get(address, headers=headers).get_data(as_text=True)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html)
    assert found
    answer = client.post(
        address, data={"email": "susan@example.com", "csrf_token": found[1]}, headers=headers
    )
    assert answer.status_code == 302
    assert "evil" not in html + answer.get_data(as_text=True) + str(answer.headers)
    deliver_from(app)
    (received,) = smtp.received
    links = re.findall(r"\w+://[^\s\"<>]+", received.text() + received.text("html"))
    assert {urlsplit(link)[:2] for link in links} == {("http", "blog.example.com:8080")}
    paths = {urlsplit(link).path for link in links} - {"/site/"}
    assert len(paths) == 1
    assert paths.pop().startswith("/site/reset_password/")


def test_a_request_for_an_unknown_address_ends_discarded_and_sends_nothing(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    visitor.ask_for_reset("nobody@example.com")
    assert deliver() == 1
    assert smtp.received == []
    (row,) = rows(app)
    assert row.status == "discarded"
    assert "MAIL" not in " ".join(smtp.commands)


def test_an_address_that_was_changed_gets_no_more_mail_and_its_links_are_dead(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    number = make_user(app, "susan")
    for _ in range(2):
        visitor.ask_for_reset("susan@example.com")
        if not smtp.received:
            deliver()
            with app.app_context(), transaction() as writing:
                writing.execute(
                    update(User)
                    .where(User.id == number)
                    .values(email="new@example.com", email_key=address_key("new@example.com"))
                )
    deliver()
    assert [row.status for row in rows(app)] == ["sent", "discarded"]
    assert len(smtp.received) == 1
    assert "This link no longer works" in words(visitor.get("/" + mailed_link(smtp)[17:]))


def test_there_is_no_automatic_login(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    visitor.ask_for_reset("susan@example.com")
    deliver()
    visitor.choose_password(mailed_link(smtp), "a brand new password")
    page = words(visitor.get("/"))
    assert "Short posts, newest first." in page
    assert "Hi, susan!" not in page


def test_every_session_of_the_account_ends_and_no_other(
    app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    make_user(app, "bob")
    at_work, at_home, bob = Visitor(app), Visitor(app), Visitor(app)
    at_work.log_in("susan")
    at_home.log_in("susan", remember=True)
    bob.log_in("bob")
    visitor.ask_for_reset("susan@example.com")
    deliver()
    assert "Hi, susan!" in words(at_work.get("/"))
    visitor.choose_password(mailed_link(smtp), "a brand new password")
    assert "Hi, bob!" in words(bob.get("/"))
    for browser in (at_work, at_home):
        assert "Short posts, newest first." in words(browser.get("/"))
    # Without its session, a browser has the long-lived cookie left.
    at_home.client.delete_cookie("microblog")
    assert "Short posts, newest first." in words(at_home.get("/"))
