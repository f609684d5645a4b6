"""What has to be right and ready before `microblog run` or `microblog worker` may start."""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path

import click

from flask_outbox.cli import require_free
from microblog.app import create_app
from microblog.cli.site import counted_apart, prepare_database
from microblog.database import db
from microblog.settings import as_environment, load_settings


def prepare(host: str, port: int, workers: int | None) -> dict[str, str]:
    """Look at the settings, and bring the database up to date; gives the site's environment.

    Says where the site will be. Raises SettingsError, or ClickException in words.
    """
    settings = load_settings(serving=True)
    _require_writable(settings.LOG_FILE)
    app = create_app(settings)
    with app.app_context():
        prepare_database()
        db.engine.dispose()
    require_free(host, port, "--port")
    if words := counted_apart(settings, workers or settings.WEB_CONCURRENCY):
        click.echo(words, err=True)
    if settings.CELERY_BROKER_URL:
        click.echo(_("Mail is delivered by: {command}").format(command="microblog worker"))
    words = _("Microblog listens at {host}, port {port}; people reach it at {url}")
    click.echo(words.format(host=host, port=port, url=settings.PUBLIC_URL))
    if not settings.ADMINS:
        words = _("ADMINS is not set: mail comes from {sender}.")
        click.echo(words.format(sender=settings.sender), err=True)
    return as_environment(settings)


def prepare_worker() -> dict[str, str]:
    """Look at a worker's settings and database; gives its environment. Raises as `prepare`."""
    settings = load_settings(serving=True)
    if settings.DATABASE_URL.startswith("sqlite"):
        raise click.ClickException(
            _(
                "DATABASE_URL names an SQLite file, which only one machine can use: the dispatcher"
                " that `microblog run` starts delivers this site's mail. Several machines need"
                " PostgreSQL."
            )
        )
    with create_app(settings).app_context():
        prepare_database()
        db.engine.dispose()
    return as_environment(settings)


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
