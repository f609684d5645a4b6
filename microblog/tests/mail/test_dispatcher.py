"""Delivery by the dispatcher and by a worker: what each answer of the server does to a row."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import event, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from flask_outbox import (
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Priority,
    current_outbox,
    send_email,
)
from flask_outbox.application import make_dispatcher
from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.delivery import MAX_CRASHES
from flask_outbox.delivery.dispatcher import (
    ALL_PRIORITIES,
    Dispatcher,
    DispatcherOptions,
)
from flask_outbox.delivery.leases import LeaseKeeper
from flask_outbox.delivery.servers import ServerHealth, one_server
from flask_outbox.operations import messages
from flask_outbox.outbox.email_types import DAY, FAST_RETRY, HOUR, MINUTE, SLOW_RETRY, Composer
from flask_outbox.outbox.limits import RecipientLimit
from flask_outbox.outbox.models import OutboxMessage, Status, Suppression
from flask_outbox.outbox.suppressions import suppression
from flask_outbox.outbox.wakeup import NoWakeup
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.errors import SmtpError, Step
from flask_outbox.smtp.transport import SmtpTransport
from microblog.accounts.actions.password_reset import RESET_KIND
from microblog.database import db, is_sqlite, transaction
from tests import delivering
from tests.smtp_server import DROP, STALL, Received, ScriptedServer
from tests.visitor import ON_SQLITE, make_user

NEVER = 3600.0
"""Seconds between two polls: longer than any test waits."""

pytestmark = pytest.mark.delivery

BY_DISPATCHER = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
"""For tests that workers have in another form."""

NOTE = "tests.note"
SUSAN, JOHN, ALICE = "susan@example.com", "john@example.com", "alice@example.com"


class Clock:
    """The outbox's clock, which tests move."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture(autouse=True)
def clock(app_context: AppContext) -> Clock:
    made = Clock()
    current_outbox().clock = made
    register(NOTE)
    return made


# The server's answers


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "content"])
def test_a_temporary_refusal_is_retried_later(
    smtp: ScriptedServer, clock: Clock, step: str
) -> None:
    smtp.script = {step: ["450 4.2.0 Greylisted"]}
    post(SUSAN)
    assert drain(smtp) == 1
    (row,) = rows()
    assert (row.status, row.attempts, row.failures) == (Status.DEFERRED, 1, 1)
    assert "450 4.2.0 Greylisted" in str(row.answer)
    assert 0.85 * SLOW_RETRY[0] < row.due_at - clock() < 1.15 * SLOW_RETRY[0]
    assert drain(smtp) == 0
    clock.forward(1.2 * SLOW_RETRY[0])
    assert drain(smtp) == 1
    (row,) = rows()
    assert (row.status, row.attempts, row.answer) == (Status.SENT, 2, "250 2.0.0 Taken")
    assert [(one["attempt"], one["status"]) for one in row.history] == [
        (1, "deferred"),
        (2, "sent"),
    ]
    assert "450 4.2.0 Greylisted" in row.history[0]["answer"]
    assert [one.recipients for one in smtp.received] == [[SUSAN]]


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "content"])
def test_a_permanent_refusal_is_never_retried(
    smtp: ScriptedServer, clock: Clock, step: str
) -> None:
    smtp.script = {step: ["550 5.7.1 Not from you"]}
    post(SUSAN)
    drain(smtp)
    (row,) = rows()
    assert (row.status, row.failures) == (Status.DEAD, 1)
    assert "550 5.7.1 Not from you" in str(row.answer)
    assert row.settled_at == pytest.approx(clock(), abs=5)
    clock.forward(30 * DAY)
    assert drain(smtp) == 0
    assert smtp.received == []


def test_attempts_come_to_an_end(smtp: ScriptedServer, clock: Clock) -> None:
    register("tests.impatient", delays=(1.0, 2.0))
    smtp.script = {"rcpt": "450 4.2.2 Full"}
    post(SUSAN, "tests.impatient")
    for attempt in range(1, 4):
        assert drain(smtp) == 1
        assert rows()[0].attempts == attempt
        clock.forward(5)
    (row,) = rows()
    assert row.status == Status.DEAD
    assert "450 4.2.2 Full" in str(row.answer)
    assert "after 3 attempts" in str(row.answer)
    assert drain(smtp) == 0


@pytest.mark.parametrize("delays", [FAST_RETRY, SLOW_RETRY])
def test_retry_delays_grow_and_end(delays: tuple[float, ...]) -> None:
    kind = EmailType("tests.delays", compose_note, delays=delays)
    for number, seconds in enumerate(delays, start=1):
        assert kind.delay(number) == pytest.approx(seconds, rel=0.11)
    assert kind.delay(len(delays) + 1) is None
    assert list(delays) == sorted(delays)


