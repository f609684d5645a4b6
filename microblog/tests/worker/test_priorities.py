"""Urgent mail does not wait for other mail, in the worker as in the dispatcher."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from flask_outbox import current_outbox, send_email
from flask_outbox.celery.sweeper import SWEEP_AT_MOST, Sweeper
from flask_outbox.celery.wakeup import Publisher, make_celery, queue_names
from flask_outbox.outbox.email_types import Priority
from microblog.database import transaction
from tests.brokers import Broker
from tests.outbox_rows import rows
from tests.smtp_server import STALL, ScriptedServer
from tests.visitor import Visitor, make_user
from tests.waiting import eventually
from tests.worker.running import ON_POSTGRESQL, ON_RABBITMQ, make_deliverer, working

Make = Callable[..., Any]

DIGESTS = "reader@example.com"
STALLED = f"RCPT TO:<{DIGESTS}>"
CONNECTIONS = 2


@ON_POSTGRESQL
def test_a_connection_is_reserved_for_urgent_mail(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    for name in ("susan", "alice", "bob"):
        make_user(app, name)
    smtp.script = {f"rcpt:{DIGESTS}": STALL}
    enqueue_digests(app, 3 * CONNECTIONS)
    with working(environment, tmp_path, "--concurrency", str(CONNECTIONS)):
        assert eventually(lambda: smtp.commands.count(STALLED) == CONNECTIONS)
        for number, name in enumerate(("susan", "alice", "bob"), start=1):
            asked_at = time.time()
            Visitor(app).ask_for_reset(f"{name}@example.com")
            received = smtp.wait_for(number)[-1]
            assert received.at - asked_at < 1.0
        assert smtp.commands.count(STALLED) == CONNECTIONS, "the free one was taken"
        smtp.close()


@ON_POSTGRESQL
def test_urgent_mail_alone_uses_every_connection(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    names = [f"user{number}" for number in range(CONNECTIONS + 1)]
    for name in names:
        make_user(app, name)
    with working(environment, tmp_path, "--concurrency", str(CONNECTIONS)):
        smtp.script = {"data": STALL}
        for name in names:
            Visitor(app).ask_for_reset(f"{name}@example.com")
        assert eventually(
            lambda: smtp.commands.count("DATA") == len(names),
        )
        smtp.close()


@ON_POSTGRESQL
@ON_RABBITMQ
def test_wake_ups_beyond_the_connections_are_left_for_the_sweep(
    broker: Broker, make_app: Make, smtp: ScriptedServer
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    smtp.script = {f"rcpt:{DIGESTS}": STALL}
    first, second = enqueue_digests(app, 2)
    with app.app_context():
        urgent = send_email("Hello", None, ["susan@example.com"], "Hello.\n")
    deliverer = make_deliverer(app, connections=1)
    with deliverer:
        thread = threading.Thread(target=deliverer.deliver, args=[first], kwargs={"limited": True})
        thread.start()
        assert eventually(lambda: STALLED in smtp.commands)
        assert not deliverer.deliver(second, limited=True)
        assert deliverer.deliver(urgent)
        smtp.close()
        thread.join()
    assert [row.attempts for row in rows(app)] == [1, 0, 1]


@ON_POSTGRESQL
def test_the_sweep_finds_urgent_rows_behind_a_long_queue(broker: Broker, make_app: Make) -> None:
    app = make_app(PUBLIC_URL="http://localhost")
    make_user(app, "susan")
    celery = make_celery(broker.url, broker.prefix)
    prompt, rest = queue_names(broker.prefix)
    publisher = Publisher(celery)
    publisher.send([(number, Priority.NORMAL) for number in range(SWEEP_AT_MOST)])
    assert eventually(lambda: publisher.length(rest) == SWEEP_AT_MOST)
    Visitor(app).ask_for_reset("susan@example.com")
    enqueue_digests(app, 3)
    deliverer = make_deliverer(app)
    later = time.time() + 5
    deliverer.outbox.clock = lambda: later
    sweeper = Sweeper(celery, deliverer)
    assert sweeper.sweep() == 1
    assert eventually(lambda: publisher.length(prompt) == 1)
    assert publisher.length(rest) == SWEEP_AT_MOST
    publisher.close()
    sweeper.close()


def enqueue_digests(app: Flask, count: int) -> list[int]:
    """Enqueue digests, which are not urgent; return their ids."""
    with app.app_context(), transaction() as writing:
        return [
            current_outbox().send_email("Digest", None, [DIGESTS], "News.\n", session=writing)
            for _ in range(count)
        ]
