"""`microblog db move`: from SQLite to PostgreSQL, and nothing is lost or sent twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from flask_outbox import send_email
from microblog import database
from microblog.cli import move_table
from microblog.database import db, transaction
from tests.cli.conftest import Command
from tests.cli.running import clean_environment, run_command
from tests.databases import close_left_connections
from tests.schemas import empty_database
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, make_user
from tests.waiting import end, eventually

pytestmark = [pytest.mark.slow, ON_SQLITE]


@pytest.fixture
def filled(app: Flask, microblog: Command, tmp_path: Path) -> Path:
    """A site's database with people, posts, a picture and mail; nobody has it open."""
    made = microblog("fake", "--users", "40", "--posts", "120", "--follows", "60")
    assert made.exit_code == 0, made.output
    number = make_user(app, "susan")
    with app.app_context():
        with transaction() as writing:
            picture = {"user_id": number, "content": bytes(range(256)) * 100}
            writing.execute(text("INSERT INTO avatars VALUES (:user_id, :content)"), picture)
            for subject in ("one", "two \U0001f600 \\ '", "three", "four"):
                send_email(subject, None, ["susan@example.com"], "text", None)
            writing.execute(text("DELETE FROM outbox WHERE id = 4"))
            for key in ("b", "A", "ä", "Z", "_", "a"):
                writing.execute(
                    text("INSERT INTO failures VALUES (:key, 1, '2026-01-01 00:00:00.000001')"),
                    {"key": key},
                )
        db.engine.dispose()
    return tmp_path / "site.db"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[str]:
    with empty_database("postgresql", tmp_path) as url:
        yield url
        close_left_connections()


def rows_of(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [*connection.iterdump()]


def require_moved(file: Path, url: str) -> None:
    """Compare what can be compared without our code's help."""
    with closing(sqlite3.connect(file)) as connection:
        named = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        )
        for (table,) in named.fetchall():
            if table.startswith(("indexed_posts", "name_terms")):
                # They are made anew: `microblog search rebuild`.
                continue
            here = connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchall()
            assert rows_of(url, f'SELECT COUNT(*) FROM "{table}"') == here, table
        for statement in (
            "SELECT id, user_id, body FROM posts ORDER BY id",
            "SELECT id, username, password_hash FROM users ORDER BY id",
            "SELECT id, recipient, due_at, status, message_id FROM outbox ORDER BY id",
            "SELECT user_id, content FROM avatars",
        ):
            assert rows_of(url, statement) == connection.execute(statement).fetchall()
    assert rows_of(url, "SELECT obj_description('alembic_version'::regclass)") == [(None,)]


def test_everything_is_moved_and_the_old_file_stays(
    filled: Path, target: str, microblog: Command
) -> None:
    before = dump(filled)
    moved = microblog("db", "move", target)
    assert moved.exit_code == 0, moved.output
    assert f"DATABASE_URL={target}" in moved.output
    assert dump(filled) == before
    require_moved(filled, target)
    # A number that was given once is not given again.
    assert rows_of(target, "SELECT nextval('outbox_id_seq')") == [(5,)]
    created = microblog(
        *("user", "create", "late", "late@example.com", "--password-stdin"),
        typed="correct horse battery",
        DATABASE_URL=target,
    )
    assert created.exit_code == 0, created.output
    again = microblog("db", "move", target)
    assert again.exit_code == 1
    assert "has data in its table" in again.output


def test_what_waits_is_sent_once_from_the_new_database(
    filled: Path, target: str, microblog: Command, make_app: Callable[..., Flask]
) -> None:
    assert microblog("db", "move", target).exit_code == 0
    site = make_app(DATABASE_URL=target)
    assert deliver_from(site) == 3
    assert rows_of(target, "SELECT DISTINCT status FROM outbox") == [("sent",)]


