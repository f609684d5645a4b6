"""Brokers and a browser, which some tests of the site need."""

from __future__ import annotations

import os
import shutil
from functools import cache

from kombu.connection import Connection

RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


@cache
def has_broker(url: str) -> bool:
    """Whether RabbitMQ or Redis answers there."""
    with Connection(url, connect_timeout=2) as connection:
        try:
            connection.connect()
        except (OSError, *connection.connection_errors):
            return False
    return True


@cache
def chromium() -> str | None:
    """Debian's Chromium, or whatever CHROMIUM names."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
