"""`microblog worker` on PostgreSQL, woken over RabbitMQ and over Redis."""

from __future__ import annotations

import json
import logging
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from kombu.connection import Connection

from flask_outbox import current_outbox, send_email
from flask_outbox.celery.sweeper import LOST_SECONDS, Sweeper
from flask_outbox.celery.wakeup import CeleryWakeup, Publisher, make_celery, queue_names
from flask_outbox.outbox.models import Status
from microblog.cli import main
from microblog.cli.ports import choose_free
from microblog.cli.smoke_test import Browser
from tests.brokers import Broker
from tests.cli.running import HOST, running
from tests.connections import no_connection_from_here
from tests.constants import SECRET
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, make_user, words
from tests.waiting import eventually
from tests.worker.running import (
    ON_POSTGRESQL,
    ON_RABBITMQ,
    arrives_by_wakeup,
    make_deliverer,
    working,
)

Make = Callable[..., Any]


def row(app: Flask) -> Any:
    (found,) = rows(app)
    return found


@ON_POSTGRESQL
@ON_RABBITMQ
def test_a_reset_asked_for_over_http_is_delivered_by_a_worker(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    make_user(app, "susan")
    port = choose_free(HOST)
    address = f"http://{HOST}:{port}"
    environment["PUBLIC_URL"] = address
    with (
        working(environment, tmp_path) as worker,
        running(["run", "--port", str(port)], environment, tmp_path, port) as site,
    ):
        browser = Browser(address)
        browser.open("/reset_password_request")
        assert "Check your email" in browser.submit(email="susan@example.com")
        (received,) = smtp.wait_for(1)
        assert f"{address}/reset_password/" in received.text()
        assert eventually(lambda: row(app).status == Status.SENT)
        assert eventually(lambda: arrives_by_wakeup(app, smtp))
        assert not site.child("process dispatcher")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=10) == 0


@ON_POSTGRESQL
@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_a_reset_is_delivered_over_redis_too(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    make_user(app, "susan")
    with working(environment, tmp_path) as worker:
        Visitor(app).ask_for_reset("susan@example.com")
        smtp.wait_for(1)
        assert eventually(lambda: row(app).status == Status.SENT)
        assert eventually(lambda: arrives_by_wakeup(app, smtp))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=10) == 0


@ON_POSTGRESQL
def test_the_broker_gets_the_id_of_the_row_and_nothing_else(broker: Broker, make_app: Make) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    make_user(app, "susan")
    Visitor(app).ask_for_reset("susan@example.com")
    with app.app_context():
        send_email("Secret", None, ["bob@example.com"], "A secret text.\n")
        wakeup = current_outbox().wakeup
    assert isinstance(wakeup, CeleryWakeup)
    wakeup.flush(5)
    numbers = [one.id for one in rows(app)]
    for number, name in zip(numbers, queue_names(broker.prefix), strict=True):
        body, everything = stored_by(broker, name)
        arguments, named, _ = json.loads(body)
        assert (arguments, named) == ([number], {})
        assert "example.com" not in everything
        assert "Secret" not in everything
        assert "secret text" not in everything


def stored_by(broker: Broker, name: str) -> tuple[str, str]:
    """The body of the only task in this queue, and everything that the broker stores of it."""
    with Connection(broker.url) as connection:
        connection.transport_options["global_keyprefix"] = f"{broker.prefix}:"
        channel = connection.channel()
        found = channel.basic_get(name, no_ack=True)
        assert found is not None
        body = found.body.decode() if isinstance(found.body, bytes) else str(found.body)
        return body, f"{body} {found.headers} {found.properties}"


