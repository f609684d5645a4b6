"""Services that some tests need: where they are absent the tests are skipped, in CI they fail."""

from __future__ import annotations

import os
import shutil
from functools import cache
from urllib.parse import urlsplit

import psycopg
import pytest
from kombu.connection import Connection

POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


RABBITMQ = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")


def need(available: bool, what: str) -> None:
    """Skip this test, with a visible reason, or fail where CI promises the service."""
    if available:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI needs {what}")
    pytest.skip(f"needs {what}")


@cache
def has_postgresql() -> bool:
    try:
        psycopg.connect(POSTGRESQL, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


@cache
def has_broker(url: str) -> bool:
    """Whether RabbitMQ or Redis answers there."""
    with Connection(url, connect_timeout=2) as connection:
        try:
            connection.connect()
        except (OSError, *connection.connection_errors):
            return False
    return True


def postgresql_url(database: str) -> str:
    parts = urlsplit(POSTGRESQL)
    return parts._replace(path=f"/{database}").geturl()


@cache
def chromium() -> str | None:
    """Debian's Chromium, or whatever CHROMIUM names."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
