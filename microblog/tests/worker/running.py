"""Workers as people run them, and their deliverers."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from flask_outbox import current_outbox, send_email
from flask_outbox.application import transport_maker
from flask_outbox.celery.deliverer import Deliverer
from tests.smtp_server import ScriptedServer
from tests.waiting import eventually

BY_RING_SECONDS = 1.0
"""The sweep ignores younger rows."""

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ON_RABBITMQ = pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)


@contextmanager
def working(
    environment: Mapping[str, str], folder: Path, *options: str, ready: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `microblog worker`; with `ready`, wait until it has connected to the broker."""
    log = folder / f"worker-{secrets.token_hex(4)}.txt"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "microblog", "worker", *options],
            env=dict(environment),
            cwd=folder,
            stdout=written,
            stderr=written,
        )
    try:
        if ready:
            said = eventually(lambda: "The worker is ready" in log.read_text(), seconds=60)
            assert said, log.read_text()
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        sys.stdout.write(log.read_text())


def make_deliverer(app: Flask, *, connections: int = 8) -> Deliverer:
    """A worker's deliverer, without a broker."""
    with app.app_context():
        return Deliverer(
            current_outbox(),
            transport_maker(app),
            connections=connections,
            context=app.app_context,
        )


def arrives_by_wakeup(app: Flask, smtp: ScriptedServer) -> bool:
    """Whether a message that is enqueued now arrives before a sweep would find it."""
    before = len(smtp.received)
    posted_at = time.time()
    with app.app_context():
        send_email("Ring", None, ["susan@example.com"], "Hello.\n")
    return smtp.wait_for(before + 1)[-1].at - posted_at < BY_RING_SECONDS