def test_a_message_that_is_being_sent_is_waited_for(
    app: Flask,
    filled: Path,
    target: str,
    microblog: Command,
    smtp: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server has taken it, and its answer is on the way when the move begins."""
    paused, slept = smtp.pause(), []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        paused.close()
        time.sleep(seconds)

    clock = SimpleNamespace(monotonic=time.monotonic, time=time.time, sleep=sleep)
    monkeypatch.setattr("microblog.cli.move.time", clock)
    delivering = Thread(target=deliver_from, args=[app])
    delivering.start()
    try:
        assert eventually(lambda: "DATA" in smtp.commands)
        moved = microblog("db", "move", target)
    finally:
        paused.close()
        delivering.join()
    assert moved.exit_code == 0, moved.output
    assert slept
    taken = smtp.received[0].message["Message-ID"]
    sent = rows_of(target, "SELECT message_id FROM outbox WHERE status = 'sent'")
    assert any(name.strip("<>") == taken.strip("<>") for (name,) in sent)


@pytest.mark.parametrize("table", ["users", "outbox"])
def test_a_move_that_was_killed_goes_on(
    filled: Path, target: str, site_environment: dict[str, str], tmp_path: Path, table: str
) -> None:
    script = f"""
import os, signal
from microblog.cli import main, move_table
def kill(name, done, total):
    if name == "{table}" and done:
        os.kill(os.getpid(), signal.SIGKILL)
move_table.ROWS_AT_ONCE = 2
move_table.tell_progress = kill
main()
"""
    environment = clean_environment(**site_environment)
    killed = subprocess.run(
        [sys.executable, "-c", script, "db", "move", target], env=environment, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    kept = f"SELECT id, xmin::text FROM {table} ORDER BY id"
    before = rows_of(target, kept)
    assert len(before) == 2
    done = run_command(["db", "move", target], environment, tmp_path)
    assert done.returncode == 0, done.stderr
    assert rows_of(target, kept)[:2] == before
    require_moved(filled, target)


def test_what_was_written_since_a_move_was_interrupted_is_moved_too(
    filled: Path, target: str, microblog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(name: str, _done: int, _total: int | None) -> None:
        if name == "outbox":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(move_table, "tell_progress", interrupt)
        assert microblog("db", "move", target).exit_code == 1
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("UPDATE users SET username = 'changed' WHERE username = 'user3'")
        connection.execute("DELETE FROM failures WHERE fingerprint = '_'")
        connection.commit()
    moved = microblog("db", "move", target)
    assert moved.exit_code == 0, moved.output
    require_moved(filled, target)


def test_a_copy_that_came_out_different_is_found(
    filled: Path, target: str, microblog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tamper(name: str, done: int, total: int | None) -> None:
        if name == "posts" and done == total:
            with psycopg.connect(target) as connection:
                connection.execute("UPDATE posts SET body = 'other' WHERE id = 7")

    monkeypatch.setattr(move_table, "tell_progress", tamper)
    moved = microblog("db", "move", target)
    assert moved.exit_code == 1
    assert "posts differs: 120 rows in SQLite, 120 in PostgreSQL" in moved.output
    assert "DATABASE_URL=" not in moved.output


def test_the_site_can_be_read_meanwhile_and_says_that_it_cannot_be_written(
    app: Flask,
    filled: Path,
    target: str,
    microblog: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "SQLITE_BUSY_SECONDS", 0)
    visitor = Visitor(app)
    visitor.log_in("susan")
    with closing(sqlite3.connect(filled)) as connection:
        # Long enough ago for the next visit to be written down.
        connection.execute("UPDATE sessions SET seen_at = datetime('now', '-1 hour')")
        connection.commit()
    answers = []

    def visit(name: str, done: int, total: int | None) -> None:
        if name == "posts" and done == total:
            page = visitor.get("/")
            written = visitor.submit("/", {"post": "meanwhile"})
            is_known = 'name="post"' in page.get_data(as_text=True)
            answers.append((page.status_code, is_known, written.status_code))

    monkeypatch.setattr(move_table, "tell_progress", visit)
    moved = microblog("db", "move", target)
    assert moved.exit_code == 0, moved.output
    assert answers == [(200, True, 503)]
    require_moved(filled, target)


def test_at_a_terminal_the_old_file_stays_locked_until_enter(
    filled: Path, target: str, site_environment: dict[str, str], tmp_path: Path
) -> None:
    keyboard, terminal = os.openpty()
    said = tmp_path / "said.txt"
    with said.open("wb") as output:
        moving = subprocess.Popen(
            [sys.executable, "-m", "microblog", "db", "move", target],
            env=clean_environment(**site_environment),
            stdin=terminal,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        assert eventually(lambda: "Press Enter" in said.read_text()), said.read_text()
        with closing(sqlite3.connect(filled, timeout=0)) as connection:
            assert connection.execute("SELECT COUNT(*) FROM posts").fetchone() == (120,)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                connection.execute("DELETE FROM posts")
        os.write(keyboard, b"\n")
        assert moving.wait(timeout=60) == 0
    finally:
        end(moving, seconds=60)
        os.close(keyboard)
        os.close(terminal)
    require_moved(filled, target)


def claimed(connection: sqlite3.Connection) -> None:
    connection.execute(
        "UPDATE outbox SET attempts = 1, due_at = ? WHERE id = 1", [time.time() + 3600]
    )


def of_an_older_schema(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE alembic_version SET version_num = '0013'")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (claimed, "The site is sending email: stop it"),
        (of_an_older_schema, "schema is not up to date"),
    ],
)
def test_an_old_database_that_is_not_ready_is_refused(
    filled: Path,
    target: str,
    microblog: Command,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[sqlite3.Connection], None],
    words: str,
) -> None:
    monkeypatch.setattr("microblog.cli.move.QUIET_SECONDS", 0)
    with closing(sqlite3.connect(filled)) as connection:
        change(connection)
        connection.commit()
    refused = microblog("db", "move", target)
    assert refused.exit_code == 1
    assert words in refused.output
    assert rows_of(target, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


def test_a_move_waits_for_who_writes_and_says_so(
    filled: Path, target: str, microblog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SQLITE_BUSY_SECONDS", 0)
    with closing(sqlite3.connect(filled, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        refused = microblog("db", "move", target)
    assert refused.exit_code == 1
    assert f"{filled} cannot be used: database is locked." in refused.output


def test_somebody_elses_data_is_left_alone(filled: Path, target: str, microblog: Command) -> None:
    with psycopg.connect(target) as connection:
        connection.execute("CREATE TABLE mine (id integer)")
    refused = microblog("db", "move", target)
    assert refused.exit_code == 1
    assert "has tables that aren't Microblog's" in refused.output
    with psycopg.connect(target) as connection:
        connection.execute("DROP TABLE mine")
    assert microblog("db", "upgrade", DATABASE_URL=target).exit_code == 0
    with psycopg.connect(target) as connection:
        connection.execute("INSERT INTO failures VALUES ('theirs', 1, now())")
    refused = microblog("db", "move", target)
    assert refused.exit_code == 1
    assert "has data in its table failures: choose an empty database" in refused.output
    assert rows_of(target, "SELECT fingerprint FROM failures") == [("theirs",)]


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("nonsense", 2, "URL is not a database address"),
        ("mysql://host/name", 2, "URL names 'mysql'"),
        ("sqlite:////tmp/other.db", 2, "URL must name a PostgreSQL database"),
        ("postgresql://me:secret@127.0.0.1:1/x", 1, "postgresql://me:***@127.0.0.1:1/x cannot"),
        ("postgresql://me@127.0.0.1:1/x?password=secret", 1, "//me:***@127.0.0.1:1/x cannot"),
    ],
)
def test_an_address_that_is_none_is_told_in_words(
    filled: Path, microblog: Command, url: str, code: int, words: str
) -> None:
    refused = microblog("db", "move", url)
    assert refused.exit_code == code
    assert words in refused.output
    assert "secret" not in refused.output


def test_what_is_no_file_of_sqlite_is_not_moved(
    target: str, microblog: Command, tmp_path: Path
) -> None:
    refused = microblog("db", "move", target, DATABASE_URL=target)
    assert "names no SQLite file" in refused.output
    refused = microblog("db", "move", target, DATABASE_URL=f"sqlite:///{tmp_path}/none.db")
    assert "There is no database at" in refused.output


def test_a_row_that_postgresql_does_not_take_is_told_in_words(
    filled: Path, target: str, microblog: Command
) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("UPDATE posts SET body = 'a' || char(0) WHERE id = 5")
        connection.commit()
    refused = microblog("db", "move", target)
    assert refused.exit_code == 1
    assert "Table posts cannot be used: PostgreSQL text fields cannot contain NUL" in refused.output
