"""`microblog backup --verify`: whether a backup is intact, and what is in it."""

from __future__ import annotations

import io
from gettext import gettext as _
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from microblog.cli.backup_file import DATABASE, SETTINGS, extract, opened_backup, tell_progress
from microblog.cli.backup_postgresql import DUMP, verify_database
from microblog.cli.backup_sqlite import extract_database


def verify_backup(file: Path) -> None:
    """Read the whole backup, and say what is in it. Raises BackupError for one that is damaged."""
    with opened_backup(file) as (archive, manifest):
        if DUMP in manifest.files:
            found = verify_database(archive, manifest, tell_progress)
        else:
            with TemporaryDirectory() as folder:
                database = Path(folder) / DATABASE
                found = extract_database(archive, manifest, database, tell_progress, thorough=True)
        has_secrets = SETTINGS in manifest.files
        if has_secrets:
            extract(archive, manifest, SETTINGS, io.BytesIO(), tell_progress)
    words = _("{file} is intact: the site's data of {moment}, written by Microblog {version}.")
    words = words.format(file=file, moment=manifest.made_at, version=manifest.microblog)
    click.echo(words)
    words = _("Accounts: {users}. Posts: {posts}. Pictures: {avatars}. Emails: {outbox}.")
    counts = {name: found.rows.get(name, 0) for name in ("users", "posts", "avatars", "outbox")}
    click.echo(words.format(**counts))
    names = ", ".join(manifest.settings)
    if has_secrets:
        words = _("Settings with their values: {names}. Keep it where nobody else can read it.")
    else:
        words = _("Names of the settings, without their values: {names}.")
    if names:
        click.echo(words.format(names=names))
