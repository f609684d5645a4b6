"""The web server, as a process that the supervisor starts."""

from __future__ import annotations

from typing import Any

import click
from gunicorn.app.base import BaseApplication

from microblog.app import create_app
from microblog.cli.processes import configure_log
from microblog.cli.web_server import BufferingWorker
from microblog.settings import Settings, load_settings

THREADS = 8


@click.command()
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
