"""The site under test: a fresh database, a real mail server, a real dispatcher."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import Engine, event, text

from flask_outbox.outbox.models import Model as MailModel
from microblog import database, schema
from microblog.accounts import passwords
from microblog.app import create_app
from microblog.database import Model, db
from microblog.settings import Settings
from tests import delivering, sites
from tests.constants import BY_WORKER, ENGINES, SECRET, Make
from tests.databases import close_left_connections
from tests.services import POSTGRESQL, has_postgresql, need, postgresql_url
from tests.sites import checked_settings, shared_site
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, deliver_from

pytest_plugins = ["tests.selection", "tests.servers"]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "SQLALCHEMY_WARN_20"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MICROBLOG_ENV_FILE", "")
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture(autouse=True)
def _kept_umask() -> Iterator[None]:
    """Take back the umask that our commands set: other tests make folders for other users."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@event.listens_for(Engine, "connect")
def _skip_disk_syncs(connection: Any, _record: object) -> None:
    """Do not wait for the disk: no test cuts the power, and a killed process loses nothing."""
    if isinstance(connection, sqlite3.Connection) and not sites.wait_for_disk:
        connection.execute("PRAGMA synchronous = OFF")


_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_CHEAP_HASH = _CHEAP.hash("nobody's")


@pytest.fixture(autouse=True)
def _cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with the least cost, except in tests of hashing."""
    if not request.node.get_closest_marker("real_hashing"):
        monkeypatch.setattr(passwords, "_hasher", _CHEAP)
        monkeypatch.setattr(passwords, "_NOBODYS_HASH", _CHEAP_HASH)


@pytest.fixture(autouse=True)
def _short_boundaries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Werkzeug's boundaries within RFC 2046's 70 characters, which its random ones exceed."""
    monkeypatch.setattr("werkzeug.test.random", lambda: 0.5)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests marked with `delivery` once more, on PostgreSQL with a worker that delivers."""
    marked = metafunc.definition.get_closest_marker("delivery")
    chosen = [one.args[0] for one in metafunc.definition.iter_markers("parametrize")]
    if marked and "database_url" in metafunc.fixturenames and "database_url" not in chosen:
        both = pytest.mark.parametrize("database_url", [*ENGINES, BY_WORKER], indirect=True)
        metafunc.definition.add_marker(both)


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database with the site's schema, once for each engine."""
    by_worker = request.param == BY_WORKER
    monkeypatch.setattr(delivering, "by_worker", by_worker)
    engine = "postgresql" if by_worker else request.param
    return str(request.getfixturevalue(f"_{engine}_url"))


@pytest.fixture
def make_settings(tmp_path: Path, database_url: str, smtp: ScriptedServer) -> Make:
    """A function that makes settings for a site that sends to the scripted server.

    Keywords change them.
    """

    def make(**changes: Any) -> Settings:
        values: dict[str, Any] = {
            "SECRET_KEY": SECRET,
            "PUBLIC_URL": "https://microblog.example.com",
            "ADMINS": ["admin@microblog.example.com"],
            "DATABASE_URL": database_url,
            "INSTANCE_PATH": tmp_path,
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": smtp.port,
            "MAIL_TIMEOUT": 5,
            "RATELIMIT_ENABLED": False,
        }
        return checked_settings(**values | changes)

    return make


@pytest.fixture
def make_app(make_settings: Make) -> Iterator[Make]:
    """A function that builds a site; keywords change its settings."""
    made: list[Flask] = []

    def make(*, demo: bool = False, **changes: Any) -> Flask:
        app = create_app(make_settings(**changes), demo=demo)
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_settings: Make) -> Iterator[Flask]:
    """A site that tests share; a test that adds pages uses `make_app`."""
    with shared_site(make_settings(PUBLIC_URL="http://localhost")) as site:
        yield site


@pytest.fixture
def app_context(app: Flask) -> Iterator[AppContext]:
    with app.app_context() as context:
        yield context


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def deliver(app: Flask) -> Callable[[], int]:
    """A function that delivers what is due, and returns how many rows it handled."""

    return lambda: deliver_from(app)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    path = folder / "template.db"
    _create_schema(f"sqlite:///{path}", folder)
    return path


@pytest.fixture
def _sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "site.db"
    shutil.copy(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def _postgresql_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    need(has_postgresql(), "PostgreSQL at TEST_POSTGRESQL_URL or 127.0.0.1:5432")
    name = f"microblog_test_{os.getpid()}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        # No test kills the server itself, so none has to wait for its disk.
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    try:
        _create_schema(postgresql_url(name), tmp_path_factory.mktemp("postgresql"))
        yield postgresql_url(name)
    finally:
        with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def _postgresql_url(_postgresql_database: str) -> Iterator[str]:
    with psycopg.connect(_postgresql_database) as connection:
        connection.execute(_emptying(_postgresql_database))
    yield _postgresql_database
    close_left_connections()


@cache
def _emptying(url: str) -> str:
    """The SQL that empties all tables; TRUNCATE would make new files for each table and index."""
    tables = [
        table.name
        for metadata in (Model.metadata, MailModel.metadata)
        for table in reversed(metadata.sorted_tables)
    ]
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT oid::regclass FROM pg_class WHERE relkind = 'S'")
        sequences = [name for (name,) in found]
    return "".join(
        [
            *(f'DELETE FROM "{name}";' for name in tables),
            *(f"SELECT setval('{name}', 1, false);" for name in sequences),
        ]
    )


def _create_schema(url: str, folder: Path) -> None:
    app = create_app(Settings(DATABASE_URL=url, INSTANCE_PATH=folder, SECRET_KEY=SECRET))
    with app.app_context():
        schema.upgrade()
        if database.is_sqlite():
            db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            db.session.rollback()
        db.engine.dispose()
