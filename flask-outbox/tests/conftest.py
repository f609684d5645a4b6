"""The library by itself: an outbox that is its tables, a real mail server, no site."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from flask_outbox import metadata
from tests.databases import engine_of
from tests.services import POSTGRESQL, has_postgresql, need, postgresql_url

pytest_plugins = ["tests.lanes", "tests.servers"]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty outbox, once for each engine."""
    return str(request.getfixturevalue(f"_{request.param}_url"))


@pytest.fixture
def _sqlite_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'outbox.db'}"
    engine = engine_of(url)
    metadata.create_all(engine)
    engine.dispose()
    return url


@pytest.fixture(scope="session")
def _postgresql_database() -> Iterator[str]:
    need(has_postgresql(), "psycopg, and PostgreSQL at TEST_POSTGRESQL_URL or 127.0.0.1:5432")
    import psycopg  # noqa: PLC0415 - the library is also tested without it

    name = f"flask_outbox_test_{os.getpid()}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        # The server itself is killed in no test: none has to wait for its disk.
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
def _postgresql_url(_postgresql_database: str) -> str:
    engine = engine_of(_postgresql_database)
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    engine.dispose()
    return _postgresql_database
