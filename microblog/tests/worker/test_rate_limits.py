"""Rate limits hold for all workers together, and urgent mail goes first."""

from __future__ import annotations

import sys
from pathlib import Path

from flask import Flask

from flask_outbox import current_outbox, send_email
from flask_outbox.outbox.models import Status
from microblog.database import transaction
from tests.brokers import Broker
from tests.constants import Make
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, make_user
from tests.waiting import eventually
from tests.windows import most_within
from tests.worker.running import ON_POSTGRESQL, ON_RABBITMQ, working

LIMIT, MESSAGES = 4, 16


@ON_POSTGRESQL
@ON_RABBITMQ
def test_two_workers_share_one_limit(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    make_user(app, "susan")
    limited = {**environment, "MAIL_RATE_LIMIT": f"{LIMIT}/second"}
    with working(limited, tmp_path), working(limited, tmp_path):
        post(app, MESSAGES)
        Visitor(app).ask_for_reset("susan@example.com")
        received = smtp.wait_for(MESSAGES + 1)
        assert eventually(lambda: {row.status for row in rows(app)} == {Status.SENT})
    moments = sorted(one.at for one in received)
    sys.stdout.write(f"{moments[-1] - moments[0]:.2f} s\n")
    assert most_within(1, moments) <= LIMIT
    assert {(row.attempts, row.failures) for row in rows(app)} == {(1, 1)}
    resets = [one.at for one in received if one.recipients == ["susan@example.com"]]
    assert moments.index(resets[0]) < MESSAGES - LIMIT, "the reset waited for the others"


def post(app: Flask, count: int) -> None:
    with app.app_context(), transaction():
        for number in range(count):
            send_email("Hello", None, [f"person{number}@example.org"], "Hello.\n")


@ON_POSTGRESQL
@ON_RABBITMQ
def test_a_worker_without_limits_delivers_what_was_rate_limited(
    environment: dict[str, str],
    broker: Broker,
    make_app: Make,
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost", **broker.settings)
    post(app, 1)
    with app.app_context(), current_outbox().sessions() as session:
        for row in rows(app):
            session.merge(row).waits_for = "example.org"
        session.commit()
    with working(environment, tmp_path):
        smtp.wait_for(1)
