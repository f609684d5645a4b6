"""Brokers and workers that die while mail leaves: nothing is lost, and no page waits."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from benchmarks.forking import CELERY
from benchmarks.killing import SINK_DELAY, WAYS, Campaign
from benchmarks.sink import running_sink
from flask_outbox import current_outbox
from flask_outbox.outbox.models import OutboxMessage, Status
from microblog.cli.ports import choose_free
from microblog.database import transaction
from tests.brokers import Broker, remove_queues
from tests.celery.own_brokers import OwnBroker, OwnRabbitMQ, OwnRedis, has_own
from tests.cli.running import HOST
from tests.connections import no_connection_from_here
from tests.outbox_rows import rows
from tests.services import need
from tests.smtp_server import Received, ScriptedServer
from tests.visitor import Visitor, make_user, words
from tests.waiting import eventually
from tests.worker.conftest import MakeEnvironment
from tests.worker.running import (
    ON_POSTGRESQL,
    ON_RABBITMQ,
    arrives_by_wakeup,
    kill_workers,
    working,
)

Make = Callable[..., Any]

CONNECTIONS = 4


@pytest.fixture(params=["rabbitmq", "redis"])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OwnBroker]:
    need(has_own(request.param), f"a {request.param} server that can be started")
    make: Any = {"rabbitmq": OwnRabbitMQ, "redis": OwnRedis}[request.param]
    with make(tmp_path / "broker") as made:
        yield made


@ON_POSTGRESQL
def test_a_broker_that_dies_costs_no_mail_and_no_page(
    own: OwnBroker,
    make_app: Make,
    make_environment: MakeEnvironment,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    broker = Broker.at(own.url)
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    make_user(app, "susan")
    visitor = Visitor(app)
    smtp.delay = 0.1
    with working(make_environment(broker), tmp_path, "--concurrency", str(CONNECTIONS)) as worker:
        post(app, 60)
        smtp.wait_for(20)
        own.kill()
        for _ in range(3):
            with no_connection_from_here():
                page = visitor.ask_for_reset("susan@example.com")
            assert "Check your email for the instructions" in words(page)
        smtp.wait_for(63)
        own.start()
        post(app, 20)
        smtp.wait_for(83)
        assert eventually(lambda: arrives_by_wakeup(app, smtp), seconds=40)
        assert eventually(lambda: {row.status for row in rows(app)} == {Status.SENT})
        assert worker.poll() is None
    assert copies(smtp.received) == {row.message_id: 1 for row in rows(app)}
    assert {row.attempts for row in rows(app)} == {1}
    (log,) = tmp_path.glob("worker-*.txt")
    said = Counter(re.findall("Cannot connect to|Connected to", log.read_text()))
    # Each of the two workers looked for it more often than that.
    assert said["Cannot connect to"] <= 2
    assert said["Connected to"] == 4


@ON_POSTGRESQL
@ON_RABBITMQ
def test_workers_that_die_lose_nothing(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    smtp.delay = 0.25
    worker = (environment, tmp_path, "--concurrency", str(CONNECTIONS))
    with working(*worker), working(*worker) as dying:
        post(app, 60)
        smtp.wait_for(20)
        kill_workers(dying)
        held = in_flight(rows(app))
        assert eventually(lambda: {one.status for one in rows(app)} == {Status.SENT}, seconds=60)
    sent = {row.message_id: row for row in rows(app)}
    counted = copies(smtp.received)
    assert set(counted) == set(sent)
    twice = {name for name, count in counted.items() if count > 1}
    assert {counted[name] for name in twice} <= {2}
    assert twice <= set(held)
    assert len(twice) <= CONNECTIONS
    taken_over = [row for row in sent.values() if row.attempts > 1]
    assert taken_over, "nothing was in flight"
    assert {row.attempts for row in taken_over} == {2}
    assert twice <= {row.message_id for row in taken_over} <= set(held)
    for row in taken_over:
        same = [one for one in smtp.received if identity(one) == row.message_id]
        assert same[-1].at >= held[row.message_id].due_at, "it was taken from one that may live"
        assert len({one.content for one in same}) == 1


@ON_POSTGRESQL
@ON_RABBITMQ
def test_a_worker_killed_at_each_step_loses_nothing(
    broker: Broker, make_app: Make, make_settings: Make, tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    taken = tmp_path / "taken"
    with running_sink(delay=SINK_DELAY, log=taken) as port:
        site = {"MAIL_PORT": port, "PUBLIC_URL": "http://localhost", **broker.settings}
        campaign = Campaign(
            make_app(**site), make_settings(**site), taken, random.Random(seed), how=CELERY
        )
        outcome = campaign.run(30 * len(WAYS), len(WAYS))
    assert outcome.good, f"{outcome}, with random numbers that begin at {seed}"
    assert outcome.kills == Counter(WAYS)
    assert outcome.copies > 0, "no kill hit a message between its acceptance and its end"


@ON_POSTGRESQL
@ON_RABBITMQ
def test_a_worker_outlives_its_queues(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    with working(environment, tmp_path) as worker:
        assert eventually(lambda: arrives_by_wakeup(app, smtp))
        remove_queues(broker)
        assert eventually(lambda: arrives_by_wakeup(app, smtp), seconds=40)
        assert worker.poll() is None


@ON_POSTGRESQL
def test_workers_that_start_without_a_broker_deliver(
    make_environment: MakeEnvironment,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    nowhere = Broker.at(f"amqp://guest:guest@{HOST}:{choose_free(HOST)}//")
    app = make_app(PUBLIC_URL="http://localhost", **nowhere.settings)
    post(app, 3)
    with working(make_environment(nowhere), tmp_path, ready=False) as worker:
        smtp.wait_for(3)
        assert eventually(lambda: {row.status for row in rows(app)} == {Status.SENT})
        worker.terminate()
        assert worker.wait(timeout=60) == 0


def post(app: Flask, count: int) -> None:
    with app.app_context(), transaction() as writing:
        for number in range(count):
            current_outbox().send_email(
                f"Note {number}", None, ["susan@example.com"], "Hello.\n", session=writing
            )


def in_flight(found: Sequence[OutboxMessage]) -> dict[str, OutboxMessage]:
    """The Message-IDs of rows that are claimed and not settled."""
    return {one.message_id: one for one in found if one.attempts > len(one.history)}


def copies(received: Sequence[Received]) -> Counter[str]:
    return Counter(identity(one) for one in received)


def identity(one: Received) -> str:
    return str(one.message["Message-ID"])
