"""`microblog db move`: the data of an SQLite site, copied into an empty PostgreSQL database.

The copy holds SQLite's write lock from its first row to its end: whoever reads the site is served,
whoever writes waits, and is told so. A comment in the new database says that a move has begun, so
that one that was killed goes on, and nobody else's data is taken for the beginning of ours.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from gettext import gettext as _

import click
from alembic.util import CommandError
from sqlalchemy import Connection, Table, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from flask_outbox import metadata as mail_metadata
from microblog import database, schema
from microblog.app import create_app
from microblog.cli import backup_postgresql
from microblog.cli.failures import database_reason
from microblog.cli.move_table import Checksum, checksum, copy_table, set_sequence
from microblog.cli.site import database_file, newer_schema
from microblog.database import WRITING, Model
from microblog.settings import Settings, load_settings, values

QUIET_SECONDS = 30.0
"""Longer than the lease of a message whose sender died."""

BEGUN = "microblog db move has not ended"


@click.command()
@click.argument("url")
def move(url: str) -> None:
    """Copy the data of an SQLite site into the empty PostgreSQL database at URL.

    The site may run, and can be read meanwhile, but not written to. If the copy is interrupted, run
    it again: it goes on. The old file stays as it is. URL may leave the password out: then it is
    read from PGPASSWORD or ~/.pgpass.
    """
    settings = load_settings()
    file = database_file(settings)
    if file is None:
        raise click.ClickException(_("DATABASE_URL names no SQLite file: nothing to move."))
    if not file.exists():
        raise click.ClickException(_("There is no database at {file}.").format(file=file))
    url = _checked(url)
    place = backup_postgresql.place(url)
    with _errors_of(str(file)), _locked(settings) as source:
        with _errors_of(place), _prepared(settings, url, place) as target:
            _copy(source, target)
        words = _("Everything is in {place}. Put this line into .env and restart the site:")
        click.echo(words.format(place=place))
        click.echo(f"\n  DATABASE_URL={place}\n")
        if "***" in place:
            click.echo(_("Replace *** with the password."))
        words = _("Search finds all posts there after this command: microblog search rebuild")
        click.echo(words)
        if sys.stdin.isatty():
            words = _("Until then nobody can write. Press Enter once the site runs with that line.")
            click.echo(words)
            sys.stdin.readline()
    words = _("{file} is unchanged. Anything written to it from now on is not in {place}.")
    click.echo(words.format(file=file, place=place))


def _checked(url: str) -> str:
    try:
        checked = values.database_url(url)
    except ValueError as error:
        raise click.UsageError(f"URL {error}") from None
    if checked.startswith("sqlite"):
        raise click.UsageError(
            _("URL must name a PostgreSQL database, like postgresql://host/name")
        )
    return checked


@contextmanager
def _locked(settings: Settings) -> Iterator[Connection]:
    """The old database while nobody writes to it, and no message is on its way to a server."""
    with create_app(settings).app_context():
        if schema.needs_upgrade():
            words = _("The database's schema is not up to date. Run: microblog db upgrade")
            raise click.ClickException(words)
        with database.db.engine.connect().execution_options(**WRITING) as connection:
            until = time.monotonic() + QUIET_SECONDS
            connection.begin()
            while _is_sending(connection):
                connection.rollback()
                if time.monotonic() > until:
                    words = _("The site is sending email: stop it, or try again later.")
                    raise click.ClickException(words)
                time.sleep(0.2)
                connection.begin()
            yield connection
            connection.rollback()


def _is_sending(connection: Connection) -> bool:
    """Whether a message was claimed, by a process that lives, and how that ended is not written.

    Copied like this it would be sent once more.
    """
    outbox = mail_metadata.tables["outbox"]
    claimed = select(outbox.c.attempts, outbox.c.history).where(
        outbox.c.status.in_(("queued", "deferred")),
        outbox.c.attempts > 0,
        outbox.c.due_at > time.time(),
    )
    for attempts, history in connection.execute(claimed):
        if attempts != (history[-1]["attempt"] if history else 0):
            return True
    return False


@contextmanager
def _prepared(settings: Settings, url: str, place: str) -> Iterator[Connection]:
    """The new database, which has all tables and is empty, or what a move has left in it."""
    there = settings.model_copy(update={"DATABASE_URL": url})
    with create_app(there).app_context():
        tables = inspect(database.db.engine).get_table_names()
        if tables and "alembic_version" not in tables:
            words = _("{place} has tables that aren't Microblog's: choose an empty database.")
            raise click.ClickException(words.format(place=place))
        try:
            if schema.needs_upgrade():
                schema.upgrade()
        except CommandError:
            raise click.ClickException(newer_schema()) from None
        with database.db.engine.connect() as connection:
            begun = connection.scalar(select(func.obj_description(_VERSIONS, "pg_class")))
            if begun != BEGUN:
                _require_empty(connection, place)
                connection.execute(text(f"COMMENT ON TABLE alembic_version IS '{BEGUN}'"))
                connection.commit()
            yield connection
            connection.execute(text("COMMENT ON TABLE alembic_version IS NULL"))
            connection.commit()


_VERSIONS = text("'alembic_version'::regclass")


def _require_empty(connection: Connection, place: str) -> None:
    for table in _tables():
        if connection.scalar(select(select(table).exists())):
            words = _("{place} has data in its table {table}: choose an empty database.")
            raise click.ClickException(words.format(place=place, table=table.name))


def _tables() -> list[Table]:
    """All tables, each after those that it refers to; not those that are made of others."""
    tables = [*Model.metadata.sorted_tables, *mail_metadata.sorted_tables]
    return [table for table in tables if not table.info.get("derived")]


def _copy(source: Connection, target: Connection) -> None:
    copied: dict[Table, Checksum] = {}
    for table in _tables():
        with _errors_of(_("Table {table}").format(table=table.name)):
            copied[table] = copy_table(table, source, target)
            set_sequence(table, source, target)
    for table, here in copied.items():
        there = checksum(table, target)
        if there != here:
            words = _("{table} differs: {here} rows in SQLite, {there} in PostgreSQL.")
            words = words.format(table=table.name, here=here.rows, there=there.rows)
            raise click.ClickException(words)
        click.echo(f"{table.name:24}{here.rows:>10}  {here.digest[:16]}")


@contextmanager
def _errors_of(place: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        words = _("{place} cannot be used: {reason}.")
        reason = database_reason(error)
        raise click.ClickException(words.format(place=place, reason=reason)) from None
