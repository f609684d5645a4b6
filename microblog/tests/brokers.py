"""Brokers, and the queues that belong to one test."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass

from kombu.connection import Connection
from kombu.entity import Exchange, Queue

from flask_outbox.celery.wakeup import queue_names


@dataclass(frozen=True)
class Broker:
    """A broker, and the prefix of one test's queues."""

    url: str
    prefix: str

    @classmethod
    def at(cls, url: str) -> Broker:
        return cls(url, f"test-{os.getpid()}-{secrets.token_hex(4)}")

    @property
    def settings(self) -> dict[str, str]:
        return {"CELERY_BROKER_URL": self.url, "CELERY_QUEUE_PREFIX": self.prefix}


def remove_queues(broker: Broker) -> None:
    """Remove everything that the test left in the broker."""
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