@pytest.mark.parametrize(
    "script",
    [
        {"connect": DROP},
        {"connect": "421 4.3.2 Busy"},
        {"connect": "554 5.7.1 Not you"},
        {"ehlo": DROP},
        {"auth": "535 5.7.8 Wrong credentials"},
        {"auth": "454 4.7.0 Later"},
        {"mail": "530 5.7.0 Log in first"},
        {"mail": "421 4.3.2 Closing"},
    ],
    ids=str,
)
def test_trouble_with_the_server_costs_no_attempt(
    smtp: ScriptedServer, clock: Clock, script: dict[str, Any]
) -> None:
    smtp.auth, smtp.users = "PLAIN", {"susan": "secret"}
    register("tests.impatient", delays=(1.0,))
    post(SUSAN, "tests.impatient")
    post(JOHN, "tests.impatient")
    smtp.script = script
    for _ in range(4):
        assert drain(smtp, username="susan", password="secret") == 1
        clock.forward(5)
    assert [(row.status, row.failures) for row in rows()] == [
        (Status.DEFERRED, 0),
        (Status.DEFERRED, 0),
    ]
    smtp.script = {}
    drain(smtp, username="susan", password="secret")
    assert [row.status for row in rows()] == [Status.SENT] * 2
    assert sorted(who for one in smtp.received for who in one.recipients) == [JOHN, SUSAN]


def test_a_server_that_is_down_costs_no_attempt(smtp: ScriptedServer) -> None:
    composed = []

    def compose(session: Session, context: ComposeContext) -> Email | Discard:
        composed.append(context.attempt)
        return compose_note(session, context)

    register("tests.composed", compose)
    post(SUSAN, "tests.composed")
    with ScriptedServer() as down:
        nobody_there = down.port
    for _ in range(3):
        assert drain(smtp, port=nobody_there) == 1
    (row,) = rows()
    assert (row.status, row.attempts, row.failures) == (Status.DEFERRED, 3, 0)
    assert "connect" in str(row.answer)
    assert composed == [], "the life of what a message holds began before it could leave"
    assert drain(smtp) == 1
    assert (rows()[0].status, composed) == (Status.SENT, [4])


def test_an_unknown_outcome_is_sent_again_as_the_same_message(
    smtp: ScriptedServer, clock: Clock
) -> None:
    smtp.script = {"accept-and-drop": ["yes"]}
    number = post(SUSAN)
    drain(smtp)
    (row,) = rows()
    assert (row.status, row.failures) == (Status.DEFERRED, 1)
    clock.forward(HOUR)
    drain(smtp)
    assert rows()[0].status == Status.SENT
    first, second = smtp.received
    assert first.content == second.content
    assert first.message["Message-ID"] == rows()[0].message_id
    assert rows()[0].id == number


@pytest.mark.parametrize("script", [{"accept-and-drop": ["yes"]}, {"content": [DROP]}], ids=str)
def test_an_unknown_outcome_is_final_if_a_copy_does_harm(
    smtp: ScriptedServer, clock: Clock, script: dict[str, Any]
) -> None:
    register("tests.once", repeat_unknown=False)
    smtp.script = deepcopy(script)
    post(SUSAN, "tests.once")
    drain(smtp)
    assert rows()[0].status == Status.UNKNOWN
    clock.forward(DAY)
    assert drain(smtp) == 0


# Some recipients and not others


def test_only_the_refused_recipient_is_tried_again(smtp: ScriptedServer, clock: Clock) -> None:
    smtp.script = {f"rcpt:{JOHN}": ["450 4.2.0 Greylisted"]}
    send_email("Hello", None, [SUSAN, JOHN], "text", cc=[ALICE])
    drain(smtp)
    (row,) = rows()
    assert (row.status, row.recipients) == (Status.DEFERRED, [JOHN])
    assert "450 4.2.0 Greylisted" in str(row.answer)
    clock.forward(HOUR)
    drain(smtp)
    assert rows()[0].status == Status.SENT
    first, second = smtp.received
    assert (first.recipients, second.recipients) == ([SUSAN, ALICE], [JOHN])
    assert first.content == second.content


def test_a_recipient_refused_for_good_is_named(smtp: ScriptedServer, clock: Clock) -> None:
    smtp.script = {f"rcpt:{JOHN}": "550 5.1.1 Nobody", f"rcpt:{ALICE}": ["450 4.2.0 Later"]}
    send_email("Hello", None, [SUSAN, JOHN, ALICE], "text")
    drain(smtp)
    (row,) = rows()
    assert (row.status, row.recipients) == (Status.DEFERRED, [ALICE])
    assert f"{JOHN} was refused" in str(row.answer)
    assert "550 5.1.1 Nobody" in str(row.answer)
    clock.forward(HOUR)
    drain(smtp)
    assert rows()[0].status == Status.SENT
    assert [one.recipients for one in smtp.received] == [[SUSAN], [ALICE]]


