"""The database of an SQLite site in a backup: copied while the site writes, put in place whole."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from gettext import gettext as _
from pathlib import Path
from tempfile import TemporaryDirectory

from flask_outbox import Status
from microblog.cli.backup_file import (
    DATABASE,
    BackupError,
    Contents,
    Manifest,
    NewBackup,
    Progress,
    extract,
    put_in_place,
    require_known_schema,
    require_same,
)

PAGES_AT_ONCE = 1024
BUSY_SECONDS = 2.0


def add_database(backup: NewBackup, database: Path) -> Contents:
    """Add the database as it is now; the site may run. Raises BackupError for a damaged one."""
    copy = backup.folder / DATABASE
    with _database_errors(database):
        _copy(database, copy, backup.progress)
        contents = check_database(copy, backup.progress)
    with copy.open("rb") as source:
        backup.add(DATABASE, source, copy.stat().st_size, _("Compressing"))
    return contents


def _copy(database: Path, copy: Path, progress: Progress) -> None:
    with closing(connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        # All pages are of one moment. Without a transaction of its own the copy would begin anew
        # whenever the site writes, and never end on a busy one.
        source.execute("BEGIN")
        source.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        source.backup(
            target,
            pages=PAGES_AT_ONCE,
            progress=lambda _status, left, all_: progress(_("Copying"), all_ - left, all_),
        )
        # One file, that needs no log beside it.
        target.execute("PRAGMA journal_mode = DELETE")


def extract_database(
    archive: zipfile.ZipFile,
    manifest: Manifest,
    target: Path,
    progress: Progress,
    *,
    thorough: bool = False,
) -> Contents:
    """Write the backup's database to `target`, and check it; `thorough` is slow.

    Raises BackupError for one that is damaged, or whose schema this version does not know.
    """
    require_known_schema(manifest.schema)
    target.touch(mode=0o600)
    with target.open("wb") as written:
        extract(archive, manifest, DATABASE, written, progress)
    with _database_errors(target):
        found = check_database(target, progress, thorough=thorough)
    # The first backups did not count.
    require_same(manifest.schema, manifest.rows or found.rows, found)
    return found


def check_database(database: Path, progress: Progress, *, thorough: bool = False) -> Contents:
    """Look through the whole file; `thorough` compares the indexes, too. Raises BackupError."""
    progress(_("Checking"), 0, 1)
    pragma = "integrity_check" if thorough else "quick_check"
    with closing(connect(database, mode="ro")) as connection:
        found = connection.execute(f"PRAGMA {pragma}(1)").fetchone()[0]
        if found != "ok":
            raise BackupError(_("The database is damaged: {reason}").format(reason=found))
        named = connection.execute(
            "SELECT name FROM sqlite_master"
            " WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        )
        tables = [str(name) for (name,) in named]
        is_ours = "alembic_version" in tables
        version_of = "SELECT version_num FROM alembic_version"
        version = connection.execute(version_of).fetchone() if is_ours else None
        if version is None:
            raise BackupError(_("The database has no tables of Microblog's."))
        rows = {
            name: connection.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - its own name
            for name in tables
        }
    progress(_("Checking"), 1, 1)
    return Contents(str(version[0]), rows)


def connect(database: Path, *, mode: str = "rw") -> sqlite3.Connection:
    """A connection to a file that must exist, in which nothing begins by itself."""
    uri = f"{database.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


@contextmanager
def nobody_else(database: Path) -> Iterator[None]:
    """Hold the present database alone. Raises BackupError where another program has it open.

    SQLite leaves its write-ahead log only where nobody else is connected.
    """
    if not database.exists():
        yield
        return
    with closing(connect(database)) as connection:
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            # Else it is damaged, which may be why its backup is wanted.
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                words = _("Another program has {file} open: stop the site first.")
                raise BackupError(words.format(file=database)) from None
        yield


def restore_database(
    archive: zipfile.ZipFile, manifest: Manifest, database: Path, progress: Progress
) -> int:
    """Put the backup's database in the place of the present one; return how many messages wait."""
    with TemporaryDirectory(prefix=".restore-", dir=database.parent) as folder:
        extracted = Path(folder) / database.name
        extract_database(archive, manifest, extracted, progress)
        waiting = _count_waiting(extracted)
        # A log that stayed behind belongs to the old file, and would be written into the new one.
        for end in ("-wal", "-shm", "-journal"):
            database.with_name(database.name + end).unlink(missing_ok=True)
        put_in_place(extracted, database)
    return waiting


def _count_waiting(database: Path) -> int:
    with closing(connect(database)) as connection:
        statement = "SELECT COUNT(*) FROM outbox WHERE status IN (?, ?)"
        waiting = (Status.QUEUED.value, Status.DEFERRED.value)
        return int(connection.execute(statement, waiting).fetchone()[0])


@contextmanager
def _database_errors(database: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        words = _("{place} cannot be used: {reason}.")
        raise BackupError(words.format(place=database, reason=error)) from None
