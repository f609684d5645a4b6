"""What waits, whether it leaves, and how the outbox does in a few figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from flask_outbox import EmailType, Priority, current_outbox
from flask_outbox.message.email import Email
from flask_outbox.operations import is_stuck, overview
from flask_outbox.operations.backlog import STUCK_SECONDS
from flask_outbox.outbox.email_types import HOUR
from flask_outbox.outbox.models import OutboxMessage, Status
from tests.application import db, transaction
from tests.smtp_server import ScriptedServer

pytestmark = pytest.mark.usefixtures("app_context")

AWAY = "421 4.3.2 Not before noon"
LATER = "451 4.7.1 Greylisted"


def enqueue(kind: str = "tests.news", priority: Priority = Priority.NORMAL) -> int:
    outbox = current_outbox()
    if kind not in outbox.email_types:
        outbox.register(EmailType(kind, lambda *_: Email("News", "None."), priority=priority))
    with transaction() as writing:
        return outbox.enqueue(writing, kind, "susan@example.com")


def change(**values: Any) -> None:
    with transaction() as writing:
        writing.execute(update(OutboxMessage).values(**values))


def stuck(**options: Any) -> bool:
    return is_stuck(db.session, now=options.pop("now", time.time()), **options)


def test_mail_that_nobody_tries_is_stuck_after_a_while() -> None:
    enqueue()
    now = time.time()
    assert not stuck(now=now + STUCK_SECONDS - 1)
    assert stuck(now=now + STUCK_SECONDS + 1)
    assert not stuck(now=now + STUCK_SECONDS + 1, seconds=900)
    assert stuck(now=now + 901, seconds=900)


def test_mail_that_is_tried_again_and_again_is_stuck_all_the_time(
    deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    """Each attempt makes it due anew; the wait is counted from the beginning."""
    smtp.script["mail"] = AWAY
    enqueue()
    deliver()
    assert not stuck()
    change(created_at=time.time() - 1000)
    assert stuck(seconds=900)
    change(due_at=time.time() + 60, attempts=2, failures=1)
    assert stuck(seconds=900), "an attempt has begun"
    assert overview(db.session, now=time.time()).trouble is not None
    change(waits_for="example.com")
    assert not stuck(seconds=900), "it waits for a rate limit"


def test_mail_whose_receiver_wants_it_later_is_not_stuck(
    deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    smtp.script["rcpt"] = LATER
    enqueue()
    deliver()
    change(created_at=time.time() - 1000)
    assert not stuck(seconds=900)


def test_mail_that_leaves_shows_that_nothing_is_stuck(
    deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    enqueue("tests.report")
    deliver()
    enqueue()
    with transaction() as writing:
        late = OutboxMessage.kind == "tests.news"
        then = time.time() - 100
        writing.execute(update(OutboxMessage).where(late).values(created_at=then, due_at=then))
    assert not stuck()
    assert stuck(apart_from="tests.report")
    assert not stuck(apart_from="tests.news")


def test_an_overview_has_what_waits_what_left_and_what_is_wrong(
    deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    empty = overview(db.session, now=time.time())
    assert empty.waiting == {"high": (0, 0.0), "normal": (0, 0.0), "low": (0, 0.0)}
    assert (empty.last_sent_at, empty.ended, empty.trouble) == (None, {}, None)
    enqueue()
    deliver()
    smtp.script["mail"] = AWAY
    enqueue("tests.urgent", Priority.HIGH)
    deliver()
    now = time.time() + 3 * HOUR
    found = overview(db.session, now=now)
    count, seconds = found.waiting["high"]
    assert (count, round(seconds / HOUR)) == (1, 3)
    assert found.last_sent_at is not None
    assert round((now - found.last_sent_at) / HOUR) == 3
    assert found.ended == {Status.SENT: 1}
    assert found.trouble is not None
    assert "Not before noon" in found.trouble.answer
    assert overview(db.session, now=now + 48 * HOUR).ended == {}
