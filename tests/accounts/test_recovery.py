"""A forgotten password, from the form to the new one (statements T8 to T14)."""

from __future__ import annotations

import re
from collections.abc import Callable

import jwt
from flask import Flask

from tests.conftest import SECRET
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, words

Deliver = Callable[[], int]


def mailed_link(smtp: ScriptedServer) -> str:
    found = re.search(r"^\S+/reset_password/\S+$", smtp.received[-1].text(), re.MULTILINE)
    assert found, "the mail holds no link on a line of its own"
    return found[0]


def test_a_forgotten_password_is_replaced(
    visitor: Visitor, deliver: Deliver, smtp: ScriptedServer
) -> None:
    visitor.register("susan")
    page = visitor.ask_for_reset("susan@example.com")
    assert page.request.path == "/login"
    assert "Check your email for the instructions to reset your password" in words(page)
    assert deliver() == 1
    page = visitor.choose_password(mailed_link(smtp), "a brand new password")
    assert page.request.path == "/login"
    assert "Your password has been reset." in words(page)
    assert "Invalid username or password" in words(visitor.log_in("susan"))
    assert "Hi, susan!" in words(visitor.log_in("susan", password="a brand new password"))


def test_the_mail(app: Flask, visitor: Visitor, deliver: Deliver, smtp: ScriptedServer) -> None:
    visitor.register("susan")
    visitor.ask_for_reset("SUSAN@Example.com")
    deliver()
    (received,) = smtp.received
    message = received.message
    assert received.recipients == ["susan@example.com"]
    assert message["To"] == "susan@example.com"
    assert message["From"] == app.config["ADMINS"][0]
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
    token = link.rpartition("/")[2]
    payload = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert payload["reset_password"] == 1
    assert 598 <= payload["exp"] - received.at <= 600
