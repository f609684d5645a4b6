"""The log-in page after a reset was asked for, and a new link with one click."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import delete

from microblog.accounts.models import User
from microblog.accounts.pages.pending_reset import BETWEEN, SHOWN_FOR
from microblog.database import transaction, utc_now
from tests.answers import comparable
from tests.outbox_rows import rows
from tests.scopes import set_clock
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    Visitor,
    deliver_from,
    mailed_link,
    make_user,
    path_of,
    payload_of,
    reset_link_for,
    value_in,
    words,
)

SUSAN, NOBODY = "susan@example.com", "nobody@example.com"
CHOOSE = "/reset_password/choose"
AGAIN = "/reset_password_again"
NEW = "a brand new password"
ENDED = "This link no longer works"
UNSAVED = "The password you typed wasn't saved. Nothing has changed."
ASKED = "Check your email for the instructions to reset your password"
SEND_AGAIN = "Send it again"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


def headings(page_html: str) -> list[str]:
    return [" ".join(one.split()) for one in re.findall(r"<h[12][^>]*>([^<]*)</h[12]>", page_html)]


def test_the_page_says_what_to_do_where_to_look_and_what_was_typed(
    app: Flask, visitor: Visitor
) -> None:
    page = visitor.ask_for_reset(SUSAN)
    said = words(page)
    assert headings(page.text) == [ASKED, "Sign in"]
    assert "<title>Check your email - Microblog</title>" in page.text
    for sentence in (
        f"If {SUSAN} belongs to an account, a link to choose a new password is on its way.",
        "It expires 10 minutes after it's sent.",
        "It may take a minute or two.",
        "Check your spam folder for an email from admin@microblog.example.com.",
        "Use another email",
    ):
        assert sentence in said
    assert value_in(page, "username") == SUSAN
    field = re.search(r'<input[^>]* name="code"[^>]*>', page.text)
    assert field
    assert 'autocomplete="one-time-code"' in field[0]
    assert page.request.query_string == b""


def test_the_page_stays_until_the_mail_is_worthless(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, NOON)
    visitor.ask_for_reset(SUSAN)
    set_clock(monkeypatch, NOON + SHOWN_FOR - timedelta(seconds=1))
    assert headings(visitor.get("/login").text) == [ASKED, "Sign in"]
    set_clock(monkeypatch, NOON + SHOWN_FOR)
    assert headings(visitor.get("/login").text) == ["Sign in"]


def test_nothing_of_it_is_left_in_another_browser_or_after_logging_in(
    app: Flask, visitor: Visitor, susan: int
) -> None:
    visitor.ask_for_reset(SUSAN)
    assert SUSAN not in Visitor(app).get("/login").text
    assert "Hi, susan!" in words(visitor.log_in("susan"))
    visitor.submit("/logout", token=visitor.csrf_token("/"))
    page = visitor.get("/login")
    assert headings(page.text) == ["Sign in"]
    assert value_in(page, "username") == ""


def test_an_address_is_text_on_the_page_and_not_markup(app: Flask, visitor: Visitor) -> None:
    page = visitor.ask_for_reset("o'hara&lt@example.com")
    assert "o'hara&lt@" not in page.text
    assert "If o'hara&lt@example.com belongs to an account" in words(page)
    assert value_in(page, "username") == "o'hara&lt@example.com"


def test_it_can_be_sent_again_after_a_minute(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, NOON + timedelta(seconds=1))
    said = words(visitor.ask_for_reset(SUSAN))
    assert SEND_AGAIN not in said
    assert "You can send it again in a minute." in said
    set_clock(monkeypatch, NOON + timedelta(seconds=1) + BETWEEN)
    page = visitor.get("/login")
    assert SEND_AGAIN in words(page)
    form = re.search(r'(?s)<form[^>]*action="/reset_password_request".*?</form>', page.text)
    assert form
    sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))
    assert sent["email"] == SUSAN
    page = visitor.submit("/reset_password_request", {**sent})
    assert SEND_AGAIN not in words(page)
    assert ASKED in words(page)
    assert [row.recipient for row in rows(app)] == [SUSAN, SUSAN]


def test_when_the_limit_is_reached_the_true_wait_is_told_in_the_same_words_for_everybody(
    app: Flask, susan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {}
    for address in (SUSAN, NOBODY):
        visitor = Visitor(app)
        for minute in (0, 2, 4):
            set_clock(monkeypatch, NOON + timedelta(minutes=minute))
            visitor.ask_for_reset(address)
        set_clock(monkeypatch, NOON + timedelta(minutes=10))
        pages[address] = comparable(visitor.get("/login"), address)
    assert pages[SUSAN] == pages[NOBODY]
    said = " ".join(pages[SUSAN][2].split())
    assert "You can send it again at 12:15 PM UTC." in said
    assert SEND_AGAIN not in pages[SUSAN][2]


def test_a_request_beyond_the_limit_leaves_the_last_code_good(
    app: Flask, visitor: Visitor, susan: int, smtp: ScriptedServer
) -> None:
    for _ in range(3):
        visitor.ask_for_reset(SUSAN)
    deliver_from(app)
    found = re.search(r"^\w{4} \w{4}$", smtp.received[-1].text(), re.MULTILINE)
    assert found
    visitor.ask_for_reset(SUSAN)
    deliver_from(app)
    assert [row.status for row in rows(app)] == ["sent"] * 3 + ["discarded"]
    token = visitor.csrf_token("/login")
    page = visitor.submit("/reset_password_code", {"code": found[0]}, token=token)
    assert page.request.path == CHOOSE


def test_another_address_begins_anew(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, NOON)
    for _ in range(3):
        visitor.ask_for_reset(SUSAN)
    assert "12:15" in words(visitor.get("/login"))
    said = words(visitor.ask_for_reset(NOBODY))
    assert NOBODY in said
    assert SUSAN not in said
    assert "You can send it again in a minute." in said


def test_an_address_of_a_failed_log_in_is_carried_into_the_form_and_a_name_is_not(
    app: Flask, visitor: Visitor
) -> None:
    visitor.log_in(SUSAN, password="wrong")
    assert value_in(visitor.get("/reset_password_request"), "email") == SUSAN
    visitor.log_in("my password by mistake", password="wrong")
    with visitor.client.session_transaction() as cookie:
        assert "mistake" not in str(dict(cookie))
    assert value_in(visitor.get("/reset_password_request"), "email") == ""


def test_after_the_reset_the_log_in_form_has_the_name(
    app: Flask, visitor: Visitor, susan: int, smtp: ScriptedServer
) -> None:
    visitor.ask_for_reset(SUSAN)
    deliver_from(app)
    page = visitor.choose_password(mailed_link(smtp), NEW)
    assert "Your password has been reset." in words(page)
    assert value_in(page, "username") == "susan"
    assert headings(page.text) == ["Sign in"]
    assert "Check your email" not in words(page)


def test_the_log_in_form_of_that_page_goes_to_the_log_in(
    app: Flask, visitor: Visitor, susan: int
) -> None:
    visitor.ask_for_reset(SUSAN)
    token = visitor.csrf_token("/login")
    page = visitor.submit("/reset_password_code", {"code": "ZZZZ ZZZZ"}, token=token)
    assert value_in(page, "username") == SUSAN
    assert re.search(r'<form id="sign-in" action="/login" method="post"', page.text)


def test_the_page_of_the_code_leads_to_the_log_in_page(app: Flask, visitor: Visitor) -> None:
    assert visitor.get("/reset_password_code").request.path == "/login"


def test_a_form_that_was_sent_late_asks_for_a_new_link_with_one_click(
    app: Flask,
    visitor: Visitor,
    susan: int,
    smtp: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link = reset_link_for(app, SUSAN)
    visitor.get(link)
    token = visitor.csrf_token(CHOOSE)
    set_clock(monkeypatch, datetime.fromtimestamp(payload_of(link)["exp"], UTC))
    page = visitor.submit(CHOOSE, {"password": NEW, "password2": NEW}, token=token)
    assert ENDED in words(page)
    assert UNSAVED in words(page)
    assert NEW not in page.text
    assert f'action="{AGAIN}"' in page.text
    page = visitor.submit(AGAIN, token=visitor.csrf_token("/login"))
    assert page.request.path == "/login"
    said = words(page)
    assert ASKED in said
    assert "A new link is on its way to the account's address." in said
    assert SUSAN not in page.text
    assert value_in(page, "username") == ""
    deliver_from(app)
    assert [row.recipient for row in rows(app)] == [SUSAN]
    new = path_of(mailed_link(smtp))
    set_clock(monkeypatch, utc_now())
    assert ENDED not in words(visitor.get(new))


def test_it_can_be_sent_again_without_the_address(
    app: Flask, visitor: Visitor, susan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = reset_link_for(app, SUSAN)
    ended = datetime.fromtimestamp(payload_of(link)["exp"], UTC)
    set_clock(monkeypatch, ended)
    assert UNSAVED not in words(visitor.get(link))
    visitor.submit(AGAIN, token=visitor.csrf_token("/login"))
    set_clock(monkeypatch, ended + BETWEEN)
    page = visitor.get("/login")
    assert SUSAN not in page.text
    form = re.search(rf'(?s)<form[^>]*action="{AGAIN}".*?</form>', page.text)
    assert form
    assert SEND_AGAIN in form[0]
    visitor.submit(AGAIN, token=visitor.csrf_token("/login"))
    assert [row.recipient for row in rows(app)] == [SUSAN, SUSAN]


@pytest.mark.parametrize("begun", ["nothing", "a forged link", "a deleted account"])
def test_without_a_link_that_was_once_good_there_is_the_ordinary_form(
    app: Flask, visitor: Visitor, susan: int, begun: str
) -> None:
    link = reset_link_for(app, SUSAN)
    if begun == "a forged link":
        page = visitor.get(f"{link[:-1]}{'A' if link[-1] != 'A' else 'E'}")
        assert ENDED in words(page)
        assert AGAIN not in page.text
    if begun == "a deleted account":
        visitor.choose_password(f"http://x{link}", NEW)
        visitor.get(link)
        with app.app_context(), transaction() as writing:
            writing.execute(delete(User))
    before = len(rows(app))
    page = visitor.submit(AGAIN, token=visitor.csrf_token("/login"))
    assert page.request.path == "/reset_password_request"
    assert len(rows(app)) == before
