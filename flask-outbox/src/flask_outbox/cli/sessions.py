"""Sessions of the current application's outbox, whose database and tables are checked first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from flask_outbox import schema
from flask_outbox.application import current_outbox


@contextmanager
def reading() -> Iterator[Session]:
    """A session for reading. Raises OutboxError if the tables are missing or too old."""
    with _opened() as session:
        schema.check(session.connection())
        yield session


@contextmanager
def writing() -> Iterator[Session]:
    """A write transaction, committed at the end or rolled back. Raises as `reading` does."""
    with _opened() as session:
        # What reads first and writes later must tell SQLite so beforehand.
        schema.check(session.connection(execution_options={"sqlite_begin": "IMMEDIATE"}))
        yield session
        session.commit()


def _opened() -> Session:
    outbox = current_outbox()
    outbox.check_database()
    return outbox.sessions()
