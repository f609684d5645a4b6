"""A Flask application that answers one page from memory: as fast as Flask can be.

Run it with a file that holds the page, and a port; the server is the site's own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from microblog.cli.web_process import THREADS
from microblog.cli.web_server import BufferingWorker

FILE, PORT = sys.argv[1:]
PAGE = Path(FILE).read_text()

app = Flask(__name__)


@app.get("/")
def page() -> str:
    return PAGE


class Server(BaseApplication):  # type: ignore[misc]
    def load_config(self) -> None:
        for name, value in {
            "bind": f"127.0.0.1:{PORT}",
            "worker_class": BufferingWorker,
            "threads": THREADS,
            "control_socket_disable": True,
            "loglevel": "warning",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return app


sys.argv[1:] = []
Server().run()
