"""The behaviour of brokers that workers rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.entity import Exchange, Queue

from flask_outbox import send_email
from flask_outbox.celery.wakeup import Publisher, make_celery, queue_names
from flask_outbox.outbox.email_types import Priority
from tests.brokers import Broker
from tests.smtp_server import STALL, ScriptedServer
from tests.waiting import eventually
from tests.worker.running import ON_POSTGRESQL, ON_RABBITMQ, working

Make = Callable[..., Any]

DIGESTS = 4


@ON_POSTGRESQL
@pytest.mark.parametrize("broker", ["rabbitmq", "redis"], indirect=True)
def test_a_worker_acknowledges_one_task_a_connection_once_it_is_settled(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    smtp.script = {"data": STALL}
    _prompt, rest = queue_names(broker.prefix)
    with publishing(broker) as publisher:
        with working(environment, tmp_path, "--concurrency", "1") as worker:
            with app.app_context():
                for _ in range(DIGESTS):
                    send_email("Digest", None, ["susan@example.com"], "News.\n")
            assert eventually(lambda: "DATA" in smtp.commands)
            assert eventually(lambda: publisher.length(rest) == DIGESTS - 1), "prefetch is 1"
            worker.kill()
            worker.wait()
        if "amqp" in broker.url:
            assert eventually(lambda: publisher.length(rest) == DIGESTS), "acks come late"
        else:
            # It is not requeued within the hour, but it is not lost.
            assert publisher.length(rest) == DIGESTS - 1
            assert unacknowledged_in_redis(broker) == 1


@ON_POSTGRESQL
@ON_RABBITMQ
def test_the_queues_outlive_one_of_several_servers(database_url: str, broker: Broker) -> None:
    with publishing(broker) as publisher:
        publisher.send([(1, Priority.HIGH), (2, Priority.NORMAL)])
    for name in queue_names(broker.prefix):
        with Connection(broker.url) as connection:
            classic = Queue(name, Exchange(name), routing_key=name, channel=connection.channel())
            with pytest.raises(connection.channel_errors, match=r"x-queue-type.*'quorum'"):
                classic.declare()


@contextmanager
def publishing(broker: Broker) -> Iterator[Publisher]:
    publisher = Publisher(make_celery(broker.url, broker.prefix))
    try:
        yield publisher
    finally:
        publisher.close()


def unacknowledged_in_redis(broker: Broker) -> int:
    with Connection(broker.url) as connection:
        return int(connection.default_channel.client.hlen(f"{broker.prefix}:unacked"))
