"""`microblog backup` and `microblog restore`: the site's data in one file."""

from __future__ import annotations

import io
import shlex
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path

import click

from microblog.cli import backup_postgresql, backup_sqlite
from microblog.cli.backup_file import (
    SETTINGS,
    BackupError,
    Manifest,
    NewBackup,
    in_words,
    new_backup,
    opened_backup,
    tell_progress,
)
from microblog.cli.backup_verify import verify_backup
from microblog.cli.site import database_file
from microblog.settings import given_settings, load_settings
from microblog.settings.env_file import env_line

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_FILE)
@click.option("--yes", is_flag=True, help="Replace FILE without asking.")
@click.option("--with-secrets", is_flag=True, help="Also write the settings' values: passwords.")
@click.option("--verify", is_flag=True, help="Write nothing; check whether FILE is intact.")
def backup(file: Path, *, yes: bool, with_secrets: bool, verify: bool) -> None:
    """Write the site's data to FILE, while the site runs.

    It holds accounts, posts, pictures, and the mail that waits, all of one moment, and the names of
    the settings. Keep it as secret as the database. The settings' values are in it only with
    --with-secrets: else keep a copy of SECRET_KEY elsewhere.

    \b
    Check it:     microblog backup --verify FILE
    Get it back:  microblog restore FILE
    """
    if verify:
        with in_words():
            verify_backup(file)
        return
    settings = load_settings()
    database = database_file(settings)
    if database is not None and not database.exists():
        raise click.ClickException(_("There is no database at {file}.").format(file=database))
    if file.exists():
        if database is not None and file.samefile(database):
            raise click.UsageError(_("{file} is the database itself.").format(file=file))
        if not yes:
            words = _("{file} exists. Replace it?")
            click.confirm(words.format(file=file), abort=True, err=True)
    with in_words(), new_backup(file.resolve(), tell_progress) as made:
        if database is None:
            contents = backup_postgresql.add_database(made, settings.DATABASE_URL)
        else:
            contents = backup_sqlite.add_database(made, database)
        given = given_settings()
        if with_secrets:
            _add_settings(made, given)
        manifest = made.finish(contents, [*given])
    words = _("Wrote {file}: {size:.1f} MB, the site's data of {moment}.")
    size = file.stat().st_size / 1e6
    click.echo(words.format(file=file, size=size, moment=manifest.made_at))
    if with_secrets:
        words = _("{file} holds passwords: whoever reads it can sign in as anybody.")
        click.echo(words.format(file=file), err=True)


def _add_settings(made: NewBackup, given: dict[str, str]) -> None:
    lines = "".join(env_line(name, value) for name, value in given.items()).encode()
    made.add(SETTINGS, io.BytesIO(lines), len(lines), _("Compressing"))


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
    place = str(database or backup_postgresql.place(settings.DATABASE_URL))
    with in_words(), opened_backup(file) as (archive, manifest):
        _require_same_kind(file, manifest, database)
        if database is None:
            waiting = backup_postgresql.restore_database(
                archive,
                manifest,
                settings.DATABASE_URL,
                tell_progress,
                confirm=lambda: None if yes else _confirm(place, manifest),
            )
        else:
            database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with backup_sqlite.nobody_else(database):
                if database.exists() and not yes:
                    _confirm(place, manifest)
                waiting = backup_sqlite.restore_database(archive, manifest, database, tell_progress)
    words = _("{file} holds the site's data of {moment}.")
    click.echo(words.format(file=place, moment=manifest.made_at))
    _tell_waiting(waiting)
    if SETTINGS in manifest.files:
        words = _("The settings are in it, too. To have them: {command}")
        command = f"(umask 077; unzip -p {shlex.quote(str(file))} {SETTINGS} > .env)"
        click.echo(words.format(command=command))


def _require_same_kind(file: Path, manifest: Manifest, database: Path | None) -> None:
    has_dump = backup_postgresql.DUMP in manifest.files
    if has_dump and database is not None:
        words = _("{file} is a PostgreSQL backup: set DATABASE_URL to an empty database there.")
        raise BackupError(words.format(file=file))
    if not has_dump and database is None:
        words = _("{file} is an SQLite backup: restore it there, then move it with: {command}")
        raise BackupError(words.format(file=file, command="microblog db move URL"))


def _confirm(place: str, manifest: Manifest) -> None:
    words = _("{file} is replaced by the data of {moment}; what is in it now is lost. Go on?")
    click.confirm(words.format(file=place, moment=manifest.made_at), abort=True, err=True)


def _tell_waiting(waiting: int) -> None:
    if waiting:
        words = ngettext(
            "{count} message waits, and is sent when the site runs. To look: {command}",
            "{count} messages wait, and are sent when the site runs. To look: {command}",
            waiting,
        )
        click.echo(words.format(count=waiting, command="microblog mail list --status queued"))
