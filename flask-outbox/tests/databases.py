"""Engines whose SQLite transactions begin as they do in our applications."""

from __future__ import annotations

import sqlite3
from typing import Any
from weakref import WeakSet

import pytest
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import AdaptedConnection

WRITING = {"sqlite_begin": "IMMEDIATE"}
"""Execution options of a connection whose transaction will write."""


ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of decisions that need no database: one engine is enough."""


_on_servers: WeakSet[Any] = WeakSet()


@event.listens_for(Engine, "connect")
def _remember(connection: Any, _record: object) -> None:
    # One of an asynchronous driver is closed in its event loop.
    if not isinstance(connection, sqlite3.Connection | AdaptedConnection):
        _on_servers.add(connection)


def close_left_connections() -> None:
    """Close what a test left open: a server takes so many connections and no more."""
    for connection in list(_on_servers):
        connection.close()


def engine_of(url: str) -> Engine:
    """An engine; on SQLite readers do not wait for a writer, and writers wait for each other."""
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        # The driver would begin transactions itself, and never with IMMEDIATE.
        connection.isolation_level = None
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.execute("PRAGMA journal_mode = WAL")
        # No test cuts the power, so none has to wait for the disk.
        connection.execute("PRAGMA synchronous = OFF")


def _begin(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    # An application under test in the same process may have begun it already.
    if isinstance(driver, sqlite3.Connection) and not driver.in_transaction:
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")
