"""Registering with a Celery, sending tasks, and delivering in a process: no broker is needed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from celery import Celery
from flask import Flask
from flask.ctx import AppContext

from flask_outbox import Email, EmailType, FlaskOutbox, current_outbox, send_email
from flask_outbox.application import make_dispatcher
from flask_outbox.celery import (
    DELIVER,
    DELIVER_HIGH,
    CeleryWakeup,
    Deliveries,
    make_celery,
    register,
)
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, HIGH_ONLY
from flask_outbox.outbox.models import Status
from tests.application import make_app, transaction
from tests.connections import no_connection_from_here
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows
from tests.ports import HOST, free_port
from tests.smtp_server import STALL, ScriptedServer
from tests.waiting import eventually

QUEUES = {DELIVER_HIGH: "outbox-high", DELIVER: "outbox"}


def post(count: int) -> None:
    for number in range(count):
        send_email(f"{number}", None, ["susan@example.com"], "Hello.\n")


@contextmanager
def delivering(
    app: Flask,
    priorities: range = ALL_PRIORITIES,
    *,
    connections: int = 1,
    send_task: Callable[[range], None] = lambda _priorities: None,
) -> Iterator[Deliveries]:
    made = Deliveries(
        make_dispatcher(app), priorities, connections=connections, send_task=send_task
    )
    with closing(made):
        yield made


def sent_over(celery: Celery, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tasks that this Celery is asked to send, in place of a broker."""
    sent: list[str] = []
    monkeypatch.setattr(celery, "send_task", lambda name, **_options: sent.append(name))
    return sent


@ON_SQLITE
def test_two_ordinary_tasks_are_added(app: Flask) -> None:
    celery = Celery("shop", broker="memory://", set_as_current=False)
    register(app, celery, prefix="shop.")
    tasks = {name: task for name, task in celery.tasks.items() if "flask_outbox" in name}
    assert set(tasks) == {"flask_outbox.deliver_high", "flask_outbox.deliver"}
    assert all(task.acks_late and task.ignore_result for task in tasks.values())
    assert celery.conf.task_queues is None, "the application's own queues are left alone"
    others = Celery("others", broker="memory://", set_as_current=False)
    assert DELIVER not in others.tasks


@ON_SQLITE
def test_a_task_can_be_called(app: Flask, app_context: AppContext, smtp: ScriptedServer) -> None:
    celery = Celery("shop", broker="memory://", set_as_current=False)
    register(app, celery)
    post(2)
    assert celery.tasks[DELIVER_HIGH]() == 0
    assert celery.tasks[DELIVER]() == 2
    assert celery.tasks[DELIVER]() == 0, "a task that comes twice finds nothing"
    assert len(smtp.received) == 2


@ON_SQLITE
def test_the_last_application_that_registers_is_delivered_for(
    app: Flask, app_context: AppContext, database_url: str, smtp: ScriptedServer
) -> None:
    celery = Celery("shop", broker="memory://", set_as_current=False)
    earlier = make_app(database_url, MAIL_SUPPRESS_SEND=True)
    register(earlier, celery)
    register(app, celery)
    post(1)
    assert celery.tasks[DELIVER]() == 1
    assert len(smtp.received) == 1


def test_an_extension_without_an_application_is_refused() -> None:
    celery = Celery("shop", broker="memory://", set_as_current=False)
    with pytest.raises(RuntimeError, match="made without an application"):
        register(FlaskOutbox(), celery)
    with pytest.raises(RuntimeError, match="has no outbox"):
        register(Flask("shop"), celery)


@ON_SQLITE
def test_an_application_without_celery_gets_one(app: Flask) -> None:
    app.config["CELERY_BROKER_URL"] = "memory://"
    celery = make_celery(app, prefix="shop.")
    assert DELIVER in celery.tasks
    assert celery.conf.broker_url == "memory://"


