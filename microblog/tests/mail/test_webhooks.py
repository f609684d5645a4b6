"""Providers tell the site what became of mail, without a session and at any rate."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from flask_outbox.outbox.models import MailReport
from microblog.database import db
from tests.constants import Make

KEY = "a signing key of the tests"
LOGIN = "postmark:a very long password"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"

ADDRESSES = ("/mail-events/ses", "/mail-events/postmark", "/mail-events/mailgun")


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(
        PUBLIC_URL="http://localhost",
        RATELIMIT_ENABLED=True,
        MAIL_WEBHOOK_SES_TOPICS=[TOPIC],
        MAIL_WEBHOOK_POSTMARK_LOGIN=LOGIN,
        MAIL_WEBHOOK_MAILGUN_KEY=KEY,
    )


def mailgun(token: str) -> dict[str, Any]:
    timestamp = str(int(time.time()))
    mac = hmac.new(KEY.encode(), f"{timestamp}{token}".encode(), "sha256").hexdigest()
    signature = {"timestamp": timestamp, "token": token, "signature": mac}
    return {"signature": signature, "event-data": {"event": "delivered"}}


def test_events_of_a_provider_are_stored_however_many_come(app: Flask) -> None:
    client = app.test_client()
    tokens = [f"{number:050}" for number in range(40)]

    answers = [client.post(ADDRESSES[2], json=mailgun(token)) for token in tokens]

    assert {answer.status_code for answer in answers} == {200}
    with app.app_context():
        assert set(db.session.scalars(select(MailReport.event_id))) == set(tokens)


@pytest.mark.parametrize(
    ("address", "status"), list(zip(ADDRESSES, (403, 401, 403), strict=True)), ids=ADDRESSES
)
def test_nonsense_costs_neither_a_statement_nor_a_page(
    app: Flask, address: str, status: int
) -> None:
    statements: list[str] = []
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2]))

    answer = app.test_client().post(address, data=b"nonsense")

    assert answer.status_code == status
    assert (answer.data, statements) == (b"", [])
    assert "Set-Cookie" not in answer.headers


def test_without_a_secret_there_is_nothing(make_app: Make) -> None:
    client = make_app(PUBLIC_URL="http://localhost").test_client()

    for address in ADDRESSES:
        assert client.post(address, data=json.dumps(mailgun("0" * 50))).status_code == 404


def test_a_form_of_another_site_gets_nowhere(app: Flask) -> None:
    answer = app.test_client().post(
        ADDRESSES[2],
        data={"csrf_token": "x"},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
