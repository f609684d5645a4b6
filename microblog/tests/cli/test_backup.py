"""`microblog backup` and `restore`: all data comes back, and nothing good is ever lost for bad."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from flask_outbox import send_email
from microblog.cli import backup_sqlite
from microblog.cli.backup_file import DATABASE, MANIFEST, SETTINGS, new_backup
from microblog.cli.backup_sqlite import add_database, check_database
from microblog.database import db, transaction
from microblog.settings.env_file import read_env_file
from tests.cli.conftest import Command
from tests.cli.running import clean_environment
from tests.visitor import ON_SQLITE, make_user

pytestmark = pytest.mark.slow

Change = Callable[[Path], object]


def silent(_words: str, _done: int, _size: int | None) -> None:
    pass


def dump(database: Path) -> list[str]:
    """All that is in it."""
    with closing(sqlite3.connect(database)) as connection:
        return [*connection.iterdump()]


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.fixture
def filled(app: Flask, tmp_path: Path) -> Path:
    """A site's database, with an account, its picture, and mail that waits; nobody has it open."""
    number = make_user(app, "susan")
    with app.app_context():
        with transaction() as writing:
            picture = {"user_id": number, "content": bytes(range(256)) * 1000}
            writing.execute(text("INSERT INTO avatars VALUES (:user_id, :content)"), picture)
            send_email("subject", None, ["susan@example.com"], "text", None)
        db.engine.dispose()
    return tmp_path / "site.db"


@pytest.fixture
def saved(filled: Path, microblog: Command, tmp_path: Path) -> Path:
    """A backup of it."""
    file = tmp_path / "saved.backup"
    assert microblog("backup", str(file)).exit_code == 0
    return file


@ON_SQLITE
def test_what_was_backed_up_comes_back_elsewhere(
    filled: Path, saved: Path, microblog: Command, tmp_path: Path
) -> None:
    place = tmp_path / "new" / "there.db"
    restored = microblog("restore", str(saved), DATABASE_URL=f"sqlite:///{place}")
    assert restored.exit_code == 0, restored.output
    assert "1 message waits" in restored.output
    assert dump(place) == dump(filled)
    for file in (saved, place):
        assert stat.filemode(file.stat().st_mode) == "-rw-------"
    assert files(place.parent) == {"there.db"}
    assert "susan" in microblog("user", "list", DATABASE_URL=f"sqlite:///{place}").output


