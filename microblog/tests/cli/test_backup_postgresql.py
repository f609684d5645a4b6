"""`microblog backup` and `restore` on PostgreSQL: by its own programs, in one transaction."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from flask_outbox import send_email
from microblog.cli.backup_file import MANIFEST
from microblog.cli.backup_postgresql import DUMP
from microblog.database import transaction
from tests.cli.conftest import Command
from tests.cli.test_backup import flipped, with_a_newer_schema, with_other_rows
from tests.databases import close_left_connections
from tests.schemas import empty_database
from tests.services import need
from tests.visitor import make_user

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("_tools"),
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]

Contents = dict[str, list[Any]]


@pytest.fixture
def _tools() -> None:
    need(bool(shutil.which("pg_dump") and shutil.which("pg_restore")), "pg_dump and pg_restore")


def contents(url: str) -> Contents:
    """All rows of all tables."""
    with psycopg.connect(url) as connection:
        named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        tables = sorted(name for (name,) in connection.execute(named))
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in tables
        }


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


@pytest.fixture
def filled(app: Flask, database_url: str) -> str:
    """A site's database, with two accounts, a picture, and mail that waits; nobody has it open."""
    number = make_user(app, "susan")
    make_user(app, "peter")
    with app.app_context(), transaction() as writing:
        picture = {"user_id": number, "content": bytes(range(256)) * 1000}
        writing.execute(text("INSERT INTO avatars VALUES (:user_id, :content)"), picture)
        awkward = {"answer": "\\.\n\\.\nCOPY public.users (id) FROM stdin;\n\\restrict\t\r"}
        send_email("subject", None, ["susan@example.com"], "text", None)
        writing.execute(text("UPDATE outbox SET answer = :answer"), awkward)
    # The site keeps one by which it wakes dispatchers.
    close_left_connections()
    return database_url


@pytest.fixture
def saved(filled: str, microblog: Command, tmp_path: Path) -> Path:
    """A backup of it."""
    file = tmp_path / "saved.backup"
    made = microblog("backup", str(file))
    assert made.exit_code == 0, made.output
    return file


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    with empty_database("postgresql", tmp_path) as url:
        yield url


def test_what_was_backed_up_comes_back_elsewhere(
    filled: str, saved: Path, elsewhere: str, microblog: Command
) -> None:
    assert stat.filemode(saved.stat().st_mode) == "-rw-------"
    verified = microblog("backup", "--verify", str(saved), DATABASE_URL="nothing")
    assert verified.exit_code == 0, verified.output
    assert "Accounts: 2. Posts: 0. Pictures: 1. Emails: 1." in verified.output
    restored = microblog("restore", str(saved), DATABASE_URL=elsewhere)
    assert restored.exit_code == 0, restored.output
    assert "1 message waits" in restored.output
    assert contents(elsewhere) == contents(filled)
    made = microblog(
        *("user", "create", "late", "late@example.com", "--password-stdin"),
        typed="correct horse battery",
        DATABASE_URL=elsewhere,
    )
    assert made.exit_code == 0, made.output
    assert "susan" in microblog("user", "list", DATABASE_URL=elsewhere).output


def test_a_restore_asks_and_takes_newer_tables_away(
    filled: str, saved: Path, microblog: Command
) -> None:
    whole = contents(filled)
    execute(filled, "UPDATE users SET username = 'changed' WHERE username = 'susan'")
    execute(filled, "CREATE TABLE newer (user_id integer REFERENCES users (id))")
    changed = contents(filled)
    refused = microblog("restore", str(saved), typed="n\n")
    assert refused.exit_code == 1
    assert "what is in it now is lost" in refused.output
    assert contents(filled) == changed
    restored = microblog("restore", str(saved), typed="y\n")
    assert restored.exit_code == 0, restored.output
    assert contents(filled) == whole


def test_a_restore_is_refused_while_the_site_has_its_database_open(
    filled: str, saved: Path, microblog: Command
) -> None:
    before = contents(filled)
    with psycopg.connect(filled):
        refused = microblog("restore", "--yes", str(saved))
    assert refused.exit_code == 1
    assert "stop the site first" in refused.output
    assert contents(filled) == before


def test_tables_of_somebody_else_are_never_replaced(
    saved: Path, elsewhere: str, microblog: Command
) -> None:
    execute(elsewhere, "CREATE TABLE mine (id integer)")
    refused = microblog("restore", "--yes", str(saved), DATABASE_URL=elsewhere)
    assert refused.exit_code == 1
    assert "has tables that aren't Microblog's" in refused.output
    assert contents(elsewhere) == {"mine": []}


def rewritten(file: Path, change: Callable[[dict[str, Any], bytes], bytes]) -> None:
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        dump = change(manifest, archive.read(DUMP))
    described = {"bytes": len(dump), "sha256": hashlib.sha256(dump).hexdigest()}
    manifest["files"][DUMP] = manifest["files"][DUMP] and described
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))
        archive.writestr(DUMP, dump)


def of_a_newer_server(manifest: dict[str, Any], dump: bytes) -> bytes:
    manifest["server"] = 99
    return dump


