"""What keeps mail from an address: too much of it, or a server that says there is no such one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from microblog import mail
from microblog.database import db, transaction
from microblog.mail import Email, Intent, Kind, parse_address, send_email
from microblog.mail.guard import Guard, condemns_address, lift_suppression, suppression
from microblog.mail.kinds import HOUR, MINUTE
from microblog.mail.models import OutboxMessage, Status, Suppression
from tests.smtp_server import ScriptedServer

Deliver = Callable[[], int]

GUARDED, NOTE = "tests.guarded", "tests.note"
SUSAN, JOHN = "susan@example.com", "john@example.com"


class Clock:
    """The outbox's time, which can be moved on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture(autouse=True)
def clock(app_context: AppContext) -> Clock:
    outbox = mail.outbox()
    made = Clock()
    outbox.clock = made
    outbox.guard = Guard(messages=3, seconds=15 * MINUTE)
    outbox.register(Kind(GUARDED, compose_note, guarded=True))
    outbox.register(Kind("tests.guarded-too", compose_note, guarded=True))
    outbox.register(Kind(NOTE, compose_note))
    return made


# Too much


def test_an_address_gets_so_many_and_no_more(
    deliver: Deliver, smtp: ScriptedServer, clock: Clock
) -> None:
    for _ in range(4):
        post(SUSAN)
    deliver()
    assert statuses() == [Status.SENT] * 3 + [Status.DISCARDED]
    assert "3 such messages within 15 minutes" in str(rows()[-1].answer)
    clock.ahead += 14 * MINUTE
    post(SUSAN)
    deliver()
    assert statuses()[-1] == Status.DISCARDED
    clock.ahead += 2 * MINUTE
    post(SUSAN)
    deliver()
    assert statuses()[-1] == Status.SENT
    assert len(smtp.received) == 4


def test_other_spellings_are_the_same_address(deliver: Deliver) -> None:
    for spelling in (SUSAN, "SUSAN@EXAMPLE.COM", "Susan <Susan@example.com>", "susan@Example.com"):
        post(spelling)
    deliver()
    assert statuses() == [Status.SENT] * 3 + [Status.DISCARDED]


def test_others_are_not_counted(deliver: Deliver) -> None:
    for _ in range(3):
        post(SUSAN)
    post(JOHN)
    post(SUSAN, "tests.guarded-too")
    for _ in range(5):
        post(SUSAN, NOTE)
    deliver()
    assert set(statuses()) == {Status.SENT}


def test_a_second_try_is_not_counted_again(
    deliver: Deliver, smtp: ScriptedServer, clock: Clock
) -> None:
    mail.outbox().guard = Guard(messages=1, seconds=HOUR)
    smtp.script = {"rcpt": ["450 4.2.0 Greylisted", "450 4.2.0 Greylisted"]}
    post(SUSAN)
    for _ in range(3):
        deliver()
        clock.ahead += 20 * MINUTE
    assert statuses() == [Status.SENT]
    assert rows()[0].attempts == 3


def test_many_workers_together_let_no_more_through(
    app: Flask, deliver: Deliver, smtp: ScriptedServer
) -> None:
    for _ in range(12):
        post(SUSAN)
    threads = [threading.Thread(target=deliver) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses()) == [Status.DISCARDED] * 9 + [Status.SENT] * 3
    assert len(smtp.received) == 3


# A server's verdict


@pytest.mark.parametrize(
    "answer", ["550 5.1.1 No such user", "550 5.1.10 RESOLVER.ADR", "556 5.1.10 No mail here"]
)
def test_an_address_that_does_not_exist_is_not_tried_again(
    deliver: Deliver, smtp: ScriptedServer, answer: str
) -> None:
    smtp.script = {f"rcpt:{SUSAN}": answer}
    post(SUSAN)
    deliver()
    assert statuses() == [Status.DEAD]
    asked = len(smtp.commands)
    post("Susan@EXAMPLE.com")
    post(JOHN)
    deliver()
    assert statuses() == [Status.DEAD, Status.DISCARDED, Status.SENT]
    assert answer in str(rows()[1].answer)
    assert not any(one.lower().startswith("rcpt to:<susan") for one in smtp.commands[asked:])


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.7.1 Not from you",
        "550 No such user",
        "552 5.2.2 Full",
        "550 5.1.8 Bad sender",
        "450 4.1.1 Perhaps later",
        "550 15.1.1 is no code",
    ],
)
def test_a_message_that_was_refused_does_not_condemn_the_address(
    deliver: Deliver, smtp: ScriptedServer, answer: str
) -> None:
    smtp.script = {"rcpt": [answer]}
    post(SUSAN)
    deliver()
    post(SUSAN)
    deliver()
    assert statuses()[-1] == Status.SENT


def test_one_of_many_recipients_is_condemned_alone(deliver: Deliver, smtp: ScriptedServer) -> None:
    smtp.script = {f"rcpt:{JOHN}": "550 5.1.1 No such user"}
    send_email("Hello", None, [SUSAN, JOHN], "text")
    deliver()
    assert suppressed(JOHN)
    assert not suppressed(SUSAN)
    assert statuses() == [Status.SENT]


def test_a_suppression_can_be_lifted(deliver: Deliver, smtp: ScriptedServer) -> None:
    smtp.script = {"rcpt": ["550 5.1.1 No such user"]}
    post(SUSAN)
    deliver()
    with transaction() as session:
        assert lift_suppression(session, SUSAN)
        assert not lift_suppression(session, JOHN)
    post(SUSAN)
    deliver()
    assert statuses() == [Status.DEAD, Status.SENT]


def test_two_workers_may_condemn_an_address_at_once(deliver: Deliver, smtp: ScriptedServer) -> None:
    smtp.script = {f"rcpt:{JOHN}": "550 5.1.1 No such user"}
    send_email("Hello", None, [SUSAN, JOHN], "text")
    overtaken: list[str] = []

    def overtake(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        """Between one worker's look and its entry, another one enters the same."""
        looked = statement.startswith("SELECT") and "mail_suppressions" in statement
        if looked and not overtaken:
            overtaken.append(statement)
            with transaction() as session:
                session.add(Suppression(address_key=JOHN, reason="the other's", since=0.0))

    event.listen(db.engine, "after_cursor_execute", overtake)
    with suppress(Exception):
        deliver()
    event.remove(db.engine, "after_cursor_execute", overtake)
    assert statuses() == [Status.SENT], "the message would be sent again"
    assert suppressed(JOHN)


@pytest.mark.parametrize(
    ("answer", "condemned"),
    [
        ("5.1.1 No such user", True),
        ("said (5.1.10)", True),
        ("5.1.11", False),
        ("5.1.100", False),
        ("4.1.1", False),
        ("", False),
    ],
)
def test_only_some_codes_speak_of_the_address(answer: str, condemned: bool) -> None:
    assert condemns_address(answer) is condemned


def compose_note(_session: Session, intent: Intent) -> Email:
    return Email(subject="Note", text="A note.\n", to=(parse_address(intent.recipient),))


def post(to: str, kind: str = GUARDED) -> None:
    with transaction() as session:
        mail.outbox().post(session, kind, to)


def rows() -> list[OutboxMessage]:
    with db.sessionmaker() as session:
        return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def statuses() -> list[str]:
    return [row.status for row in rows()]


def suppressed(key: str) -> bool:
    with db.sessionmaker() as session:
        return suppression(session, key) is not None
