"""However the tables were made, they are alike; older ones are brought up to date."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, MetaData, create_engine, inspect, make_url, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from flask_outbox import FlaskOutbox, OutboxError, schema
from flask_outbox.outbox.models import OutboxMessage
from flask_outbox.schema import SchemaError
from tests.extensions import configured
from tests.services import POSTGRESQL, has_postgresql, need, postgresql_url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    need(has_postgresql(), "psycopg, and PostgreSQL at TEST_POSTGRESQL_URL or 127.0.0.1:5432")
    import psycopg  # noqa: PLC0415 - the library is also tested without it

    name = f"flask_outbox_schema_{os.getpid()}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            made = make_url(postgresql_url(name)).set(drivername="postgresql+psycopg")
            yield made.render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)


def migrate(engine: Engine, direction: str, to: int) -> None:
    with engine.begin() as connection:
        operations = Operations(MigrationContext.configure(connection))
        getattr(schema, direction)(operations, to=to)


def described(engine: Engine) -> dict[str, Any]:
    """All tables, as the database describes them."""
    found = inspect(engine)
    return {
        name: {
            "columns": {
                one["name"]: (str(one["type"]), one["nullable"], one["default"])
                for one in found.get_columns(name)
            },
            "indexes": {one["name"]: _index(one) for one in found.get_indexes(name)},
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "unique": found.get_unique_constraints(name),
            "sql": _sql(engine, name),
        }
        for name in found.get_table_names()
        if name != "alembic_version"
    }


def _index(found: Any) -> Any:
    options = {name: str(value) for name, value in found.get("dialect_options", {}).items()}
    return found["column_names"], bool(found["unique"]), options


def _sql(engine: Engine, name: str) -> str | None:
    """Whether ids are never used again, which SQLite tells in its words only."""
    if engine.dialect.name != "sqlite":
        return None
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": name}
        )
        return "AUTOINCREMENT" if "AUTOINCREMENT" in str(found.scalar_one()) else ""


def test_upgrading_step_by_step_makes_what_create_all_makes(engine: Engine) -> None:
    for version in range(1, schema.LATEST + 1):
        migrate(engine, "upgrade", version)
        assert schema.version(engine) == version
    stepwise = described(engine)
    assert len(stepwise) == len(schema.METADATA.tables)
    migrate(engine, "downgrade", 0)
    assert described(engine) == {}
    schema.create_all(engine)
    assert described(engine) == stepwise
    migrate(engine, "downgrade", 0)
    migrate(engine, "upgrade", schema.LATEST)
    assert described(engine) == stepwise


def test_an_upgrade_keeps_the_rows_and_can_be_repeated(engine: Engine) -> None:
    migrate(engine, "upgrade", 1)
    insert_one(engine)
    migrate(engine, "upgrade", schema.LATEST)
    migrate(engine, "upgrade", schema.LATEST)
    schema.check(engine)
    with Session(engine) as session:
        (row,) = session.query(OutboxMessage).all()
        assert (row.recipient, row.key, row.send_at, row.waits_for) == (
            "a@example.com",
            None,
            None,
            "",
        )
    # Code of the former version goes on beside the new tables.
    insert_one(engine)
    migrate(engine, "downgrade", 1)
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM outbox")).scalar_one()
    assert (count, schema.version(engine)) == (2, 1)


def insert_one(engine: Engine) -> None:
    """Write a row as the first version did."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO outbox (kind, lane, recipient, locale, arguments, message_id,"
                " created_at, due_at, status, attempts, failures, recipient_key, history, reduced)"
                " VALUES ('shop.note', 1, 'a@example.com', 'en', '{}', '<1@example.com>', 1, 1,"
                " 'queued', 0, 0, 'a@example.com', '[]', false)"
            )
        )


@pytest.mark.parametrize("version", range(schema.LATEST))
def test_create_all_brings_any_version_up_to_date(engine: Engine, version: int) -> None:
    if version:
        migrate(engine, "upgrade", version)
        insert_one(engine)
    schema.create_all(engine)
    schema.create_all(engine)
    schema.check(engine)
    with engine.begin() as connection:
        schema.create_all(connection)
    with engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM outbox")).scalar_one()
    assert count == bool(version)


@pytest.mark.parametrize("version", range(schema.LATEST))
def test_tables_that_are_too_old_are_refused_in_words(engine: Engine, version: int) -> None:
    if version:
        migrate(engine, "upgrade", version)
    there = f"are of version {version}" if version else "do not exist"
    with pytest.raises(SchemaError, match=rf"{there}.*needs version {schema.LATEST}.*op, to="):
        schema.check(engine)


def test_tables_of_a_later_version_are_fine(engine: Engine) -> None:
    schema.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE outbox ADD COLUMN later TEXT"))
    schema.check(engine)
    assert schema.version(engine) == schema.LATEST


@pytest.mark.parametrize("to", [-1, schema.LATEST + 1, 99])
def test_a_version_that_does_not_exist_is_refused(engine: Engine, to: int) -> None:
    for direction in ("upgrade", "downgrade"):
        with pytest.raises(ValueError, match=f"no {to}"):
            migrate(engine, direction, to)
    with pytest.raises(ValueError, match="no 0"):
        migrate(engine, "upgrade", 0)
    assert described(engine) == {}


