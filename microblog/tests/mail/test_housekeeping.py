"""Periodic tasks: old messages are reduced, and the application's own tasks run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask, has_app_context
from flask.ctx import AppContext
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from flask_outbox import current_outbox, send_email
from flask_outbox.application import make_dispatcher
from flask_outbox.delivery.housekeeping import EVERY_SECONDS, Housekeeping
from flask_outbox.operations import backlog, messages
from flask_outbox.operations.messages import Search
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.outbox.outbox import PeriodicTask
from flask_outbox.outbox.wakeup import listener_of
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.waiting import eventually

NOW = 1_800_000_000.0


def test_an_old_message_keeps_no_address_and_no_words(app: Flask, app_context: AppContext) -> None:
    write(settled_at=NOW - 31 * DAY)
    prune()
    (row,) = rows(app)
    assert row.reduced
    assert "susan" not in str([row.recipient, row.recipient_key, row.arguments, row.history])
    assert (row.answer, row.message_id, row.status) == (None, "", Status.SENT)


def test_a_reduced_message_is_counted_and_found_by_its_whole_address(
    app: Flask, app_context: AppContext
) -> None:
    write(settled_at=NOW - 31 * DAY)
    prune()
    with current_outbox().sessions() as session:
        assert backlog.statistics(session, now=NOW).by_status == {"sent": 1}
        assert len(messages.search(session, Search(address="Susan@Example.com"))) == 1
        assert messages.search(session, Search(address="susan")) == []


def test_recent_and_waiting_messages_are_not_reduced(app: Flask, app_context: AppContext) -> None:
    write(settled_at=NOW - 29 * DAY)
    write(settled_at=None, status=Status.DEFERRED)
    prune()
    old = [row for row in rows(app) if row.kind == "tests.old"]  # the site reports what waits
    assert [row.reduced for row in old] == [False, False]


def test_a_year_later_the_row_is_removed(app: Flask, app_context: AppContext) -> None:
    write(settled_at=NOW - 31 * DAY)
    prune()
    prune(now=NOW + 300 * DAY)
    assert len(rows(app)) == 1
    prune(now=NOW + 366 * DAY)
    assert rows(app) == []


def test_a_reduced_message_is_not_sent_again(app: Flask, app_context: AppContext) -> None:
    write(settled_at=NOW - 31 * DAY, status=Status.DEAD)
    prune()
    refused = pytest.raises(messages.NotPossibleError, match="too old")
    with current_outbox().sessions() as session, refused:
        messages.retry(session, rows(app)[0].id, now=NOW)


def write(*, settled_at: float | None, status: Status = Status.SENT) -> None:
    with current_outbox().sessions() as session:
        message = OutboxMessage(
            kind="tests.old",
            lane=1,
            recipient="Susan@example.com",
            recipient_key="susan@example.com",
            locale="en",
            arguments={"name": "susan"},
            message_id="<1@example.com>",
            created_at=NOW - 40 * DAY,
            due_at=NOW - 40 * DAY,
            status=status,
            settled_at=settled_at,
            answer="susan has it",
            history=[{"answer": "susan has it"}],
        )
        session.add(message)
        session.commit()


def prune(*, now: float = NOW) -> None:
    made = current_outbox()
    made.clock = lambda: now
    Housekeeping(made, retention=30 * DAY).run_due()


# Periodic tasks of the application


def test_a_periodic_task_runs_once_an_hour(
    app_context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[float] = []
    current_outbox().clock = lambda: NOW
    current_outbox().register_periodic_task("tests.note", recording(done))
    made = Housekeeping(current_outbox(), retention=30 * DAY)
    for _ in range(3):
        made.run_due()
    assert done == [NOW]
    in_an_hour = time.monotonic() + EVERY_SECONDS
    monkeypatch.setattr("flask_outbox.delivery.housekeeping.time.monotonic", lambda: in_an_hour)
    made.run_due()
    assert done == [NOW, NOW]


def test_a_periodic_task_may_run_more_often(
    app_context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[float] = []
    often = timedelta(minutes=5)
    current_outbox().register_periodic_task("tests.often", recording(done), every=often)
    made = Housekeeping(current_outbox(), retention=30 * DAY)
    begun = time.monotonic()
    for minutes in (0, 4, 6, 9, 12):
        later = begun + 60 * minutes
        monkeypatch.setattr(
            "flask_outbox.delivery.housekeeping.time.monotonic", lambda now=later: now
        )
        made.run_due()
    assert len(done) == 3


def test_a_periodic_task_with_more_to_do_continues_soon(
    app: Flask, app_context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_outbox.delivery.housekeeping.CHECK_SECONDS", 0.01)
    done: list[float] = []
    current_outbox().register_periodic_task("tests.long", recording(done, batches=3))
    context = app.app_context
    with Housekeeping(current_outbox(), retention=30 * DAY, context=context) as made:
        assert eventually(lambda: len(done) == 3)
    made.run_due()
    assert len(done) == 3


def test_a_periodic_task_is_committed_and_may_enqueue_mail(
    app: Flask, app_context: AppContext, smtp: ScriptedServer
) -> None:
    def task(session: Session, _now: float) -> bool:
        count = session.scalar(select(func.count()).select_from(OutboxMessage))
        current_outbox().send_email(
            f"{count} messages", None, ["susan@example.com"], "Hello.\n", session=session
        )
        return False

    current_outbox().register_periodic_task("tests.report", task)
    with delivering(app):
        (received,) = smtp.wait_for(1)
    assert received.message["Subject"] == "0 messages"


@pytest.mark.parametrize("error", [IntegrityError("", None, OSError("gone")), KeyError("gone")])
def test_a_failed_periodic_task_writes_nothing_and_stops_no_other(
    app: Flask,
    app_context: AppContext,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def broken(session: Session, _now: float) -> bool:
        current_outbox().send_email(
            "Lost", None, ["susan@example.com"], "Hello.\n", session=session
        )
        raise error

    done: list[float] = []
    current_outbox().register_periodic_task("tests.broken", broken)
    current_outbox().register_periodic_task("tests.note", recording(done))
    made = Housekeeping(current_outbox(), retention=30 * DAY)
    for _ in range(2):
        made.run_due()
    assert (len(done), len(rows(app))) == (1, 0)
    assert [one.levelname for one in caplog.records] == ["ERROR"], "it is tried again in an hour"
    assert "tests.broken" in caplog.text
    assert "gone" in caplog.text


def test_a_lost_database_is_logged_once_for_all_periodic_tasks(
    app_context: AppContext, caplog: pytest.LogCaptureFixture
) -> None:
    def lost(_session: Session, _now: float) -> bool:
        if is_lost:
            raise OperationalError("SELECT 1", None, Exception("it is gone"))
        return False

    caplog.set_level(logging.INFO, "flask_outbox.delivery.housekeeping")
    made = Housekeeping(current_outbox(), retention=30 * DAY)
    made.run_due()
    for number in range(3):
        current_outbox().register_periodic_task(f"tests.lost-{number}", lost, every=timedelta(0))
    is_lost = True
    for _ in range(3):
        made.run_due()
    is_lost = False
    made.run_due()
    assert [one.getMessage() for one in caplog.records] == [
        "Periodic tasks cannot run: it is gone",
        "Periodic tasks can run again.",
    ]


def test_a_periodic_task_may_read_first_and_write_later(
    app: Flask, app_context: AppContext
) -> None:
    write(settled_at=NOW)

    def task(session: Session, _now: float) -> bool:
        message = session.get_one(OutboxMessage, 1)
        time.sleep(0.1)
        message.answer = f"{message.answer} and more"
        return False

    current_outbox().register_periodic_task("tests.slow", task)
    with delivering(app):
        for _ in range(20):
            send_email("Hello", None, ["susan@example.com"], "Hello.\n")
        assert eventually(lambda: rows(app)[0].answer == "susan has it and more")


def test_two_periodic_tasks_of_one_name_are_refused(app_context: AppContext) -> None:
    current_outbox().register_periodic_task("tests.note", recording([]))
    with pytest.raises(ValueError, match="two periodic tasks named"):
        current_outbox().register_periodic_task("tests.note", recording([]))


def recording(done: list[float], *, batches: int = 1) -> PeriodicTask:
    """A periodic task of so many batches that records when it ran."""

    def task(_session: Session, now: float) -> bool:
        assert has_app_context()
        done.append(now)
        return len(done) < batches

    return task


@contextmanager
def delivering(app: Flask) -> Iterator[None]:
    """Run a dispatcher until the end of the block, as its process does."""
    made = make_dispatcher(app)
    with listener_of(made.outbox.wakeup) as listener:
        thread = threading.Thread(target=made.run, args=[listener])
        thread.start()
        try:
            yield
        finally:
            made.stop()
            listener.wake()
            thread.join(10)
            assert not thread.is_alive()
