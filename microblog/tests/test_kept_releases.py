"""The database that a release left is upgraded to the newest schema, and nothing in it is lost."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import MetaData, create_engine, inspect, select
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import ReflectedIndex
from sqlalchemy.pool import NullPool

from flask_outbox import Status, current_outbox
from microblog.app import create_app
from microblog.database import db
from microblog.schema import is_index_of_texts, migrations
from microblog.settings import Settings
from tests.cli.running import clean_environment, run_command
from tests.constants import ENGINES, SECRET
from tests.kept_releases import file_of, kept_versions, load
from tests.schemas import empty_database
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, deliver_from, words

ROOT = Path(__file__).resolve().parents[2]

Rows = list[dict[str, Any]]

CHANGED: dict[str, set[str]] = {}
"""Columns that a migration since the first kept release was meant to change or to remove, by their
table."""

GONE: set[str] = set()
"""Tables that a migration since then was meant to remove."""


@dataclass(frozen=True)
class Upgraded:
    """A kept release's database after `microblog db upgrade`, and what was in it before."""

    url: str
    engine: Engine
    before: dict[str, Rows]
    after: dict[str, Rows]


@pytest.fixture(scope="module", params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=kept_versions())
def upgraded(
    request: pytest.FixtureRequest, engine_name: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Upgraded]:
    folder = tmp_path_factory.mktemp("kept")
    with ExitStack() as stack:
        url = stack.enter_context(empty_database(engine_name, folder))
        load(request.param, engine_name, url)
        engine = engine_at(url)
        before = rows_in(engine)
        environment = clean_environment(DATABASE_URL=url, INSTANCE_PATH=str(folder))
        done = run_command(["db", "upgrade"], environment, folder)
        assert done.returncode == 0, done.stderr
        yield Upgraded(url, engine, before, rows_in(engine))


@pytest.fixture
def site(upgraded: Upgraded, smtp: ScriptedServer, tmp_path: Path) -> Iterator[Flask]:
    """A site on the upgraded database."""
    settings = Settings(
        SECRET_KEY=SECRET,
        PUBLIC_URL="http://localhost",
        ADMINS=["admin@microblog.example.com"],
        DATABASE_URL=upgraded.url,
        INSTANCE_PATH=tmp_path,
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=smtp.port,
        RATELIMIT_ENABLED=False,
    )
    app = create_app(settings)
    yield app
    with app.app_context():
        db.engine.dispose()


def engine_at(url: str) -> Engine:
    """An engine without anything of ours."""
    return create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool)


def rows_in(engine: Engine) -> dict[str, Rows]:
    """All rows by their table, in the order of its primary key."""
    metadata = MetaData()
    metadata.reflect(engine, only=lambda name, _metadata: not is_index_of_texts(name))
    with engine.connect() as connection:
        return {
            table.name: [
                dict(row)
                for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()
            ]
            for table in metadata.sorted_tables
            if table.name != "alembic_version"
        }


def schema_of(engine: Engine) -> dict[str, Any]:
    """What the database says of its tables, in an order that does not depend on their history."""
    found = inspect(engine)
    return {
        table: {
            "columns": sorted(
                (one["name"], str(one["type"]), one["nullable"], one["default"])
                for one in found.get_columns(table)
            ),
            "key": found.get_pk_constraint(table)["constrained_columns"],
            "references": sorted(map(repr, found.get_foreign_keys(table))),
            "unique": sorted(map(repr, found.get_unique_constraints(table))),
            "indexes": sorted(
                (str(one["name"]), one["column_names"], one["unique"], condition_of(one))
                for one in found.get_indexes(table)
            ),
        }
        for table in found.get_table_names()
    }


def condition_of(index: ReflectedIndex) -> str:
    """The WHERE of a partial index; empty if it has none.

    PostgreSQL writes casts and parentheses elsewhere once it has read its own dump.
    """
    options = index.get("dialect_options", {})
    condition = str(options.get("sqlite_where", options.get("postgresql_where", "")))
    return re.sub(r"::(text|character varying)(\[\])?|[()]", "", condition)


@pytest.mark.slow
def test_every_row_is_still_there(upgraded: Upgraded) -> None:
    assert upgraded.before.keys() - GONE <= upgraded.after.keys()
    assert all(upgraded.before.values()), "a kept table has no rows"
    reported = {Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED}
    known = {*Status} - (set() if "mail_events" in upgraded.before else reported)
    assert {row["status"] for row in upgraded.before["outbox"]} == known
    for table, rows in upgraded.before.items():
        if table not in GONE:
            names = rows[0].keys() - CHANGED.get(table, set())
            before, after = (
                [{name: row[name] for name in names} for row in one]
                for one in (rows, upgraded.after[table])
            )
            assert after == before, table


@pytest.mark.slow
def test_the_schema_is_that_of_a_fresh_database(
    upgraded: Upgraded, request: pytest.FixtureRequest, site: Flask
) -> None:
    fresh = request.getfixturevalue(f"_{upgraded.engine.dialect.name}_url")
    assert schema_of(upgraded.engine) == schema_of(engine_at(fresh))
    with site.app_context():
        assert not migrations().needs_upgrade()
        assert not migrations().needs_revision()


@pytest.mark.slow
@pytest.mark.real_hashing
def test_people_sign_in_and_mail_that_waited_is_sent_once(
    upgraded: Upgraded, site: Flask, smtp: ScriptedServer
) -> None:
    visitor = Visitor(site)
    assert "Hi, user0!" in words(visitor.log_in("user0"))
    post = upgraded.before["posts"][0]
    assert post["body"] in words(visitor.get(f"/post/{post['id']}"))
    queued = [row for row in upgraded.before["outbox"] if row["status"] == Status.QUEUED]
    # By the calendar, what the mail is about would end some day.
    since_kept = time.time() - max(row["created_at"] for row in queued)
    with site.app_context():
        current_outbox().clock = lambda: time.time() - since_kept
    deliver_from(site)
    deliver_from(site)
    sent = [one.message["Message-ID"] for one in smtp.received]
    for row in upgraded.before["outbox"]:
        waited = row["status"] == Status.QUEUED
        assert sent.count(row["message_id"]) == waited, row


def test_every_release_is_kept() -> None:
    project = tomllib.loads((ROOT / "microblog" / "pyproject.toml").read_text())
    changes = (ROOT / "microblog" / "CHANGELOG.md").read_text()
    released = {project["project"]["version"], *re.findall(r"(?m)^## \[(\d[^]]*)\]", changes)}
    missing = [
        file.name
        for version in released
        for file in (file_of(version, engine) for engine in ENGINES)
        if not file.exists()
    ]
    assert not missing, "run: python scripts/keep_release.py"
