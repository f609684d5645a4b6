"""An outbox's mail over an application's own Celery, with real brokers and real workers."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flask_outbox.outbox.models import Status
from tests.brokers import Broker, length_of, tasks_in
from tests.celery.workers import NEVER_LOOK, ON_POSTGRESQL, ON_RABBITMQ, Workers
from tests.outbox_rows import rows
from tests.ports import HOST, free_port
from tests.smtp_server import STALL, ScriptedServer
from tests.waiting import eventually
from tests.windows import most_within

pytestmark = [pytest.mark.slow, ON_POSTGRESQL]

READER = "reader@example.com"
STALLED = f"RCPT TO:<{READER}>"


def all_sent(app: Flask) -> bool:
    return {row.status for row in rows(app)} == {Status.SENT}


@pytest.mark.parametrize("pool", ["threads", "prefork", "solo"])
def test_a_task_delivers(
    pool: str, broker: Broker, workers: Workers, app: Flask, smtp: ScriptedServer
) -> None:
    workers.register(broker)
    with workers.both(broker, pool=pool, concurrency=2, look_seconds=NEVER_LOOK):
        workers.post(1)
        smtp.wait_for(1)
        workers.post(1, urgent=True)
        smtp.wait_for(2)
        workers.post(30)
        smtp.wait_for(32)
        assert eventually(lambda: all_sent(app))
    assert {row.attempts for row in rows(app)} == {1}
    assert smtp.connections <= 3


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@ON_RABBITMQ
def test_a_worker_finds_what_no_task_came_for(
    pool: str, broker: Broker, workers: Workers, app: Flask, smtp: ScriptedServer
) -> None:
    workers.post(3)
    with workers.running(broker, "outbox", pool=pool, concurrency=2) as worker:
        smtp.wait_for(3)
        assert eventually(lambda: all_sent(app))
        assert smtp.connections <= 2
        worker.process.terminate()
        assert worker.process.wait(timeout=20) == 0


@ON_RABBITMQ
def test_one_task_is_enough_for_all_connections_and_for_all_that_waits(
    broker: Broker, workers: Workers, app: Flask, smtp: ScriptedServer
) -> None:
    workers.post(400)
    celery = workers.register(broker)
    smtp.delay = 0.1
    with workers.running(broker, "outbox", concurrency=4, look_seconds=NEVER_LOOK) as worker:
        celery.send_task("flask_outbox.deliver", queue=broker.queues[1])
        smtp.wait_for(400)
        assert eventually(lambda: all_sent(app))
        started = worker.log.read_text().count("] received")
        assert eventually(lambda: length_of(broker, broker.queues[1]) == 0)
    assert smtp.connections == 4
    assert started <= 30, "a task that finds nothing free sends no other"


def test_a_task_carries_nothing(broker: Broker, workers: Workers) -> None:
    workers.register(broker)
    workers.post(1, "bob@example.com")
    high, others = broker.queues
    assert eventually(lambda: length_of(broker, high) == length_of(broker, others) == 1)
    for queue, name in ((high, "flask_outbox.deliver_high"), (others, "flask_outbox.deliver")):
        ((task, stored),) = tasks_in(broker, queue)
        assert task == name
        assert "[[], {}, {" in stored
        assert "bob@" not in stored
        assert "Note" not in stored


@ON_RABBITMQ
def test_a_transaction_of_many_messages_sends_few_tasks(broker: Broker, workers: Workers) -> None:
    workers.register(broker)
    workers.post(500)
    assert eventually(lambda: length_of(broker, broker.queues[1]) == 10)
    time.sleep(0.2)
    assert [length_of(broker, queue) for queue in broker.queues] == [1, 10]


@ON_RABBITMQ
def test_a_task_leaves_the_queue_when_its_messages_are_settled(
    broker: Broker, workers: Workers, smtp: ScriptedServer
) -> None:
    workers.register(broker)
    smtp.script = {"data": STALL}
    with workers.running(broker, "outbox", concurrency=1, look_seconds=NEVER_LOOK) as worker:
        workers.post(1)
        assert eventually(lambda: "DATA" in smtp.commands)
        assert length_of(broker, broker.queues[1]) == 0
        worker.process.kill()
        worker.process.wait()
    assert eventually(lambda: length_of(broker, broker.queues[1]) == 1)


def test_a_worker_that_dies_loses_nothing(
    broker: Broker, workers: Workers, app: Flask, smtp: ScriptedServer
) -> None:
    workers.register(broker)
    smtp.delay = 0.25
    with workers.running(broker, "outbox"), workers.running(broker, "outbox") as dying:
        workers.post(60)
        smtp.wait_for(20)
        dying.process.kill()
        dying.process.wait()
        held = {row.message_id: row for row in rows(app) if row.attempts > len(row.history)}
        assert eventually(lambda: all_sent(app))
    counted = Counter(str(one.message["Message-ID"]) for one in smtp.received)
    taken_over = {row.message_id for row in rows(app) if row.attempts > 1}
    assert set(counted) == {row.message_id for row in rows(app)}
    assert taken_over, "nothing was in flight"
    assert taken_over <= set(held)
    assert {name for name, count in counted.items() if count > 1} <= taken_over
    assert max(counted.values()) <= 2


@pytest.mark.parametrize(("pool", "most"), [("threads", 4), ("prefork", 260)])
@ON_RABBITMQ
def test_a_worker_that_is_told_to_end_finishes_what_it_has_begun(
    pool: str, most: int, broker: Broker, workers: Workers, app: Flask, smtp: ScriptedServer
) -> None:
    """In threads at once; processes of a pool hear nothing of it, and end their tasks."""
    workers.register(broker)
    smtp.delay = 0.1
    with workers.running(broker, "outbox", pool=pool) as worker:
        workers.post(600)
        smtp.wait_for(20)
        with smtp.pause():
            worker.process.send_signal(signal.SIGTERM)
            assert eventually(lambda: "shutdown (MainProcess)" in worker.log.read_text())
            begun = len(smtp.received)
        assert worker.process.wait(timeout=20) == 0
    assert len(smtp.received) - begun <= most
    found = rows(app)
    assert {row.attempts - len(row.history) for row in found} == {0}, "one was left in flight"
    assert sum(row.status == Status.SENT for row in found) == len(smtp.received)


def test_urgent_mail_does_not_wait_for_other_mail(
    broker: Broker, workers: Workers, smtp: ScriptedServer
) -> None:
    workers.register(broker)
    smtp.script = {f"rcpt:{READER}": STALL}
    workers.post(6, READER)
    with workers.both(broker, concurrency=2):
        assert eventually(lambda: smtp.commands.count(STALLED) == 2)
        for number in range(1, 4):
            posted_at = time.time()
            workers.post(1, urgent=True)
            assert smtp.wait_for(number)[-1].at - posted_at < 1.0
        assert smtp.commands.count(STALLED) == 2, "the free connection was taken"
        smtp.close()


@ON_RABBITMQ
def test_urgent_mail_alone_uses_every_connection(
    broker: Broker, workers: Workers, smtp: ScriptedServer
) -> None:
    workers.register(broker)
    smtp.script = {"data": STALL}
    with workers.both(broker, concurrency=2, look_seconds=NEVER_LOOK):
        for _ in range(3):
            workers.post(1, urgent=True)
        assert eventually(lambda: smtp.commands.count("DATA") == 3)
        smtp.close()


def test_two_workers_share_one_limit(
    broker: Broker, workers: Workers, app: Flask, smtp: ScriptedServer
) -> None:
    workers.register(broker)
    limit: dict[str, Any] = {"MAIL_RATE_LIMIT": "4/second"}
    with (
        workers.running(broker, "outbox", **limit),
        workers.running(broker, "outbox", **limit),
        workers.running(broker, "outbox-high", concurrency=1, **limit),
    ):
        workers.post(16)
        workers.post(1, "bob@example.com", urgent=True)
        received = smtp.wait_for(17)
        assert eventually(lambda: all_sent(app))
    moments = sorted(one.at for one in received)
    assert most_within(1, moments) <= 4
    assert moments[-1] - moments[0] < 10, "the limit is used"
    assert {(row.attempts, row.failures) for row in rows(app)} == {(1, 1)}
    (urgent,) = [one.at for one in received if one.recipients == ["bob@example.com"]]
    assert moments.index(urgent) < 12, "it waited for the others"


def test_a_worker_without_a_broker_delivers_and_ends(
    workers: Workers, app: Flask, smtp: ScriptedServer
) -> None:
    nowhere = Broker.at(f"amqp://guest:guest@{HOST}:{free_port()}//")
    workers.post(3)
    with workers.running(nowhere, "outbox", ready=False) as worker:
        smtp.wait_for(3)
        assert eventually(lambda: all_sent(app))
        worker.process.terminate()
        assert worker.process.wait(timeout=20) == 0


@ON_RABBITMQ
def test_the_applications_own_tasks_stay_where_they_are(
    broker: Broker, workers: Workers, app: Flask, smtp: ScriptedServer, tmp_path: Path
) -> None:
    celery = workers.register(broker)
    done = tmp_path / "done.txt"
    workers.post(1)
    with workers.running(broker, pool="solo") as worker:
        celery.send_task("tests.celery.worker_application.note", [str(done)])
        assert eventually(done.exists)
        time.sleep(2.5)
        worker.process.terminate()
        assert worker.process.wait(timeout=20) == 0
    assert not smtp.received, "a worker of other queues delivered mail"
    assert rows(app)[0].status == Status.QUEUED
