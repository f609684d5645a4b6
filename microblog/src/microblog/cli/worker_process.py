"""A Celery worker, as a process that `microblog worker` starts."""

from __future__ import annotations

import logging
import os
import sys
import warnings

import click
from celery.exceptions import SecurityWarning

from microblog.app import create_app
from microblog.cli.processes import configure_log
from microblog.settings import load_settings


@click.command()
@click.argument("queue")
@click.argument("concurrency", type=int)
def worker(queue: str, concurrency: int) -> None:
    """The Celery worker of one queue.

    It uses threads: a delivery mostly waits for the network, and threads share what they know of
    the mail server.
    """
    settings = load_settings()
    configure_log(settings, process=queue)
    for noisy in ("celery.worker.strategy", "celery.app.trace"):
        # A line when a task comes and one when it ends; the delivery logs more about it.
        logging.getLogger(noisy).setLevel(logging.WARNING)
    once = _OncePerOutage()
    for name in ("celery.worker.consumer.consumer", "celery.worker.consumer.connection"):
        logging.getLogger(name).addFilter(once)
    # About tasks in pickles, which this site does not accept.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    options = {
        "queues": f"{settings.CELERY_QUEUE_PREFIX}.{queue}",
        "pool": "threads",
        "concurrency": concurrency,
        "hostname": f"{queue}-{os.getpid()}@%h",
        "loglevel": "INFO",
    }
    celery = create_app(settings).extensions["celery"]
    given = [f"--{name}={value}" for name, value in options.items()]
    given += ["--without-mingle", "--without-gossip"]  # these two have nothing to tell others
    sys.exit(celery.worker_main(["--quiet", "worker", "--task-events", *given]))


class _OncePerOutage(logging.Filter):
    """Lets Celery say once that the broker cannot be reached, and not at each look for it."""

    _lasts = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is new: it says at the end that it is connected."""
        fails = str(record.msg).startswith("consumer: Cannot connect")
        is_new = not (fails and self._lasts)
        if fails or str(record.msg).startswith("Connected to"):
            self._lasts = fails
        return is_new
