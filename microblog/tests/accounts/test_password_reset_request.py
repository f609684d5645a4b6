"""Asking for a reset link: the form, and an answer that tells nothing (T7 to T9, T14)."""

from __future__ import annotations

import re
import threading
import time

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from microblog.database import db, utc_now
from tests.answers import comparable
from tests.connections import no_connection_from_here
from tests.constants import Make
from tests.outbox_rows import rows
from tests.scopes import set_clock
from tests.smtp_server import STALL, ScriptedServer
from tests.statements import recorded
from tests.visitor import Visitor, deliver_from, error_beside, make_user, value_in, words

PATH = "/reset_password_request"
SAID = "Check your email for the instructions to reset your password"
"""A page takes some 20 ms; one that waited for a mail server would take much longer."""


def test_the_way_from_the_login_page(visitor: Visitor) -> None:
    page = visitor.get("/login")
    html = page.get_data(as_text=True)
    assert "Forgot Your Password? Click to Reset It" in words(page)
    assert "New User? Click to Register!" in words(page)
    assert re.search(r'<a href="/reset_password_request">Click to Reset It</a>', html)
    assert re.search(r'<a href="/register">Click to Register!</a>', html)


def test_the_form(visitor: Visitor) -> None:
    html = visitor.get(PATH).get_data(as_text=True)
    assert "<title>Reset Password - Microblog</title>" in html
    assert "<h1>Reset Password</h1>" in html
    assert re.search(r'<label[^>]* for="email"[^>]*>Email</label>', html)
    assert re.search(r'<input[^>]* type="submit"[^>]* value="Request Password Reset"', html)
    assert error_beside(visitor.get(PATH), "email") == ""


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "This field is required."),
        ("   ", "This field is required."),
        ("susan", "Enter a valid email address."),
        ("susan@", "Enter a valid email address."),
        ("susan@intranet", "Enter a valid email address."),
        ("susan@example.com, bob@example.com", "Enter a valid email address."),
        ("susan@example.com\r\nBcc: bob@example.com", "Enter a valid email address."),
    ],
)
def test_an_error_stands_beside_the_field(
    app: Flask, visitor: Visitor, typed: str, said: str
) -> None:
    page = visitor.submit(PATH, {"email": typed}, follow=False)
    assert page.status_code == 200
    assert error_beside(page, "email") == said
    assert 'aria-invalid="true"' in page.get_data(as_text=True)
    assert value_in(page, "email").strip() == typed.strip()
    assert rows(app) == []


def test_someone_logged_in_is_sent_to_the_first_page(app: Flask, visitor: Visitor) -> None:
    make_user(app, "susan")
    visitor.log_in("susan")
    token = visitor.csrf_token("/")
    for answer in (
        visitor.get(PATH, follow=False),
        visitor.submit(PATH, {"email": "susan@example.com"}, token=token, follow=False),
    ):
        assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert rows(app) == []


def test_known_and_unknown_addresses_get_the_same_answer_but_for_what_was_typed(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user(app, "susan")
    set_clock(monkeypatch, utc_now())
    known, unknown = (
        [comparable(one, address) for one in answers(Visitor(app), address)]
        for address in ("susan@example.com", "nobody@example.com")
    )
    assert known == unknown
    assert SAID in known[-1][2]
    assert "TYPED" in known[-1][2]


def answers(visitor: Visitor, address: str) -> list[TestResponse]:
    return [
        visitor.submit(PATH, {"email": address}, follow=False),
        visitor.get("/login"),
    ]


def test_the_request_does_the_same_work_for_any_address_and_looks_nobody_up(app: Flask) -> None:
    make_user(app, "susan")
    known, unknown = (
        statements_of(Visitor(app), address)
        for address in ("susan@example.com", "nobody@example.com")
    )
    assert known == unknown
    assert [one for one in known if "INSERT INTO outbox" in one]
    assert [one for one in known if "users" in one] == []


def statements_of(visitor: Visitor, address: str) -> list[str]:
    token = visitor.csrf_token(PATH)
    app = visitor.client.application
    with app.app_context():
        engine = db.engine
    with recorded(engine) as statements:
        visitor.submit(PATH, {"email": address}, token=token, follow=False)
    return statements


@pytest.mark.parametrize("trouble", ["dead", "refusing", "silent"])
def test_the_page_is_the_same_and_the_mail_waits_while_the_server_is(
    make_app: Make, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    set_clock(monkeypatch, utc_now())
    app = make_app(PUBLIC_URL="http://localhost", MAIL_TIMEOUT=0.3)
    make_user(app, "susan")
    if trouble == "dead":
        smtp.close()
    else:
        smtp.script["connect"] = STALL if trouble == "silent" else "554 5.3.2 Not today"
    pages = []
    for address in ("susan@example.com", "nobody@example.com"):
        visitor = Visitor(app)
        token = visitor.csrf_token(PATH)
        with no_connection_from_here():
            page = visitor.submit(PATH, {"email": address}, token=token)
            pages.append(comparable(page, address))
    assert pages[0] == pages[1]
    assert SAID in pages[0][2]
    deliver_from(app)
    assert {row.status for row in rows(app)} <= {"queued", "deferred"}
    if trouble != "dead":
        smtp.script.clear()
        deliver_from(app)
        assert [one.recipients for one in smtp.received] == [["susan@example.com"]]
        assert sorted(row.status for row in rows(app)) == ["discarded", "sent"]


def test_no_page_waits_while_a_slow_server_takes_its_time(
    app: Flask, visitor: Visitor, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    visitor.ask_for_reset("susan@example.com")
    sending = threading.Thread(target=deliver_from, args=(app,))
    with smtp.pause():
        sending.start()
        wait_until_sending(smtp)
        with no_connection_from_here():
            page = Visitor(app).ask_for_reset("bob@example.com")
        assert SAID in words(page)
        assert sending.is_alive(), "the page waited until the server was given up"
    sending.join(timeout=30)
    assert len(smtp.wait_for(1)) == 1


def wait_until_sending(smtp: ScriptedServer) -> None:
    deadline = time.monotonic() + 60
    while "DATA" not in smtp.commands:
        assert time.monotonic() < deadline, "the message was not on its way in time"
        time.sleep(0.01)


def test_asking_twice_mails_two_links(app: Flask, visitor: Visitor, smtp: ScriptedServer) -> None:
    make_user(app, "susan")
    for _ in range(2):
        visitor.ask_for_reset("susan@example.com")
    deliver_from(app)
    assert len(smtp.received) == 2
    assert len({one.message["Message-ID"] for one in smtp.received}) == 2
