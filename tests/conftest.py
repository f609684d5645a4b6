"""The site under test: a fresh database, a real mail server, a real dispatcher."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import text

from microblog import database
from microblog.app import create_app
from microblog.database import Model, db
from microblog.mail.models import Model as MailModel
from microblog.settings import Settings
from tests import delivery
from tests.services import POSTGRESQL, has_postgresql, need, postgresql_url
from tests.smtp_server import ScriptedServer
from tests.token_server import TokenServer, token_server
from tests.visitor import Visitor, deliver_from

SECRET = "a secret for tests only, long enough to be one"

ENGINES = ["sqlite", "postgresql"]
BY_WORKER = "worker"

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*Settings.model_fields, "SQLALCHEMY_WARN_20"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MICROBLOG_ENV_FILE", "")
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture
def smtp() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with token_server() as server:
        yield server


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked with `delivery` run once more, on PostgreSQL, where a worker delivers."""
    marked = metafunc.definition.get_closest_marker("delivery")
    chosen = [one.args[0] for one in metafunc.definition.iter_markers("parametrize")]
    if marked and "database_url" in metafunc.fixturenames and "database_url" not in chosen:
        both = pytest.mark.parametrize("database_url", [*ENGINES, BY_WORKER], indirect=True)
        metafunc.definition.add_marker(both)


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database with the site's schema, once for each engine."""
    by_worker = request.param == BY_WORKER
    monkeypatch.setattr(delivery, "by_worker", by_worker)
    engine = "postgresql" if by_worker else request.param
    return str(request.getfixturevalue(f"_{engine}_url"))


@pytest.fixture
def make_settings(tmp_path: Path, database_url: str, smtp: ScriptedServer) -> Make:
    """Settings for a site that sends to the scripted server; keywords change them."""

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
        return Settings(**values | changes)

    return make


@pytest.fixture
def make_app(make_settings: Make) -> Iterator[Make]:
    """Builds the site; keywords change its settings."""
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
def app(make_app: Make) -> Flask:
    site = make_app(PUBLIC_URL="http://localhost")
    assert isinstance(site, Flask)
    return site


@pytest.fixture
def app_context(app: Flask) -> Iterator[AppContext]:
    with app.app_context() as context:
        yield context


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def deliver(app: Flask) -> Callable[[], int]:
    """Delivers what is due now; returns how many rows were handled."""

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
    try:
        _create_schema(postgresql_url(name), tmp_path_factory.mktemp("postgresql"))
        yield postgresql_url(name)
    finally:
        with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def _postgresql_url(_postgresql_database: str) -> str:
    tables = [*Model.metadata.sorted_tables, *MailModel.metadata.sorted_tables]
    names = ", ".join(f'"{table.name}"' for table in tables)
    with psycopg.connect(_postgresql_database, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    return _postgresql_database


def _create_schema(url: str, folder: Path) -> None:
    app = create_app(Settings(DATABASE_URL=url, INSTANCE_PATH=folder, SECRET_KEY=SECRET))
    with app.app_context():
        database.upgrade()
        if database.is_sqlite():
            db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
            db.session.rollback()
        db.engine.dispose()