# What is not sent


def test_a_reset_for_an_unknown_address_is_discarded(smtp: ScriptedServer) -> None:
    post("nobody@example.com", RESET_KIND)
    assert drain(smtp) == 1
    (row,) = rows()
    assert row.status == Status.DISCARDED
    assert "No account" in str(row.answer)
    assert smtp.received == []
    assert drain(smtp) == 0


def test_an_expired_message_is_not_sent(smtp: ScriptedServer, clock: Clock) -> None:
    register("tests.short-lived", expires_after=timedelta(minutes=1))
    post(SUSAN, "tests.short-lived")
    clock.forward(MINUTE - 5)
    post(JOHN, "tests.short-lived")
    clock.forward(6)
    assert drain(smtp) == 2
    assert [row.status for row in rows()] == [Status.EXPIRED, Status.SENT]
    assert [one.recipients for one in smtp.received] == [[JOHN]]


def test_a_message_that_expired_while_composed_is_not_sent(
    smtp: ScriptedServer, clock: Clock
) -> None:
    def compose(session: Session, context: ComposeContext) -> Email | Discard:
        clock.forward(HOUR)
        return compose_note(session, context)

    register("tests.slowly-composed", compose, expires_after=timedelta(minutes=1))
    post(SUSAN, "tests.slowly-composed")
    post(JOHN)
    assert drain(smtp) == 2
    assert [row.status for row in rows()] == [Status.EXPIRED, Status.SENT]
    assert not [line for line in smtp.commands if SUSAN in line], "the server was told of it"


def test_a_connection_that_ended_while_a_message_was_composed_costs_it_nothing(
    smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_outbox.smtp.transport.CHECK_AFTER_SECONDS", -1.0)
    smtp.script = {"noop": [DROP]}
    post(SUSAN)
    drain(smtp)
    assert (rows()[0].status, rows()[0].failures) == (Status.SENT, 1)
    assert smtp.connections == 2


def test_a_message_of_an_unknown_email_type_waits_for_newer_code(smtp: ScriptedServer) -> None:
    register("tests.new")
    post(SUSAN, "tests.new")
    known = current_outbox().email_types.pop("tests.new")
    drain(smtp)
    (row,) = rows()
    assert (row.status, row.failures) == (Status.DEFERRED, 0)
    assert "tests.new" in str(row.answer)
    current_outbox().register(known)
    drain(smtp)
    assert rows()[0].status == Status.SENT


def raise_an_error(_session: Session, _context: ComposeContext) -> Email:
    raise ValueError("first line\nlast line")


def find_no_row(session: Session, _context: ComposeContext) -> Email:
    session.scalars(select(OutboxMessage).where(OutboxMessage.id < 0)).one()
    raise AssertionError


def ask_for_nonsense(session: Session, _context: ComposeContext) -> Email:
    session.execute(text("SELECT nothing FROM nowhere"))
    raise AssertionError


def end_the_process(_session: Session, _context: ComposeContext) -> Email:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("compose", "words"),
    [
        (raise_an_error, "ValueError: first line last line"),
        (find_no_row, "NoResultFound"),
        (ask_for_nonsense, "nowhere"),
        (end_the_process, "SystemExit: 3"),
    ],
)
def test_a_composer_that_fails_stops_nobody_else(
    smtp: ScriptedServer, clock: Clock, compose: Composer, words: str
) -> None:
    register("tests.poison", compose, priority=Priority.HIGH, delays=(1.0, 1.0))
    post(JOHN, "tests.poison")
    post(SUSAN)
    drain(smtp)
    assert [one.recipients for one in smtp.received] == [[SUSAN]]
    poison, note = rows()
    assert (poison.status, poison.failures, note.status) == (Status.DEFERRED, 1, Status.SENT)
    assert words in str(poison.answer)
    for _ in range(2):
        clock.forward(60)
        drain(smtp)
    poison = rows()[0]
    assert (poison.status, poison.attempts) == (Status.DEAD, 3)
    assert words in str(poison.answer)
    clock.forward(DAY)
    assert drain(smtp) == 0


DAMAGES = {
    "arguments": ["5", "null", "[1]", '"text"'],
    "recipients": ["5", '"susan@example.com"', "[5]"],
    "history": ["5", "null", "{}", "[5]", '[{"at": 1}]'],
}


@pytest.mark.parametrize(
    ("column", "value"), [(column, value) for column, values in DAMAGES.items() for value in values]
)
def test_a_damaged_row_ends_and_stops_nobody_else(
    smtp: ScriptedServer, column: str, value: str
) -> None:
    deliver_damaged(smtp, column, value)


