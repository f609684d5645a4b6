"""Sites whose database has no tables yet."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from flask import Flask

from microblog.app import create_app
from microblog.database import db
from microblog.settings import Settings
from tests.services import POSTGRESQL, has_postgresql, need, postgresql_url


@contextmanager
def empty_database(engine: str, folder: Path) -> Iterator[str]:
    """Create a database without tables, give its address, and drop it at the end."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'empty.db'}"
        return
    need(has_postgresql(), "PostgreSQL at TEST_POSTGRESQL_URL or 127.0.0.1:5432")
    name = f"microblog_schema_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    administer(f'CREATE DATABASE "{name}"')
    try:
        yield postgresql_url(name)
    finally:
        administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def site_without_tables(engine: str, folder: Path) -> Iterator[Flask]:
    """A site whose database has no tables."""
    with empty_database(engine, folder) as url:
        app = create_app(Settings(DATABASE_URL=url, INSTANCE_PATH=folder))
        try:
            yield app
        finally:
            with app.app_context():
                db.engine.dispose()


def administer(statement: str) -> None:
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(statement)