def cut_off(_manifest: dict[str, Any], dump: bytes) -> bytes:
    return dump[:-5000]


def no_dump(_manifest: dict[str, Any], _dump: bytes) -> bytes:
    return b"nothing of PostgreSQL's"


def of_sqlite(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read(MANIFEST))
    manifest["files"] = {"microblog.db": manifest["files"][DUMP]}
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))


BAD: list[tuple[Callable[[Path], object], str]] = [
    (flipped, "The backup is damaged"),
    (lambda file: rewritten(file, of_a_newer_server), "PostgreSQL 99; the server is older"),
    (lambda file: rewritten(file, with_a_newer_schema), "made by a newer version of Microblog"),
    (lambda file: rewritten(file, with_other_rows), "doesn't hold what it says it does"),
    (lambda file: rewritten(file, cut_off), "pg_restore failed: "),
    (lambda file: rewritten(file, no_dump), "pg_restore failed: "),
    (of_sqlite, "is an SQLite backup: restore it there"),
]


def test_what_is_no_good_backup_is_refused_in_words_and_changes_nothing(
    filled: str, saved: Path, microblog: Command
) -> None:
    before, good = contents(filled), saved.read_bytes()
    for number, (spoil, words) in enumerate(BAD):
        saved.write_bytes(good)
        spoil(saved)
        refused = microblog("restore", "--yes", str(saved))
        assert refused.exit_code == 1, (number, refused.output)
        assert words in refused.output, (number, refused.output)
        assert contents(filled) == before
        verified = microblog("backup", "--verify", str(saved))
        assert verified.exit_code == int(spoil is not BAD[1][0]), (number, verified.output)


@pytest.fixture
def wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that puts a shell script before the real pg_dump, which it may call as "$real"."""
    folder = tmp_path / "bin"
    folder.mkdir()
    real = shutil.which("pg_dump")

    def wrap(script: str) -> None:
        (folder / "pg_dump").write_text(f"#!/bin/bash\nreal={real}\n{script}\n")
        (folder / "pg_dump").chmod(0o755)
        path = str(folder)
        monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")

    return wrap


def test_the_password_is_on_no_command_line(
    filled: str, wrapped: Callable[[str], None], microblog: Command, tmp_path: Path
) -> None:
    wrapped(f'echo "$PGPASSWORD: $@" >> {tmp_path}/said; exec "$real" "$@"')
    secret = filled.replace("://postgres@", "://postgres:a%20secret@")
    assert secret != filled
    made = microblog("backup", str(tmp_path / "saved.backup"), DATABASE_URL=secret)
    assert made.exit_code == 0, made.output
    for line in (tmp_path / "said").read_text().splitlines():
        given, _, arguments = line.partition(": ")
        assert "secret" not in arguments
    assert given == "a secret"


def test_what_the_site_writes_meanwhile_is_not_in_it(
    filled: str, wrapped: Callable[[str], None], elsewhere: str, microblog: Command, tmp_path: Path
) -> None:
    before = contents(filled)
    added = "INSERT INTO failures VALUES (md5(random()::text), 1, now())"
    write = f'[ "$1" = --version ] || psql -q {filled} -c "{added}"'
    wrapped(f'{write}; exec "$real" "$@"')
    file = tmp_path / "saved.backup"
    assert microblog("backup", str(file)).exit_code == 0
    assert contents(filled) != before
    assert microblog("restore", str(file), DATABASE_URL=elsewhere).exit_code == 0
    assert contents(elsewhere) == before


TROUBLE = [
    ('echo "pg_dump (PostgreSQL) 9.6.24"', "pg_dump is version 9, but the server is newer"),
    (
        '[ "$1" = --version ] || { echo "pg_dump: error: no space" >&2; exit 1; }\n"$real" "$@"',
        "pg_dump failed: error: no space",
    ),
]


@pytest.mark.parametrize(("script", "words"), TROUBLE)
def test_a_dump_that_cannot_be_made_is_told_in_words(
    filled: str,
    wrapped: Callable[[str], None],
    microblog: Command,
    tmp_path: Path,
    script: str,
    words: str,
) -> None:
    wrapped(script)
    refused = microblog("backup", str(tmp_path / "saved.backup"))
    assert refused.exit_code == 1
    assert words in refused.output
    assert not (tmp_path / "saved.backup").exists()


def test_where_the_programs_are_missing_it_says_how_to_get_them(
    saved: Path, microblog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for arguments in (("backup", "--yes"), ("restore", "--yes"), ("backup", "--verify")):
        refused = microblog(*arguments, str(saved))
        assert refused.exit_code == 1
        assert "is missing: install PostgreSQL's client programs" in refused.output


def test_a_server_that_does_not_answer_is_told_in_words(
    filled: str, saved: Path, microblog: Command
) -> None:
    away = "postgresql://somebody:secret@127.0.0.1:1/nowhere"
    for verb in ("backup", "restore"):
        refused = microblog(verb, "--yes", str(saved), DATABASE_URL=away)
        assert refused.exit_code == 1
        assert "postgresql://somebody:***@127.0.0.1:1/nowhere cannot be used" in refused.output
        assert "secret" not in refused.output
