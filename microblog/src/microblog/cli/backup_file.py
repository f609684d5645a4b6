"""The file of a backup: a ZIP archive of the database and of a manifest that describes it.

The manifest says what wrote it, which version of the schema the database has, how many rows each
table has, which settings the site had, and the size and the SHA-256 of each file beside it, so that
a damaged backup is told from a good one. Other files may be added to the archive later without a
new version of its format.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from gettext import gettext as _
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Protocol

import click
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from microblog.cli.site import newer_schema
from microblog.database import MIGRATIONS

MANIFEST = "manifest.json"
DATABASE = "microblog.db"
SETTINGS = "settings.env"
FORMAT = "microblog-backup"
FORMAT_VERSION = 1

MANIFEST_MAXIMUM_BYTES = 1024 * 1024
BLOCK_BYTES = 1024 * 1024

Progress = Callable[[str, int, int | None], None]
"""Is told what is being done, how much of it is done, and of how much, if that is known."""


class BackupError(Exception):
    """A backup that cannot be made or used, in words for whoever runs the site."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Member:
    """The size and the SHA-256 of a file in the archive."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database is: the version of its schema, and how many rows each table has.

    `server` is the version of a PostgreSQL server.
    """

    schema: str
    rows: dict[str, int]
    server: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    made_at: str
    microblog: str
    schema: str
    rows: dict[str, int]
    server: int | None
    settings: list[str]
    files: dict[str, Member]


class NewBackup:
    """An archive that is being written; `folder` is for what is needed only meanwhile."""

    def __init__(self, archive: zipfile.ZipFile, folder: Path, progress: Progress) -> None:
        self.folder = folder
        self.progress = progress
        self._archive = archive
        self._files: dict[str, Member] = {}

    def add(
        self,
        name: str,
        source: _Readable,
        size: int | None,
        words: str,
        *,
        compress: bool = True,
    ) -> None:
        """Add what `source` holds; it has `size` bytes, if that is known."""
        entry = zipfile.ZipInfo(name, datetime.now(UTC).timetuple()[:6])
        entry.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        with self._archive.open(entry, "w", force_zip64=True) as target:
            self._files[name] = _pour(source, target, size, self.progress, words)

    def finish(self, contents: Contents, settings: list[str]) -> Manifest:
        """Add the manifest, which comes last."""
        manifest = Manifest(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            microblog=version("microblog"),
            schema=contents.schema,
            rows=contents.rows,
            server=contents.server,
            settings=settings,
            files=self._files,
        )
        described = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(manifest)}
        self._archive.writestr(MANIFEST, json.dumps(described, indent=2))
        return manifest


@contextmanager
def new_backup(file: Path, progress: Progress) -> Iterator[NewBackup]:
    """Write a backup that takes its place at the end in one piece, or not at all."""
    with TemporaryDirectory(prefix=f".{file.name}-", dir=file.parent) as name:
        folder = Path(name)
        made = folder / "backup.zip"
        made.touch(mode=0o600)
        with zipfile.ZipFile(made, "w") as archive:
            yield NewBackup(archive, folder, progress)
        put_in_place(made, file)


@contextmanager
def opened_backup(file: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """The archive and its manifest. Raises BackupError for what is no backup, or a newer one."""
    try:
        archive = zipfile.ZipFile(file)
    except FileNotFoundError:
        raise BackupError(_("There is no file {file}.").format(file=file)) from None
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
        manifest = Manifest(
            made_at=str(found["made_at"]),
            microblog=str(found["microblog"]),
            schema=str(found["schema"]),
            # The first backups had none of these.
            rows={str(name): int(count) for name, count in found.get("rows", {}).items()},
            server=None if found.get("server") is None else int(found["server"]),
            settings=[str(name) for name in found.get("settings", [])],
            files={
                str(name): Member(int(one["bytes"]), str(one["sha256"]))
                for name, one in found["files"].items()
            },
        )
    except (*_ARCHIVE_ERRORS, AttributeError, KeyError, TypeError, ValueError):
        raise _not_a_backup(file) from None
    if not is_ours:
        raise _not_a_backup(file)
    if is_newer:
        words = _("{file} was made by a newer version of Microblog; this one does not know it.")
        raise BackupError(words.format(file=file))
    return manifest


def extract(
    archive: zipfile.ZipFile,
    manifest: Manifest,
    name: str,
    target: BinaryIO,
    progress: Progress,
) -> None:
    """Write a file of the backup to `target`, and compare it with what the manifest says.

    Raises BackupError for one that is damaged.
    """
    try:
        expected = manifest.files[name]
        if archive.getinfo(name).file_size != expected.bytes:
            raise damaged()
        with archive.open(name) as source:
            found = _pour(source, target, expected.bytes, progress, _("Extracting"))
    except (*_ARCHIVE_ERRORS, KeyError):
        raise damaged() from None
    if found != expected:
        raise damaged()


def damaged() -> BackupError:
    return BackupError(_("The backup is damaged: take an older one."))


_ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What reading a damaged, an encrypted or a strangely packed archive raises."""


def require_same(schema: str, rows: dict[str, int], found: Contents) -> None:
    """Raise BackupError for a database that is not what the manifest says."""
    if (found.schema, found.rows) != (schema, rows):
        raise BackupError(_("The backup doesn't hold what it says it does: take an older one."))


def require_known_schema(schema: str) -> None:
    """Raise BackupError for a version of the schema that this code does not know."""
    scripts = ScriptDirectory(str(MIGRATIONS), version_locations=[str(MIGRATIONS)])
    try:
        scripts.get_revision(schema)
    except CommandError:
        raise BackupError(newer_schema()) from None


def _pour(
    source: _Readable, target: Any, size: int | None, progress: Progress, words: str
) -> Member:
    """Copy all there is, at most one byte more than expected."""
    digest, done = hashlib.sha256(), 0
    while block := source.read(BLOCK_BYTES if size is None else min(BLOCK_BYTES, size + 1 - done)):
        target.write(block)
        digest.update(block)
        done += len(block)
        progress(words, done, size)
    if size is None:
        progress(words, done, done)
    return Member(done, digest.hexdigest())


def put_in_place(made: Path, place: Path) -> None:
    """Give a file its final name, in whose place it is then, whole, also after a power cut."""
    with made.open("rb") as written:
        os.fsync(written.fileno())
    made.replace(place)
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _not_a_backup(file: Path) -> BackupError:
    return BackupError(_("{file} is no backup of Microblog.").format(file=file))


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what goes wrong into the command's error."""
    try:
        yield
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        words = _("{place} cannot be used: {reason}.")
        place = error.filename or _("A file")
        raise click.ClickException(words.format(place=place, reason=error.strerror)) from None


def tell_progress(words: str, done: int, size: int | None) -> None:
    """How far the work is, for who sits at a terminal."""
    if not sys.stderr.isatty():
        return
    if size is None:
        click.echo(f"\r{words}: {done / 1e6:.0f} MB", nl=False, err=True)
        return
    percent = 100 * done // size if size else 100
    click.echo(f"\r{words}: {percent} %", nl=done >= size, err=True)
