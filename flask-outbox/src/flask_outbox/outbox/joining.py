"""Whether a session's transaction has written something: then mail joins it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import TextClause, event
from sqlalchemy.orm import ORMExecuteState, Session

_WRITTEN = "flask_outbox: this transaction has written"

_READING = ("SELECT", "WITH", "VALUES", "EXPLAIN", "PRAGMA", "SHOW")


def watch_writes(sessions: Any) -> None:
    """Note what the sessions of this sessionmaker or scoped_session write, for `has_written`."""
    event.listen(sessions, "after_flush", _flushed)
    event.listen(sessions, "do_orm_execute", _executes)
    event.listen(sessions, "after_transaction_end", _ended)


def has_written(session: Session) -> bool:
    """Whether the transaction of a watched session has written, or is about to."""
    return bool(session.new or session.dirty or session.deleted or _WRITTEN in session.info)


def _flushed(session: Session, _context: object) -> None:
    session.info[_WRITTEN] = True


def _executes(state: ORMExecuteState) -> None:
    statement = state.statement
    if isinstance(statement, TextClause):
        reads = statement.text.lstrip(" \n\t(").upper().startswith(_READING)
    else:
        reads = state.is_select
    if not reads:
        state.session.info[_WRITTEN] = True


def _ended(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        session.info.pop(_WRITTEN, None)
