"""Suppressed addresses: nothing goes there, but for one mail a day that leads into an account."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from flask_outbox import EmailType, current_outbox, parse_address
from flask_outbox.message.email import Email
from flask_outbox.message.return_path import ReturnPath
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.suppressions import (
    GIVEN_UP_SECONDS,
    SUPPRESSED_SECONDS,
    SuppressionSource,
    forget_ended,
    may_try,
    suppress,
    suppression,
)
from flask_outbox.signals import message_suppressed
from tests.application import db, transaction
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer

pytestmark = pytest.mark.usefixtures("app_context")

SUSAN = "susan@example.com"
NOW = 1_800_000_000.0
PATH = ReturnPath(parse_address("bounces@example.com"), (b"a key",))
NEWS, RESET = "tests.news", "tests.reset"
NO_SUCH_USER = "550 5.1.1 No such user"
LATER = "450 4.2.0 Later"


class Clock:
    """The outbox's clock, which stands still until it is set."""

    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(app: Flask) -> Clock:
    outbox = current_outbox()
    outbox.clock = made = Clock()
    for name in (NEWS, RESET):
        outbox.register(
            EmailType(name, lambda *_: Email("Hm", "Hm."), way_back=name == RESET, delays=(1.0,))
        )
    return made


def enqueue(kind: str) -> None:
    with transaction() as writing:
        current_outbox().enqueue(writing, kind, SUSAN)


def suppress_at(now: float, source: SuppressionSource = SuppressionSource.ANSWER) -> None:
    with transaction() as writing:
        suppress(writing, [(SUSAN, NO_SUCH_USER)], now=now, source=source)


def is_suppressed() -> bool:
    return suppression(db.session, SUSAN) is not None


def last(app: Flask) -> tuple[str, str]:
    row = rows(app)[-1]
    return row.status, row.answer or ""


def test_mail_is_discarded_until_the_suppression_ends(
    app: Flask, clock: Clock, deliver: Callable[[], int]
) -> None:
    suppress_at(NOW)
    clock.now = NOW + SUPPRESSED_SECONDS - 1
    enqueue(NEWS)
    deliver()
    assert last(app) == ("discarded", f"The address is suppressed: {NO_SUCH_USER}")
    clock.now += 1
    enqueue(NEWS)
    deliver()
    assert last(app)[0] == "sent"


def test_what_has_ended_is_forgotten(clock: Clock) -> None:
    suppress_at(NOW)
    with transaction() as writing:
        forget_ended(writing, NOW + SUPPRESSED_SECONDS - 1)
    assert is_suppressed()
    assert suppression(db.session, SUSAN, now=NOW + SUPPRESSED_SECONDS) is None
    with transaction() as writing:
        forget_ended(writing, NOW + SUPPRESSED_SECONDS)
    assert not is_suppressed()


