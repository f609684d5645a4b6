"""Idle connections to PostgreSQL that are cut, as by firewalls and restarts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import event

from flask_outbox import current_outbox, send_email
from flask_outbox.delivery import raw_sql
from flask_outbox.delivery.claims import Claims, Settlement
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES
from flask_outbox.outbox.models import Status
from microblog.database import db
from tests.outbox_rows import rows
from tests.visitor import Visitor, make_user

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def cut_connections(url: str) -> int:
    """End all other connections to this database; return how many there were."""
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert all(one[0] for one in ended)
    return len(ended)


def test_no_page_fails_after_idle_connections_were_cut(
    app: Flask, visitor: Visitor, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says nothing, since the connections are replaced at once."""
    make_user(app, "susan")
    visitor.log_in("susan")
    for path in ("/index", "/readyz", "/user/susan", "/readyz", "/explore"):
        assert cut_connections(database_url) > 0, "the pool kept none"
        assert visitor.client.get(path).status_code == 200
    assert [one.message for one in caplog.records if one.name == "microblog.database"] == []


def test_a_page_that_loses_its_connection_meanwhile_is_no_failure_of_the_site(
    app: Flask, visitor: Visitor, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an outage, said in a line, also where the session was looked up in vain before."""
    make_user(app, "susan")
    visitor.log_in("susan")
    cut = lambda *_statement: cut_connections(database_url)  # noqa: E731
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", cut, once=True)
    assert visitor.client.get("/").status_code == 503
    said = [one.message.partition(":")[0] for one in caplog.records if one.levelname == "ERROR"]
    assert said == ["The database cannot be read"]
    assert "Traceback" not in caplog.text
    page = visitor.client.get("/")
    assert page.status_code == 200
    assert "Hi, susan!" in page.text


@contextmanager
def cut_at(app: Flask, url: str, step: int) -> Iterator[list[int]]:
    """Cut all connections before this statement, commit or rollback; give the steps that came."""
    steps: list[int] = []

    def count(*_event: object) -> None:
        steps.append(len(steps) + 1)
        if steps[-1] == step:
            cut_connections(url)

    with app.app_context():
        engine = db.engine
    for name in ("before_cursor_execute", "commit", "rollback"):
        event.listen(engine, name, count)
    try:
        yield steps
    finally:
        for name in ("before_cursor_execute", "commit", "rollback"):
            event.remove(engine, name, count)


@pytest.mark.parametrize(("method", "good"), [("GET", 200), ("POST", 302)])
def test_a_connection_that_is_lost_at_any_step_is_an_outage(
    app: Flask,
    visitor: Visitor,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    method: str,
    good: int,
) -> None:
    """Whoever asked gets the page, or one that says so; nothing is raised beyond the site."""
    make_user(app, "susan")
    visitor.log_in("susan")
    statuses = []
    for step in itertools.count(1):
        data = {"post": f"Number {step}", "csrf_token": visitor.csrf_token("/")}
        with cut_at(app, database_url, step) as steps:
            statuses.append(visitor.client.open("/", method=method, data=data).status_code)
        if len(steps) < step:
            break
    assert set(statuses) == {good, 503}
    assert statuses[0] == 503
    assert statuses[-1] == good
    assert "Traceback" not in caplog.text


def test_delivery_continues_after_its_idle_connections_were_cut(
    app: Flask, app_context: AppContext, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is settled by a new connection, and no error reaches the log."""
    monkeypatch.setattr(raw_sql, "IDLE_SECONDS", 0.0)
    send_email("subject", None, ["susan@example.com"], "text", None)
    outbox = current_outbox()
    claims = Claims(outbox.engine, lease=60)
    cut_connections(database_url)
    claim = claims.claim(ALL_PRIORITIES, now=outbox.clock())
    assert claim is not None
    cut_connections(database_url)
    assert claims.settle(Settlement(claim, Status.SENT, "250 OK", at=outbox.clock()))
    cut_connections(database_url)
    assert claims.next_due() is None
    claims.close()
    assert [row.status for row in rows(app)] == [Status.SENT]


def test_a_connection_in_use_is_not_pinged(
    app_context: AppContext,
) -> None:
    """Otherwise each message would cost one more round trip to the database."""
    kept = raw_sql.PersistentConnection(current_outbox().engine)
    with kept.transaction() as cursor:
        cursor.execute("SELECT 1")
    taken: list[object] = []
    event.listen(current_outbox().engine, "checkout", lambda *found: taken.append(found))
    kept._idle_since = math.inf
    for _ in range(3):
        with kept.transaction() as cursor:
            cursor.execute("SELECT 1")
        kept._idle_since = math.inf
    kept.close()
    assert taken == []
