"""The dispatcher and the catcher, as processes that the supervisor starts, and the log of each."""

from __future__ import annotations

import click

from flask_outbox import run_dispatcher
from microblog.app import create_app
from microblog.settings import Settings, load_settings
from microblog.web import logs


@click.command()
@click.option("--connections", type=int, help="Instead of MAIL_CONNECTIONS.")
def dispatcher(connections: int | None) -> None:
    """Delivers what the outbox holds."""
    settings = load_settings()
    configure_log(settings, process="dispatcher")
    if connections:
        settings = settings.model_copy(update={"MAIL_CONNECTIONS": connections})
    run_dispatcher(create_app(settings))


@click.command()
@click.option("--port", type=int, required=True)
def catcher(port: int) -> None:
    """The mail catcher of the demonstration."""
    # It needs a mail server, which a site that serves people does without.
    from flask_outbox.dev import CaughtMail, run_catcher  # noqa: PLC0415

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
