"""The database: sessions, names of constraints, times, and write transactions.

Each request reads with `db.session` and writes with `transaction()`. The page opens the transaction
and passes its session to the actions, which never commit.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, TypeVar, cast

from flask import Flask, g, has_app_context
from flask.sansio.app import App
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    MetaData,
    String,
    TypeDecorator,
    event,
)
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from flask_outbox import metadata as mail_metadata
from flask_outbox.database_errors import is_outage, reason
from flask_outbox.outage import Outage

Step = TypeVar("Step")

SQLITE_BUSY_SECONDS = 10

MAX_ID = 2**31 - 1
"""The largest id in the site's tables (INTEGER). PostgreSQL raises an error if a column is compared
with a larger number."""

MIGRATIONS = Path(__file__).parent / "migrations"

WRITING = {"sqlite_begin": "IMMEDIATE"}
"""Execution options of a write transaction. On SQLite, a transaction that reads first and writes
later fails at once if another wrote in between, in spite of the busy timeout; one that begins as a
writer waits."""


ENGINE_OPTIONS = {
    # Values of columns, such as addresses, must not reach a log through an error's message.
    "hide_parameters": True,
    # A connection that was lost while idle is replaced before a page uses it.
    "pool_pre_ping": True,
    "pool_size": 10,
    # Limited only by the number of threads: each of up to 64 that deliver mail keeps a connection,
    # and none may wait for another's.
    "max_overflow": -1,
}


class UTCDateTime(TypeDecorator[datetime]):
    """A moment, always aware and in UTC, even if the database does not store the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A moment needs its zone.")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def string_by_bytes(length: int) -> String:
    """The type of a string that both databases order by its bytes: its beginnings are ranges."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


class Model(DeclarativeBase):
    """The base of the site's tables."""

    metadata = MetaData(naming_convention=mail_metadata.naming_convention)
    type_annotation_map = {datetime: UTCDateTime()}  # noqa: RUF012 - read by SQLAlchemy


class Database(SQLAlchemy):
    """The sessions of an application: one for each of its contexts, none of them asynchronous."""

    def init_app(self, app: App) -> None:
        functions = app.teardown_appcontext_funcs
        before = len(functions)
        super().init_app(app)
        # Closing asynchronous sessions takes a thread and an event loop, at the end of each
        # request, also where there are none to close.
        ours = [one for one in functions[before:] if not iscoroutinefunction(one)]
        functions[before:] = [_without_outage(one) for one in ours]
        with cast(Flask, app).app_context():
            _listen(self.engine)


def _without_outage(close: Callable[..., Any]) -> Callable[[BaseException | None], None]:
    """Close sessions, though a connection was lost: there is nothing to roll back then."""

    def closing(error: BaseException | None) -> None:
        try:
            close(error)
        except DBAPIError as lost:
            if not is_outage(lost):
                raise

    return closing


db = Database(session_options={"expire_on_commit": False}, engine_options=ENGINE_OPTIONS)


_CURRENT = "microblog_write_session"

logger = logging.getLogger(__name__)

_reading = Outage(logger, "The database cannot be read: %s", "The database can be read again.")
_writing = Outage(
    logger, "The database cannot be written: %s", "The database can be written again."
)


@contextmanager
def transaction() -> Iterator[Session]:
    """The write transaction of this request or command, committed at the end or rolled back.

    A nested one is the same transaction.
    """
    current = current_transaction()
    if current is not None:
        yield current
        return
    _end_reading()
    with db.sessionmaker() as session:
        session.connection(execution_options=WRITING)
        setattr(g, _CURRENT, session)
        try:
            yield session
            session.commit()
            _writing.ended()
            # What was read before or meanwhile may be stale: on SQLite a reading transaction keeps
            # seeing the data from when it began.
            _end_reading()
            db.session.expire_all()
        except DBAPIError as error:
            if is_outage(error):
                _writing.began(reason(error))
            raise
        finally:
            g.pop(_CURRENT, None)


def _end_reading() -> None:
    """Give the reading connection back: a request with two of them may wait for itself."""
    reading = db.session
    if reading.in_transaction() and not (reading.new or reading.dirty or reading.deleted):
        reading.commit()


def current_transaction() -> Session | None:
    """The session of the write transaction that is open here, if any."""
    return g.get(_CURRENT) if has_app_context() else None


def utc_now() -> datetime:
    return datetime.now(UTC)


def is_sqlite() -> bool:
    """Whether the current application keeps its data in an SQLite file."""
    return db.engine.dialect.name == "sqlite"


def _listen(engine: Engine) -> None:
    """Prepare this engine's connections, and note whether the database answers."""
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "handle_error", _note_outage)
    event.listen(engine, "after_cursor_execute", _note_success)
    event.listen(engine, "begin", _begin)


def _prepare(connection: Any, _record: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        # PostgreSQL's JIT takes a hundred times as long to compile a timeline's query as to run it.
        connection.execute("SET jit = off")
        connection.commit()
        return
    # The driver would begin transactions itself, and never with IMMEDIATE.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {SQLITE_BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _note_outage(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    options = context.connection.get_execution_options() if context.connection else {}
    # `transaction` logs its own errors, and the pool replaces a lost connection that it finds.
    handled_elsewhere = context.is_pre_ping or WRITING.items() <= options.items()
    if error and is_outage(error) and not handled_elsewhere:
        _reading.began(reason(error))


def _note_success(*_statement: object) -> None:
    _reading.ended()


def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")
