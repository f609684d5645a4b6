"""The driver's own connection: persistent, with statements that are compiled once.

Going through SQLAlchemy's connection costs more than delivering a message does.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Dialect, Engine, text
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection

Result = TypeVar("Result")


IDLE_SECONDS = 0.5
"""A connection to a server may be cut while it is idle: after so long it is tested before its use.
Shorter than the time between two polls of an empty outbox; for a message that takes so long, the
cost of the test does not matter."""


class Transactions(Protocol):
    """What statements run in."""

    def transaction(self, *, writing: bool = True) -> AbstractContextManager[DBAPICursor]:
        """Give a cursor in a transaction that is committed at the end."""

    def close(self) -> None:
        """Give back what is kept between transactions."""


class PersistentConnection:
    """The driver's own connection, kept between transactions and replaced after an error.

    One that was idle goes back to the pool first, which hands out none that was cut.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._errors: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._connection: PoolProxiedConnection | None = None
        self._idle_since = 0.0

    @contextmanager
    def transaction(self, *, writing: bool = True) -> Iterator[DBAPICursor]:
        """Give a cursor in a transaction that is committed at the end. Raises OperationalError."""
        try:
            if not self._is_sqlite and time.monotonic() - self._idle_since > IDLE_SECONDS:
                self.close()
            if self._connection is None:
                self._connection = self._engine.raw_connection()
            cursor = self._connection.cursor()
            if self._is_sqlite:
                cursor.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
            yield cursor
            self._connection.commit()
            cursor.close()
            self._idle_since = time.monotonic()
        except self._errors as error:
            self._give_up()
            raise OperationalError(None, None, error) from error
        except BaseException:
            self._give_up()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _give_up(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection = None


class GroupCommit:
    """Writes of several threads in one transaction, for a database with one writer.

    SQLite makes other writers sleep for milliseconds, and each commit waits for the disk. Here the
    first thread writes for all that came meanwhile; none goes on before its write is on the disk.
    """

    def __init__(self, engine: Engine) -> None:
        # The engine outlives its group, which must not keep it alive.
        self._connection = PersistentConnection(weakref.proxy(engine))
        self._writing = threading.Lock()
        self._waiting: deque[_Request] = deque()

    def write(self, work: Callable[[DBAPICursor], Result]) -> Result:
        """Run `work` in a transaction and return its result once it is committed.

        Raises OperationalError, or what `work` of any thread in the group raises.
        """
        request = _Request(work)
        self._waiting.append(request)
        with self._writing:
            if not request.done:
                self._write_all()
        if request.error is not None:
            raise request.error
        result: Result = request.result
        return result

    def _write_all(self) -> None:
        group = [self._waiting.popleft() for _ in range(len(self._waiting))]
        error: BaseException | None = None
        try:
            with self._connection.transaction() as cursor:
                for request in group:
                    request.result = request.work(cursor)
        except BaseException as failure:  # noqa: BLE001 - raised again in every thread of the group
            error = failure
        for request in group:
            request.error, request.done = error, True

    def close(self) -> None:
        """Close the connection; the next write opens another."""
        with self._writing:
            self._connection.close()


@dataclass(slots=True)
class _Request:
    work: Callable[[DBAPICursor], Any]
    result: Any = None
    error: BaseException | None = None
    done: bool = False


_group_commits: WeakKeyDictionary[Engine, GroupCommit] = WeakKeyDictionary()


def group_commit(engine: Engine) -> GroupCommit:
    """The group that all threads share which write through this engine."""
    return _group_commits.setdefault(engine, GroupCommit(engine))


class Statement:
    """A statement that is compiled once and run many times."""

    def __init__(self, sql: str, dialect: Dialect) -> None:
        compiled: Any = text(sql).compile(dialect=dialect)
        self._sql: str = str(compiled)
        self._arrange = _arranger(compiled.positiontup)

    def run(self, cursor: DBAPICursor, values: dict[str, Any]) -> DBAPICursor:
        cursor.execute(self._sql, self._arrange(values))
        return cursor


def _arranger(order: list[str] | None) -> Callable[[dict[str, Any]], Any]:
    """What makes a statement's parameters of its values: in this order, or by name."""
    if order is None:
        return lambda values: values
    if len(order) < 2:
        # itemgetter would give the one value itself.
        return lambda values: [values[name] for name in order]
    return itemgetter(*order)