@ON_SQLITE
def test_a_backup_is_of_one_moment_while_the_site_writes(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is only in the write-ahead log is in it; what is written meanwhile does not delay it."""
    monkeypatch.setattr(backup_sqlite, "PAGES_AT_ONCE", 1)
    told: list[str] = []
    with closing(sqlite3.connect(filled, isolation_level=None)) as site:
        site.execute("INSERT INTO failures VALUES ('before', 1, '2026-01-01')")
        copied = Path(shutil.copy(filled, tmp_path / "copied.db"))
        before = dump(filled)

        def write(words: str, _done: int, _size: int | None) -> None:
            told.append(words)
            site.execute(f"INSERT INTO failures VALUES ('{len(told)}', 1, '2026-01-01')")

        pages = site.execute("PRAGMA page_count").fetchone()[0]
        with new_backup(tmp_path / "saved.backup", write) as made:
            made.finish(add_database(made, filled), [])
    assert told.count("Copying") <= pages, "the copy began anew"
    with zipfile.ZipFile(tmp_path / "saved.backup") as archive:
        archive.extract(DATABASE, tmp_path)
    assert dump(tmp_path / DATABASE) == before
    assert dump(copied) != before, "a copied file would do as well"


@ON_SQLITE
def test_a_restore_asks_before_it_replaces(
    filled: Path, saved: Path, microblog: Command, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("DELETE FROM users")
        connection.commit()
    changed = dump(filled)
    for typed in ("", "n\n"):
        refused = microblog("restore", str(saved), typed=typed)
        assert refused.exit_code == 1
        assert "what is in it now is lost" in refused.output
        assert dump(filled) == changed
    assert microblog("restore", str(saved), typed="y\n").exit_code == 0
    assert any("'susan'" in line for line in dump(filled))
    assert microblog("restore", "--yes", str(saved)).exit_code == 0
    assert files(tmp_path) == {"site.db", "saved.backup"}


@ON_SQLITE
def test_a_restore_is_refused_while_the_site_has_its_database_open(
    app: Flask, filled: Path, saved: Path, microblog: Command
) -> None:
    with app.app_context():
        assert db.session.scalar(text("SELECT COUNT(*) FROM users")) == 1
        db.session.rollback()
        # The connection stays in the pool, as that of a site without visitors does.
        refused = microblog("restore", "--yes", str(saved))
        assert refused.exit_code == 1
        assert "stop the site first" in refused.output
        db.engine.dispose()
    assert microblog("restore", "--yes", str(saved)).exit_code == 0


@ON_SQLITE
def test_a_log_of_the_damaged_database_is_not_written_into_the_restored_one(
    filled: Path, saved: Path, microblog: Command, tmp_path: Path
) -> None:
    whole = dump(filled)
    with closing(sqlite3.connect(filled, isolation_level=None)) as connection:
        connection.execute("DELETE FROM users")
        log = (tmp_path / "site.db-wal").read_bytes()
    filled.write_bytes(b"no database at all" * 1000)
    (tmp_path / "site.db-wal").write_bytes(log)
    assert microblog("restore", "--yes", str(saved)).exit_code == 0
    assert dump(filled) == whole


def rewritten(file: Path, change: Callable[[dict[str, Any], bytes], bytes | None]) -> None:
    """Write the backup anew, after a change of its manifest and its database."""
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read(MANIFEST))
        database = change(manifest, archive.read(DATABASE))
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MANIFEST, json.dumps(manifest))
        if database is not None:
            archive.writestr(DATABASE, database)


def of_another_format(manifest: dict[str, Any], database: bytes) -> bytes:
    manifest["format"] = "something else"
    return database


def of_a_newer_format(manifest: dict[str, Any], database: bytes) -> bytes:
    manifest["format_version"] = 2
    return database


def without_a_database(_manifest: dict[str, Any], _database: bytes) -> None:
    return None


def with_another_database(_manifest: dict[str, Any], database: bytes) -> bytes:
    return database[:-1] + b"!"


def with_a_longer_database(_manifest: dict[str, Any], database: bytes) -> bytes:
    return database + b"!"


def with_a_damaged_database(manifest: dict[str, Any], database: bytes) -> bytes:
    page = 4096
    database = database[:page] + b"\xff" * page + database[2 * page :]
    manifest["files"][DATABASE]["sha256"] = hashlib.sha256(database).hexdigest()
    return database


def with_a_newer_schema(manifest: dict[str, Any], database: bytes) -> bytes:
    manifest["schema"] = "9999"
    return database


def with_another_schema(manifest: dict[str, Any], database: bytes) -> bytes:
    manifest["schema"] = "0001"
    return database


def with_other_rows(manifest: dict[str, Any], database: bytes) -> bytes:
    manifest["rows"]["users"] += 1
    return database


def of_postgresql(manifest: dict[str, Any], database: bytes) -> bytes:
    manifest["files"] = {"microblog.dump": manifest["files"][DATABASE]}
    return database


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


BAD: list[tuple[Change, str]] = [
    (lambda file: file.write_text("no archive"), "is no backup of Microblog"),
    (lambda file: file.write_bytes(b""), "is no backup of Microblog"),
    (lambda file: zipfile.ZipFile(file, "w").close(), "is no backup of Microblog"),
    (truncated, "is no backup of Microblog"),
    (flipped, "The backup is damaged"),
    (lambda file: rewritten(file, of_another_format), "is no backup of Microblog"),
    (lambda file: rewritten(file, of_a_newer_format), "made by a newer version of Microblog"),
    (lambda file: rewritten(file, without_a_database), "The backup is damaged"),
    (lambda file: rewritten(file, with_another_database), "The backup is damaged"),
    (lambda file: rewritten(file, with_a_longer_database), "The backup is damaged"),
    (lambda file: rewritten(file, with_a_damaged_database), "amaged"),
    (lambda file: rewritten(file, with_a_newer_schema), "made by a newer version of Microblog"),
    (lambda file: rewritten(file, with_another_schema), "doesn't hold what it says it does"),
    (lambda file: rewritten(file, with_other_rows), "doesn't hold what it says it does"),
    (lambda file: rewritten(file, of_postgresql), "is a PostgreSQL backup: set DATABASE_URL"),
    (lambda file: file.unlink(), "There is no file"),
]  # fmt: skip


@ON_SQLITE
def test_what_is_no_good_backup_is_refused_in_words_and_changes_nothing(
    filled: Path, saved: Path, microblog: Command, tmp_path: Path
) -> None:
    before, good = dump(filled), saved.read_bytes()
    for number, (spoil, words) in enumerate(BAD):
        saved.write_bytes(good)
        spoil(saved)
        refused = microblog("restore", "--yes", str(saved))
        assert refused.exit_code == 1, (number, refused.output)
        assert words in refused.output, number
        verified = microblog("backup", "--verify", str(saved))
        assert verified.exit_code == 1, (number, verified.output)
        assert words in verified.output or words.startswith("is a PostgreSQL backup"), number
        assert dump(filled) == before
        assert files(tmp_path) <= {"site.db", "saved.backup"}


@ON_SQLITE
def test_a_whole_backup_is_verified_and_described_without_the_site(
    filled: Path, saved: Path, microblog: Command, tmp_path: Path
) -> None:
    filled.unlink()
    saved.chmod(0o400)
    before = saved.read_bytes()
    verified = microblog("backup", "--verify", str(saved), SECRET_KEY="", DATABASE_URL="nothing")
    assert verified.exit_code == 0, verified.output
    assert "is intact: the site's data of" in verified.output
    assert "Accounts: 1. Posts: 0. Pictures: 1. Emails: 1." in verified.output
    assert "Names of the settings, without their values: SECRET_KEY, " in verified.output
    assert saved.read_bytes() == before
    assert files(tmp_path) == {"saved.backup"}


def of_the_first_kind(manifest: dict[str, Any], database: bytes) -> bytes:
    for name in ("rows", "server", "settings"):
        del manifest[name]
    return database


@ON_SQLITE
def test_backups_from_before_rows_were_counted_come_back(
    filled: Path, saved: Path, microblog: Command, tmp_path: Path
) -> None:
    rewritten(saved, of_the_first_kind)
    verified = microblog("backup", "--verify", str(saved))
    assert verified.exit_code == 0, verified.output
    assert "Accounts: 1." in verified.output
    assert "Names of the settings" not in verified.output
    restored = microblog("restore", str(saved), DATABASE_URL=f"sqlite:///{tmp_path}/there.db")
    assert restored.exit_code == 0, restored.output
    assert dump(tmp_path / "there.db") == dump(filled)


@ON_SQLITE
def test_an_index_that_lacks_a_row_is_found(
    filled: Path, microblog: Command, tmp_path: Path
) -> None:
    """Which the quick check of each backup does not look for."""
    with closing(sqlite3.connect(filled)) as connection:
        connection.execute("CREATE INDEX damaged ON users (username)")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = 'CREATE INDEX damaged ON users (email)'"
            " WHERE name = 'damaged'"
        )
        connection.commit()
    assert microblog("backup", str(tmp_path / "saved.backup")).exit_code == 0
    verified = microblog("backup", "--verify", str(tmp_path / "saved.backup"))
    assert verified.exit_code == 1
    assert "missing from index damaged" in verified.output


SECRETS = {
    "SECRET_KEY": " a secret with 'quotes', \"more\", \\n, $HOME, and # ",
    "MAIL_DEFAULT_SENDER": "Ünicode <sender@example.com>",
}


@ON_SQLITE
def test_settings_are_named_and_their_values_only_written_when_told_so(
    filled: Path, saved: Path, microblog: Command, tmp_path: Path
) -> None:
    with zipfile.ZipFile(saved) as archive:
        assert archive.namelist() == [DATABASE, MANIFEST]
        assert "a secret for tests" not in archive.read(MANIFEST).decode()
    asked = microblog("backup", "--yes", "--with-secrets", str(saved), **SECRETS)
    assert asked.exit_code == 0, asked.output
    assert "whoever reads it can sign in as anybody" in asked.stderr
    assert stat.filemode(saved.stat().st_mode) == "-rw-------"
    verified = microblog("backup", "--verify", str(saved))
    assert "Settings with their values: SECRET_KEY, " in verified.output
    place = f"sqlite:///{tmp_path}/there.db"
    restored = microblog("restore", str(saved), DATABASE_URL=place)
    line = restored.output.rpartition("To have them: ")[2]
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    assert stat.filemode((tmp_path / ".env").stat().st_mode) == "-rw-------"
    values = read_env_file(tmp_path / ".env")
    assert SECRETS.items() <= values.items()
    assert values["PUBLIC_URL"] == "http://localhost"


@ON_SQLITE
def test_secrets_that_were_damaged_are_found(filled: Path, saved: Path, microblog: Command) -> None:
    assert microblog("backup", "--yes", "--with-secrets", str(saved)).exit_code == 0
    with zipfile.ZipFile(saved) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[SETTINGS] = members[SETTINGS].replace(b"SECRET_KEY", b"SECRET_KEX")
    with zipfile.ZipFile(saved, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    verified = microblog("backup", "--verify", str(saved))
    assert (verified.exit_code, "The backup is damaged" in verified.output) == (1, True)


@ON_SQLITE
def test_a_backup_replaces_a_file_only_when_told_so(
    filled: Path, saved: Path, microblog: Command
) -> None:
    before = saved.read_bytes()
    refused = microblog("backup", str(saved))
    assert refused.exit_code == 1
    assert "Replace it?" in refused.output
    assert saved.read_bytes() == before
    assert microblog("backup", "--yes", str(saved)).exit_code == 0
    itself = microblog("backup", "--yes", str(filled))
    assert itself.exit_code == 2
    assert "is the database itself" in itself.output
    check_database(filled, silent)


@ON_SQLITE
def test_a_backup_that_cannot_be_made_is_told_in_words(
    filled: Path, microblog: Command, tmp_path: Path
) -> None:
    file = tmp_path / "saved.backup"
    absent = microblog("backup", str(file), DATABASE_URL=f"sqlite:///{tmp_path}/none.db")
    assert "There is no database at" in absent.output
    nowhere = microblog("backup", str(tmp_path / "no folder" / "saved.backup"))
    assert "No such file or directory" in nowhere.output
    filled.write_bytes(b"no database at all" * 1000)
    damaged = microblog("backup", str(file))
    assert "file is not a database" in damaged.output
    assert {absent.exit_code, nowhere.exit_code, damaged.exit_code} == {1}
    assert files(tmp_path) == {"site.db"}


@ON_SQLITE
def test_a_full_disk_leaves_the_former_backup_as_it_was(
    filled: Path, saved: Path, site_environment: dict[str, str], tmp_path: Path
) -> None:
    before = saved.read_bytes()
    command = [sys.executable, "-m", "microblog", "backup", "--yes", str(saved)]
    limited = subprocess.run(
        # No file may be larger than a hundred kilobytes.
        ["bash", "-c", 'ulimit -f 100; exec "$@"', "bash", *command],
        env=clean_environment(**site_environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert limited.returncode == 1
    assert "cannot be used" in limited.stderr
    assert "Traceback" not in limited.stderr
    assert saved.read_bytes() == before
    assert files(tmp_path) == {"site.db", "saved.backup"}
