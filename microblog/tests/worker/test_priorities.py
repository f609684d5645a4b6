"""Urgent mail does not wait for other mail, with workers as with the dispatcher."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from flask_outbox import current_outbox
from microblog.database import transaction
from tests.brokers import Broker
from tests.smtp_server import STALL, ScriptedServer
from tests.visitor import Visitor, make_user
from tests.waiting import eventually
from tests.worker.running import ON_POSTGRESQL, ON_RABBITMQ, working

Make = Callable[..., Any]

DIGESTS = "reader@example.com"
STALLED = f"RCPT TO:<{DIGESTS}>"
CONNECTIONS = 2


@ON_POSTGRESQL
@ON_RABBITMQ
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


def enqueue_digests(app: Flask, count: int) -> list[int]:
    """Enqueue digests, which are not urgent; return their ids."""
    with app.app_context(), transaction() as writing:
        return [
            current_outbox().send_email("Digest", None, [DIGESTS], "News.\n", session=writing)
            for _ in range(count)
        ]
