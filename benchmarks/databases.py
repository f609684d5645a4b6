"""Empty databases for benchmarks: a file of SQLite, or a database on the PostgreSQL server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import text

from benchmarks.reporting import Report
from flask_outbox.outbox.models import IS_WAITING
from microblog.database import db
from tests.services import POSTGRESQL, has_postgresql, postgresql_url

SQLITE, POSTGRES = "SQLite", "PostgreSQL"


def available() -> list[str]:
    """The engines that can be measured here: SQLite always, PostgreSQL if a server answers."""
    return [SQLITE, POSTGRES] if has_postgresql() else [SQLITE]


def engines(report: Report, only: list[str] | None = None) -> list[str]:
    """The engines to measure: those in `only`, or all; the report notes which is left out."""
    if not only and not has_postgresql():
        report.note(f"{POSTGRES} was left out: no server answers.")
    return only or available()


def anything_waits() -> bool:
    """Whether the current application's outbox holds messages that are not settled."""
    return bool(_of_waiting("SELECT EXISTS (SELECT 1 {})"))


def count_waiting() -> int:
    """How many messages of the current application's outbox are not settled."""
    return _of_waiting("SELECT count(*) {}")


def _of_waiting(statement: str) -> int:
    sql = statement.format(f"FROM outbox WHERE {IS_WAITING}")
    with db.engine.connect() as connection:
        return int(connection.execute(text(sql)).scalar_one())


@contextmanager
def fresh_database(engine: str, folder: Path, *, name: str = "benchmark") -> Iterator[str]:
    """Create a database without tables, give its address, and drop it at the end.

    `folder` holds the file of SQLite; `name` distinguishes several databases of one program.
    """
    if engine == SQLITE:
        yield f"sqlite:///{folder / name}.db"
        return
    own = f"microblog_{name}_{os.getpid()}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{own}"')
        try:
            yield postgresql_url(own)
        finally:
            connection.execute(f'DROP DATABASE "{own}" WITH (FORCE)')
