"""Database errors that no statement causes: it cannot be reached, is full, locked or read-only.

That all connections of the pool are in use is one of them: it passes as they do.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# https://www.sqlite.org/rescode.html: the primary codes that do not come from the statement.
_SQLITE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_NOTADB,
}

# PostgreSQL, appendix A: connections, resources, operator intervention, system errors; 25006 is a
# read-only transaction.
_POSTGRESQL = ("08", "53", "57", "58", "25006")


_CONNECTION_WAS_LOST = "8s2b"
"""SQLAlchemy's code for what is tried in a transaction whose connection was lost before."""


def is_outage(error: BaseException | None) -> bool:
    """Whether the database cannot be used, whatever the statement was."""
    if isinstance(error, PendingRollbackError):
        return error.code == _CONNECTION_WAS_LOST
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_POSTGRESQL)
    return error.connection_invalidated or isinstance(error, OperationalError)


def reason(error: BaseException) -> str:
    """The first line of the driver's message."""
    message = str(getattr(error, "orig", None) or error).strip()
    return message.splitlines()[0] if message else type(error).__name__
