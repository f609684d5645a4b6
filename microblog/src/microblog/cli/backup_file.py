"""The file of a backup: a ZIP archive of the database and of a manifest that describes it.

The manifest says what wrote it, which version of the schema the database has, and the size and the
SHA-256 of each file beside it, so that a damaged backup is told from a good one. Other files may be
added to the archive later without a new version of its format.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from gettext import gettext as _
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Protocol

from alembic.script import ScriptDirectory
from alembic.util import CommandError

from microblog.cli.site import newer_schema
from microblog.database import MIGRATIONS

MANIFEST = "manifest.json"
DATABASE = "microblog.db"
FORMAT = "microblog-backup"
FORMAT_VERSION = 1

MANIFEST_MAXIMUM_BYTES = 1024 * 1024
PAGES_AT_ONCE = 1024
BLOCK_BYTES = 1024 * 1024

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and of how much."""


class BackupError(Exception):
    """A backup that cannot be made or used, in words for whoever runs the site."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself: when it was made, and what its database is."""

    made_at: str
    schema: str
    size: int
    sha256: str


def write_backup(database: Path, file: Path, progress: Progress) -> Manifest:
    """Write the database as it is now to `file`, in one piece or not at all; the site may run.

    Raises BackupError, also for a damaged database, and OSError.
    """
    with TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as folder:
        copy, archive = Path(folder) / DATABASE, Path(folder) / "backup.zip"
        with _database_errors(database):
            _copy(database, copy, progress)
            schema = check_database(copy, progress)
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        archive.touch(mode=0o600)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
            size = copy.stat().st_size
            entry = zipfile.ZipInfo.from_file(copy, DATABASE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with copy.open("rb") as source, made.open(entry, "w", force_zip64=True) as target:
                digest = _pour(source, target, size, progress, _("Compressing"))
            manifest = Manifest(made_at, schema, size, digest)
            made.writestr(MANIFEST, json.dumps(_described(manifest), indent=2))
        put_in_place(archive, file)
    return manifest


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


def _described(manifest: Manifest) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "made_at": manifest.made_at,
        "microblog": version("microblog"),
        "schema": manifest.schema,
        "files": {DATABASE: {"bytes": manifest.size, "sha256": manifest.sha256}},
    }


@contextmanager
def opened_backup(file: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """The archive and its manifest. Raises BackupError for what is no backup, or a newer one."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError):
        raise _not_a_backup(file) from None
    with archive:
        yield archive, _read_manifest(file, archive)


def _read_manifest(file: Path, archive: zipfile.ZipFile) -> Manifest:
    try:
        if archive.getinfo(MANIFEST).file_size > MANIFEST_MAXIMUM_BYTES:
            raise _not_a_backup(file)
        found = json.loads(archive.read(MANIFEST))
        is_ours = found["format"] == FORMAT
        is_newer = found["format_version"] > FORMAT_VERSION
        described = found["files"][DATABASE]
        manifest = Manifest(
            made_at=str(found["made_at"]),
            schema=str(found["schema"]),
            size=int(described["bytes"]),
            sha256=str(described["sha256"]),
        )
    except (*_ARCHIVE_ERRORS, KeyError, TypeError, ValueError):
        raise _not_a_backup(file) from None
    if not is_ours:
        raise _not_a_backup(file)
    if is_newer:
        words = _("{file} was made by a newer version of Microblog; this one does not know it.")
        raise BackupError(words.format(file=file))
    return manifest


def extract_database(
    archive: zipfile.ZipFile, manifest: Manifest, target: Path, progress: Progress
) -> None:
    """Write the backup's database to `target`, after comparing it with what the manifest says.

    Raises BackupError for one that is damaged, or whose schema this version does not know.
    """
    damaged = BackupError(_("The backup is damaged: take an older one."))
    target.touch(mode=0o600)
    try:
        if archive.getinfo(DATABASE).file_size != manifest.size:
            raise damaged
        with archive.open(DATABASE) as source, target.open("wb") as written:
            digest = _pour(source, written, manifest.size, progress, _("Extracting"))
    except (*_ARCHIVE_ERRORS, KeyError):
        raise damaged from None
    if digest != manifest.sha256:
        raise damaged
    with _database_errors(target):
        schema = check_database(target, progress)
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    try:
        scripts.get_revision(schema)
    except CommandError:
        raise BackupError(newer_schema()) from None


_ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What reading a damaged, an encrypted or a strangely packed archive raises."""


def check_database(database: Path, progress: Progress) -> str:
    """Look through the whole file; returns the version of its schema. Raises BackupError."""
    progress(_("Checking"), 0, 1)
    with closing(connect(database)) as connection:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise BackupError(_("The database is damaged: {reason}").format(reason=found))
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        is_ours = ("alembic_version",) in tables.fetchall()
        version_of = "SELECT version_num FROM alembic_version"
        row = connection.execute(version_of).fetchone() if is_ours else None
        if row is None:
            raise BackupError(_("The database has no tables of Microblog's."))
    progress(_("Checking"), 1, 1)
    return str(row[0])


def connect(database: Path) -> sqlite3.Connection:
    """A connection to a file that must exist, in which nothing begins by itself."""
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)


@contextmanager
def _database_errors(database: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        words = _("{place} cannot be used: {reason}.")
        raise BackupError(words.format(place=database, reason=error)) from None


def _pour(source: _Readable, target: Any, size: int, progress: Progress, words: str) -> str:
    """Copy all there is, at most one byte more than expected; returns its SHA-256."""
    digest, done = hashlib.sha256(), 0
    while block := source.read(min(BLOCK_BYTES, size + 1 - done)):
        target.write(block)
        digest.update(block)
        done += len(block)
        progress(words, done, size)
    return digest.hexdigest()


def put_in_place(made: Path, place: Path) -> None:
    """Give a file its final name, in whose place it is then, whole, also after a power cut."""
    with made.open("rb") as written:
        _sync(written)
    made.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sync(file: BinaryIO) -> None:
    os.fsync(file.fileno())


def _not_a_backup(file: Path) -> BackupError:
    return BackupError(_("{file} is no backup of Microblog.").format(file=file))
