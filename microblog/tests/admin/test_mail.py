"""The library's pages about mail at /admin/mail: the site's look, languages, names and log."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from flask import Flask

from flask_outbox import current_outbox
from flask_outbox.outbox.models import Status
from flask_outbox.outbox.prerendered import PRERENDERED
from tests.admin.conftest import make_admin
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, make_user, words

pytestmark = ON_SQLITE

HOUR = 3600


def listed(admin: Visitor, address: str) -> list[int]:
    found = re.findall(r'<a class="outbox-to" href="/admin/mail/(\d+)">', admin.get(address).text)
    return [int(number) for number in found]


@pytest.mark.parametrize("path", ["", "/1", "/1/cancel", "/suppressed", "/feedback"])
def test_the_pages_have_the_sites_look(app: Flask, admin: Visitor, path: str) -> None:
    Visitor(app).ask_for_reset("susan@example.com")
    page = admin.get(f"/admin/mail{path}")
    assert re.search(r"<title>[^<]+ - Microblog</title>", page.text)
    assert page.text.count("<h1>") == page.text.count('class="bar"') == 1
    assert "outbox-nav" not in page.text, "the links would be there twice"
    assert "style=" not in page.text
    marked = re.findall(r'href="([^"]+)" aria-current="page"', page.text)
    lists = {"": "/admin/mail"} | {one: f"/admin/mail{one}" for one in ("/suppressed", "/feedback")}
    assert marked == ([lists[path]] if path in lists else [])


def test_the_first_page_leads_to_mail(admin: Visitor) -> None:
    assert admin.get("/admin/", follow=False).headers["Location"] == "/admin/mail"


def test_the_pages_are_in_the_readers_language_and_time_zone(app: Flask, admin: Visitor) -> None:
    Visitor(app).ask_for_reset("susan@example.com")
    tokyo = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(rows(app)[0].created_at + 9 * HOUR - 120))
    assert listed(admin, f"/admin/mail?since={quote(tokyo)}") == []
    admin.client.set_cookie("time_zone", "Asia/Tokyo")
    assert listed(admin, f"/admin/mail?since={quote(tokyo)}") == [1]
    admin.get("/language/ru?next=/")
    said = words(admin.get("/admin/mail/1"))
    assert "Письмо 1" in said
    assert "Сброс пароля" in said


def test_why_a_message_was_discarded_is_told_in_the_readers_language(
    app: Flask, admin: Visitor
) -> None:
    bob = make_user(app, "bob")
    Visitor(app).ask_for_reset("bob@example.com")
    admin.submit(f"/admin/users/{bob}/disable")
    deliver_from(app)
    assert rows(app)[0].answer == "The account is disabled."
    admin.get("/language/ru?next=/")
    assert "Аккаунт отключён." in words(admin.get("/admin/mail/1"))


def test_every_email_type_has_a_label(app: Flask, admin: Visitor) -> None:
    with app.test_request_context():
        types = current_outbox().email_types
        assert {name for name, one in types.items() if not one.label} == {PRERENDERED}
    Visitor(app).ask_for_reset("susan@example.com")
    for path in ("/admin/mail", "/admin/mail/1", "/admin/mail/1/cancel"):
        said = words(admin.get(path))
        assert "Password reset" in said
        assert "accounts.reset_password" not in said


def test_the_log_says_which_administrator_did_what(
    app: Flask,
    admin: Visitor,
    smtp: ScriptedServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_user(app, "susan")
    smtp.script["rcpt"] = ["550 5.1.1 Nobody of that name lives here"]
    Visitor(app).ask_for_reset("susan@example.com")
    deliver_from(app)
    lift = "/admin/mail/suppressed/lift?address=susan@example.com"
    with caplog.at_level(logging.INFO, "microblog.admin"):
        admin.submit(lift, {"address": "susan@example.com"})
        said = words(admin.submit("/admin/mail/1/retry"))
        admin.submit("/admin/mail/1/cancel")
    assert "Message queued again." in said
    assert [one.getMessage() for one in caplog.records if one.name == "microblog.admin"] == [
        "The administrator alice allowed mail to susan@example.com again",
        "The administrator alice queued message 1 (accounts.reset_password) again",
        "The administrator alice cancelled message 1 (accounts.reset_password)",
    ]
    assert rows(app)[0].status == Status.CANCELLED


def test_an_account_links_to_all_its_mail(app: Flask, admin: Visitor) -> None:
    bob = make_user(app, "bob")
    Visitor(app).ask_for_reset("bob@example.com")
    page = admin.get(f"/admin/users/{bob}")
    link = re.search(r'href="(/admin/mail\?address=[^"]+)"', page.text)
    assert link
    assert listed(admin, link[1]) == [1]


def test_the_thirty_first_post_in_a_minute_is_refused(make_app: Callable[..., Flask]) -> None:
    limited = make_app(PUBLIC_URL="http://localhost", RATELIMIT_ENABLED=True)
    make_admin(limited)
    make_user(limited, "susan")
    admin = Visitor(limited)
    admin.log_in("alice")
    Visitor(limited).ask_for_reset("susan@example.com")
    token = admin.csrf_token("/admin/mail/1/cancel")
    posts = [
        admin.submit("/admin/mail/1/cancel", token=token, follow=False).status_code
        for _ in range(32)
    ]
    assert posts == [302] * 30 + [429] * 2
    assert admin.get("/admin/mail/1").status_code == 200
