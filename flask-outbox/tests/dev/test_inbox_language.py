"""The development pages are in the reader's language if the application has Flask-Babel."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask, request
from flask_babel import Babel

from flask_outbox.dev.catcher import CaughtMail
from flask_outbox.dev.inbox import inbox_blueprint


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    app = Flask("bare", static_folder=None)
    app.register_blueprint(inbox_blueprint(CaughtMail(tmp_path)))
    return app


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Inbox"), ("ru", "Входящие"), ("zh_Hant", "收件匣")]
)
def test_the_inbox_is_in_the_readers_language(app: Flask, language: str, title: str) -> None:
    Babel(app, locale_selector=lambda: request.args["language"])
    page = app.test_client().get("/dev/inbox", query_string={"language": language})
    assert f"<h1>{title}</h1>" in page.text


def test_without_flask_babel_the_inbox_is_english(app: Flask) -> None:
    assert "<h1>Inbox</h1>" in app.test_client().get("/dev/inbox").text
