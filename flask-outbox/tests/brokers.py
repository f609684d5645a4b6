"""Brokers, and the queues that belong to one test."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from kombu.connection import Connection
from kombu.entity import Exchange, Queue

RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


@cache
def has_broker(url: str) -> bool:
    """Whether RabbitMQ or Redis answers there."""
    with Connection(url, connect_timeout=10) as connection:
        try:
            connection.connect()
        except (OSError, *connection.connection_errors):
            return False
    return True


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
        """The settings of a site that uses these queues."""
        return {"CELERY_BROKER_URL": self.url, "CELERY_QUEUE_PREFIX": self.prefix}

    @property
    def queues(self) -> tuple[str, str]:
        """The queue for urgent mail, and that for all."""
        return f"{self.prefix}.outbox-high", f"{self.prefix}.outbox"


def remove_queues(broker: Broker) -> None:
    """Remove everything that the test left in the broker."""
    if broker.url.startswith("redis"):
        with Connection(broker.url) as connection:
            client = connection.default_channel.client
            for key in client.keys(f"*{broker.prefix}*"):
                client.delete(key)
        return
    for name in (*broker.queues, f"{broker.prefix}.own"):
        with Connection(broker.url) as connection, suppress(*connection.channel_errors):
            Queue(name, channel=connection.channel()).delete()
            Exchange(name, channel=connection.channel()).delete()


def tasks_in(broker: Broker, queue: str) -> list[tuple[str, str]]:
    """Take all tasks from this queue: each one's name, and everything that was stored of it."""
    found = []
    with Connection(broker.url, transport_options=_options(broker)) as connection:
        channel = connection.channel()
        with suppress(*connection.channel_errors):
            while (one := channel.basic_get(queue, no_ack=True)) is not None:
                stored = f"{one.body!r} {one.headers} {one.properties}"
                found.append((one.headers["task"], stored))
    return found


def length_of(broker: Broker, queue: str) -> int:
    """How many tasks wait in this queue."""
    with Connection(broker.url, transport_options=_options(broker)) as connection:
        passive = not broker.url.startswith("redis")
        try:
            return int(connection.channel().queue_declare(queue, passive=passive).message_count)
        except connection.channel_errors:
            return 0


def _options(broker: Broker) -> dict[str, str]:
    return {"global_keyprefix": f"{broker.prefix}:"}
