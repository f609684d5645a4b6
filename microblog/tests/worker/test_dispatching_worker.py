"""`microblog worker` without a broker: a dispatcher on any host, which PostgreSQL wakes."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from flask_outbox.outbox.models import Status
from microblog.database import db
from tests.cli.running import HOST, clean_environment
from tests.constants import SECRET
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, make_user
from tests.waiting import eventually
from tests.worker.running import ON_POSTGRESQL, working


@pytest.mark.slow
@ON_POSTGRESQL
def test_workers_of_several_hosts_share_the_mail(
    database_url: str,
    make_app: Callable[..., Flask],
    smtp: ScriptedServer,
    tmp_path: Path,
) -> None:
    app = make_app(PUBLIC_URL="http://localhost")
    smtp.delay = 0.2
    with ExitStack() as running:
        workers = []
        for host in ("one", "other"):
            folder = tmp_path / host
            folder.mkdir()
            environment = clean_environment(
                SECRET_KEY=SECRET,
                PUBLIC_URL="http://localhost",
                ADMINS="admin@microblog.example.com",
                DATABASE_URL=database_url,
                INSTANCE_PATH=str(folder),
                MAIL_SERVER=HOST,
                MAIL_PORT=str(smtp.port),
            )
            entered = working(environment, folder, "--concurrency", "1", ready=False)
            workers.append(running.enter_context(entered))
        assert eventually(lambda: count_listening(app) == 2)
        for number in range(8):
            make_user(app, f"user{number}")
            Visitor(app).ask_for_reset(f"user{number}@example.com")
        smtp.wait_for(8)
        assert eventually(lambda: Counter(row.status for row in rows(app)) == {Status.SENT: 8})
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        assert [worker.wait(timeout=60) for worker in workers] == [0, 0]


def count_listening(app: Flask) -> int:
    with app.app_context(), db.engine.connect() as connection:
        found = text(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            " AND datname = current_database()"
        )
        return int(connection.scalar(found))