@ON_SQLITE
@pytest.mark.parametrize("column", DAMAGES)
def test_a_row_that_is_no_json_ends_and_stops_nobody_else(
    smtp: ScriptedServer, column: str
) -> None:
    """PostgreSQL does not store it."""
    deliver_damaged(smtp, column, "[unreadable")


def deliver_damaged(smtp: ScriptedServer, column: str, value: str) -> None:
    number = post(JOHN)
    post(SUSAN)
    with transaction() as session:
        damage = text(f"UPDATE outbox SET {column} = :value WHERE id = :id")
        session.execute(damage, {"value": value, "id": number})
    assert drain(smtp) == 2
    with transaction() as session:
        found = session.execute(text("SELECT status, answer FROM outbox ORDER BY id")).all()
    assert [row.status for row in found] == [Status.DEAD, Status.SENT]
    assert column in found[0].answer
    assert [one.recipients for one in smtp.received] == [[SUSAN]]


def test_an_unexpected_exception_stops_no_other_message(smtp: ScriptedServer, clock: Clock) -> None:
    register("tests.impatient", delays=(1.0,))
    register("tests.once", repeat_unknown=False)
    for kind in ("tests.impatient", "tests.once"):
        number = post(JOHN, kind)
        with transaction() as session:
            row = session.get_one(OutboxMessage, number)
            row.recipients = ["john@example.com>\r\nRCPT TO:<evil@example.org"]
    post(SUSAN)
    for _ in range(2):
        drain(smtp)
        clock.forward(5)
    again, once, note = rows()
    assert [again.status, once.status, note.status] == [Status.DEAD, Status.UNKNOWN, Status.SENT]
    assert "could not be sent: ValueError: A command is one line." in str(again.answer)
    assert [one.recipients for one in smtp.received] == [[SUSAN]]
    assert not [line for line in smtp.commands if "evil" in line]


def test_an_email_without_recipients_goes_to_whom_it_was_enqueued_for(
    smtp: ScriptedServer,
) -> None:
    def compose(_session: Session, _context: ComposeContext) -> Email:
        return Email(subject="Note", text="text")

    register("tests.short", compose)
    post(JOHN, "tests.short")
    drain(smtp)
    (received,) = smtp.received
    assert (received.recipients, received.message["To"]) == ([JOHN], JOHN)


def test_a_name_beyond_ascii_is_refused_if_the_server_cannot_take_it(
    smtp: ScriptedServer,
) -> None:
    smtp.features = []
    post("süsan@example.com")
    post(SUSAN)
    drain(smtp)
    assert [row.status for row in rows()] == [Status.DEAD, Status.SENT]
    assert "SMTPUTF8" in str(rows()[0].answer)


