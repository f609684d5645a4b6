"""Celery workers as an application's operator runs them, by Celery's own command."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from flask import Flask

from flask_outbox import current_outbox
from flask_outbox.celery import register
from tests.application import transaction
from tests.brokers import Broker
from tests.celery.urgent import URGENT
from tests.ports import HOST
from tests.waiting import end, eventually

HERE = Path(__file__).resolve().parents[2]

NEVER_LOOK = 3600.0
"""With this, only a task makes a worker deliver."""

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ON_RABBITMQ = pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)


@dataclass(frozen=True)
class Worker:
    """A worker's process and what it logs."""

    process: subprocess.Popen[bytes]
    log: Path

    def is_ready(self) -> bool:
        return " ready." in self.log.read_text()


@dataclass(frozen=True)
class Workers:
    """Starts workers for the mail of `app`."""

    app: Flask
    database_url: str
    smtp_port: int
    folder: Path

    def register(self, broker: Broker) -> Celery:
        """Let the application send tasks over this broker."""
        celery = Celery("tests", broker=broker.url, set_as_current=False)
        celery.conf.broker_transport_options = transport_options(broker)
        celery.conf.task_default_queue = f"{broker.prefix}.own"
        register(self.app, celery, prefix=f"{broker.prefix}.")
        return celery

    @contextmanager
    def running(
        self,
        broker: Broker,
        *queues: str,
        pool: str = "threads",
        concurrency: int = 4,
        look_seconds: float = 2.0,
        ready: bool = True,
        **config: Any,
    ) -> Iterator[Worker]:
        """Run a worker for these queues; with `ready`, wait until it takes tasks."""
        log = self.folder / f"worker-{secrets.token_hex(4)}.txt"
        mail = {"MAIL_SERVER": HOST, "MAIL_PORT": self.smtp_port, "MAIL_TIMEOUT": 30}
        given = {
            "database": self.database_url,
            "config": mail | config,
            "broker": broker.url,
            "prefix": broker.prefix,
            "transport": transport_options(broker),
            "look_seconds": look_seconds,
        }
        command = ["--app", "tests.celery.worker_application", "worker", "--loglevel", "INFO"]
        command += ["--pool", pool, "--concurrency", str(concurrency)]
        command += ["--hostname", f"{secrets.token_hex(4)}@%h", "--without-mingle"]
        if queues:
            command += ["--queues", ",".join(f"{broker.prefix}.{name}" for name in queues)]
        paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
        with log.open("wb") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", *command],
                env={
                    **os.environ,
                    "TEST_WORKER": json.dumps(given),
                    "PYTHONPATH": os.pathsep.join(paths),
                },
                cwd=self.folder,
                stdout=written,
                stderr=written,
            )
        worker = Worker(process, log)
        try:
            if ready:
                assert eventually(worker.is_ready, seconds=120), log.read_text()
            yield worker
        finally:
            end(process, seconds=20)
            sys.stdout.write(log.read_text())

    @contextmanager
    def both(self, broker: Broker, **options: Any) -> Iterator[None]:
        """Run a worker for each queue, as the documentation says."""
        with ExitStack() as running:
            concurrency = options.pop("concurrency", 4)
            high = self.running(broker, "outbox-high", concurrency=1, **options)
            others = self.running(broker, "outbox", concurrency=concurrency, **options)
            running.enter_context(high)
            running.enter_context(others)
            yield

    def post(self, count: int, to: str = "susan@example.com", *, urgent: bool = False) -> None:
        """Enqueue so many messages in one transaction."""
        with self.app.app_context(), transaction() as writing:
            outbox = current_outbox()
            for number in range(count):
                if urgent:
                    outbox.enqueue(writing, URGENT, to)
                else:
                    outbox.send_email(f"Note {number}", None, [to], "Hello.\n", session=writing)


def transport_options(broker: Broker) -> dict[str, str]:
    return {"global_keyprefix": f"{broker.prefix}:"} if "redis" in broker.url else {}
