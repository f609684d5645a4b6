"""The dispatcher and the catcher, as processes that the supervisor starts, and the log of each."""

from __future__ import annotations

import click
from flask import current_app

from flask_outbox import run_dispatcher
from flask_outbox.application import make_dispatcher as dispatcher_of
from flask_outbox.delivery.dispatcher import Dispatcher, DispatcherOptions
from flask_outbox.outbox.email_types import DAY
from microblog.app import create_app
from microblog.settings import Settings, load_settings
from microblog.web import logs


@click.command()
@click.option("--connections", type=int, help="Instead of MAIL_CONNECTIONS.")
def dispatcher(connections: int | None) -> None:
    """Delivers what the outbox holds."""
    settings = load_settings()
    configure_log(settings, process="dispatcher")
    run_dispatcher(create_app(settings), options=_options(settings, connections))


@click.command()
@click.option("--port", type=int, required=True)
def catcher(port: int) -> None:
    """The mail catcher of the demonstration."""
    # It needs a mail server, which a site that serves people does without.
    from flask_outbox.dev.catcher import CaughtMail, run_catcher  # noqa: PLC0415

    run_catcher(CaughtMail(load_settings().caught_mail_folder), host="127.0.0.1", port=port)


def configure_log(settings: Settings, *, process: str = "") -> None:
    """Log as the settings say, into a file of this process's own."""
    logs.configure(
        settings.LOG_FILE,
        process=process,
        form=settings.LOG_FORMAT,
        max_bytes=settings.LOG_MAX_BYTES,
        backup_count=settings.LOG_BACKUP_COUNT,
    )


def make_dispatcher(settings: Settings) -> Dispatcher:
    """The dispatcher of the current application."""
    return dispatcher_of(current_app, options=_options(settings))


def _options(settings: Settings, connections: int | None = None) -> DispatcherOptions:
    return DispatcherOptions(
        connections=connections or settings.MAIL_CONNECTIONS,
        retention=settings.MAIL_RETENTION_DAYS * DAY,
    )
