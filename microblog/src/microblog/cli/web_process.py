"""The web server, as a process that the supervisor starts."""

from __future__ import annotations

import gc
import threading
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
            # Workers are forks of a process that has loaded the site, and share its memory.
            "preload_app": True,
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
        app = create_app(self._settings, demo=self._demo)
        _prepare_to_fork()
        return app


def _prepare_to_fork() -> None:
    """Wait until no other thread runs, and keep the garbage collector off what is loaded.

    A fork has none of the threads, but the locks that they hold. And the collector writes to
    whatever it looks at, which ends the sharing.
    """
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join()
    gc.collect()
    gc.freeze()
