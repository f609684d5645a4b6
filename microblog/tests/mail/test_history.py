"""What the owner of an address may read about mail to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext

from flask_outbox import current_outbox
from flask_outbox.delivery.housekeeping import Housekeeping
from flask_outbox.operations.history import (
    MessageCursor,
    MessageOutcome,
    OwnershipPeriod,
    message_outcomes,
    words_of_refusal,
)
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.outbox.prerendered import PRERENDERED
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, make_user

NOW = 1_800_000_000.0
SUSAN = "susan@example.com"
ALWAYS = [OwnershipPeriod(SUSAN, 0.0)]

Deliver = Callable[[], int]


def write(
    key: str = SUSAN,
    *,
    at: float = NOW,
    kind: str = "accounts.note",
    status: Status = Status.SENT,
    answer: str | None = None,
) -> int:
    with current_outbox().sessions() as session:
        message = OutboxMessage(
            kind=kind,
            lane=0,
            recipient=key,
            recipient_key=key,
            locale="en",
            arguments={},
            message_id="<1@example.com>",
            created_at=at,
            due_at=at,
            status=status,
            settled_at=at + 1,
            answer=answer,
            history=[],
        )
        session.add(message)
        session.commit()
        return message.id


def found(
    spans: list[OwnershipPeriod] = ALWAYS, *, cursor: MessageCursor | None = None, count: int = 50
) -> list[MessageOutcome]:
    with current_outbox().sessions() as session:
        return message_outcomes(session, spans, kinds="accounts.", cursor=cursor, count=count)


def numbers(*args: object, **kwargs: object) -> list[int]:
    return [outcome.number for outcome in found(*args, **kwargs)]  # type: ignore[arg-type]


def test_only_mail_of_these_types_to_this_address(app: Flask, app_context: AppContext) -> None:
    mine = write()
    write("bob@example.com")
    write(kind=PRERENDERED)
    write(kind="accountsXnote")
    assert numbers() == [mine]


def test_only_mail_of_the_time_when_the_address_was_theirs(
    app: Flask, app_context: AppContext
) -> None:
    numbered = [write(at=NOW + second) for second in range(6)]
    other = write("bob@example.com", at=NOW + 3)
    write("bob@example.com", at=NOW)
    spans = [OwnershipPeriod(SUSAN, NOW + 1, NOW + 3), OwnershipPeriod("bob@example.com", NOW + 3)]
    assert numbers(spans) == [other, numbered[2], numbered[1]]
    assert numbers([]) == []


def test_old_messages_are_found_by_their_digest(app: Flask, app_context: AppContext) -> None:
    number = write(answer="susan has it")
    write("bob@example.com")
    outbox = current_outbox()
    outbox.clock = lambda: NOW + 31 * DAY
    Housekeeping(outbox, retention=30 * DAY).run_due()
    (outcome,) = found()
    assert outcome.number == number
    assert (outcome.status, outcome.asked_at, outcome.words) == (Status.SENT, NOW, None)


def test_pages_continue_even_if_many_messages_have_the_same_time(
    app: Flask, app_context: AppContext
) -> None:
    numbered = [write(at=NOW + index // 5) for index in range(23)]
    seen: list[int] = []
    cursor = None
    while page := found(cursor=cursor, count=4):
        seen += [outcome.number for outcome in page]
        cursor = MessageCursor(page[-1].asked_at, page[-1].number)
    assert seen == numbered[::-1]
    back: list[int] = []
    cursor = MessageCursor(NOW, numbered[0], is_older=False)
    while page := found(cursor=cursor, count=4):
        back = [outcome.number for outcome in page] + back
        cursor = MessageCursor(page[0].asked_at, page[0].number, is_older=False)
    assert back == numbered[:0:-1]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("recipient: 550 5.1.1 No such user", "550 5.1.1 No such user"),
        ("content: 554 5.6.0 Spam: no", "554 5.6.0 Spam: no"),
        ("connect: [Errno 111] Connection refused by mail.internal", None),
        ("log-in: 535 5.7.8 Bad credentials", None),
        ("The address had 3 such messages within 15 minutes.", None),
    ],
)
def test_answers_about_the_message_are_shown_and_those_about_the_site_are_not(
    answer: str, words: str | None
) -> None:
    assert words_of_refusal(answer) == words


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ({}, Status.SENT, None),
        ({"rcpt": "550 5.2.1 Closed"}, Status.DEAD, "550 5.2.1 Closed"),
        ({"rcpt": "451 4.7.1 Greylisted"}, Status.DEFERRED, "451 4.7.1 Greylisted"),
        ({"connect": "554 5.7.1 We know you"}, Status.DEFERRED, None),
    ],
)
def test_the_outcome_of_a_message_that_was_tried(
    app: Flask,
    visitor: Visitor,
    deliver: Deliver,
    smtp: ScriptedServer,
    script: dict[str, Any],
    status: Status,
    words: str | None,
) -> None:
    make_user(app, "susan")
    smtp.script = script
    visitor.ask_for_reset(SUSAN)
    deliver()
    with app.app_context():
        (outcome,) = found()
    assert (outcome.status, outcome.words) == (status, words)
    assert (outcome.due_at is None) is (status in {Status.SENT, Status.DEAD})
    assert (outcome.ended_at is None) is (status is Status.DEFERRED)


def test_the_origin_is_kept_after_sending(app: Flask, visitor: Visitor, deliver: Deliver) -> None:
    make_user(app, "susan")
    visitor.ask_for_reset(SUSAN)
    deliver()
    with app.app_context():
        (outcome,) = found()
    assert outcome.arguments["address"] == "127.0.0.0/24"
    assert set(outcome.arguments) == {"address", "browser"}
