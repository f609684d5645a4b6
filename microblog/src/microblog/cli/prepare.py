"""What has to be right and ready before `microblog run` or `microblog worker` starts or reloads."""

from __future__ import annotations

import json
from gettext import gettext as _
from pathlib import Path

import click

from microblog.app import create_app
from microblog.cli.site import counted_apart, prepare_database
from microblog.database import db
from microblog.settings import Settings, as_environment, load_settings


@click.command()
@click.option("--workers", type=int)
def prepare(workers: int | None) -> None:
    """Looks at the settings, and brings the database up to date; prints the site's environment."""
    settings = load_settings(serving=True)
    _require_writable(settings.LOG_FILE)
    _prepare_database(settings)
    if words := counted_apart(settings, workers or settings.WEB_CONCURRENCY):
        click.echo(words, err=True)
    if not settings.ADMINS:
        words = _("ADMINS is not set: mail comes from {sender}.")
        click.echo(words.format(sender=settings.sender), err=True)
    click.echo(json.dumps(as_environment(settings)))


@click.command()
def prepare_worker() -> None:
    """Looks at a worker's settings and database; prints its environment."""
    settings = load_settings(serving=True)
    if settings.DATABASE_URL.startswith("sqlite"):
        raise click.ClickException(
            _(
                "DATABASE_URL names an SQLite file, which only one machine can use: the dispatcher"
                " that `microblog run` starts delivers this site's mail. Several machines need"
                " PostgreSQL."
            )
        )
    _prepare_database(settings)
    click.echo(json.dumps(as_environment(settings)))


def _prepare_database(settings: Settings) -> None:
    with create_app(settings).app_context():
        prepare_database()
        db.engine.dispose()


def _require_writable(file: Path | None) -> None:
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a"):
            pass
    except OSError as error:
        words = _("LOG_FILE names {file!r}, which cannot be written: {reason}.")
        raise click.ClickException(words.format(file=str(file), reason=error.strerror)) from None
