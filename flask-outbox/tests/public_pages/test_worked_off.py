"""What providers tell of a message reaches its row: posted, stored, worked off, in any order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from flask_outbox import current_outbox, return_path, send_email
from flask_outbox.feedback.working import work_off
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.models import MailEvent, MailReport, Status
from flask_outbox.public_pages import webhooks, webhooks_blueprint
from tests.application import db, make_app
from tests.databases import ON_SQLITE
from tests.feedback.amazon import NOW, TOPIC, Amazon, body, notification, ses_event
from tests.feedback.test_mailgun import KEY, failed, signature
from tests.feedback.test_mailgun import event as mailgun_event
from tests.feedback.test_postmark import BOUNCE, DELIVERY, LOGIN, basic
from tests.outbox_rows import rows
from tests.ports import HOST
from tests.smtp_server import Received, ScriptedServer

SUSAN = "susan@example.org"
NO_USER = "550 5.1.1 <susan@example.org>: no such user"

SECRETS = {
    "MAIL_WEBHOOK_SES_TOPICS": TOPIC,
    "MAIL_WEBHOOK_POSTMARK_LOGIN": LOGIN,
    "MAIL_WEBHOOK_MAILGUN_KEY": KEY,
}

pytestmark = ON_SQLITE


@pytest.fixture
def app(
    database_url: str, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Flask]:
    """An application that takes webhooks, for which it is NOW."""
    monkeypatch.setattr(webhooks, "fetch_over_https", Amazon().fetch)
    made = make_app(database_url, MAIL_SERVER=HOST, MAIL_PORT=smtp.port, MAIL_TIMEOUT=5, **SECRETS)
    made.register_blueprint(webhooks_blueprint())
    given = {"MAIL_RETURN_PATH": "bounces@example.com", "SECRET_KEY": "a key", **SECRETS}
    with made.app_context():
        outbox = current_outbox()
        outbox.clock = lambda: NOW
        outbox.delivery = replace(outbox.delivery, return_path=return_path(given))
        yield made
        db.engine.dispose()


Told = Callable[[str, Received], dict[str, Any]]
"""A request that tells one thing of what a provider got from us."""


def ses(what: str, sent: Received) -> dict[str, Any]:
    parts: dict[str, dict[str, Any]] = {
        "Delivery": {"delivery": {"recipients": [SUSAN], "smtpResponse": "250 ok"}},
        "Bounce": {
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [
                    {"emailAddress": SUSAN, "diagnosticCode": f"smtp; {NO_USER}"}
                ],
            }
        },
        "Complaint": {"complaint": {"complainedRecipients": [{"emailAddress": SUSAN}]}},
    }
    event = ses_event(what, **parts[what])
    event["mail"]["headers"] = [
        {"name": name, "value": str(value)} for name, value in sent.message.items()
    ]
    return {"data": body(notification(event, MessageId=f"{what}-{sent.message['X-Outbox']}"))}


def postmark(what: str, sent: Received) -> dict[str, Any]:
    event = {
        "Delivery": {**DELIVERY, "Recipient": SUSAN},
        "Bounce": {**BOUNCE, "Email": SUSAN, "Details": f"smtp;{NO_USER}"},
        "Complaint": {**BOUNCE, "RecordType": "SpamComplaint", "Email": SUSAN},
    }[what]
    data = {**event, "Metadata": {"outbox": str(sent.message["X-PM-Metadata-outbox"])}}
    return {"data": json.dumps(data).encode(), "headers": {"Authorization": basic(LOGIN)}}


def mailgun(what: str, sent: Received) -> dict[str, Any]:
    event = {
        "Delivery": mailgun_event("delivered"),
        "Bounce": failed("permanent", 550, NO_USER),
        "Complaint": mailgun_event("complained"),
    }[what]
    message_id = str(sent.message["Message-ID"]).strip("<>")
    event |= {"recipient": SUSAN, "message": {"headers": {"message-id": message_id}}}
    token = f"{what}-{sent.message['X-Outbox']}"
    return {"data": json.dumps({"signature": signature(token=token), "event-data": event}).encode()}


each_provider = pytest.mark.parametrize("tell", [ses, postmark, mailgun])


def post(app: Flask, tell: Told, what: str, sent: Received) -> None:
    name = getattr(tell, "__name__")  # noqa: B009 - of a function
    answer = app.test_client().post(f"/mail-events/{name}", **tell(what, sent))
    assert answer.status_code == 200


def send(smtp: ScriptedServer, deliver: Callable[[], int]) -> Received:
    send_email("Hello", None, [SUSAN], "text")
    deliver()
    return smtp.received[-1]


def status(app: Flask) -> Status:
    return rows(app)[-1].status


@each_provider
def test_a_bounce_stops_mail_to_an_address_that_does_not_exist(
    app: Flask, smtp: ScriptedServer, deliver: Callable[[], int], tell: Told
) -> None:
    sent = send(smtp, deliver)
    post(app, tell, "Bounce", sent)
    assert status(app) == Status.SENT
    work_off(current_outbox(), now=NOW)

    assert status(app) == Status.BOUNCED
    found = suppressions.suppression(db.session, SUSAN)
    assert found is not None
    assert (found.source, found.reason) == ("provider", NO_USER)


@each_provider
@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["Delivery"], Status.DELIVERED),
        (["Delivery", "Delivery", "Delivery"], Status.DELIVERED),
        (["Delivery", "Bounce"], Status.BOUNCED),
        (["Bounce", "Delivery"], Status.BOUNCED),
        (["Delivery", "Complaint"], Status.COMPLAINED),
        (["Complaint", "Delivery"], Status.COMPLAINED),
        (["Complaint", "Bounce", "Complaint", "Delivery"], Status.COMPLAINED),
    ],
)
def test_events_count_once_in_any_order(
    app: Flask,
    smtp: ScriptedServer,
    deliver: Callable[[], int],
    tell: Told,
    told: list[str],
    expected: Status,
) -> None:
    sent = send(smtp, deliver)
    for what in told:
        post(app, tell, what, sent)
        work_off(current_outbox(), now=NOW)

    assert status(app) == expected
    events = db.session.scalars(select(MailEvent)).all()
    assert len(events) == len(set(told))
    assert {one.outbox_id for one in events} == {rows(app)[-1].id}
    assert all(one.trusted for one in events)


@each_provider
def test_an_event_may_come_before_its_message_is_there(
    app: Flask, smtp: ScriptedServer, deliver: Callable[[], int], tell: Told
) -> None:
    sent = send(smtp, deliver)
    row = rows(app)[-1]
    with app.app_context(), current_outbox().sessions() as writing:
        found = writing.get(type(row), row.id)
        assert found is not None
        found.status = Status.QUEUED
        writing.commit()
    post(app, tell, "Bounce", sent)
    work_off(current_outbox(), now=NOW)
    assert db.session.scalars(select(MailEvent)).all() == []
    with app.app_context(), current_outbox().sessions() as writing:
        found = writing.get(type(row), row.id)
        assert found is not None
        found.status = Status.SENT
        writing.commit()
    work_off(current_outbox(), now=NOW + 3600)

    assert status(app) == Status.BOUNCED


@each_provider
def test_what_concerns_nobody_here_has_no_consequence(
    app: Flask, smtp: ScriptedServer, deliver: Callable[[], int], tell: Told
) -> None:
    sent = send(smtp, deliver)
    names = rb"(?mi)^(X-Outbox|X-PM-Metadata-outbox|Message-ID): \S+"
    content = re.sub(names, rb"\1: <another.message@example.net>", sent.content)
    post(app, tell, "Bounce", replace(sent, content=content))
    work_off(current_outbox(), now=NOW + 3600)

    assert status(app) == Status.SENT
    assert suppressions.suppression(db.session, SUSAN) is None
    assert db.session.scalars(select(MailReport)).all() == []
