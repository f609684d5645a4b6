"""The processes of a site, each started by the supervisor."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import click
from flask import current_app
from gunicorn.app.base import BaseApplication

from microblog.app import bell_path, caught_mail, create_app
from microblog.app import mail as flask_mail
from microblog.cli.supervisor import end_with_supervisor
from microblog.mail import current_outbox
from microblog.mail.bell import BellListener
from microblog.mail.catcher import Catcher
from microblog.mail.dispatcher import Dispatcher, DispatcherOptions
from microblog.mail.kinds import DAY
from microblog.mail.transport import SmtpTransport, SuppressedTransport, Transport
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
    logs.configure(settings.LOG_FILE)
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    _WebServer(settings, address, workers, demo=demo).run()


@process.command()
def dispatcher() -> None:
    """Delivers what the outbox holds."""
    settings = load_settings()
    logs.configure(settings.LOG_FILE, process="dispatcher")
    app = create_app(settings)
    with app.app_context():
        made = make_dispatcher(settings)
        with BellListener(bell_path(settings)) as listener:

            def stop(_number: int, _frame: Any) -> None:
                made.stop()
                listener.ring()

            signal.signal(signal.SIGTERM, stop)
            signal.signal(signal.SIGINT, stop)
            made.run(listener)


@process.command()
@click.option("--port", type=int, required=True)
def catcher(port: int) -> None:
    """The mail catcher of the demonstration."""
    made = Catcher(caught_mail(load_settings()), host="127.0.0.1", port=port)
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopped.set())
    made.start()
    stopped.wait()
    made.stop()


def make_dispatcher(settings: Settings) -> Dispatcher:
    """The dispatcher of the current application."""
    transport = transport_maker(settings)
    application: Any = current_app
    options = DispatcherOptions(
        connections=settings.MAIL_CONNECTIONS, retention=settings.MAIL_RETENTION_DAYS * DAY
    )
    return Dispatcher(current_outbox(), transport, options=options, context=application.app_context)


def transport_maker(settings: Settings) -> Callable[[], Transport]:
    """Makes connections to the mail server of the current application."""
    state = flask_mail.init_mail(current_app.config)

    def transport() -> Transport:
        if state.suppress:
            return SuppressedTransport()
        return SmtpTransport(state.smtp_server, max_emails=settings.MAIL_MAX_EMAILS)

    return transport


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
            "worker_class": "gthread",
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
