"""The processes of a site, each started by the supervisor."""

from __future__ import annotations

from typing import Any

import click
from flask import current_app
from gunicorn.app.base import BaseApplication

from flask_outbox import run_dispatcher
from flask_outbox.delivery.dispatcher import Dispatcher, DispatcherOptions
from flask_outbox.dev.catcher import run_catcher
from flask_outbox.extension import make_dispatcher as dispatcher_of
from flask_outbox.outbox.email_types import DAY
from microblog.app import caught_mail, create_app
from microblog.cli.supervisor import end_with_supervisor
from microblog.cli.web_server import BufferingWorker
from microblog.settings import Settings, load_settings
from microblog.web import logs

THREADS = 8


@click.group(hidden=True)
def process() -> None:
    """The processes that `run` and `demo` start."""
    end_with_supervisor()


@process.command()
@click.option("--host", required=True)
@click.option("--port", type=int, required=True)
@click.option("--workers", type=int, default=1)
@click.option("--demo", is_flag=True)
def web(host: str, port: int, workers: int, *, demo: bool) -> None:
    """The web server."""
    settings = load_settings()
    configure_log(settings)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    _WebServer(settings, address, workers, demo=demo).run()


@process.command()
def dispatcher() -> None:
    """Delivers what the outbox holds."""
    settings = load_settings()
    configure_log(settings, process="dispatcher")
    run_dispatcher(create_app(settings), options=_options(settings))


@process.command()
@click.option("--port", type=int, required=True)
def catcher(port: int) -> None:
    """The mail catcher of the demonstration."""
    run_catcher(caught_mail(load_settings()), host="127.0.0.1", port=port)


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


def _options(settings: Settings) -> DispatcherOptions:
    return DispatcherOptions(
        connections=settings.MAIL_CONNECTIONS, retention=settings.MAIL_RETENTION_DAYS * DAY
    )


class _WebServer(BaseApplication):  # type: ignore[misc]
    """Gunicorn, configured here and not from the command line."""

    def __init__(self, settings: Settings, address: str, workers: int, *, demo: bool) -> None:
        self._settings = settings
        self._address = address
        self._workers = workers
        self._demo = demo
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": self._address,
            "workers": self._workers,
            "worker_class": BufferingWorker,
            "threads": THREADS,
            "timeout": 60,
            "graceful_timeout": 10,
            "loglevel": "warning",
            # An access log would hold the tokens of mailed links.
            "accesslog": None,
            "control_socket_disable": True,
            "proc_name": "microblog",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return create_app(self._settings, demo=self._demo)