def test_a_table_of_the_application_is_left_alone(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE outbox (id INTEGER PRIMARY KEY, event TEXT)"))
    before = described(engine)
    refusing: list[Callable[[], None]] = [
        lambda: schema.create_all(engine),
        lambda: migrate(engine, "upgrade", schema.LATEST),
        lambda: migrate(engine, "downgrade", 0),
        lambda: schema.check(engine),
    ]
    for refused in refusing:
        with pytest.raises(SchemaError, match="application's own"):
            refused()
    assert described(engine) == before


# Other databases


@pytest.mark.parametrize("name", ["mysql+pymysql", "mariadb+pymysql"])
def test_other_databases_are_refused_at_the_start(name: str) -> None:
    from sqlalchemy.orm import sessionmaker  # noqa: PLC0415

    engine = create_engine(f"{name}://shop@db.example.com/shop", module=_Driver())
    app = configured()
    with pytest.raises(OutboxError, match=name.partition("+")[0]):
        FlaskOutbox(app, sessions=sessionmaker(engine))
    assert "flask_outbox" not in app.extensions
    with pytest.raises(OutboxError, match="SQLite and PostgreSQL"):
        schema.create_all(engine)


def test_another_database_of_flask_sqlalchemy_is_refused_at_the_start() -> None:
    app = configured(
        SQLALCHEMY_DATABASE_URI="mysql+pymysql://db.example.com/shop",
        SQLALCHEMY_ENGINE_OPTIONS={"module": _Driver()},
    )
    db = SQLAlchemy(app)
    with pytest.raises(OutboxError, match="this is mysql"):
        FlaskOutbox(app, db)


class _Driver:
    """What SQLAlchemy asks of a driver before it connects."""

    paramstyle = "pyformat"
    __version__ = version = "3.0.0"
    Error = Exception


def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    with pytest.raises(OutboxError, match=r"3\.35\.0; this is 3\.34\.1"):
        schema.create_all(create_engine("sqlite://"))


# Beside an application's own tables


def test_create_all_of_flask_sqlalchemy_makes_them(url: str, engine: Engine) -> None:
    schema.create_all(engine)
    expected = described(engine)
    migrate(engine, "downgrade", 0)
    app = configured(SQLALCHEMY_DATABASE_URI=url)
    db = SQLAlchemy(app)
    db.Table("orders", db.Column("id", db.Integer, primary_key=True))
    FlaskOutbox(app, db)
    with app.app_context():
        db.create_all()
        db.engine.dispose()
    made = described(engine)
    assert made.pop("orders")
    assert made == expected


ALEMBIC_INI = "[alembic]\nscript_location = {folder}\nsqlalchemy.url = {url}\n"

ENVIRONMENT = """
from alembic import context
from sqlalchemy import create_engine, pool
from shop import target_metadata

connectable = create_engine(
    context.config.get_main_option("sqlalchemy.url"), poolclass=pool.NullPool
)
with connectable.connect() as connection:
    context.configure(
        connection=connection, target_metadata=target_metadata, compare_server_default=True
    )
    with context.begin_transaction():
        context.run_migrations()
"""

WITH_FLASK_SQLALCHEMY = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_outbox import FlaskOutbox

app = Flask("shop")
app.config["SQLALCHEMY_DATABASE_URI"] = {url!r}
db = SQLAlchemy(app)
FlaskOutbox(app, db)
class Order(db.Model):
    id = db.Column(db.Integer, primary_key=True)
target_metadata = db.metadata
"""

WITH_SQLALCHEMY = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from flask_outbox import schema

class Model(DeclarativeBase):
    pass
class Order(Model):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
target_metadata = [Model.metadata, schema.METADATA]
"""

MIGRATION = """
from alembic import op
import sqlalchemy as sa
from flask_outbox import schema

revision = "{number}"
down_revision = {before!r}
branch_labels = depends_on = None

def upgrade():
    if "{number}" == "1":
        op.create_table("order", sa.Column("id", sa.Integer, primary_key=True))
    schema.upgrade(op, to={number})

def downgrade():
    schema.downgrade(op, to={number} - 1)
    if "{number}" == "1":
        op.drop_table("order")
"""


@pytest.mark.slow
@pytest.mark.parametrize("application", [WITH_FLASK_SQLALCHEMY, WITH_SQLALCHEMY])
def test_alembic_finds_nothing_to_do_after_our_migrations(
    url: str, engine: Engine, tmp_path: Path, application: str
) -> None:
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (tmp_path / "shop.py").write_text(application.format(url=url))
    (tmp_path / "alembic.ini").write_text(ALEMBIC_INI.format(folder=folder, url=url))
    (folder / "env.py").write_text(ENVIRONMENT)
    for number in range(1, schema.LATEST + 1):
        before = str(number - 1) if number > 1 else None
        text = MIGRATION.format(number=number, before=before)
        (folder / "versions" / f"{number}.py").write_text(text)

    def alembic(*command: str) -> str:
        path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [sys.executable, "-m", "alembic", *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    alembic("upgrade", "head")
    assert schema.version(engine) == schema.LATEST
    assert "No new upgrade operations detected" in alembic("check")
    alembic("downgrade", "base")
    assert described(engine) == {}


def test_migrations_without_a_database_are_refused_in_words() -> None:
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True})
    with pytest.raises(SchemaError, match="--sql"):
        schema.upgrade(Operations(context), to=1)
    with pytest.raises(SchemaError, match="--sql"):
        schema.downgrade(Operations(context), to=0)


def test_our_metadata_holds_our_tables_only() -> None:
    assert isinstance(schema.METADATA, MetaData)
    assert set(schema.METADATA.tables) == {
        "outbox", "mail_suppressions", "mail_rate_slots", "mail_counts", "mail_counted",
        "mail_opt_outs", "mail_reports", "mail_events", "mail_mailboxes",
    }  # fmt: skip
