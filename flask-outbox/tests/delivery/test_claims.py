"""A row is claimed once, and settled by its claimant."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from itertools import chain
from multiprocessing.pool import ThreadPool

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import event

from flask_outbox import Discard, EmailType, Priority, current_outbox
from flask_outbox.delivery.claims import Claims, Settlement
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES
from flask_outbox.outbox.models import OutboxMessage, Status
from tests.application import db, is_sqlite, transaction
from tests.databases import ON_SQLITE
from tests.delivery import claiming
from tests.outbox_rows import rows

pytestmark = pytest.mark.slow

ROWS = 2000


def test_eight_claimers_never_take_the_same_row(app: Flask, app_context: AppContext) -> None:
    """Eight processes on PostgreSQL; on SQLite two of four threads, which commit together."""
    post(ROWS)
    url = db.engine.url.render_as_string(hide_password=False)
    processes, threads = (2, 4) if is_sqlite() else (8, 1)
    claimers = [claimer(url, threads) for _ in range(processes)]
    for process in claimers:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    with ThreadPool(processes) as pool:
        outputs = pool.map(lambda one: one.communicate("go\n")[0], claimers)
    sys.stdout.write(f"{ROWS / (time.monotonic() - began):.0f} claims a second\n")
    taken = [[int(number) for number in output.split()] for output in outputs]
    assert all(taken), "they did not work at the same time"
    assert sorted(chain(*taken)) == [row.id for row in rows(app)]
    assert {row.attempts for row in rows(app)} == {1}


def test_the_next_due_row_may_have_any_priority(app: Flask, app_context: AppContext) -> None:
    made = current_outbox()
    claims = Claims(made.engine, lease=60)
    assert claims.next_due() is None
    with made.sessions() as session:
        for lane in Priority:
            made.register(
                EmailType(f"test.{lane}", lambda _session, _context: Discard(""), priority=lane)
            )
            row_id = made.enqueue(session, f"test.{lane}", "susan@example.com")
            row = session.get(OutboxMessage, row_id)
            assert row is not None
            row.due_at = 1000.0 - lane
            session.commit()
            assert claims.next_due() == 1000.0 - lane
    claims.close()


@ON_SQLITE
def test_no_statement_reads_more_rows_the_more_there_are(
    app: Flask, app_context: AppContext
) -> None:
    statements: list[str] = []
    made = current_outbox()
    made.send_email("Hello", None, ["susan@example.com"], "text")
    db.engine.dispose()

    @event.listens_for(db.engine, "connect")
    def _listen(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(statements.append)

    claims = Claims(made.engine, lease=60)
    claim = claims.claim(ALL_PRIORITIES, now=made.clock())
    assert claim is not None
    claims.claim_one(claim.id, now=made.clock())
    claims.next_due()
    claims.renew(claim, until=made.clock())
    claims.settle(Settlement(claim, Status.SENT, "250 Ok", made.clock()))
    claims.close()
    asked = [one for one in statements if "outbox" in one]
    assert len(asked) == 5
    with db.engine.connect() as connection:
        for statement in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
            for *_numbers, step in plan:
                if re.search(r"\b(?:outbox|mail_suppressions)\b", step):
                    assert re.search(r"\(\w+=\?", step), f"{step} in {statement}"


def post(count: int) -> None:
    with transaction() as writing:
        for _ in range(count):
            current_outbox().send_email(
                "Hello", None, ["susan@example.com"], "text", session=writing
            )


def claimer(url: str, threads: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, claiming.__file__, url, str(threads)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
