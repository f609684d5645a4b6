"""An application with the dashboard at /mail, and an operator with a browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert
from werkzeug.test import TestResponse

from flask_outbox import Discard, Email, EmailType, Priority, current_outbox, dashboard
from flask_outbox.operations import counts
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import OutboxMessage, Status
from tests.application import db, make_app, transaction
from tests.ports import HOST
from tests.smtp_server import ScriptedServer

NOW = 1_790_000_000.0
SUSAN = "susan@example.com"


@pytest.fixture
def app(database_url: str, smtp: ScriptedServer) -> Iterator[Flask]:
    """An application with the dashboard, into which everybody may look."""
    made = make_app(
        database_url,
        SECRET_KEY="a secret of the tests",
        MAIL_SERVER=HOST,
        MAIL_PORT=smtp.port,
        MAIL_TIMEOUT=5,
    )
    made.register_blueprint(dashboard.blueprint(authorize=lambda: True), url_prefix="/mail")
    register_types(made)
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def operator(app: Flask) -> Operator:
    return Operator(app)


class Operator:
    """Opens pages and sends forms with the CSRF token of the page."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, follow_redirects=True)

    def submit(
        self, path: str, fields: dict[str, str] | None = None, *, token: str | None = None
    ) -> TestResponse:
        """Open the page at `path` for its token, then send the form to it."""
        token = self.csrf_token(path) if token is None else token
        data = {"csrf_token": token, **(fields or {})}
        return self.client.post(path, data=data, follow_redirects=True)

    def csrf_token(self, path: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(path).text)
        assert found, f"{path} has no form"
        return unescape(found[1])


def register_types(app: Flask) -> None:
    """Two email types: one that people wait for, with a label, and one without."""
    with app.app_context():
        outbox = current_outbox()
        outbox.register(
            EmailType(
                "shop.reset",
                _reset,
                priority=Priority.HIGH,
                expires_after=timedelta(hours=1),
                guarded=True,
                label="forgotten password",
            )
        )
        outbox.register(EmailType("shop.news", lambda *_: Discard("Nobody reads them.")))


def enqueue(app: Flask, to: str = SUSAN, kind: str = "shop.reset") -> int:
    """Enqueue a message to this address; return its id."""
    with app.app_context(), transaction() as writing:
        return current_outbox().enqueue(writing, kind, to)


def write(app: Flask, *changes: dict[str, Any]) -> None:
    """Write messages that were sent, with these changes."""
    usual: dict[str, Any] = {
        "kind": "shop.reset",
        "lane": 1,
        "recipient": SUSAN,
        "recipient_key": SUSAN,
        "locale": "en",
        "arguments": {},
        "message_id": "<1@example.com>",
        "created_at": NOW - DAY,
        "due_at": NOW,
        "status": Status.SENT,
        "settled_at": NOW,
    }
    with app.app_context(), transaction() as writing:
        writing.execute(insert(OutboxMessage), [usual | change for change in changes])
        while counts.add_up(writing, now=time.time()):
            pass


def words(page: TestResponse) -> str:
    """The text of the page, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def numbers_in(html: str) -> list[int]:
    """The ids of the messages that the page lists."""
    return [int(number) for number in re.findall(r'<a class="outbox-to" href="/mail/(\d+)">', html)]


def error_beside(page: TestResponse, field: str) -> str:
    """The error beside this field, which it refers to; empty if there is none."""
    found = re.search(rf'id="outbox-{field}-error">([^<]*)</div>', page.text)
    if not found:
        return ""
    assert re.search(
        rf'name="{field}"[^>]* aria-describedby="[^"]*outbox-{field}-error"', page.text
    )
    return unescape(found[1])


def _reset(_session: object, context: Any) -> Email:
    return Email("Reset", "A link.", to=(context.recipient,))
