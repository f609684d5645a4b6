"""Messages to more recipients than a server takes at once, or to some that it never takes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext

from flask_outbox import current_outbox, send_email
from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.delivery.servers import one_server
from flask_outbox.outbox.email_types import HOUR
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.errors import Meaning, SmtpError, Step
from flask_outbox.smtp.submission import (
    Envelope,
    RecipientsRefusedError,
    open_connection,
    transmit_all,
)
from flask_outbox.smtp.transport import SmtpTransport
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows
from tests.smtp.dialect_server import Dialect, DialectServer
from tests.smtp_server import DROP, ScriptedServer

pytestmark = [ON_SQLITE, pytest.mark.slow]

MANY = [f"user{number}@example.com" for number in range(44)]
SUSAN, SUESAN, JOHN = "susan@example.com", "süsan@example.com", "john@example.com"
AT_ONCE = 4
"""Of MANY, so that there are more turns than a message has attempts."""

FULL = {
    "452": "452 4.5.3 Too many recipients",
    "452 without words": "452 later",
    "451": "451 4.3.0 No more today",
    "552": "552 Too many recipients",
    "552 5.5.3": "552 5.5.3 Error: too many recipients",
    "550 5.5.3": "550 5.5.3 Too many recipients for this sender",
}


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(app_context: AppContext) -> Clock:
    made = Clock()
    current_outbox().clock = made
    return made


@pytest.mark.parametrize("answer", FULL.values(), ids=FULL)
@pytest.mark.parametrize("offers", [(), ("PIPELINING",)], ids=["one by one", "pipelined"])
def test_as_many_turns_as_it_needs_are_no_failures(
    answer: str, offers: tuple[str, ...], app: Flask, clock: Clock
) -> None:
    dialect = Dialect("few at once", offers=offers, rcpt=(*["250 Ok"] * AT_ONCE, answer))
    with DialectServer(dialect) as server:
        send_email("Hello", None, MANY, "text")
        for _ in range(len(MANY) // AT_ONCE):
            drain(server)
            clock.now += HOUR
        assert served(server.taken) == dict.fromkeys(MANY, 1)
    row = only_row(app)
    assert (row.status, row.failures) == (Status.SENT, 1)
    assert len(row.history) == len(MANY) // AT_ONCE


def test_the_limits_that_a_server_announces_are_kept(app: Flask) -> None:
    """RFC 9422: it takes four recipients a message, two messages a connection."""
    dialect = Dialect("limits", offers=("LIMITS MAILMAX=2 RCPTMAX=4",))
    with DialectServer(dialect) as server:
        send_email("Hello", None, MANY, "text")
        drain(server)
        assert served(server.taken) == dict.fromkeys(MANY, 1)
        assert {len(one) for one in server.taken} == {AT_ONCE}
        assert server.connections == -(-len(server.taken) // 2)
    assert only_row(app).status == Status.SENT


def test_the_first_are_refused_for_good_and_the_others_get_it(app: Flask) -> None:
    refusals = ("550 5.1.1 Unknown", "250 Ok")
    with DialectServer(Dialect("one at once", offers=("LIMITS RCPTMAX=1",))) as server:
        server.rcpt_in_all = refusals
        send_email("Hello", None, [SUSAN, JOHN], "text")
        drain(server)
        assert server.taken == [[JOHN]]
    row = only_row(app)
    assert row.status == Status.SENT
    assert f"{SUSAN} was refused (recipient: 550 5.1.1 Unknown)" in str(row.history)


def test_a_later_turn_that_is_refused_for_good_is_recorded(app: Flask, clock: Clock) -> None:
    """Some have it, and the others never will: each of them is in the history."""
    with ScriptedServer() as server:
        server.script = {f"rcpt:{JOHN}": ["450 4.2.0 Later", "550 5.7.1 Not you"]}
        send_email("Hello", None, [SUSAN, JOHN], "text")
        drain(server)
        assert only_row(app).status == Status.DEFERRED
        clock.now += HOUR
        drain(server)
    row = only_row(app)
    assert row.status == Status.SENT
    assert "550 5.7.1 Not you" in str(row.answer)


def test_a_message_that_all_refuse_for_good_is_dead(app: Flask) -> None:
    with ScriptedServer() as server:
        server.script = {"rcpt": "550 5.7.1 No"}
        send_email("Hello", None, [SUSAN, JOHN], "text")
        drain(server)
    row = only_row(app)
    assert row.status == Status.DEAD
    assert SUSAN in str(row.answer)
    assert JOHN in str(row.answer)


def test_a_retry_is_for_the_recipients_that_were_given_up(app: Flask, clock: Clock) -> None:
    with ScriptedServer() as server:
        server.script = {f"rcpt:{JOHN}": "450 4.2.0 Later"}
        send_email("Hello", None, [SUSAN, JOHN], "text")
        for _ in range(20):
            drain(server)
            clock.now += 30 * HOUR
        assert [one.recipients for one in server.received] == [[SUSAN]]
    row = only_row(app)
    assert (row.status, row.recipients) == (Status.DEAD, [JOHN])


def test_an_account_in_trouble_among_the_recipients_is_the_servers_trouble(app: Flask) -> None:
    """It took the message for the first before its limit was reached: the second one waits."""
    with ScriptedServer() as server:
        server.script = {f"rcpt:{JOHN}": ["550 5.4.5 Daily user sending limit exceeded"]}
        send_email("Hello", None, [SUSAN, JOHN], "text")
        drain(server)
        row = only_row(app)
        assert (row.status, row.recipients, row.failures) == (Status.DEFERRED, [JOHN], 0)
        drain(server)
        assert [one.recipients for one in server.received] == [[SUSAN], [JOHN]]
    assert only_row(app).status == Status.SENT


@pytest.mark.parametrize("offers", [[], ["PIPELINING"]], ids=["one by one", "pipelined"])
def test_a_recipient_beyond_ascii_does_not_stop_the_others(offers: list[str], app: Flask) -> None:
    with ScriptedServer(features=offers) as server:
        send_email("Hello", None, [SUSAN, SUESAN], "text", cc=[JOHN])
        drain(server)
        (received,) = server.received
        assert received.recipients == [SUSAN, JOHN]
        assert received.content.isascii()
        assert received.message["To"] == SUSAN
    row = only_row(app)
    assert row.status == Status.SENT
    assert f"{SUESAN} was refused" in str(row.answer)
    assert "SMTPUTF8" in str(row.answer)


def test_all_recipients_are_named_if_the_server_can_take_them(app: Flask) -> None:
    with ScriptedServer(features=["SMTPUTF8"]) as server:
        send_email("Hello", None, [SUSAN, SUESAN], "text")
        drain(server)
        assert server.received[0].recipients == [SUSAN, SUESAN]
        assert SUESAN.encode() in server.received[0].content
    assert only_row(app).status == Status.SENT


@pytest.mark.parametrize("extra", ["250 2.0.0 Ok", "550 5.7.1 No", "354 Go", "421 4.4.2 Idle"])
@pytest.mark.parametrize("offers", [(), ("PIPELINING",)], ids=["one by one", "pipelined"])
def test_a_second_answer_after_the_message_is_ignored(
    extra: str, offers: tuple[str, ...], app: Flask
) -> None:
    """It is not taken for the answer to the next message: each arrives once."""
    dialect = Dialect("two answers", offers=offers, dot=f"250 Ok\n{extra}")
    with DialectServer(dialect) as server:
        for who in (SUSAN, JOHN, SUSAN):
            send_email("Hello", None, [who], "text")
        drain(server)
        assert server.taken == [[SUSAN], [JOHN], [SUSAN]]
    assert {row.status for row in rows(app)} == {Status.SENT}
    assert {row.failures for row in rows(app)} == {1}


# Without the outbox


def test_all_turns_are_taken_at_once_where_nothing_is_kept() -> None:
    dialect = Dialect("few at once", rcpt=(*["250 Ok"] * AT_ONCE, FULL["452"]))
    with DialectServer(dialect) as server:
        accepted = transmit_all(open_connection(where(server)), envelope(MANY))
        assert served(server.taken) == dict.fromkeys(MANY, 1)
    assert accepted.refused == ()


def test_a_turn_that_fails_is_reported_as_a_refusal() -> None:
    """Somebody has it already: after an error it would be sent to them again."""
    with ScriptedServer(features=["LIMITS RCPTMAX=1"]) as server:
        server.script = {"mail": [None, DROP]}
        accepted = transmit_all(open_connection(where(server)), envelope([SUSAN, JOHN]))
    assert [who for who, _ in accepted.refused] == [JOHN]


def test_too_many_from_the_first_recipient_on_comes_to_an_end() -> None:
    with ScriptedServer() as server:
        server.script = {"rcpt": FULL["452"]}
        with pytest.raises(RecipientsRefusedError) as caught:
            transmit_all(open_connection(where(server)), envelope([SUSAN, JOHN]))
    assert caught.value.meaning is Meaning.RETRY


@pytest.mark.parametrize(
    ("code", "answer", "expected"),
    [
        (452, "4.5.3 Too many recipients", True),
        (452, "later", True),
        (552, "Requested action aborted", True),
        (552, "5.5.3 Error", True),
        (550, "5.5.3 Too many recipients for this sender", True),
        (452, "4.2.2 The mailbox is full", False),
        (452, "4.3.1 Insufficient system storage", False),
        (552, "5.2.2 Over quota", False),
        (552, "Mailbox full", False),
        (552, "Requested mail action aborted: exceeded storage allocation", False),
        (552, "Message size exceeds the limit", False),
        (550, "5.1.1 Nobody", False),
    ],
)
def test_too_many_recipients_are_distinguished_from_a_full_mailbox(
    code: int, answer: str, expected: bool
) -> None:
    error = SmtpError(Step.RCPT, code, answer)
    assert error.is_too_many == expected
    if expected:
        assert error.meaning is Meaning.RETRY
    assert not SmtpError(Step.DATA, code, answer).is_too_many


def served(taken: Sequence[Sequence[str]]) -> dict[str, int]:
    return dict(Counter(one for recipients in taken for one in recipients))


def only_row(app: Flask) -> OutboxMessage:
    (row,) = rows(app)
    return row


def where(server: Any) -> SmtpServer:
    return SmtpServer("127.0.0.1", server.port, timeout=10.0, ehlo_name="www.example.com")


def envelope(recipients: list[str]) -> Envelope:
    return Envelope("noreply@example.com", recipients, b"Subject: x\r\n\r\nx\r\n")


def drain(server: Any) -> int:
    return Dispatcher(current_outbox(), one_server(lambda: SmtpTransport(where(server)))).drain()
