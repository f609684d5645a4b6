"""The pages about mail explain what a message waits for, why it was not sent, and what is wrong."""

from __future__ import annotations

import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from flask_outbox import current_outbox
from flask_outbox.outbox.models import OutboxMessage, Status
from microblog.admin.labels import KIND_LABELS
from microblog.database import transaction
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, make_user, words

pytestmark = ON_SQLITE

TROUBLE = "The mail server has taken no mail for more than a minute. The last answer:"
AWAY = "421 4.3.2 Not before noon"


def change(app: Flask, **values: Any) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(values))


def test_a_mail_server_that_takes_nothing_is_shown_with_its_answer(
    app: Flask, admin: Visitor, smtp: ScriptedServer
) -> None:
    smtp.script["mail"] = AWAY
    Visitor(app).ask_for_reset("susan@example.com")
    make_user(app, "susan")
    deliver_from(app)
    assert [row.status for row in rows(app)] == [Status.DEFERRED]
    assert TROUBLE not in words(admin.get("/admin/mail")), "it may pass in a minute"
    change(app, created_at=time.time() - 90)
    said = words(admin.get("/admin/mail"))
    assert TROUBLE in said
    assert AWAY.removeprefix("421 ") in said
    smtp.script.clear()
    deliver_from(app)
    assert TROUBLE not in words(admin.get("/admin/mail"))


def test_a_deferral_by_the_receiver_is_not_shown_as_server_trouble(
    app: Flask, admin: Visitor, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    smtp.script["rcpt"] = "451 4.7.1 Greylisted"
    Visitor(app).ask_for_reset("susan@example.com")
    deliver_from(app)
    change(app, created_at=time.time() - 90, due_at=time.time() - 1)
    said = words(admin.get("/admin/mail"))
    assert TROUBLE not in said
    assert "deferred 1" in said, "what is tried again has a figure"


def test_a_discard_by_the_recipient_limit_is_explained_by_the_limit(
    app: Flask, admin: Visitor, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    for _ in range(4):
        Visitor(app).ask_for_reset("susan@example.com")
    deliver_from(app)
    (discarded,) = [row.id for row in rows(app) if row.status == Status.DISCARDED]
    said = words(admin.get(f"/admin/mail/{discarded}"))
    assert "or the address had enough of such mail" in said
    assert "3 such messages within 15 minutes" in said
    assert "nobody to send it to" not in said


@pytest.mark.parametrize(
    ("values", "said", "unsaid"),
    [
        ({}, "It waits to be sent.", "It was not tried yet."),
        ({"waits_for": "example.com"}, "Waits for the rate limit of example.com", "Next attempt"),
        ({"attempts": 1}, "It is being sent at this moment.", "Next attempt"),
        ({"due_at": 4e9}, "Next attempt", "rate limit"),
    ],
)
def test_a_waiting_message_shows_what_it_waits_for(
    app: Flask, admin: Visitor, values: dict[str, Any], said: str, unsaid: str
) -> None:
    Visitor(app).ask_for_reset("susan@example.com")
    if values:
        change(app, **values)
    page = words(admin.get("/admin/mail/1"))
    assert said in page
    assert unsaid not in page


def test_email_types_have_labels(app: Flask, admin: Visitor) -> None:
    with app.app_context():
        assert set(current_outbox().email_types) <= set(KIND_LABELS)
    Visitor(app).ask_for_reset("susan@example.com")
    for path in ("/admin/mail", "/admin/mail/1", "/admin/mail/1/cancel"):
        said = words(admin.get(path))
        assert "forgotten password" in said
        assert "accounts.reset_password" not in said
