"""Services that some tests need; without them these tests are skipped, or fail in CI."""

from __future__ import annotations

import os
from functools import cache
from urllib.parse import urlsplit

import pytest

POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


def need(available: bool, what: str) -> None:
    """Skip this test with a visible reason, or fail if CI promises the service."""
    if available:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI needs {what}")
    pytest.skip(f"needs {what}")


@cache
def has_postgresql() -> bool:
    try:
        import psycopg  # noqa: PLC0415 - the library is also tested without it
    except ImportError:
        return False
    try:
        psycopg.connect(POSTGRESQL, connect_timeout=10).close()
    except psycopg.Error:
        return False
    return True


def postgresql_url(database: str) -> str:
    parts = urlsplit(POSTGRESQL)
    return parts._replace(path=f"/{database}").geturl()
