"""Enqueued messages share the fate of their transaction; pre-rendered ones arrive whole (T4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from flask_babel import Babel, lazy_gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox import (
    AddressError,
    Attachment,
    BadHeaderError,
    ComposeContext,
    Discard,
    EmailError,
    EmailType,
    OutboxError,
    Priority,
    current_outbox,
    send_email,
)
from flask_outbox.outbox.models import OutboxMessage, Status
from tests.application import db, transaction
from tests.connections import no_connection_from_here
from tests.smtp_server import STALL, ScriptedServer

Deliver = Callable[[], int]

NOTE = "tests.note"


class Wakeup:
    """Remembers the rows it was woken for."""

    def __init__(self) -> None:
        self.wakeups: list[list[int]] = []

    def wake(self, row_ids: Sequence[int]) -> None:
        self.wakeups.append(list(row_ids))


class RollbackError(Exception):
    """Any error that ends a transaction."""


@pytest.fixture(autouse=True)
def wakeup(app_context: AppContext) -> Wakeup:
    made = Wakeup()
    outbox = current_outbox()
    outbox.wakeup = made
    outbox.register(
        EmailType(NOTE, compose_nothing, priority=Priority.LOW, expires_after=timedelta(minutes=1))
    )
    return made


# Enqueuing


def test_an_enqueued_message_leaves_with_the_commit(wakeup: Wakeup) -> None:
    with transaction() as session:
        row_id = current_outbox().enqueue(session, NOTE, "susan@example.com")
        assert row_id
        assert wakeup.wakeups == []
        assert rows() == []
    assert [row.id for row in rows()] == [row_id]
    assert wakeup.wakeups == [[row_id]]


def test_a_rollback_leaves_nothing(wakeup: Wakeup) -> None:
    with pytest.raises(RollbackError):
        roll_back(lambda session: current_outbox().enqueue(session, NOTE, "susan@example.com"))
    assert rows() == []
    assert wakeup.wakeups == []


def test_many_messages_of_a_transaction_cause_one_wake_up(wakeup: Wakeup) -> None:
    with transaction() as session:
        posted = [current_outbox().enqueue(session, NOTE, "susan@example.com") for _ in range(3)]
    assert wakeup.wakeups == [posted]


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_savepoint_after_it_wakes_nobody(wakeup: Wakeup, is_kept: bool) -> None:
    with transaction() as session:
        row_id = current_outbox().enqueue(session, NOTE, "susan@example.com")
        with suppress(RollbackError), session.begin_nested():
            if not is_kept:
                raise RollbackError
        assert wakeup.wakeups == []
    assert wakeup.wakeups == [[row_id]]


def test_each_transaction_of_a_session_wakes_for_its_own_messages(wakeup: Wakeup) -> None:
    with db.sessionmaker() as session:
        first = current_outbox().enqueue(session, NOTE, "susan@example.com")
        session.commit()
        current_outbox().enqueue(session, NOTE, "john@example.com")
        session.rollback()
        session.commit()
        third = current_outbox().enqueue(session, NOTE, "alice@example.com")
        session.commit()
    assert wakeup.wakeups == [[first], [third]]
    assert [row.id for row in rows()] == [first, third]


def test_a_row_has_the_given_values() -> None:
    outbox = current_outbox()
    outbox.register(EmailType("tests.own", compose_nothing, sender="News <news@mail.example.com>"))
    with transaction() as session:
        outbox.enqueue(
            session, NOTE, "Susan <Susan@EXAMPLE.com>", locale="de", arguments={"user": [1, "ü"]}
        )
        outbox.enqueue(session, "tests.own", "john@example.com")
    note, own = rows()
    assert (note.kind, note.recipient, note.locale) == (NOTE, "Susan@example.com", "de")
    assert note.arguments == {"user": [1, "ü"]}
    assert (note.lane, note.status, note.attempts, note.failures) == (
        Priority.LOW, Status.QUEUED, 0, 0,
    )  # fmt: skip
    assert abs(note.created_at - time.time()) < 300
    assert note.due_at == note.created_at
    assert note.expires_at == note.created_at + 60
    assert own.expires_at is None
    domains = [row.message_id.rpartition("@")[2] for row in (note, own)]
    assert domains == ["example.com>", "mail.example.com>"]


NESTED: list[Any] = []
for _ in range(100_000):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "nothing-like-it"}, "nothing-like-it"),
        ({"kind": None}, "no email type named"),
        ({"arguments": {"value": object()}}, "JSON"),
        ({"arguments": {"value": b"bytes"}}, "JSON"),
        ({"arguments": {"value": {1, 2}}}, "JSON"),
        ({"arguments": {"value": float("nan")}}, "JSON"),
        ({"arguments": {"value": float("inf")}}, "JSON"),
        ({"arguments": {"value": {("a", "b"): 1}}}, "JSON"),
        ({"arguments": {"value": NESTED}}, "too deeply nested"),
        ({"arguments": {"value": "\ud800"}}, "lone surrogate"),
        ({"arguments": {"\udfff": 1}}, "lone surrogate"),
        ({"arguments": {"value": "x" * 100_000}}, "MAIL_MAX_BYTES"),
        ({"arguments": [1]}, "names with values"),
        ({"arguments": {1: 2}}, "names with values"),
        ({"locale": ""}, "name of a language"),
        ({"locale": None}, "name of a language"),
        ({"locale": "e\0"}, "name of a language"),
        ({"locale": "en\n"}, "name of a language"),
        ({"locale": "\ud800\udfff"}, "name of a language"),
        ({"locale": "de_" + "x" * 40}, "name of a language"),
        ({"locale": "en-aa-bb-cc-dd-ee"}, "name of a language"),
        ({"to": ""}, "@"),
        ({"to": None}, "isn't an address"),
        ({"to": ("a", "b", "c")}, "isn't an address"),
        ({"to": "susan"}, "@"),
        ({"to": "susan@example.com\r\nBcc: b"}, "line breaks"),
        ({"to": "a@b.c, d@e.f"}, "one address|domain|@"),
        ({"to": "su\ud800san@example.com"}, "unsafe|characters"),
        ({"to": "\ud800 <susan@example.com>"}, "control characters"),
        ({"to": ("x" * 1001, "susan@example.com")}, "too long"),
        ({"to": "x" * 60 + "@" + "example." * 25 + "com"}, "long"),
    ],
)
def test_an_invalid_message_is_refused_and_the_transaction_goes_on(
    change: dict[str, Any], words: str
) -> None:
    outbox = current_outbox()
    outbox.maximum_bytes = 100_000
    posted = {"kind": NOTE, "to": "susan@example.com"} | change
    with transaction() as session:
        with pytest.raises((OutboxError, AddressError), match=words):
            outbox.enqueue(session, posted.pop("kind"), posted.pop("to"), **posted)
        assert not session.new
        outbox.enqueue(session, NOTE, "john@example.com")
    assert [row.recipient for row in rows()] == ["john@example.com"]


@pytest.mark.parametrize("locale", ["en", "pt_BR", "zh-Hans-CN", "xx", "sr_Latn_RS"])
def test_an_unknown_language_is_accepted(locale: str) -> None:
    with transaction() as session:
        current_outbox().enqueue(session, NOTE, "susan@example.com", locale=locale)
    assert rows()[0].locale == locale


def test_any_letter_survives_among_the_arguments() -> None:
    arguments = {"zero \0": "\0 🙂 \x1b \u2028 \\u0000", "tuple": (1, None, True, 1.5)}
    with transaction() as session:
        current_outbox().enqueue(session, NOTE, "susan@example.com", arguments=arguments)
    assert rows()[0].arguments == {**arguments, "tuple": [1, None, True, 1.5]}


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_an_email_type_needs_a_name_that_fits(name: str) -> None:
    with pytest.raises(ValueError, match="name of an email type"):
        current_outbox().register(EmailType(name, compose_nothing))


def test_two_email_types_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match=NOTE):
        current_outbox().register(EmailType(NOTE, compose_nothing))


# Pre-rendered messages


def test_a_prerendered_message_is_committed_at_once_and_arrives(
    wakeup: Wakeup, deliver: Deliver, smtp: ScriptedServer
) -> None:
    number = send_email("Hello", "admin@example.com", ["susan@example.com"], "text", "<p>html</p>")
    assert [row.id for row in rows()] == [number]
    assert wakeup.wakeups == [[number]]
    assert smtp.connections == 0
    assert deliver() == 1
    (received,) = smtp.received
    assert (received.sender, received.recipients) == ("admin@example.com", ["susan@example.com"])
    assert received.message["Subject"] == "Hello"
    assert (received.text("plain"), received.text("html")) == ("text", "<p>html</p>")
    assert received.message["Message-ID"] == rows()[0].message_id


def test_everything_that_can_be_given_arrives(deliver: Deliver, smtp: ScriptedServer) -> None:
    send_email(
        "Grüße",
        ("Susan, of the blog", "susan@example.com"),
        ["John <john@example.com>", ("Zoë", "alice@bücher.example")],
        "text",
        cc=["bob@example.com"],
        bcc=["bob2@example.com", "john@example.com"],
        reply_to="Susan again <susan2@example.com>",
        attachments=[
            ("Größe.txt", None, b"zw\xc3\xb6lf"),
            Attachment("logo.png", "image/png", b"\x89PNG\0", "inline", {"Content-ID": "<logo>"}),
            (None, "application/x-own", b""),
        ],
    )
    deliver()
    (received,) = smtp.received
    message = received.message
    assert received.sender == "susan@example.com"
    assert received.recipients == [
        "john@example.com", "alice@xn--bcher-kva.example", "bob@example.com", "bob2@example.com",
    ]  # fmt: skip
    assert message["Subject"] == "Grüße"
    assert message["From"].addresses[0].display_name == "Susan, of the blog"
    assert [one.display_name for one in message["To"].addresses] == ["John", "Zoë"]
    assert message["Cc"] == "bob@example.com"
    assert message["Bcc"] is None
    assert message["Reply-To"] == "Susan again <susan2@example.com>"
    text, logo, other = message.iter_attachments()
    assert (text.get_filename(), text.get_payload(decode=True)) == ("Größe.txt", b"zw\xc3\xb6lf")
    assert text.get_content_type() == "text/plain"
    assert (logo.get_content_disposition(), logo["Content-ID"]) == ("inline", "<logo>")
    assert logo.get_payload(decode=True) == b"\x89PNG\0"
    assert (other.get_filename(), other.get_content_type()) == (None, "application/x-own")


def test_without_a_sender_the_outboxs_own_is_used(deliver: Deliver, smtp: ScriptedServer) -> None:
    send_email("Hello", None, ["susan@example.com"], "text")
    deliver()
    assert smtp.received[0].message["From"] == "admin@example.com"


def test_inside_a_transaction_it_shares_its_fate(wakeup: Wakeup) -> None:
    with pytest.raises(RollbackError):
        roll_back(lambda _session: send_email("Hello", None, ["susan@example.com"], "text"))
    assert (rows(), wakeup.wakeups) == ([], [])
    with transaction():
        number = send_email("Hello", None, ["susan@example.com"], "text")
        assert (rows(), wakeup.wakeups) == ([], [])
    assert [row.id for row in rows()] == [number]
    assert wakeup.wakeups == [[number]]


def test_a_session_can_be_named(wakeup: Wakeup) -> None:
    with db.sessionmaker() as session:
        send_email("Hello", None, ["susan@example.com"], "text", session=session)
        session.rollback()
        number = send_email("Hello", None, ["susan@example.com"], "text", session=session)
        assert rows() == []
        session.commit()
    assert [row.id for row in rows()] == [number]
    assert wakeup.wakeups == [[number]]


def test_it_returns_at_once_whatever_the_server_does(smtp: ScriptedServer) -> None:
    smtp.script = {"connect": STALL}
    with no_connection_from_here():
        send_email("Hello", None, ["susan@example.com"], "text")
        smtp.close()
        send_email("Hello", None, ["susan@example.com"], "text")
    assert [row.status for row in rows()] == [Status.QUEUED] * 2


@pytest.mark.parametrize(
    ("answer", "status", "kept"),
    [
        ("250 2.0.0 Taken", Status.SENT, False),
        ("554 5.6.0 No", Status.DEAD, True),
        ("451 4.3.0 Later", Status.DEFERRED, True),
    ],
)
def test_the_text_of_a_sent_message_is_removed(
    deliver: Deliver, smtp: ScriptedServer, answer: str, status: Status, kept: bool
) -> None:
    smtp.script = {"content": answer}
    send_email("Hello", None, ["susan@example.com"], "a private text")
    deliver()
    (row,) = rows()
    assert row.status == status
    assert ("a private text" in str(row.arguments)) is kept
    assert (row.arguments == {}) is not kept


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"recipients": []}, OutboxError),
        ({"recipients": ["susan"]}, AddressError),
        ({"recipients": ["susan@example.com\r\nBcc: bob@example.com"]}, AddressError),
        ({"sender": "nobody"}, AddressError),
        ({"cc": ["nobody"]}, AddressError),
        ({"bcc": ["nobody"]}, AddressError),
        ({"reply_to": "nobody"}, AddressError),
        ({"subject": "a\r\nBcc: bob@example.com"}, BadHeaderError),
        ({"attachments": [("a\r\nb.txt", None, b"")]}, BadHeaderError),
        ({"attachments": [("a.txt", "nonsense", b"")]}, BadHeaderError),
        ({"attachments": [("\ud800.txt", None, b"")]}, BadHeaderError),
        ({"attachments": [("a.txt", b"")]}, EmailError),
        ({"attachments": [("a.txt", None, None)]}, EmailError),
        ({"attachments": [3]}, EmailError),
        ({"attachments": 3}, EmailError),
        ({"subject": "x" * 10_001}, BadHeaderError),
        ({"subject": "\ud800"}, OutboxError),
        ({"subject": None}, OutboxError),
        ({"text_body": "\ud800"}, OutboxError),
        ({"text_body": None}, OutboxError),
        ({"html_body": "\ud800"}, OutboxError),
        ({"recipients": [("\ud800", "susan@example.com")]}, AddressError),
        ({"recipients": [None]}, AddressError),
    ],
)
def test_a_prerendered_message_is_checked_when_it_is_enqueued(
    wakeup: Wakeup, change: dict[str, Any], error: type[Exception]
) -> None:
    values: dict[str, Any] = {
        "subject": "Hello",
        "sender": None,
        "recipients": ["susan@example.com"],
        "text_body": "text",
    }
    with pytest.raises(error):
        send_email(**values | change)
    assert (rows(), wakeup.wakeups) == ([], [])


def test_a_message_that_no_server_would_take_is_refused_at_once(deliver: Deliver) -> None:
    current_outbox().maximum_bytes = 100_000
    send_email(
        "Hello", None, ["susan@example.com"], "text", attachments=[("a", None, b"x" * 70_000)]
    )
    with pytest.raises(OutboxError, match="100000"):
        send_email("Hello", None, ["susan@example.com"], "ü" * 60_000)
    with pytest.raises(OutboxError, match="100000"):
        send_email(
            "Hello", None, ["susan@example.com"], "text", attachments=[("a", None, b"x" * 80_000)]
        )
    assert len(rows()) == 1


def test_a_lazy_translation_is_text_too(app: Flask, deliver: Deliver, smtp: ScriptedServer) -> None:
    Babel(app)
    send_email(lazy_gettext("Hello"), None, ["susan@example.com"], lazy_gettext("text"))
    deliver()
    assert (smtp.received[0].message["Subject"], smtp.received[0].text()) == ("Hello", "text\n")


def test_bcc_alone_is_enough(deliver: Deliver, smtp: ScriptedServer) -> None:
    send_email("Hello", None, [], "text", bcc=["susan@example.com"])
    deliver()
    (received,) = smtp.received
    assert received.recipients == ["susan@example.com"]
    assert b"susan@" not in received.content


def test_any_letter_survives_the_row(deliver: Deliver, smtp: ScriptedServer) -> None:
    text = "zero \0, 🙂, \x1b, \u2028, \\u0000\n"
    send_email("🙂 \\u0000", None, ["susan@example.com"], text)
    deliver()
    assert smtp.received[0].text() == text
    assert smtp.received[0].message["Subject"] == "🙂 \\u0000"


def roll_back(work: Callable[[Session], object]) -> None:
    with transaction() as session:
        work(session)
        raise RollbackError


def compose_nothing(_session: object, _context: ComposeContext) -> Discard:
    return Discard("only its row is looked at")


def rows() -> list[OutboxMessage]:
    with db.sessionmaker() as session:
        return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))
