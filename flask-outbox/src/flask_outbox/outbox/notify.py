"""Waking dispatchers on any host through their database: PostgreSQL's NOTIFY and LISTEN.

What is lost while a connection is cut, the dispatcher's next poll finds.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from flask_outbox.database_errors import reason
from flask_outbox.outage import Outage

if TYPE_CHECKING:
    # An extra, which a site on SQLite does without.
    import psycopg

logger = logging.getLogger(__name__)

CHANNEL = "flask_outbox"

IDLE_SECONDS = 60.0
"""A firewall may cut an idle connection, which shows only when nothing answers, for minutes: one
that was idle for so long is replaced."""

PAUSE_SECONDS = 2.0
"""If the database cannot be reached, wake-ups are dropped for so long: no page waits for each."""

RETRY_FIRST_SECONDS = 1.0
RETRY_LONGEST_SECONDS = 60.0


def can_notify(engine: Engine) -> bool:
    """Whether this is PostgreSQL with psycopg 3; other drivers are not supported here."""
    return engine.dialect.name == "postgresql" and engine.dialect.driver == "psycopg"


class NotifyWakeup:
    """Wakes all dispatchers that listen in this database, on whatever hosts. Thread-safe.

    It notifies after the commit, over one connection a process. PostgreSQL lets transactions that
    notify commit one after the other: inside the application's transaction, each would keep all
    others waiting for the disk.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._start()

    def wake(self, row_ids: Sequence[int]) -> None:  # noqa: ARG002 - the listener polls
        """Notify, unless another thread is about to; errors are not raised."""
        if self._process != os.getpid():
            # A forked process needs a connection of its own, and may have inherited a locked lock.
            self._start()
        self._pending = True
        while self._pending and self._notifying.acquire(blocking=False):
            try:
                self._pending = False
                self._notify()
            finally:
                self._notifying.release()

    def _start(self) -> None:
        self._process = os.getpid()
        self._notifying = threading.Lock()
        self._pending = False
        self._connection: psycopg.Connection | None = None
        self._used_at = 0.0
        self._paused_until = 0.0

    def _notify(self) -> None:
        if time.monotonic() < self._paused_until:
            return
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._close()
        try:
            try:
                self._execute()
            except self.engine.dialect.loaded_dbapi.Error:
                self._close()
                self._execute()  # the connection may have been cut
        except Exception as error:  # noqa: BLE001 - the application's way to connect raises anything
            logger.debug("Dispatchers cannot be notified: %s", error)
            self._close()
            self._paused_until = time.monotonic() + PAUSE_SECONDS

    def _execute(self) -> None:
        if self._connection is None:
            self._connection = _own_connection(self.engine)
        self._connection.execute(f"NOTIFY {CHANNEL}", prepare=False)
        self._used_at = time.monotonic()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Notifications:
    """A connection that listens, and is made anew when it is cut. Belongs to one thread.

    Where it cannot listen, that is logged once, and nothing is raised.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: psycopg.Connection | None = None
        self._is_pooled = False
        self._failures = 0
        self._retry_at = 0.0
        self._outage = Outage(
            logger,
            "Cannot listen for new mail, which waits for the next poll: %s",
            "Listening for new mail again.",
            level=logging.WARNING,
        )

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def fileno(self) -> int:
        """The socket, which becomes readable when there is something to `read`."""
        assert self._connection is not None  # noqa: S101 - asked only while it is open
        return self._connection.fileno()

    def open(self) -> bool:
        """Connect if there is no connection, and it is time to; return whether there is a new one.

        There may be new mail then that nobody was told of.
        """
        if self.is_open or self._is_pooled or time.monotonic() < self._retry_at:
            return False
        try:
            self._connection = _own_connection(self._engine)
            self._is_pooled = _is_pooled(self._connection)
            if not self._is_pooled:
                self._connection.execute(f"LISTEN {CHANNEL}", prepare=False)
        except Exception as error:  # noqa: BLE001 - the application's way to connect raises anything
            self._lost(error)
            return False
        if self._is_pooled:
            self.close()
            self._outage.began("the database is reached through a connection pooler")
            return False
        self._failures = 0
        self._outage.ended()
        return True

    def read(self) -> None:
        """Read what has arrived."""
        assert self._connection is not None  # noqa: S101 - read only while it is open
        try:
            for _notification in self._connection.notifies(timeout=0):
                pass
        except self._engine.dialect.loaded_dbapi.Error as error:
            self._lost(error)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _lost(self, error: Exception) -> None:
        self.close()
        pause = min(RETRY_FIRST_SECONDS * 2 ** min(self._failures, 10), RETRY_LONGEST_SECONDS)
        self._failures += 1
        self._retry_at = time.monotonic() + pause
        self._outage.began(reason(error))


def _own_connection(engine: Engine) -> psycopg.Connection:
    """A connection outside the engine's pool: who waits for one there may hold the last one."""
    pooled = engine.pool.recreate().connect()
    connection: psycopg.Connection = pooled.driver_connection  # type: ignore[assignment]
    pooled.detach()
    connection.rollback()
    connection.autocommit = True
    return connection


def _is_pooled(connection: psycopg.Connection) -> bool:
    """Whether a pooler such as PgBouncer is between: LISTEN would be lost with the transaction.

    It gives its clients process numbers of its own.
    """
    row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    return row is None or row[0] != connection.info.backend_pid
