"""Running a site: `run` and `shell`."""

from __future__ import annotations

import code
import sys
from gettext import gettext as _
from pathlib import Path
from typing import Any

import click
from alembic.util import CommandError
from flask import Flask
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from flask_outbox import Message, send_email
from microblog import database
from microblog.accounts.models import User
from microblog.app import create_app
from microblog.app import mail as flask_mail
from microblog.blog.models import Post
from microblog.cli.failures import database_reason
from microblog.cli.options import WORKERS
from microblog.cli.ports import require_free
from microblog.cli.supervisor import Child, Supervisor
from microblog.settings import Settings, as_environment, load_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=5000, show_default=True, help="The port to listen at.")
@click.option(
    "--workers", type=WORKERS, help="Web processes, of 8 threads each; default: WEB_CONCURRENCY."
)
def run(host: str, port: int, workers: int | None) -> None:
    """Run the site: a production web server and the mail dispatcher beside it.

    Needs SECRET_KEY and PUBLIC_URL. Put a reverse proxy with HTTPS in front of it and set
    TRUSTED_PROXIES=1. An SQLite database is brought up to date at the start; with PostgreSQL, run
    `microblog db upgrade` first.
    """
    settings = load_settings(serving=True)
    _require_writable(settings.LOG_FILE)
    app = create_app(settings)
    with app.app_context():
        prepare_database()
    require_free(host, port, "--port")
    workers = workers or settings.WEB_CONCURRENCY
    if words := counted_apart(settings, workers):
        click.echo(words, err=True)
    web = ["process", "web", "--host", host, "--port", str(port), "--workers", str(workers)]
    children = [
        Child(_("web server"), web, essential=True),
        Child(_("mail dispatcher"), ["process", "dispatcher"]),
    ]
    if settings.CELERY_BROKER_URL:
        children = children[:1]
        click.echo(_("Mail is delivered by: {command}").format(command="microblog worker"))
    words = _("Microblog listens at {host}, port {port}; people reach it at {url}")
    click.echo(words.format(host=host, port=port, url=settings.PUBLIC_URL))
    if not settings.ADMINS:
        words = _("ADMINS is not set: mail comes from {sender}.")
        click.echo(words.format(sender=settings.sender), err=True)
    sys.exit(Supervisor(children, as_environment(settings)).run())


@click.command()
def shell() -> None:
    """Open Python with app, db, mail, Message, User and Post at hand.

    \b
    For example, send a message now, over the configured server:
      msg = Message("test subject", sender=app.config["ADMINS"][0],
                    recipients=["you@example.com"])
      msg.body, msg.html = "text body", "<h1>HTML body</h1>"
      mail.send(msg)
    """
    app = create_app()
    names: dict[str, Any] = {
        "app": app,
        "db": database.db,
        "mail": flask_mail,
        "Message": Message,
        "send_email": send_email,
        "User": User,
        "Post": Post,
    }
    words = _("Microblog, Python {version}. At hand: {names}")
    banner = words.format(version=sys.version.split()[0], names=", ".join(names))
    with app.app_context():
        code.interact(
            banner=banner,
            local=names,
            exitmsg="",
        )


def prepare_database() -> None:
    """Bring an SQLite database up to date; of another one, ask that it is."""
    try:
        if not database.needs_upgrade():
            return
        if not database.is_sqlite():
            raise click.ClickException(
                _("The database's schema is not up to date. Run: microblog db upgrade")
            )
        database.upgrade()
    except SQLAlchemyError as error:
        words = _("The database cannot be used: {reason}")
        raise click.ClickException(words.format(reason=database_reason(error))) from None
    except CommandError:
        raise click.ClickException(newer_schema()) from None


def newer_schema() -> str:
    """What to say of a database that this version does not know."""
    return _("The database was made by a newer version of Microblog; this one does not know it.")


def database_file(settings: Settings) -> Path | None:
    """The file of an SQLite database; None where the database is another one."""
    url = make_url(settings.DATABASE_URL)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    return settings.INSTANCE_PATH.resolve() / url.database.removeprefix("file:")


def database_place() -> str:
    """The present database's file or address, without the password."""
    url = database.db.engine.url
    if database.is_sqlite():
        return str(url.database)
    return url.render_as_string(hide_password=True)


def counted_apart(settings: Settings, workers: int) -> str | None:
    """What is wrong with rate limits in the memory of so many web processes, if anything."""
    in_memory = settings.RATELIMIT_STORAGE_URI.startswith("memory")
    if workers < 2 or not in_memory or not settings.RATELIMIT_ENABLED:
        return None
    words = _(
        "Each of {count} web processes counts for itself, so that a client may post {count} times"
        " as often as it should. Let them share a Redis: RATELIMIT_STORAGE_URI=redis://…"
    )
    return words.format(count=workers)


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


def load_app(settings: Settings | None = None) -> Flask:
    """The application with its database ready, for commands that need one."""
    app = create_app(settings)
    with app.app_context():
        prepare_database()
    return app
