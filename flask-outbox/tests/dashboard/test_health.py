"""Whether mail leaves, what a message waits for, and why it was not sent."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from flask_outbox import current_outbox
from flask_outbox.operations import backlog
from flask_outbox.outbox.models import OutboxMessage, Status
from tests.application import db, transaction
from tests.dashboard.conftest import Operator, enqueue, words, write
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer

TROUBLE = "The mail server hasn't accepted any mail since"
UNATTENDED = "Urgent mail hasn't been tried for over a minute"
AWAY = "421 4.3.2 Not before <noon>"


def change(app: Flask, **values: Any) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(values))


def test_a_mail_server_that_takes_nothing_is_shown_with_its_answer(
    app: Flask, operator: Operator, smtp: ScriptedServer, deliver: Callable[[], int]
) -> None:
    smtp.script["mail"] = AWAY
    enqueue(app)
    deliver()
    assert [row.status for row in rows(app)] == [Status.DEFERRED]
    assert TROUBLE not in words(operator.get("/mail")), "it may pass in a minute"
    change(app, created_at=time.time() - 90)
    page = operator.get("/mail")
    said = words(page)
    assert TROUBLE in said
    assert AWAY.removeprefix("421 ") in said
    assert "<noon>" not in page.text
    assert "1 message has been waiting for 2 minutes. Nothing is lost" in said
    smtp.script.clear()
    deliver()
    assert TROUBLE not in words(operator.get("/mail"))


def test_trouble_begins_with_the_first_failure_since_the_last_success(app: Flask) -> None:
    now = time.time()

    def failed(*ages: float) -> list[dict[str, Any]]:
        said = "log-in: 535 no"
        times = [(number, now - age) for number, age in enumerate(ages, 1)]
        return [
            {"attempt": number, "at": at, "status": "deferred", "answer": f"{said} {at:.0f}"}
            for number, at in times
        ]

    waits: dict[str, Any] = {"status": Status.DEFERRED, "settled_at": None, "due_at": now - 1}
    sent = {"settled_at": now - 3600, "created_at": now - 3700}
    older = {**waits, "attempts": 2, "created_at": now - 9000, "history": failed(8000, 900)}
    younger = {**waits, "attempts": 1, "created_at": now - 1900, "history": failed(1800)}
    write(app, sent, older, younger)
    with app.app_context(), transaction() as writing:
        writing.execute(
            update(OutboxMessage)
            .where(OutboxMessage.status == Status.DEFERRED)
            .values(answer="log-in: 535 no")
        )
    with app.app_context():
        trouble = backlog.server_trouble(db.session, now=now, seconds=60)
        nothing = backlog.server_trouble(db.session, now=now, seconds=4000)
    assert trouble is not None
    assert (round(now - trouble.since), trouble.answer) == (1800, "log-in: 535 no")
    assert nothing is None, "it took one an hour ago"


@ON_SQLITE
def test_the_beginning_of_trouble_is_shown(app: Flask, operator: Operator) -> None:
    began = time.time() - 1800
    write(
        app,
        {
            "status": Status.DEFERRED,
            "settled_at": None,
            "due_at": began,
            "created_at": began,
            "attempts": 1,
            "answer": "connect: nobody",
        },
    )
    then, today = datetime.fromtimestamp(began, UTC), datetime.now(UTC).date()
    shown = then.strftime("%H:%M UTC" if then.date() == today else "%Y-%m-%d %H:%M UTC")
    assert f"{TROUBLE} {shown}" in words(operator.get("/mail"))


@ON_SQLITE
def test_a_deferral_by_the_receiver_is_not_shown_as_server_trouble(
    app: Flask, operator: Operator, smtp: ScriptedServer, deliver: Callable[[], int]
) -> None:
    smtp.script["rcpt"] = "451 4.7.1 Greylisted"
    enqueue(app)
    deliver()
    change(app, created_at=time.time() - 90, due_at=time.time() - 1)
    said = words(operator.get("/mail"))
    assert TROUBLE not in said
    assert "1 Deferred" in said, "what is tried again has a figure"


@ON_SQLITE
def test_mail_that_nobody_delivers_is_shown(app: Flask, operator: Operator) -> None:
    waits: dict[str, Any] = {"status": Status.QUEUED, "settled_at": None, "lane": 0}
    write(app, {**waits, "created_at": time.time() - 30})
    said = words(operator.get("/mail"))
    assert UNATTENDED not in said
    assert "1 message has been waiting for 30 seconds." in said
    write(app, {**waits, "created_at": time.time() - 7200})
    said = words(operator.get("/mail"))
    assert UNATTENDED in said
    assert "2 messages wait, the oldest for 2 hours. Nothing is lost" in said


@ON_SQLITE
def test_a_discard_by_the_recipient_limit_is_explained_by_the_limit(
    app: Flask, operator: Operator, smtp: ScriptedServer, deliver: Callable[[], int]
) -> None:
    for _ in range(4):
        enqueue(app)
    deliver()
    (discarded,) = [row.id for row in rows(app) if row.status == Status.DISCARDED]
    said = words(operator.get(f"/mail/{discarded}"))
    assert "the address already got too many such messages" in said
    assert "3 such messages within 15 minutes" in said


@ON_SQLITE
@pytest.mark.parametrize(
    ("values", "said", "unsaid"),
    [
        ({}, "It's waiting to be sent.", "It's being sent right now."),
        ({"waits_for": "example.com"}, "Waits for the rate limit of example.com", "Next attempt"),
        ({"attempts": 1}, "It's being sent right now.", "Next attempt"),
        ({"due_at": 4e9}, "Next attempt", "rate limit"),
    ],
)
def test_a_waiting_message_shows_what_it_waits_for(
    app: Flask, operator: Operator, values: dict[str, Any], said: str, unsaid: str
) -> None:
    enqueue(app)
    if values:
        change(app, **values)
    page = words(operator.get("/mail/1"))
    assert said in page
    assert unsaid not in page


@ON_SQLITE
def test_email_types_are_shown_by_their_labels(app: Flask, operator: Operator) -> None:
    enqueue(app)
    for path in ("/mail", "/mail/1", "/mail/1/cancel"):
        said = words(operator.get(path))
        assert "Forgotten password" in said
        assert "shop.reset" not in said


@ON_SQLITE
def test_a_former_type_can_be_chosen_by_its_name(app: Flask, operator: Operator) -> None:
    write(app, {"kind": "shop.former"})
    with app.app_context():
        assert "shop.former" not in current_outbox().email_types
    page = operator.get("/mail?kind=shop.former")
    assert re.findall(r'<option value="([^"]+)" selected>', page.text) == ["shop.former"]
    assert "/mail/1" in page.text
