"""`microblog backup` and `microblog restore`: the site's data in one file."""

from __future__ import annotations

import shlex
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from sqlalchemy import URL, make_url

from flask_outbox import Status
from microblog.cli.backup_file import (
    BackupError,
    Manifest,
    connect,
    extract_database,
    opened_backup,
    put_in_place,
    write_backup,
)
from microblog.cli.site import database_file
from microblog.settings import Settings, load_settings

BUSY_SECONDS = 2.0

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--yes", is_flag=True, help="Replace FILE without asking.")
def backup(file: Path, *, yes: bool) -> None:
    """Write the site's data to FILE, while the site runs.

    It holds accounts, posts, pictures, and the mail that waits, all of one moment. Keep it as
    secret as the database. The settings are not in it: keep a copy of SECRET_KEY elsewhere.

    \b
    Get it back:  microblog restore FILE
    """
    settings = load_settings()
    database = database_file(settings)
    if database is None:
        words = _("PostgreSQL backs itself up, also while the site runs:")
        raise _for_postgresql(settings, words, _PG_DUMP, file)
    if not database.exists():
        raise click.ClickException(_("There is no database at {file}.").format(file=database))
    if file.exists():
        if file.samefile(database):
            raise click.UsageError(_("{file} is the database itself.").format(file=file))
        if not yes:
            words = _("{file} exists. Replace it?")
            click.confirm(words.format(file=file), abort=True, err=True)
    with _in_words():
        made = write_backup(database, file.resolve(), _tell_progress)
    words = _("Wrote {file}: {size:.1f} MB, the site's data of {moment}.")
    size = file.stat().st_size / 1e6
    click.echo(words.format(file=file, size=size, moment=made.made_at))


@click.command()
@click.argument("file", type=_FILE)
@click.option("--yes", is_flag=True, help="Replace the present database without asking.")
def restore(file: Path, *, yes: bool) -> None:
    """Put the data of a backup in the place of the site's, which must not run.

    What is there now is lost, so it asks before. Mail that waited when the backup was made waits
    again, and is sent when the site runs: also what has been sent since.
    """
    settings = load_settings()
    database = database_file(settings)
    if database is None:
        words = _("A backup of PostgreSQL comes back with its own tools, while the site stands:")
        raise _for_postgresql(settings, words, _PG_RESTORE, file)
    if not file.exists():
        raise click.ClickException(_("There is no file {file}.").format(file=file))
    with _in_words():
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with opened_backup(file) as (archive, manifest), _nobody_else(database):
            if database.exists() and not yes:
                _confirm(database, manifest)
            with TemporaryDirectory(prefix=".restore-", dir=database.parent) as folder:
                extracted = Path(folder) / database.name
                extract_database(archive, manifest, extracted, _tell_progress)
                waiting = _count_waiting(extracted)
                _replace(database, extracted)
    words = _("{file} holds the site's data of {moment}.")
    click.echo(words.format(file=database, moment=manifest.made_at))
    if waiting:
        words = ngettext(
            "{count} message waits, and is sent when the site runs. To look: {command}",
            "{count} messages wait, and are sent when the site runs. To look: {command}",
            waiting,
        )
        click.echo(words.format(count=waiting, command="microblog mail list --status queued"))


def _confirm(database: Path, manifest: Manifest) -> None:
    words = _("{file} is replaced by the data of {moment}; what is in it now is lost. Go on?")
    click.confirm(words.format(file=database, moment=manifest.made_at), abort=True, err=True)


def _count_waiting(database: Path) -> int:
    with closing(connect(database)) as connection:
        statement = "SELECT COUNT(*) FROM outbox WHERE status IN (?, ?)"
        waiting = (Status.QUEUED.value, Status.DEFERRED.value)
        return int(connection.execute(statement, waiting).fetchone()[0])


@contextmanager
def _nobody_else(database: Path) -> Iterator[None]:
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


def _replace(database: Path, extracted: Path) -> None:
    # A log that stayed behind belongs to the old file, and would be written into the new one.
    for end in ("-wal", "-shm", "-journal"):
        database.with_name(database.name + end).unlink(missing_ok=True)
    put_in_place(extracted, database)


_PG_DUMP = "(umask 077; pg_dump --format=custom --file={file} {url})"
_PG_RESTORE = "pg_restore --clean --if-exists --no-owner --single-transaction --dbname={url} {file}"


def _for_postgresql(
    settings: Settings, words: str, command: str, file: Path
) -> click.ClickException:
    """What to do instead, ready to be copied, without the password."""
    given = make_url(settings.DATABASE_URL).difference_update_query(["password"])
    url = URL.create(
        "postgresql", given.username, None, given.host, given.port, given.database, given.query
    )
    quoted = shlex.quote(url.render_as_string(hide_password=False))
    line = command.format(file=shlex.quote(str(file)), url=quoted)
    hint = _("The password is asked for, or read from ~/.pgpass.")
    return click.ClickException(f"{words}\n\n  {line}\n\n{hint}")


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        words = _("{place} cannot be used: {reason}.")
        place = error.filename or _("A file")
        raise click.ClickException(words.format(place=place, reason=error.strerror)) from None


def _tell_progress(words: str, done: int, size: int) -> None:
    """How far the work is, for who sits at a terminal."""
    if sys.stderr.isatty():
        percent = 100 * done // size if size else 100
        click.echo(f"\r{words}: {percent} %", nl=done >= size, err=True)
