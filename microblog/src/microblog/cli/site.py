"""The application for commands that need one, what they say of its database, and `shell`."""

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
from microblog import database, schema
from microblog.accounts.models import User
from microblog.app import create_app
from microblog.app import mail as flask_mail
from microblog.blog.models import Post
from microblog.cli.failures import database_reason
from microblog.cli.upgrade_progress import told_progress
from microblog.settings import Settings

WAIT_SECONDS = 5.0
"""For the answer of a service that is looked at: a database, a broker, Redis, the site itself."""


@click.command()
def shell() -> None:
    """Open Python with the site's objects at hand.

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
        if not schema.needs_upgrade():
            return
        if not database.is_sqlite():
            raise click.ClickException(
                _("The database's schema is not up to date. Run: microblog db upgrade")
            )
        with told_progress(database_place(), also_of_new=False):
            schema.upgrade()
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


def impatient(settings: Settings) -> Settings:
    """The same settings, for a look at a database that may be away.

    PostgreSQL's driver would wait for minutes by itself.
    """
    url = make_url(settings.DATABASE_URL)
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": f"{WAIT_SECONDS:.0f}"})
    address = url.render_as_string(hide_password=False)
    return settings.model_copy(update={"DATABASE_URL": address})


def database_place() -> str:
    """The present database's file or address, without the password."""
    url = database.db.engine.url
    if database.is_sqlite():
        return str(url.database)
    # What `impatient` adds is nothing that anybody wrote.
    return url.difference_update_query(["connect_timeout"]).render_as_string(hide_password=True)


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


def load_app(settings: Settings | None = None) -> Flask:
    """The application with its database ready, for commands that need one."""
    app = create_app(settings)
    with app.app_context():
        prepare_database()
    return app
