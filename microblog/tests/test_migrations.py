"""Migrations with legal but awkward data, and several migrations at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select, text

from microblog import database, schema
from microblog.accounts.actions.verification import remove_unverified
from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.cli import cli
from microblog.database import db, transaction, utc_now
from microblog.schema import migrations
from tests.cli.running import clean_environment
from tests.constants import ENGINES
from tests.schemas import empty_database, site_without_tables

pytestmark = pytest.mark.slow


@pytest.fixture(params=ENGINES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """A site whose database has no tables at all."""
    with site_without_tables(request.param, tmp_path) as app:
        yield app


LONG_NAME = "Ж" * 64
LONG_ADDRESS = f"{'İ' * 60}@{'x' * 189}.org"
PERSON = "(id, username, username_key, email, email_key, password_hash, registered_at"
OUTBOX = """(id, kind, lane, recipient, locale, arguments, recipients, message_id, created_at,
    due_at, expires_at, status, attempts, failures, settled_at, answer"""


def person(number: int, email: str, *, day: int = 1, **more: str) -> str:
    """A statement that inserts an account of January 2026; `more` has columns and SQL values."""
    columns = "".join(f", {name}" for name in more)
    values = "".join(f", {value}" for value in more.values())
    name = LONG_NAME if number == 2 else f"person{number}"
    return (
        f"INSERT INTO users {PERSON}{columns}) VALUES ({number}, '{name}', '{name}', '{email}',"
        f" '{email}', '-', '2026-01-{day:02} 12:00:00'{values})"
    )


def message(number: int, recipient: str, status: str, **more: str) -> str:
    """A statement that inserts a message; `more` has columns and SQL values."""
    columns = "".join(f", {name}" for name in more)
    values = "".join(f", {value}" for value in more.values())
    return (
        f"INSERT INTO outbox {OUTBOX}{columns}) VALUES ({number}, '', 0, '{recipient}', 'en',"
        f" 'null', 'null', '', 0, 0, NULL, '{status}', 0, 0, NULL, NULL{values})"
    )


CHANGE = "INSERT INTO email_changes (user_id, old_email, new_email, requested_at, confirmed_at)"
STATUSES = ("queued", "deferred", "sent", "dead", "discarded", "expired", "cancelled", "unknown")

AWKWARD: dict[str, list[str]] = {
    "0001": [
        person(1, "one@example.com"),
        person(2, LONG_ADDRESS),
        person(3, "Three@example.com", email_verified_at="'2026-01-02 12:00:00'"),
        "INSERT INTO follows VALUES (1, 1), (1, 2), (2, 1)",
        f"INSERT INTO posts (body, created_at, user_id) VALUES ('', '1970-01-01', 1),"
        f" ('{'x' * 100_000}', '2999-12-31', 2)",
        "INSERT INTO sessions (user_id, digest, remembered, created_at, seen_at) VALUES"
        " (1, 'x', FALSE, '2026-01-01', '2026-01-01')",
        message(2**40, "İ" * 320, "queued"),
        *(message(number, "a@b", status) for number, status in enumerate(STATUSES, start=1)),
    ],
    "0002": [
        "INSERT INTO mail_suppressions VALUES ('a@b', '', 0)",
        "INSERT INTO mail_paces VALUES ('', 0)",
        message(100, "a@b", "sent", recipient_key="''", history="'{}'", reduced="TRUE"),
    ],
    "0003": ["INSERT INTO failures VALUES ('x', 1, '2026-01-01')"],
    "0004": [
        # Two pairs with an address that neither has verified, and a pair in which one has.
        person(42, "two@example.com", day=3, is_admin="FALSE"),
        person(41, "two@example.com", day=4, is_admin="FALSE"),
        person(43, "same@example.com", day=5, is_admin="FALSE"),
        person(44, "same@example.com", day=5, is_admin="TRUE"),
        person(45, "Three@example.com", is_admin="FALSE", deletes_at="'2026-02-01'"),
        "INSERT INTO posts (body, created_at, user_id) VALUES ('mine', '2026-01-05', 41)",
        "INSERT INTO follows VALUES (41, 42), (42, 41)",
        "INSERT INTO sessions (user_id, digest, remembered, created_at, seen_at, browser, address)"
        " VALUES (41, 'y', FALSE, '2026-01-01', '2026-01-01', '', '')",
        "INSERT INTO known_browsers (user_id, digest, seen_at) VALUES (41, 'x', '2026-01-01')",
        "INSERT INTO security_events (user_id, kind, at, browser, address, details)"
        " VALUES (41, '', '2026-01-01', '', '', 'null')",
        f"{CHANGE} VALUES (41, 'two@example.com', '{LONG_ADDRESS}', '2026-01-01', NULL)",
        f"{CHANGE} VALUES (41, 'two@example.com', '{LONG_ADDRESS}', '2026-01-01', '2026-01-02')",
    ],
    "0005": [
        "INSERT INTO profiles VALUES (41, '', NULL)",
        "INSERT INTO avatars VALUES (41, 'no picture')",
        "INSERT INTO blocks VALUES (41, 41), (41, 42)",
        "INSERT INTO mutes VALUES (41, 42), (42, 41)",
        "INSERT INTO mentions SELECT 41, id FROM posts",
        "INSERT INTO post_tags SELECT '', id FROM posts",
    ],
    "0006": [
        "INSERT INTO mail_counts VALUES (0, '', 0, 'sent', 0, 9000000000, 0)",
        "INSERT INTO mail_counted VALUES (1, 0)",
    ],
    "0007": [
        "INSERT INTO mail_rate_slots VALUES ('x', 0, 0, 9000000000)",
        message(
            101, "a@b", "deferred", recipient_key="''", history="'[]'", reduced="FALSE",
            waits_for="'b'",
        ),
    ],
    "0014": [
        "INSERT INTO password_reset_requests VALUES ('x', 9000000000, '2026-01-01', 0)",
    ],
    "0015": ["UPDATE users SET display_name = ''"],
}  # fmt: skip
"""Rows that the schema allowed, by the version that first allowed them."""


def fill(version: str) -> None:
    with db.engine.begin() as connection:
        for statement in AWKWARD.get(version, []):
            connection.exec_driver_sql(statement)


def versions() -> list[str]:
    """All versions, oldest first."""
    return [script.revision for script in reversed(migrations().log())]


def count(table: str) -> int:
    with db.engine.connect() as connection:
        return int(connection.scalar(text(f"SELECT COUNT(*) FROM {table}")) or 0)


def test_no_legal_data_stops_an_upgrade_or_a_downgrade(site: Flask) -> None:
    with site.app_context():
        for version in versions():
            migrations().upgrade(version)
            fill(version)
        migrations().upgrade()
        kept = {name: count(name) for name in ("users", "posts", "follows", "sessions", "outbox")}
        assert kept == {"users": 8, "posts": 3, "follows": 5, "sessions": 2, "outbox": 11}
        for version in [*reversed(versions()[:-1]), "base"]:
            migrations().downgrade(version)
        assert schema.needs_upgrade()


def test_the_older_of_two_accounts_keeps_their_address(
    site: Flask,
) -> None:
    with site.app_context():
        for version in ("0001", "0004"):
            migrations().upgrade(version)
            fill(version)
        schema.upgrade()
        with transaction() as writing:
            assert remove_unverified(writing, utc_now()) is False
        users = db.session.scalars(select(User)).all()
        assert {user.id: user.email_verified_at is not None for user in users} == {
            42: True, 41: False,  # the older one, whatever its id
            43: True, 44: False,  # of two equally old ones, the one with the lower id
            3: True, 45: False,  # the one that verified it
            1: True, 2: True,
        }  # fmt: skip
        assert db.session.scalars(select(Post.user_id)).all() == [1, 2, 41]


def test_foreign_keys_that_were_broken_before_stop_no_migration(tmp_path: Path) -> None:
    """SQLite's own shell deletes an account without what refers to it."""
    with site_without_tables("sqlite", tmp_path) as app, app.app_context():
        migrations().upgrade("0003")
        with db.engine.begin() as connection:
            connection.exec_driver_sql(AWKWARD["0001"][0])
            connection.exec_driver_sql(
                "INSERT INTO posts (body, created_at, user_id) VALUES ('', '2026-01-01', 1)"
            )
        with closing(sqlite3.connect(tmp_path / "empty.db")) as shell:
            shell.execute("DELETE FROM users")
            shell.commit()
        schema.upgrade()
        assert not schema.needs_upgrade()


def test_a_migration_that_breaks_foreign_keys_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site_without_tables("sqlite", tmp_path) as app, app.app_context():
        migrations().upgrade("0003")
        with db.engine.begin() as connection:
            connection.exec_driver_sql(AWKWARD["0001"][0])
            connection.exec_driver_sql(
                "INSERT INTO posts (body, created_at, user_id) VALUES ('', '2026-01-01', 1)"
            )
        script = migrations().script_directory.get_revision("0004").module
        upgrade = script.upgrade

        def careless() -> None:
            upgrade()
            script.op.execute("DELETE FROM users")

        monkeypatch.setattr(script, "upgrade", careless)
        with pytest.raises(RuntimeError, match="refer to nothing"):
            schema.upgrade()
        assert [script.revision for script in migrations().current()] == ["0003"]
        assert count("users") == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_three_upgrades_at_once_make_one_schema(engine: str, tmp_path: Path) -> None:
    with empty_database(engine, tmp_path) as url:
        environment = clean_environment(DATABASE_URL=url, INSTANCE_PATH=str(tmp_path))
        together = [
            subprocess.Popen(
                [sys.executable, "-m", "microblog", "db", "upgrade"],
                env=environment,
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(3)
        ]
        said = [process.communicate(timeout=120)[0] for process in together]
        assert [process.returncode for process in together] == [0, 0, 0], said
        assert sum(words.count(": version ") for words in said) == newest()


def test_an_upgrade_does_not_make_pages_wait_for_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads a table keeps a migration waiting, and that keeps everybody else."""
    monkeypatch.setattr(schema, "TABLE_WAIT_SECONDS", 0.05)
    with site_without_tables("postgresql", tmp_path) as app, app.app_context():
        url = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        migrations().upgrade("0014")
        environment = {"DATABASE_URL": url, "INSTANCE_PATH": str(tmp_path)}
        with psycopg.connect(url) as backup:
            backup.execute("SELECT 1 FROM users")
            refused = CliRunner().invoke(cli, ["db", "upgrade"], env=environment)
            assert refused.exit_code == 1
            assert "is reading a table that has to change: nothing was changed" in refused.output
            assert [script.revision for script in migrations().current()] == ["0014"]
        assert CliRunner().invoke(cli, ["db", "upgrade"], env=environment).exit_code == 0


def newest() -> int:
    """The number of the newest version."""
    return len([*(Path(database.__file__).parent / "migrations").glob("0*.py")])