def test_an_email_type_has_its_own_headers(smtp: ScriptedServer) -> None:
    def leave(recipient: str, arguments: Mapping[str, Any]) -> str:
        return f"https://example.com/leave/{arguments['list']}/{recipient}"

    register("tests.list", automatic=False, unsubscribe=leave)
    with transaction() as session:
        current_outbox().enqueue(session, "tests.list", SUSAN, arguments={"list": "news"})
        current_outbox().enqueue(session, NOTE, JOHN)
    send_email("Hello", None, [ALICE], "text")
    drain(smtp)
    news, note, hello = [one.message for one in smtp.received]
    assert news["List-Unsubscribe"] == f"<https://example.com/leave/news/{SUSAN}>"
    assert news["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert note["Auto-Submitted"] == "auto-generated"
    assert note["List-Unsubscribe"] is None
    assert news["Auto-Submitted"] is hello["Auto-Submitted"] is None


@pytest.mark.parametrize(
    "address",
    [
        "http://example.com/leave",
        "https://",
        "https://example.com/a b",
        "https://example.com/\r\nBcc: bob@example.com",
        "https://example.com/>,<mailto:x@example.com",
        "https://example.com/ü",
    ],
    ids=ascii,
)
def test_an_address_that_no_mail_program_can_post_to_is_not_sent(
    smtp: ScriptedServer, address: str
) -> None:
    register("tests.list", unsubscribe=lambda _recipient, _arguments: address)
    post(SUSAN, "tests.list")
    drain(smtp)
    assert (rows()[0].status, smtp.received) == (Status.DEAD, [])
    assert "https address" in str(rows()[0].answer)


@pytest.mark.parametrize(
    ("asked", "spoken"), [("en", "en"), ("en-GB", "en"), ("xx", "en"), ("tlh_Latn", "en")]
)
def test_a_message_in_an_unknown_language_is_written_in_another(
    app: Flask, smtp: ScriptedServer, asked: str, spoken: str
) -> None:
    make_user(app, "susan")
    register("tests.spoken", lambda _session, context: Discard(context.locale))
    with transaction() as session:
        for kind in (RESET_KIND, "tests.spoken"):
            current_outbox().enqueue(session, kind, SUSAN, locale=asked)
    drain(smtp)
    assert [row.status for row in rows()] == [Status.SENT, Status.DISCARDED]
    assert "Dear susan," in smtp.received[0].text()
    assert rows()[1].answer == spoken


def test_a_message_is_signed_as_it_leaves(smtp: ScriptedServer) -> None:
    outbox = current_outbox()
    outbox.delivery = replace(outbox.delivery, sign=lambda content: b"X-Signed: yes\r\n" + content)
    post(SUSAN)
    drain(smtp)
    assert smtp.received[0].content.startswith(b"X-Signed: yes\r\nFrom: ")


def test_if_sending_is_suppressed_everything_else_is_done(
    make_app: Callable[..., Flask], smtp: ScriptedServer
) -> None:
    app = make_app(MAIL_SUPPRESS_SEND=True)
    with app.app_context():
        send_email("Hello", None, [SUSAN], "text")
        assert make_dispatcher(app).drain() == 1
        assert "MAIL_SUPPRESS_SEND" in str(rows()[0].answer)
    assert smtp.connections == 0


# Addresses that should get nothing


def test_an_admitted_message_stays_admitted(smtp: ScriptedServer, clock: Clock) -> None:
    register("tests.guarded", guarded=True, delays=(20 * MINUTE, 20 * MINUTE, 20 * MINUTE))
    outbox = current_outbox()
    limit = RecipientLimit(messages=1, seconds=35 * MINUTE)
    outbox.delivery = replace(outbox.delivery, recipient_limit=limit)
    smtp.script = {"rcpt": ["450 4.2.0 Greylisted"] * 2}
    post(SUSAN, "tests.guarded")
    for minutes in (23, 15):
        drain(smtp)
        clock.forward(minutes * MINUTE)
    post(SUSAN, "tests.guarded")
    drain(smtp)
    assert [row.status for row in rows()] == [Status.DEFERRED, Status.SENT]
    clock.forward(10 * MINUTE)
    drain(smtp)
    assert [row.status for row in rows()] == [Status.SENT, Status.SENT]


def test_one_of_many_recipients_is_suppressed_alone(smtp: ScriptedServer) -> None:
    smtp.script = {f"rcpt:{JOHN}": "550 5.1.1 No such user"}
    send_email("Hello", None, [SUSAN, JOHN], "text")
    drain(smtp)
    assert [row.status for row in rows()] == [Status.SENT]
    with db.sessionmaker() as session:
        assert suppression(session, JOHN) is not None
        assert suppression(session, SUSAN) is None


def test_two_workers_may_suppress_an_address_at_once(smtp: ScriptedServer) -> None:
    smtp.script = {f"rcpt:{JOHN}": "550 5.1.1 No such user"}
    send_email("Hello", None, [SUSAN, JOHN], "text")
    overtaken: list[str] = []

    def overtake(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        """Insert the suppression between another worker's SELECT and its INSERT."""
        looked = statement.startswith("SELECT") and "mail_suppressions" in statement
        if looked and not overtaken:
            overtaken.append(statement)
            with transaction() as session:
                session.add(Suppression(address_key=JOHN, reason="the other's", since=0.0))

    event.listen(db.engine, "after_cursor_execute", overtake)
    try:
        with suppress(SQLAlchemyError):
            drain(smtp)
    finally:
        event.remove(db.engine, "after_cursor_execute", overtake)
    assert [row.status for row in rows()] == [Status.SENT], "it would be sent again"
    with db.sessionmaker() as session:
        assert suppression(session, JOHN) is not None


# Claims and leases


def test_a_stale_claim_cannot_settle(clock: Clock) -> None:
    post(SUSAN)
    stale = claim(clock)
    assert claim(clock) is None
    clock.forward(21)
    fresh = claim(clock)
    assert stale is not None
    assert fresh is not None
    assert (stale.id, stale.attempts, fresh.attempts) == (fresh.id, 1, 2)
    with closing(Claims(current_outbox().engine, lease=20)) as claims:
        assert not claims.settle(Settlement(stale, Status.DEAD, "stale", clock()))
        deferred = Settlement(stale, Status.DEFERRED, "stale", clock(), due_at=clock() + 100)
        assert not claims.settle(deferred)
        assert not claims.renew(stale, until=clock() + 100)
        (row,) = rows()
        assert (row.status, row.answer, row.attempts) == (Status.QUEUED, None, 2)
        assert row.due_at < clock() + 50
        assert claims.settle(Settlement(fresh, Status.SENT, "fresh", clock()))
        assert not claims.settle(Settlement(fresh, Status.DEAD, "again", clock()))
    assert (rows()[0].status, rows()[0].answer) == (Status.SENT, "fresh")


def test_the_claim_of_a_dead_worker_is_delivered_when_its_lease_ends(
    smtp: ScriptedServer, clock: Clock
) -> None:
    post(SUSAN)
    assert claim(clock, lease=20) is not None
    clock.forward(19)
    assert drain(smtp) == 0
    clock.forward(2)
    assert drain(smtp) == 1
    assert (rows()[0].status, rows()[0].attempts) == (Status.SENT, 2)
    assert len(smtp.received) == 1


def test_a_message_that_kills_its_process_each_time_ends_and_stops_nobody_else(
    smtp: ScriptedServer, clock: Clock
) -> None:
    register("tests.killer", delays=(1.0, 1.0))
    post(JOHN, "tests.killer")
    for _ in range(3 + MAX_CRASHES):
        assert claim(clock) is not None
        clock.forward(21)
    post(SUSAN)
    assert drain(smtp) == 2
    killer, note = rows()
    assert (killer.status, note.status) == (Status.DEAD, Status.SENT)
    assert "The process died" in str(killer.answer)
    assert [one.recipients for one in smtp.received] == [[SUSAN]]


def test_messages_claimed_when_others_killed_the_process_are_still_sent(
    smtp: ScriptedServer, clock: Clock
) -> None:
    register("tests.bystander", delays=(1.0, 1.0))
    post(JOHN, "tests.bystander")
    for _ in range(2 + MAX_CRASHES):
        assert claim(clock) is not None
        clock.forward(21)
    assert drain(smtp) == 1
    assert rows()[0].status == Status.SENT


def test_if_a_copy_does_harm_the_claim_of_a_dead_worker_waits_for_the_operator(
    smtp: ScriptedServer, clock: Clock
) -> None:
    register("tests.once", repeat_unknown=False)
    number = post(SUSAN, "tests.once")
    smtp.script = {"rcpt": ["450 4.2.0 Greylisted"]}
    drain(smtp)
    clock.forward(HOUR)
    assert claim(clock) is not None
    clock.forward(21)
    assert drain(smtp) == 1
    assert (rows()[0].status, smtp.received) == (Status.UNKNOWN, [])
    with transaction() as session:
        messages.retry(session, number, now=clock())
    assert drain(smtp) == 1
    assert (rows()[0].status, len(smtp.received)) == (Status.SENT, 1)


def test_a_lease_is_renewed_while_a_slow_server_works(smtp: ScriptedServer, app: Flask) -> None:
    post(SUSAN)
    paused = smtp.pause()
    with in_another_thread(app, lambda: drain(smtp, options=DispatcherOptions(lease=0.6))), paused:
        wait_until(lambda: "DATA" in smtp.commands)
        leased_until = rows()[0].due_at
        wait_until(lambda: time.time() > leased_until)
        assert drain(smtp) == 0
    assert [(row.status, row.attempts) for row in rows()] == [(Status.SENT, 1)]
    assert len(smtp.received) == 1


def test_a_row_taken_over_by_a_neighbour_affects_neither(clock: Clock) -> None:
    post(SUSAN)
    first = claim(clock, lease=1)
    clock.forward(2)
    second = claim(clock, lease=1)
    assert first is not None
    assert second is not None
    with (
        LeaseKeeper(Claims(current_outbox().engine, lease=20), clock=clock) as keeper,
        ExitStack() as newer,
    ):
        with keeper.renewing(first):
            newer.enter_context(keeper.renewing(second))
        assert [held.attempts for held, _ in keeper._active.values()] == [2]
    assert keeper._active == {}


def test_two_dispatchers_share_the_work(smtp: ScriptedServer, app: Flask) -> None:
    people = [f"user{number}@example.com" for number in range(30)]
    for person in people:
        post(person)
    smtp.delay = 0.005
    handled = []
    with in_another_thread(app, lambda: handled.append(drain(smtp))):
        handled.append(drain(smtp))
    assert sum(handled) == 30
    assert sorted(one.recipients[0] for one in smtp.received) == sorted(people)
    assert {row.status for row in rows()} == {Status.SENT}


def test_no_transaction_is_open_while_the_server_is_slow(smtp: ScriptedServer, app: Flask) -> None:
    post(SUSAN)
    paused = smtp.pause()
    with in_another_thread(app, lambda: drain(smtp)) as sending, paused:
        wait_until(lambda: "DATA" in smtp.commands)
        with transaction() as session:
            if not is_sqlite():
                others = session.scalar(
                    text(
                        "SELECT count(*) FROM pg_stat_activity WHERE xact_start IS NOT NULL"
                        " AND datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
                assert others == 0
            current_outbox().enqueue(session, NOTE, JOHN)
        assert sending.is_alive(), "the write waited until the server was given up"
    assert len(rows()) == 2


# Running


def test_urgent_mail_overtakes(smtp: ScriptedServer) -> None:
    for lane in (Priority.LOW, Priority.NORMAL, Priority.HIGH):
        register(f"tests.{lane.name}", priority=lane)
        for _ in range(2):
            post(f"{lane.name}@example.com", f"tests.{lane.name}")
    assert drain(smtp) == 6
    priorities = [one.recipients[0].partition("@")[0] for one in smtp.received]
    assert priorities == ["HIGH", "HIGH", "NORMAL", "NORMAL", "LOW", "LOW"]


def test_a_connection_is_reserved_for_urgent_mail(smtp: ScriptedServer, app: Flask) -> None:
    register("tests.bulk", priority=Priority.LOW)
    register("tests.prompt", priority=Priority.HIGH)
    smtp.script = {f"rcpt:{JOHN}": STALL}
    stalled = f"RCPT TO:<{JOHN}>"
    for _ in range(4):
        post(JOHN, "tests.bulk")
    with running(app, smtp, connections=2):
        wait_until(lambda: smtp.commands.count(stalled) == 2)
        post(SUSAN, "tests.prompt")
        received = smtp.wait_for(1)
        assert smtp.commands.count(stalled) == 2
        smtp.close()
    assert received[0].recipients == [SUSAN]


def test_urgent_mail_leaves_soon_before_a_hundred_thousand_others(
    smtp: ScriptedServer, app: Flask
) -> None:
    register("tests.digest", priority=Priority.LOW)
    register("tests.prompt", priority=Priority.HIGH)
    multiply(post(JOHN, "tests.digest"), 100_000)
    smtp.delay = 0.05
    with running(app, smtp, connections=2):
        smtp.wait_for(5)
        for number in range(1, 4):
            post(SUSAN, "tests.prompt")
            before = len(smtp.received)
            wait_until(lambda: len(urgent(smtp)) == number)  # noqa: B023 - called at once
            assert smtp.received.index(urgent(smtp)[-1]) - before < 100


def urgent(smtp: ScriptedServer) -> list[Received]:
    return [one for one in smtp.received if one.recipients == [SUSAN]]


def multiply(number: int, count: int) -> None:
    """Copy this message so many times."""
    copied = [one.name for one in OutboxMessage.__table__.columns if one.name != "id"]
    names = ", ".join(copied)
    with transaction() as session:
        session.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
                f" INSERT INTO outbox ({names}) SELECT {names} FROM outbox, n WHERE id = :id"
            ),
            {"count": count - 1, "id": number},
        )


def test_many_connections_work_at_once(smtp: ScriptedServer, app: Flask) -> None:
    smtp.delay = 0.5
    for _ in range(40):
        post(SUSAN)
    with running(app, smtp, connections=40):
        smtp.wait_for(40)
    assert len(connections_for(smtp.received, SUSAN)) > 15


def test_a_wake_up_acts_at_once(smtp: ScriptedServer, app: Flask) -> None:
    with running(app, smtp, poll_every=NEVER):
        for number in range(1, 4):
            send_email("Hello", None, [SUSAN], "text")
            smtp.wait_for(number)
    assert {row.status for row in rows()} == {Status.SENT}


def test_a_row_without_a_wake_up_is_found(smtp: ScriptedServer, app: Flask) -> None:
    with running(app, smtp, poll_every=0.1):
        current_outbox().wakeup = NoWakeup()
        post(SUSAN)
        smtp.wait_for(1)


def test_a_deferred_message_leaves_when_it_is_due(smtp: ScriptedServer, app: Flask) -> None:
    register("tests.soon", delays=(0.3,))
    smtp.script = {"rcpt": ["450 4.2.0 Greylisted"]}
    post(SUSAN, "tests.soon")
    drain(smtp)
    with running(app, smtp, poll_every=NEVER):
        smtp.wait_for(1)
    assert rows()[0].attempts == 2


def test_trouble_with_the_server_is_logged_once_and_passes(
    smtp: ScriptedServer,
    app: Flask,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flask_outbox.delivery.servers.PAUSE_FIRST_SECONDS", 0.1)
    smtp.script = {"connect": ["421 4.3.2 Busy", "421 4.3.2 Busy", DROP]}
    for _ in range(3):
        post(SUSAN)
    with caplog.at_level(logging.INFO), running(app, smtp, connections=1, poll_every=0.1):
        smtp.wait_for(3)
    troubles = [one for one in caplog.records if "mail server cannot be used" in one.getMessage()]
    assert len(troubles) == 1
    assert "421" in troubles[0].getMessage()
    assert caplog.text.count("mail server can be used again") == 1
    assert [row.status for row in rows()] == [Status.SENT] * 3


@BY_DISPATCHER
def test_the_server_is_left_alone_while_it_is_in_trouble(smtp: ScriptedServer, app: Flask) -> None:
    smtp.script = {"connect": "421 4.3.2 Busy"}
    for _ in range(20):
        post(SUSAN)
    with running(app, smtp, connections=3, poll_every=0.05):
        time.sleep(0.6)
    assert smtp.connections <= 3
    assert {row.failures for row in rows()} == {0}


@BY_DISPATCHER
@pytest.mark.parametrize(
    ("error", "longest"),
    [
        (SmtpError(Step.AUTH, 535, "Wrong"), 300),
        (SmtpError(Step.AUTH, 454, "Later"), 60),
        (SmtpError(Step.CONNECT, None, "Refused"), 60),
    ],
)
def test_pauses_grow_to_their_longest(
    monkeypatch: pytest.MonkeyPatch, error: SmtpError, longest: float
) -> None:
    now = [0.0]
    monkeypatch.setattr("flask_outbox.delivery.servers.time.monotonic", lambda: now[0])
    health = ServerHealth()
    pauses = []
    for _ in range(12):
        health.failed(error)
        pauses.append(health.pause())
        health.failed(error)  # another thread's failure of the same moment
        now[0] += pauses[-1]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses[-1] == longest
    health.succeeded()
    assert health.pause() == 0


def test_claimed_messages_are_finished_before_the_end(smtp: ScriptedServer, app: Flask) -> None:
    smtp.delay = 0.5
    for _ in range(3):
        post(SUSAN)
    with running(app, smtp, connections=1):
        wait_until(lambda: "DATA" in smtp.commands)
    assert sorted(row.status for row in rows()) == [Status.QUEUED, Status.QUEUED, Status.SENT]
    assert len(smtp.received) == 1
    assert smtp.commands[-1] == "QUIT"


@BY_DISPATCHER
def test_an_end_does_not_wait_for_the_next_poll(smtp: ScriptedServer, app: Flask) -> None:
    with running(app, smtp, poll_every=NEVER):
        pass


def test_a_silent_server_blocks_nothing_for_ever(smtp: ScriptedServer, clock: Clock) -> None:
    smtp.script = {"mail": [STALL]}
    post(SUSAN)
    assert drain(smtp, timeout=0.3) == 1
    assert "no answer within 0.3 seconds" in (rows()[0].answer or "")
    assert (rows()[0].status, rows()[0].failures) == (Status.DEFERRED, 0)
    assert drain(smtp) == 1
    assert rows()[0].status == Status.SENT


def compose_note(_session: Session, context: ComposeContext) -> Email | Discard:
    return Email(subject="Note", text="A note.\n", to=(context.recipient,))


def register(name: str, compose: Composer = compose_note, **options: Any) -> None:
    current_outbox().register(EmailType(name, compose, **options))


def post(to: str, kind: str = NOTE) -> int:
    with transaction() as session:
        return current_outbox().enqueue(session, kind, to)


def rows() -> list[OutboxMessage]:
    with db.sessionmaker() as session:
        return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def claim(clock: Clock, *, lease: float = 20.0) -> Claim | None:
    with closing(Claims(current_outbox().engine, lease=lease)) as claims:
        return claims.claim(ALL_PRIORITIES, now=clock())


def dispatcher(
    smtp: ScriptedServer,
    app: Flask | None = None,
    options: DispatcherOptions | None = None,
    **server: Any,
) -> Dispatcher:
    where = SmtpServer(**{"host": "127.0.0.1", "port": smtp.port, "timeout": 5.0, **server})
    context = {"context": app.app_context} if app else {}
    return Dispatcher(
        current_outbox(), one_server(lambda: SmtpTransport(where)), options=options, **context
    )


def drain(smtp: ScriptedServer, *, options: DispatcherOptions | None = None, **server: Any) -> int:
    """Deliver what is due; return how many rows were handled."""
    return delivering.drain(dispatcher(smtp, options=options, **server))


def running(app: Flask, smtp: ScriptedServer, **options: Any) -> AbstractContextManager[None]:
    """Run a dispatcher or a worker until the end of the block, as their processes do."""
    return delivering.running(dispatcher(smtp, app, DispatcherOptions(**options)))


@contextmanager
def in_another_thread(app: Flask, work: Callable[[], object]) -> Iterator[threading.Thread]:
    """Run `work` in another thread during the block, and wait for its end."""

    def run() -> None:
        with app.app_context():
            work()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(10)
        assert not thread.is_alive()


def wait_until(holds: Callable[[], bool], *, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def connections_for(received: list[Received], person: str) -> set[int]:
    return {one.connection for one in received if one.recipients == [person]}
