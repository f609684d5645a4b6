"""Signals tell an application what becomes of its mail, and harm nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import flask_mail
import pytest
from blinker import NamedSignal
from flask import Flask, current_app
from flask.ctx import AppContext
from sqlalchemy import select
from sqlalchemy.orm import Session

import flask_outbox
from flask_outbox import (
    Attachment,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    MessageEvent,
    Outbox,
    Priority,
    current_outbox,
    message_enqueued,
    message_sent,
)
from flask_outbox.application import make_dispatcher
from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.delivery.servers import one_server
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.smtp.transport import SuppressedTransport
from tests.application import db, transaction
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer

SUSAN, BOB = "susan@example.com", "bob@example.com"

SIGNALS = {
    name.removeprefix("message_"): getattr(flask_outbox, name)
    for name in flask_outbox.__all__
    if isinstance(getattr(flask_outbox, name), NamedSignal)
}

Heard = list[tuple[str, MessageEvent]]


@contextmanager
def hearing(sender: object) -> Iterator[Heard]:
    """All signals that this sender sends meanwhile, by their names."""
    heard: Heard = []

    def hear(name: str) -> Callable[..., None]:
        return lambda _sender, event: heard.append((name, event))

    receivers = {name: hear(name) for name in SIGNALS}
    with ExitStack() as stack:
        for name, signal in SIGNALS.items():
            stack.enter_context(signal.connected_to(receivers[name], sender=sender))
        yield heard


def compose(_session: Session, context: ComposeContext) -> Email | Discard:
    return Discard("nobody is there") if context.arguments.get("to") == "nobody" else EMAIL


EMAIL = Email("Hello", "A secret text.")


@pytest.fixture
def outbox(app: Flask, app_context: AppContext) -> Outbox:
    made = current_outbox()
    made.register(EmailType("tests.any", compose, priority=Priority.HIGH))
    made.register(EmailType("tests.once", compose, repeat_unknown=False))
    return made


def enqueue(outbox: Outbox, kind: str = "tests.any", **options: Any) -> int:
    with transaction() as session:
        return outbox.enqueue(session, kind, SUSAN, **options)


def test_there_are_twelve() -> None:
    assert sorted(SIGNALS) == [
        "bounced", "complained", "deferred", "delivered", "discarded", "enqueued", "expired",
        "failed", "resubscribed", "sent", "suppressed", "unsubscribed",
    ]  # fmt: skip


def test_a_message_is_announced_when_it_is_committed_and_when_it_is_sent(
    app: Flask, outbox: Outbox, smtp: ScriptedServer
) -> None:
    with hearing(app) as heard:
        with transaction() as session:
            number = outbox.enqueue(session, "tests.any", SUSAN, arguments={"token": "secret"})
            assert heard == []
        assert heard == [
            ("enqueued", MessageEvent(number, "tests.any", SUSAN, "queued")),
        ]
        make_dispatcher(app).drain()
    assert len(smtp.received) == 1
    (_, (name, sent)) = heard
    assert (name, sent.id, sent.type, sent.recipient) == ("sent", number, "tests.any", SUSAN)
    assert (sent.status, sent.attempt) == (Status.SENT, 1)
    assert sent.answer == rows(app)[0].answer
    assert "secret" not in repr(heard)


@ON_SQLITE
@pytest.mark.parametrize(
    ("script", "options", "expected"),
    [
        ({}, {"arguments": {"to": "nobody"}}, ("discarded", "nobody is there")),
        ({"rcpt": "450 4.2.0 Later"}, {}, ("deferred", "4.2.0 Later")),
        ({"content": "550 5.7.1 No"}, {}, ("failed", "5.7.1 No")),
        ({"content": "drop"}, {"kind": "tests.once"}, ("failed", "connection")),
        ({"connect": "421 4.3.2 Busy"}, {}, ("deferred", "4.3.2 Busy")),
    ],
)
def test_each_end_has_its_signal(
    app: Flask,
    outbox: Outbox,
    smtp: ScriptedServer,
    script: dict[str, Any],
    options: dict[str, Any],
    expected: tuple[str, str],
) -> None:
    smtp.script.update(script)
    number = enqueue(outbox, **options)
    with hearing(app) as heard:
        make_dispatcher(app).drain()
    ((name, event),) = heard
    assert (name, event.id, event.status) == (expected[0], number, rows(app)[0].status)
    assert expected[1] in str(event.answer)


@ON_SQLITE
def test_an_expired_message_and_a_suppressed_one_have_theirs(app: Flask, outbox: Outbox) -> None:
    expired, suppressed = enqueue(outbox), enqueue(outbox)
    with transaction() as session:
        found = session.scalars(select(OutboxMessage).where(OutboxMessage.id == expired)).one()
        found.expires_at = found.created_at
    with hearing(app) as heard:
        make_dispatcher(app).drain()
        with transaction() as session:
            suppressions.suppress(session, [(SUSAN, "5.1.1 no such user")], now=time.time())
        enqueue(outbox)
        make_dispatcher(app).drain()
    assert [(name, event.id) for name, event in heard] == [
        ("expired", expired),
        ("sent", suppressed),
        ("enqueued", suppressed + 1),
        ("suppressed", suppressed + 1),
    ]


def test_what_is_rolled_back_is_not_announced(app: Flask, outbox: Outbox) -> None:
    """Neither with its transaction, nor with its savepoint, nor with a session that is closed."""
    with hearing(app) as heard:
        session = db.sessionmaker()
        outbox.enqueue(session, "tests.any", SUSAN)
        session.rollback()
        outbox.enqueue(session, "tests.any", SUSAN)
        session.close()
        session.commit()
        kept = outbox.enqueue(session, "tests.any", SUSAN)
        with session.begin_nested() as savepoint:
            outbox.enqueue(session, "tests.any", SUSAN)
            with session.begin_nested():
                outbox.enqueue(session, "tests.any", SUSAN)
            savepoint.rollback()
        with session.begin_nested():
            also_kept = outbox.enqueue(session, "tests.any", SUSAN)
        assert heard == []
        session.commit()
        session.close()
    assert [event.id for _, event in heard] == [kept, also_kept]


def test_many_messages_are_announced_each(app: Flask, outbox: Outbox) -> None:
    enqueue(outbox)
    many = [{"to": SUSAN, "key": "a"}, {"to": BOB, "key": "b"}, {"to": BOB, "key": "a"}]
    with hearing(app) as heard, transaction() as session:
        assert outbox.enqueue_many(session, "tests.any", many) == 2
    assert [(event.id, event.recipient) for _, event in heard] == [(2, SUSAN), (3, BOB)]
    with hearing(app) as heard, transaction() as session:
        assert outbox.enqueue_many(session, "tests.any", many) == 0
    assert heard == []


def test_a_message_whose_key_exists_is_not_announced_again(app: Flask, outbox: Outbox) -> None:
    with hearing(app) as heard:
        assert enqueue(outbox, key="one") == enqueue(outbox, key="one")
    assert len(heard) == 1


def test_an_outbox_without_an_application_is_the_sender_itself(outbox: Outbox) -> None:
    alone = Outbox(db.sessionmaker, sender="shop@example.com")
    alone.register(EmailType("tests.any", compose))
    with hearing(alone) as heard, hearing(outbox) as of_the_other:
        with alone.sessions() as session:
            alone.enqueue(session, "tests.any", SUSAN)
            session.commit()
        Dispatcher(alone, one_server(SuppressedTransport)).drain()
    assert [name for name, _ in heard] == ["enqueued", "sent"]
    assert of_the_other == []


@ON_SQLITE
def test_a_receiver_that_raises_is_logged_and_harms_nothing(
    app: Flask, outbox: Outbox, smtp: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_sender: object, event: MessageEvent) -> None:
        raise LookupError(f"a mistake about {event.id}")

    with (
        message_enqueued.connected_to(fail),
        message_sent.connected_to(fail),
        flask_mail.email_dispatched.connected_to(fail),
        hearing(app) as heard,
    ):
        enqueue(outbox)
        enqueue(outbox)
        assert make_dispatcher(app).drain() == 2
    assert len(smtp.received) == 2
    assert [name for name, _ in heard] == ["enqueued", "enqueued", "sent", "sent"]
    failures = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert [one.getMessage() for one in failures] == [
        *["A receiver of the signal message-enqueued failed"] * 2,
        *[
            "A receiver of the signal email_dispatched failed",
            "A receiver of the signal message-sent failed",
        ]
        * 2,
    ]


@ON_SQLITE
def test_a_receiver_runs_in_the_application_and_may_enqueue(app: Flask, outbox: Outbox) -> None:
    def enqueue_another(_sender: object, event: MessageEvent) -> None:
        assert current_app.name == app.name
        if event.id == 1:
            with transaction() as session:
                outbox.enqueue(session, "tests.any", BOB)

    enqueue(outbox)
    with message_sent.connected_to(enqueue_another, sender=app):
        assert [make_dispatcher(app).drain() for _ in range(2)] == [1, 1]
    assert [(row.recipient, row.status) for row in rows(app)] == [
        (SUSAN, Status.SENT),
        (BOB, Status.SENT),
    ]


@ON_SQLITE
def test_a_slow_receiver_costs_no_lease(app: Flask, outbox: Outbox) -> None:
    """The next message is claimed with the settlement, and is kept meanwhile."""
    kept: list[list[int]] = []

    def look(_sender: object, event: MessageEvent) -> None:
        kept.append([fence[0] for fence in delivery.leases._active])

    for _ in range(3):
        enqueue(outbox)
    dispatcher = make_dispatcher(app)
    with (
        dispatcher.lease_keeper() as leases,
        dispatcher.delivery(leases) as delivery,
        message_sent.connected_to(look, sender=app),
    ):
        delivery.run(range(3))
    assert kept == [[2], [3], []]


# Flask-Mail's own signal


@ON_SQLITE
@pytest.mark.parametrize("suppress", [False, True])
def test_record_messages_hears_what_the_outbox_delivers(
    app: Flask, outbox: Outbox, suppress: bool
) -> None:
    mail = app.extensions["mail"]
    mail.suppress = suppress
    outbox.send_email(
        "Hello",
        ("Shop", "shop@example.com"),
        [SUSAN, ("Bob", BOB)],
        "text",
        "<p>text</p>",
        cc=["cc@example.com"],
        bcc=["bcc@example.com"],
        reply_to="answers@example.com",
        attachments=[("a.pdf", None, b"%PDF"), Attachment.inline("b.png", b"x", content_id="b")],
        headers={"X-Order": "7"},
    )
    enqueue(outbox)
    with flask_outbox.Mail(app).record_messages() as recorded:
        make_dispatcher(app).drain()
    typed, message = recorded
    assert (typed.subject, typed.recipients, typed.sender) == (
        "Hello",
        [SUSAN],
        "admin@example.com",
    )
    assert (message.subject, message.sender) == ("Hello", "Shop <shop@example.com>")
    assert message.recipients == [SUSAN, f"Bob <{BOB}>"]
    assert (message.cc, message.bcc) == (["cc@example.com"], ["bcc@example.com"])
    assert message.reply_to == "answers@example.com"
    assert (message.body, message.html) == ("text", "<p>text</p>")
    assert message.extra_headers == {"X-Order": "7"}
    assert [one.filename for one in message.attachments] == ["a.pdf", "b.png"]
    assert message.msgId == rows(app)[0].message_id
    assert message.date == rows(app)[0].created_at
    assert b"Content-ID: <b>" in message.as_bytes()


@ON_SQLITE
def test_no_message_of_flask_mail_is_made_where_nobody_listens(
    app: Flask, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Email] = []
    monkeypatch.setattr(
        "flask_outbox.flask_mail.to_message", lambda email, **_options: made.append(email)
    )
    enqueue(outbox)
    assert make_dispatcher(app).drain() == 1
    assert made == []
