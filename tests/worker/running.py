"""Brokers and workers of the tests: what belongs to one test alone, and goes away with it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from kombu.connection import Connection
from kombu.entity import Exchange, Queue

from microblog.celery_bell import queue_names
from microblog.mail import current_outbox
from microblog.mail.running import transport_maker
from microblog.worker.deliverer import Deliverer
from tests.cli.running import eventually

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ON_RABBITMQ = pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)


@dataclass(frozen=True)
class Broker:
    """A broker, and the prefix of the queues that belong to this test alone."""

    url: str
    prefix: str

    @classmethod
    def at(cls, url: str) -> Broker:
        return cls(url, f"test-{os.getpid()}-{secrets.token_hex(4)}")

    @property
    def settings(self) -> dict[str, str]:
        return {"CELERY_BROKER_URL": self.url, "CELERY_QUEUE_PREFIX": self.prefix}


def remove_queues(broker: Broker) -> None:
    """Leave nothing of the test in the broker."""
    if broker.url.startswith("redis"):
        with Connection(broker.url) as connection:
            client = connection.default_channel.client
            for key in client.keys(f"{broker.prefix}*"):
                client.delete(key)
        return
    for name in queue_names(broker.prefix):
        with Connection(broker.url) as connection, suppress(*connection.channel_errors):
            Queue(name, channel=connection.channel()).delete()
            Exchange(name, channel=connection.channel()).delete()


@contextmanager
def working(
    environment: Mapping[str, str], folder: Path, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A running `microblog worker`."""
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
        is_ready = eventually(lambda: "The worker is ready" in log.read_text(), seconds=60)
        assert is_ready, log.read_text()
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
    """What delivers in a worker, without a broker."""
    with app.app_context():
        return Deliverer(
            current_outbox(),
            transport_maker(app),
            connections=connections,
            context=app.app_context,
        )
