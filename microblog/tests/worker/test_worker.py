"""`microblog worker` on PostgreSQL, woken over RabbitMQ and over Redis."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_outbox import current_outbox
from flask_outbox.celery import CeleryWakeup
from flask_outbox.outbox.models import Status
from microblog.cli import main
from microblog.cli.ports import choose_free
from microblog.cli.smoke_test import Browser
from tests.brokers import Broker
from tests.cli.running import HOST, command_line, descendants, is_alive, running
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
        assert worker.wait(timeout=60) == 0


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
        assert worker.wait(timeout=60) == 0


@ON_POSTGRESQL
@ON_RABBITMQ
def test_a_page_does_not_notice_that_the_broker_is_down_and_workers_deliver(
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
    with caplog.at_level(logging.INFO, logger="flask_outbox.celery"):
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
def test_the_death_of_one_worker_ends_the_other(
    environment: dict[str, str], broker: Broker, tmp_path: Path
) -> None:
    with working(environment, tmp_path) as worker:
        workers = descendants(worker.pid)
        (high,) = [pid for pid in workers if "outbox-high" in command_line(pid)]
        os.kill(high, signal.SIGKILL)
        assert worker.wait(timeout=20) != 0
        assert not [pid for pid in workers if is_alive(pid)]
        (log,) = tmp_path.glob("worker-*.txt")
        assert "The worker for urgent mail ended by itself" in log.read_text()


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
    monkeypatch.setattr("sys.argv", ["microblog", "process", "prepare-worker"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in {1, 2}
    assert said in capsys.readouterr().err
