"""The code in unsubscribing.md runs, and does what the page says."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Session

import flask_outbox
from flask_outbox import FlaskOutbox
from flask_outbox.public_pages import unsubscribe_blueprint
from flask_outbox.testing import OutboxTester
from tests.documentation import LIBRARY, run

PAGE = LIBRARY / "docs" / "unsubscribing.md"


@pytest.fixture
def shop() -> Iterator[dict[str, Any]]:
    """What the examples find, and what they have made."""
    app = Flask("shop")
    app.config.update(
        SQLALCHEMY_DATABASE_URI="sqlite://",
        SECRET_KEY="a secret of the tests",
        MAIL_DEFAULT_SENDER="shop@example.com",
        MAIL_UNSUBSCRIBE_URL="https://shop.example.com/unsubscribe",
    )
    db = SQLAlchemy(app)
    outbox = FlaskOutbox(app, db)
    public = {name: getattr(flask_outbox, name) for name in flask_outbox.__all__}
    names = {
        **public, "app": app, "db": db, "outbox": outbox, "Session": Session, "Flask": Flask,
        "time": time, "unsubscribe_blueprint": unsubscribe_blueprint,
    }  # fmt: skip
    with app.app_context():
        db.create_all()
        for code in re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE.read_text()):
            run(names, code)
        yield names
        db.session.remove()
        db.engine.dispose()


def test_one_click_in_a_mail_ends_the_list(
    shop: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    app, outbox, news = shop["app"], shop["outbox"], shop["news"]
    with OutboxTester(app) as tester:
        outbox.enqueue(news, to="susan@example.com", issue=7)
        shop["db"].session.commit()
        (sent,) = tester.deliver()
        (link,) = re.findall(r"https://\S+", sent.text)
        assert link.startswith("https://shop.example.com/unsubscribe/")
        path = link.removeprefix("https://shop.example.com")
        one_click = {"List-Unsubscribe": "One-Click"}
        assert app.test_client().post(path, data=one_click).status_code == 200
        assert "Somebody left the list news" in caplog.text
        outbox.enqueue(news, to="susan@example.com", issue=8)
        shop["db"].session.commit()
        assert tester.deliver() == []
