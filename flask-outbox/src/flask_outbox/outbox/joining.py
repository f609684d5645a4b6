"""Whether a transaction is open, and whether it has written something: then mail joins it."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Engine, TextClause, event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction
from sqlalchemy.pool import SingletonThreadPool, StaticPool

_WRITTEN = "flask_outbox: the transaction or savepoint that has written"

_READING = re.compile(
    r"(?is)[\s(]*(SELECT|VALUES|EXPLAIN|PRAGMA|SHOW|WITH(?!.*\b(INSERT|UPDATE|DELETE|MERGE)\b))\b"
)


def watch_writes(sessions: Any) -> None:
    """Note what the sessions of this sessionmaker or scoped_session write, for `has_written`."""
    event.listen(sessions, "after_flush", _flushed)
    event.listen(sessions, "do_orm_execute", _executes)
    event.listen(sessions, "after_soft_rollback", _rolled_back)
    event.listen(sessions, "after_transaction_end", _ended)


def has_written(session: Session) -> bool:
    """Whether the transaction of a watched session has written, or is about to."""
    return bool(session.new or session.dirty or session.deleted or _WRITTEN in session.info)


def is_in_transaction(engine: Engine) -> bool:
    """Whether the engine has one connection for all, in which a transaction is open.

    SQLite in memory is like that: whoever commits there commits the work of all.
    """
    pool = engine.pool
    if isinstance(pool, StaticPool):
        # Borrowing it would roll back when it is returned.
        return _is_open(pool.connection.driver_connection)
    if isinstance(pool, SingletonThreadPool):
        borrowed = engine.raw_connection()
        try:
            return _is_open(borrowed.driver_connection)
        finally:
            borrowed.close()
    return False


def _is_open(driver: Any) -> bool:
    # Python's driver without autocommit is always in one, and tells nothing.
    return bool(getattr(driver, "in_transaction", False)) and (
        getattr(driver, "autocommit", None) is not False
    )


def _flushed(session: Session, _context: object) -> None:
    _note(session)


def _executes(state: ORMExecuteState) -> None:
    statement = state.statement
    if isinstance(statement, TextClause):
        reads = bool(_READING.match(statement.text))
    else:
        reads = state.is_select
    if not reads:
        _note(state.session)


def _note(session: Session) -> None:
    within = session.get_nested_transaction() or session.get_transaction()
    session.info.setdefault(_WRITTEN, (within, within))


def _ended(session: Session, ended: SessionTransaction) -> None:
    if ended.parent is None:
        session.info.pop(_WRITTEN, None)
    elif ended in session.info.get(_WRITTEN, ()):
        # Its writes are now those of what is around it, unless it is a rollback that ended it.
        session.info[_WRITTEN] = (ended.parent, ended)


def _rolled_back(session: Session, ended: SessionTransaction) -> None:
    if ended in session.info.get(_WRITTEN, ()):
        del session.info[_WRITTEN]