@ON_POSTGRESQL
@ON_RABBITMQ
def test_a_page_does_not_notice_that_the_broker_is_down_and_the_sweep_delivers(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nowhere = f"amqp://guest:guest@{HOST}:{choose_free(HOST)}//"
    changes = {"CELERY_BROKER_URL": nowhere, "CELERY_QUEUE_PREFIX": broker.prefix}
    app = make_app(PUBLIC_URL="http://localhost", **changes)
    make_user(app, "susan")
    visitor = Visitor(app)
    with caplog.at_level(logging.INFO, logger="flask_outbox.celery.wakeup"):
        for _ in range(3):
            with no_connection_from_here():
                page = visitor.ask_for_reset("susan@example.com")
            assert "Check your email for the instructions" in words(page)
        with app.app_context():
            wakeup = current_outbox().wakeup
        assert isinstance(wakeup, CeleryWakeup)
        wakeup.flush(10)
    assert [one.levelname for one in caplog.records] == ["ERROR"]
    assert {one.status for one in rows(app)} == {Status.QUEUED}
    with working(environment, tmp_path):
        smtp.wait_for(3)
        assert eventually(lambda: {one.status for one in rows(app)} == {Status.SENT})


@ON_POSTGRESQL
@ON_RABBITMQ
def test_eight_workers_with_the_same_tasks_deliver_each_row_once(
    broker: Broker, make_app: Make, smtp: ScriptedServer
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    with app.app_context():
        numbers = [
            send_email(f"{number}", None, ["susan@example.com"], "Hello.\n") for number in range(40)
        ]
    deliverer = make_deliverer(app)
    start = threading.Barrier(8)
    delivered: list[int] = []

    def work() -> None:
        start.wait()
        delivered.extend(number for number in numbers if deliverer.deliver(number))

    with deliverer:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(delivered) == numbers
    assert sorted(int(one.message["Subject"]) for one in smtp.received) == list(range(40))
    assert {(one.status, one.attempts) for one in rows(app)} == {(Status.SENT, 1)}


@ON_POSTGRESQL
def test_the_sweep_wakes_workers_for_overdue_rows_within_the_back_off(
    broker: Broker, make_app: Make, smtp: ScriptedServer
) -> None:
    app = make_app(PUBLIC_URL="http://localhost")
    make_user(app, "susan")
    with app.app_context():
        send_email("Hello", None, ["susan@example.com"], "Hello.\n")
        Visitor(app).ask_for_reset("susan@example.com")
    deliverer = make_deliverer(app)
    celery = make_celery(broker.url, broker.prefix)
    sweeper = Sweeper(celery, deliverer)
    prompt, rest = queue_names(broker.prefix)
    publisher = Publisher(celery)
    assert sweeper.sweep() == 0, "a young row is left to its own wake-up"
    later = time.time() + 5
    deliverer.outbox.clock = lambda: later
    assert sweeper.sweep() == 2
    assert eventually(lambda: publisher.length(prompt) == publisher.length(rest) == 1)
    assert sweeper.sweep() == 0, "their tasks are in the queues now"
    smtp.script["connect"] = "421 4.3.2 closing"
    with deliverer:
        assert deliverer.deliver(row_of(app, 0))
        connections = smtp.connections
        assert not deliverer.deliver(row_of(app, 1)), "the server is given a pause"
        assert sweeper.sweep() == 0
    assert smtp.connections == connections
    publisher.close()
    sweeper.close()


def row_of(app: Flask, which: int) -> int:
    return int(rows(app)[which].id)


@ON_SQLITE
@pytest.mark.parametrize("address", ["http://broker/", "amqp", "amqp://", "sqla+sqlite:///x"])
def test_other_brokers_are_refused(address: str, make_settings: Make) -> None:
    with pytest.raises(ValueError, match="is no address of a broker"):
        make_settings(CELERY_BROKER_URL=address)


@ON_SQLITE
def test_without_celery_the_extra_is_named(
    make_settings: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("microblog.settings.values.find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"microblog\[distributed\]"):
        make_settings(CELERY_BROKER_URL="amqp://localhost//")


@ON_SQLITE
@pytest.mark.parametrize(
    ("url", "said"),
    [("", "Several machines need PostgreSQL"), ("amqp://localhost//", "names an SQLite file")],
)
def test_a_worker_that_cannot_work_says_why(
    url: str,
    said: str,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment = {
        "SECRET_KEY": SECRET,
        "PUBLIC_URL": "http://blog.example.com",
        "DATABASE_URL": database_url,
        "CELERY_BROKER_URL": url,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["microblog", "worker"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in {1, 2}
    assert said in capsys.readouterr().err


@ON_POSTGRESQL
@ON_RABBITMQ
def test_an_idle_worker_delivers_rows_whose_wake_up_was_lost(
    broker: Broker, make_app: Make, smtp: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    with app.app_context():
        send_email("Hello", None, ["susan@example.com"], "Hello.\n")
    deliverer = make_deliverer(app)
    sweeper = Sweeper(make_celery(broker.url, broker.prefix), deliverer)
    with deliverer:
        sweeper.start()
        (received,) = smtp.wait_for(1)
        sweeper.stop()
    assert row(app).status == Status.SENT
    assert received.at - row(app).created_at > LOST_SECONDS
    (said,) = [one for one in caplog.messages if "The broker delivers no tasks" in one]
    assert f"{broker.prefix}.prompt, {broker.prefix}.rest" in said


@ON_POSTGRESQL
def test_the_differences_of_redis_are_logged_at_the_start(
    environment: dict[str, str], broker: Broker, tmp_path: Path
) -> None:
    with working(environment, tmp_path):
        (log,) = tmp_path.glob("worker-*.txt")
        assert ("The broker is Redis" in log.read_text()) == ("redis" in broker.url)