@ON_SQLITE
def test_the_web_process_sends_tasks_and_never_connects_itself(
    app: Flask, app_context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    celery = Celery("shop", broker="memory://", set_as_current=False)
    sent = sent_over(celery, monkeypatch)
    register(app, celery)
    with no_connection_from_here():
        post(1)
    assert eventually(lambda: sorted(sent) == [DELIVER, DELIVER_HIGH])


def test_many_wake_ups_become_few_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    celery = Celery("shop", broker="memory://", set_as_current=False)
    sent = sent_over(celery, monkeypatch)
    wakeup = CeleryWakeup(celery, QUEUES)
    wakeup.wake(range(1000))
    wakeup.flush()
    assert (sent.count(DELIVER_HIGH), sent.count(DELIVER)) == (1, 10)
    sent.clear()
    wakeup.wake([])
    wakeup.flush()
    assert (sent.count(DELIVER_HIGH), sent.count(DELIVER)) == (1, 10), "nobody knows how many"


def test_a_broker_that_is_down_is_logged_once_and_costs_no_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = f"amqp://guest:secret@{HOST}:{free_port()}//"
    celery = Celery("shop", broker=nowhere, set_as_current=False)
    wakeup = CeleryWakeup(celery, QUEUES)
    with caplog.at_level(logging.INFO, logger="flask_outbox.celery"), no_connection_from_here():
        for _ in range(3):
            wakeup.wake([1])
            wakeup.flush(10)
    assert [one.levelname for one in caplog.records] == ["ERROR"]
    assert "secret" not in caplog.text


def test_nothing_is_sent_where_tasks_are_eager(monkeypatch: pytest.MonkeyPatch) -> None:
    celery = Celery("shop", broker="memory://", set_as_current=False)
    celery.conf.task_always_eager = True
    sent = sent_over(celery, monkeypatch)
    wakeup = CeleryWakeup(celery, QUEUES)
    wakeup.wake([1])
    wakeup.flush()
    assert not sent


def test_eight_tasks_at_once_deliver_each_row_once(
    app: Flask, app_context: AppContext, smtp: ScriptedServer
) -> None:
    post(40)
    counts: list[int] = []
    with delivering(app, connections=8) as deliveries:
        threads = [
            threading.Thread(target=lambda: counts.append(deliveries.deliver(ALL_PRIORITIES)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sum(counts) == 40
    assert sorted(int(one.message["Subject"]) for one in smtp.received) == list(range(40))
    assert {(row.status, row.attempts) for row in rows(app)} == {(Status.SENT, 1)}


@ON_SQLITE
def test_a_row_that_no_task_came_for_is_found(
    app: Flask, app_context: AppContext, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_outbox.celery.LOOK_SECONDS", 0.05)
    with delivering(app):
        for number in range(1, 3):
            post(1)
            smtp.wait_for(number)


@ON_SQLITE
def test_an_old_worker_leaves_a_new_type_to_newer_code(
    app: Flask, app_context: AppContext, smtp: ScriptedServer
) -> None:
    outbox = current_outbox()
    new = EmailType("shop.new", lambda _session, _context: Email("Hello", "text"))
    outbox.register(new)
    with transaction() as session:
        for _ in range(3):
            outbox.enqueue(session, new, "susan@example.com")
    del outbox.email_types["shop.new"]
    with delivering(app) as old:
        assert [old.deliver(ALL_PRIORITIES) for _ in range(2)] == [1, 0]
    assert [(row.attempts, row.failures) for row in rows(app)] == [(1, 0), (0, 0), (0, 0)]
    outbox.register(new)
    with delivering(app) as renewed:
        assert renewed.deliver(ALL_PRIORITIES) == 3
    assert len(smtp.received) == 3


@ON_SQLITE
def test_what_is_found_is_only_what_the_worker_is_for(
    app: Flask, app_context: AppContext, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_outbox.celery.LOOK_SECONDS", 0.02)
    post(1)
    with delivering(app, HIGH_ONLY):
        time.sleep(0.3)
    assert not smtp.received


@ON_SQLITE
def test_no_more_connections_are_used_than_there_are(
    app: Flask, app_context: AppContext, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_outbox.celery.LOOK_SECONDS", 0.02)
    smtp.script = {"data": STALL}
    post(3)
    with delivering(app, connections=2):
        assert eventually(lambda: "DATA" in smtp.commands)
        with delivering(app, connections=1) as others:
            thread = threading.Thread(target=others.deliver, args=[ALL_PRIORITIES])
            thread.start()
            assert eventually(lambda: smtp.commands.count("DATA") == 2)
            time.sleep(0.2)
            assert smtp.connections == 2
            smtp.close()
            thread.join()


@ON_SQLITE
def test_another_task_is_sent_when_there_is_more_to_do_and_a_connection_free(
    app: Flask, app_context: AppContext, smtp: ScriptedServer
) -> None:
    sent: list[range] = []
    post(4)
    with delivering(app, connections=2, send_task=sent.append) as deliveries:
        assert deliveries.deliver(ALL_PRIORITIES) == 4
        assert set(sent) == {ALL_PRIORITIES}
        sent.clear()
        post(1)
        assert deliveries.deliver(ALL_PRIORITIES) == 1
        assert not sent, "one message is no reason"
    post(4)
    with delivering(app, connections=1, send_task=sent.append) as deliveries:
        assert deliveries.deliver(ALL_PRIORITIES) == 4
        assert not sent, "no connection is free"


@ON_SQLITE
def test_a_task_ends_in_time_and_sends_another(
    app: Flask, app_context: AppContext, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_outbox.celery.DRAIN_SECONDS", 0.0)
    sent: list[range] = []
    post(2)
    monkeypatch.setattr(smtp, "delay", 0.05)
    with delivering(app, send_task=sent.append) as deliveries:
        assert deliveries.deliver(ALL_PRIORITIES) == 0
        monkeypatch.setattr("flask_outbox.celery.DRAIN_SECONDS", 0.02)
        assert deliveries.deliver(ALL_PRIORITIES) == 1
        assert sent == [ALL_PRIORITIES]


@ON_SQLITE
def test_a_server_in_trouble_is_given_a_pause(
    app: Flask, app_context: AppContext, smtp: ScriptedServer
) -> None:
    smtp.script["connect"] = "421 4.3.2 closing"
    post(2)
    with delivering(app) as deliveries:
        assert deliveries.deliver(ALL_PRIORITIES) == 1
        connections = smtp.connections
        assert deliveries.deliver(ALL_PRIORITIES) == 0
        assert smtp.connections == connections


@ON_SQLITE
def test_an_idle_connection_is_closed(
    app: Flask, app_context: AppContext, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_outbox.celery.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("flask_outbox.smtp.transport.CLOSE_AFTER_SECONDS", 0.0)
    post(1)
    with delivering(app, connections=3):
        smtp.wait_for(1)
        smtp.wait_until_hung_up()


@ON_SQLITE
def test_a_look_that_fails_does_not_end_the_looks(
    app: Flask, app_context: AppContext, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flask_outbox.celery.LOOK_SECONDS", 0.02)
    failures = iter([ValueError("unexpected")])

    def fail_once(self: Any) -> bool:
        for error in failures:
            raise error
        return False

    monkeypatch.setattr("flask_outbox.celery.Dispatcher.refresh_rate_limited", fail_once)
    post(1)
    with delivering(app):
        smtp.wait_for(1)
    assert next(failures, None) is None
