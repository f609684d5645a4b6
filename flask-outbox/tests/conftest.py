"""Fixtures of the library by itself: an outbox, a real mail server, no site."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import make_url

from flask_outbox import metadata
from flask_outbox.application import make_dispatcher
from tests.application import db, make_app
from tests.databases import close_left_connections, engine_of
from tests.ports import HOST
from tests.services import POSTGRESQL, has_postgresql, need, postgresql_url
from tests.smtp_server import ScriptedServer

pytest_plugins = ["flask_outbox.pytest_plugin", "tests.selection", "tests.servers"]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty outbox, once for each engine."""
    return str(request.getfixturevalue(f"_{request.param}_url"))


@pytest.fixture
def app(database_url: str, smtp: ScriptedServer) -> Iterator[Flask]:
    """An application with an empty outbox that sends to the scripted server."""
    made = make_app(database_url, MAIL_SERVER=HOST, MAIL_PORT=smtp.port, MAIL_TIMEOUT=5)
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def app_context(app: Flask) -> Iterator[AppContext]:
    with app.app_context() as context:
        yield context


@pytest.fixture
def deliver(app: Flask) -> Callable[[], int]:
    """A function that delivers what is due, and returns how many rows it handled."""
    return lambda: make_dispatcher(app).drain()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "outbox.db"
    engine = engine_of(f"sqlite:///{path}")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture
def _sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "outbox.db"
    shutil.copy(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def _postgresql_database() -> Iterator[str]:
    need(has_postgresql(), "psycopg, and PostgreSQL at TEST_POSTGRESQL_URL or 127.0.0.1:5432")
    import psycopg  # noqa: PLC0415 - the library is also tested without it

    name = f"flask_outbox_test_{os.getpid()}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        # No test kills the server itself, so none has to wait for its disk.
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    try:
        url = make_url(postgresql_url(name)).set(drivername="postgresql+psycopg")
        made = url.render_as_string(hide_password=False)
        engine = engine_of(made)
        metadata.create_all(engine)
        engine.dispose()
        yield made
    finally:
        with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def _postgresql_url(_postgresql_database: str) -> Iterator[str]:
    engine = engine_of(_postgresql_database)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        connection.exec_driver_sql(
            "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
        )
    engine.dispose()
    yield _postgresql_database
    close_left_connections()
