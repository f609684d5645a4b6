"""The web server, as a process that the supervisor starts."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import click
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from microblog.app import create_app
from microblog.cli.processes import configure_log
from microblog.cli.web_server import BufferingWorker
from microblog.settings import load_settings
from microblog.web import readiness

THREADS = 8


@click.command()
@click.option("--socket", "sockets", type=int, multiple=True, required=True)
@click.option("--ready", type=int, required=True, help="Gets a byte when it serves.")
@click.option("--until-stop", type=int, required=True, help="Closed before the end.")
@click.option("--workers", type=int, default=1)
@click.option("--demo", is_flag=True)
def web(sockets: Sequence[int], ready: int, until_stop: int, workers: int, *, demo: bool) -> None:
    """The web server, on sockets that it inherits by their numbers."""
    settings = load_settings()
    configure_log(settings)

    def load() -> Any:
        app = create_app(settings, demo=demo)
        readiness.watch(app, until_stop)
        return app

    _WebServer(load, sockets, ready, workers).run()


class _WebServer(BaseApplication):  # type: ignore[misc]
    """Gunicorn, configured here and not from the command line."""

    def __init__(
        self, load: Callable[[], Any], sockets: Sequence[int], ready: int, workers: int
    ) -> None:
        self._load = load
        self._sockets = sockets
        self._ready = ready
        self._workers = workers
        super().__init__()

    def run(self) -> None:
        """Serve until told to end."""
        arbiter = Arbiter(self)
        # As with systemd's, the file of a socket stays: the next web server goes on with it.
        arbiter.systemd = True
        arbiter.run()

    def load_config(self) -> None:
        options = {
            "bind": [f"fd://{number}" for number in self._sockets],
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
            "post_worker_init": self._tell_ready,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        app = self._load()
        _prepare_to_fork()
        return app

    def _tell_ready(self, _worker: Any) -> None:
        with suppress(BrokenPipeError):  # nobody waits for the second worker
            os.write(self._ready, b".")


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