def test_a_way_back_is_tried_once_a_day(
    app: Flask, clock: Clock, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    smtp.script["rcpt"] = [NO_SUCH_USER] * 9
    suppress_at(NOW)
    asked = []
    for after in (10.0, DAY - 1, DAY, DAY + 1, 2 * DAY - 1, 2 * DAY):
        clock.now = NOW + after
        enqueue(RESET)
        deliver()
        asked.append(last(app)[0])
    assert asked == ["discarded", "discarded", "dead", "discarded", "discarded", "dead"]
    found = suppression(db.session, SUSAN)
    assert found is not None
    assert (found.tried_at, found.since) == (NOW + 2 * DAY, NOW + 2 * DAY)


def test_of_several_that_wait_one_is_tried(
    app: Flask, clock: Clock, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    smtp.script["rcpt"] = [NO_SUCH_USER] * 9
    suppress_at(NOW - DAY)
    for _ in range(3):
        enqueue(RESET)
    deliver()
    assert [row.status for row in rows(app)] == ["dead", "discarded", "discarded"]


def test_a_way_back_that_was_let_through_has_all_its_attempts(
    app: Flask, clock: Clock, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    smtp.script["rcpt"] = [LATER]
    suppress_at(NOW - DAY)
    enqueue(RESET)
    deliver()
    assert last(app)[0] == "deferred"
    clock.now = NOW + 10
    enqueue(RESET)
    deliver()
    assert [row.status for row in rows(app)] == ["sent", "sent"], "the first lifted it"
    assert not is_suppressed()


def test_what_cannot_leave_is_not_the_try_of_the_day(
    app: Flask, clock: Clock, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    suppress_at(NOW - DAY)
    smtp.script["connect"] = "421 4.3.2 Down"
    enqueue(RESET)
    deliver()
    assert last(app)[0] == "deferred"
    with transaction() as writing:
        for row in rows(app):
            writing.merge(row).expires_at = NOW + 5
    del smtp.script["connect"]
    clock.now = NOW + 10
    deliver()
    assert last(app)[0] == "expired"
    enqueue(RESET)
    deliver()
    assert last(app)[0] == "sent"


def test_a_try_whose_process_died_is_made_again(
    app: Flask, clock: Clock, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    suppress_at(NOW - DAY)
    enqueue(RESET)
    with transaction() as writing:
        # As a process leaves it that was let through, and is killed.
        assert may_try(writing, SUSAN, now=NOW)
        for row in rows(app):
            writing.merge(row).attempts = 1
    clock.now = NOW + 10
    enqueue(RESET)
    deliver()
    assert sorted(row.status for row in rows(app)) == ["sent", "sent"]


@pytest.mark.parametrize("source", [SuppressionSource.REPORT, SuppressionSource.PROVIDER])
def test_a_server_that_only_passes_mail_on_proves_nothing(
    app: Flask, clock: Clock, deliver: Callable[[], int], source: SuppressionSource
) -> None:
    suppress_at(NOW - DAY, source)
    enqueue(RESET)
    deliver()
    assert last(app)[0] == "sent"
    assert is_suppressed()


@pytest.mark.parametrize("comes_back", [False, True])
def test_what_was_tried_and_does_not_come_back_lifts_it(
    clock: Clock, deliver: Callable[[], int], *, comes_back: bool
) -> None:
    suppress_at(NOW - DAY, SuppressionSource.REPORT)
    enqueue(RESET)
    deliver()
    if comes_back:
        suppress_at(NOW + 100, SuppressionSource.REPORT)
    for after, is_left in ((GIVEN_UP_SECONDS - 1, True), (GIVEN_UP_SECONDS, comes_back)):
        with transaction() as writing:
            forget_ended(writing, NOW + after)
        assert is_suppressed() is is_left


def test_what_an_operator_suppresses_is_never_tried_and_does_not_end(
    app: Flask, clock: Clock, deliver: Callable[[], int]
) -> None:
    suppress_at(NOW, SuppressionSource.OPERATOR)
    suppress_at(NOW + 1, SuppressionSource.REPORT)
    clock.now = NOW + 2 * SUPPRESSED_SECONDS
    enqueue(RESET)
    deliver()
    assert last(app)[0] == "discarded"
    found = suppression(db.session, SUSAN)
    assert found is not None
    assert (found.source, found.until) == ("operator", None)


def test_mail_that_is_not_a_way_back_is_never_tried(
    app: Flask, clock: Clock, deliver: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "flask_outbox")
    suppress_at(NOW - DAY)
    enqueue(NEWS)
    deliver()
    assert last(app)[0] == "discarded"
    found = suppression(db.session, SUSAN)
    assert found is not None
    assert found.tried_at is None


# Several recipients

OTHERS = ["anna@example.com", "ben@example.com"]
NONE_OF_THEM = "; ".join(f"{who} is suppressed ({NO_SUCH_USER})" for who in [SUSAN, *OTHERS])


def suppress_these(*addresses: str) -> None:
    with transaction() as writing:
        suppress(writing, [(one, NO_SUCH_USER) for one in addresses], now=NOW)


def send_to_all() -> None:
    with transaction() as writing:
        current_outbox().send_email(
            "Hello", None, [SUSAN], "Hello.", cc=OTHERS[:1], bcc=OTHERS[1:], session=writing
        )


@pytest.mark.parametrize("return_path", [None, PATH], ids=["one for all", "copies"])
@pytest.mark.parametrize("who", [SUSAN, *OTHERS])
def test_the_others_get_what_one_of_several_does_not(
    app: Flask,
    clock: Clock,
    deliver: Callable[[], int],
    smtp: ScriptedServer,
    who: str,
    return_path: ReturnPath | None,
) -> None:
    outbox = current_outbox()
    outbox.delivery = replace(outbox.delivery, return_path=return_path)
    suppress_these(who)
    send_to_all()
    deliver()
    status, answer = last(app)
    assert status == "sent"
    assert answer.endswith(f"{who} is suppressed ({NO_SUCH_USER})")
    reached = sorted(one for message in smtp.received for one in message.recipients)
    assert reached == sorted({SUSAN, *OTHERS} - {who})
    assert suppression(db.session, who) is not None


def test_what_is_for_nobody_else_is_discarded_and_told(
    app: Flask, clock: Clock, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    told = []

    def hear(_sender: object, **given: object) -> None:
        told.append(given)

    suppress_these(SUSAN, *OTHERS)
    with message_suppressed.connected_to(hear):
        send_to_all()
        deliver()
    assert last(app) == ("discarded", NONE_OF_THEM)
    assert smtp.received == []
    assert len(told) == 1


def test_who_waits_for_another_attempt_may_be_suppressed_meanwhile(
    app: Flask, clock: Clock, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    """What others of the message got counts: it was sent."""
    smtp.script["rcpt"] = ["250 OK", LATER, LATER]
    send_to_all()
    deliver()
    assert last(app)[0] == "deferred"
    suppress_these(*OTHERS)
    clock.now += DAY
    deliver()
    status, answer = last(app)
    assert (status, answer.count("is suppressed")) == ("sent", 2)
    assert [message.recipients for message in smtp.received] == [[SUSAN]]


def test_whom_a_composer_names_is_asked_for_too(
    app: Flask, clock: Clock, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    """Not only whom the message was enqueued for."""
    named = "tests.named"
    current_outbox().register(EmailType(named, lambda *_: Email("Hm", "Hm.", to=OTHERS)))
    suppress_these(OTHERS[0])
    enqueue(named)
    deliver()
    assert last(app)[0] == "sent"
    assert [message.recipients for message in smtp.received] == [OTHERS[1:]]
