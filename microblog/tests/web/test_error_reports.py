"""ADMINS get mail when the site fails: once, with route and traceback, without secrets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, request

from flask_outbox import Outbox, OutboxError
from microblog.database import utc_now
from microblog.web import error_reports
from tests.bounded import comes_to_an_end
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, make_user, words

ADMINS = ["ops@example.com", "root@example.com"]


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    site = make_app(PUBLIC_URL="http://localhost", ADMINS=ADMINS)

    @site.get("/fail/<token>")
    def fail(token: str) -> str:
        raise LookupError(f"nothing under {token}, {request.cookies}, password=hunter2")

    @site.get("/fail-elsewhere")
    def fail_elsewhere() -> str:
        raise LookupError("elsewhere")

    return site


TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJyZXNldF9wYXNzd29yZCI6MX0.c2lnbmF0dXJlc2lnbmF0dXJl"


def test_a_failure_is_mailed_to_all_of_them(
    app: Flask, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    page = Visitor(app).get(f"/fail/{TOKEN}")
    assert (page.status_code, "Something went wrong" in words(page)) == (500, True)
    deliver()
    assert sorted(one.recipients[0] for one in smtp.received) == ADMINS
    message = smtp.received[0].message
    assert message["Subject"] == "[Microblog] Failure: LookupError at /fail/<token>"
    assert message["From"] == f"Microblog <{ADMINS[0]}>"
    assert message["Auto-Submitted"] == "auto-generated"
    text = smtp.received[0].text()
    assert "GET /fail/<token>" in text
    assert "LookupError: nothing under" in text
    assert "test_error_reports.py" in text


def test_no_secret_is_in_the_mail_nor_in_the_outbox(
    app: Flask, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    visitor = Visitor(app)
    make_user(app, "susan")
    visitor.log_in("susan")
    cookie = visitor.client.get_cookie("microblog")
    assert cookie
    visitor.get(f"/fail/{TOKEN}")
    kept = str([row.arguments for row in rows(app)])
    deliver()
    for secret in (TOKEN, cookie.value, "hunter2"):
        assert secret not in kept
        assert secret not in smtp.received[-1].text()
    assert error_reports.REMOVED in smtp.received[-1].text()


def test_the_same_failure_is_mailed_once_then_counted(
    app: Flask, deliver: Callable[[], int], smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        Visitor(app).get("/fail/x")
    Visitor(app).get("/fail-elsewhere")
    deliver()
    assert len(smtp.received) == 2 * len(ADMINS)
    later = utc_now() + error_reports.QUIET + timedelta(seconds=1)
    monkeypatch.setattr(error_reports, "utc_now", lambda: later)
    Visitor(app).get("/fail/x")
    deliver()
    assert len(smtp.received) == 3 * len(ADMINS)
    assert "It happened 5 times since the last email about it." in smtp.received[-1].text()


def test_a_failure_to_mail_ends_in_the_log(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise OutboxError("no")

    monkeypatch.setattr(Outbox, "enqueue", refuse)
    page = Visitor(app).get("/fail/x")
    assert page.status_code == 500
    assert "could not be mailed" in caplog.text
    assert "Exception on /fail/<token> [GET]" in caplog.text
    assert rows(app) == []


def test_an_error_that_a_page_handles_is_not_reported(app: Flask) -> None:
    visitor = Visitor(app)
    visitor.get("/nowhere")
    visitor.client.post("/login", data={"username": "susan"})
    assert rows(app) == []


def test_without_admins_a_failure_is_only_logged(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    site = make_app(PUBLIC_URL="http://localhost", ADMINS=[])
    site.add_url_rule("/fail", view_func=lambda: str(1 / 0))
    assert Visitor(site).get("/fail").status_code == 500
    assert "ZeroDivisionError" in caplog.text
    assert rows(site) == []


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2&x=1",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
        f"/reset_password/{TOKEN}",
        "the value s3cret-of-the-site",
    ],
)
def test_secrets_are_redacted(text: str) -> None:
    cut = error_reports.redacted(text, ["s3cret-of-the-site"])
    assert error_reports.REMOVED in cut
    for secret in ("hunter2", "aGFzaGhhc2hoYXNo", TOKEN, "s3cret"):
        assert secret not in cut


@pytest.mark.parametrize("word", ["x" * 100_000, "x" * 50_000 + "." + "y" * 50_000, "x.y" * 30_000])
def test_a_long_word_in_a_traceback_takes_no_long_time(word: str) -> None:
    cut = f"{word} the end"
    assert comes_to_an_end(lambda: error_reports.redacted(cut, []).endswith(" the end"))


def test_a_long_traceback_keeps_its_end() -> None:
    assert error_reports.redacted("x " * 50_000 + "the end", []).endswith("the end")
    assert len(error_reports.redacted("x " * 50_000, [])) == error_reports.TRACEBACK_MAXIMUM
