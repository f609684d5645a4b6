"""Rows are claimed by one and settled by the one that holds them."""

from __future__ import annotations

import re
import sqlite3
import threading

from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import event

from microblog.database import db
from microblog.mail import Discard, Kind, Lane, current_outbox
from microblog.mail.claims import Claims, Settlement
from microblog.mail.dispatcher import ALL_LANES
from microblog.mail.models import Status
from tests.outbox import rows
from tests.visitor import ON_SQLITE

THREADS = 8


def test_no_row_is_taken_twice(app: Flask, app_context: AppContext) -> None:
    made = current_outbox()
    with made.sessions() as session:
        for _ in range(40):
            made.send_email("Hello", None, ["susan@example.com"], "text", session=session)
        session.commit()
    taken: list[int] = []

    def take() -> None:
        claims = Claims(made.engine, lease=60)
        while (held := claims.claim(range(3), now=made.clock())) is not None:
            taken.append(held.id)
        claims.close()

    threads = [threading.Thread(target=take) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(taken) == [row.id for row in rows(app)]


def test_what_is_due_next_may_be_in_any_lane(app: Flask, app_context: AppContext) -> None:
    made = current_outbox()
    claims = Claims(made.engine, lease=60)
    assert claims.next_due() is None
    with made.sessions() as session:
        for lane in Lane:
            made.register(Kind(f"test.{lane}", lambda _session, _intent: Discard(""), lane=lane))
            made.post(session, f"test.{lane}", "susan@example.com").due_at = 1000.0 - lane
            session.commit()
            assert claims.next_due() == 1000.0 - lane
    claims.close()


@ON_SQLITE
def test_no_statement_reads_more_the_more_there_is(app: Flask, app_context: AppContext) -> None:
    statements: list[str] = []
    made = current_outbox()
    made.send_email("Hello", None, ["susan@example.com"], "text")
    db.engine.dispose()

    @event.listens_for(db.engine, "connect")
    def _listen(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(statements.append)

    claims = Claims(made.engine, lease=60)
    held = claims.claim(ALL_LANES, now=made.clock())
    assert held is not None
    claims.claim_one(held.id, now=made.clock())
    claims.next_due()
    claims.renew(held, until=made.clock())
    claims.settle(Settlement(held, Status.SENT, "250 Ok", made.clock()))
    claims.close()
    asked = [one for one in statements if "outbox" in one]
    assert len(asked) == 5
    with db.engine.connect() as connection:
        for statement in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
            for *_numbers, step in plan:
                if re.search(r"\b(?:outbox|mail_suppressions)\b", step):
                    assert re.search(r"\(\w+=\?", step), f"{step} in {statement}"
