"""The tests' application: an outbox in a database of its own, and a scripted mail server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from flask import Flask, current_app, g, has_app_context
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import Mail, Outbox, init_outbox
from tests.databases import WRITING, engine_of

_ENGINE = "tests.engine"


class Database:
    """The database of the current application's outbox."""

    @property
    def engine(self) -> Engine:
        return cast(Engine, current_app.extensions[_ENGINE])

    @property
    def sessionmaker(self) -> sessionmaker[Session]:
        return sessionmaker(self.engine, expire_on_commit=False)

    @property
    def session(self) -> Session:
        """A session for reading."""
        if "reading" not in g:
            g.reading = self.sessionmaker()
        reading = cast(Session, g.reading)
        reading.rollback()
        return reading


db = Database()


def make_app(url: str, **config: Any) -> Flask:
    """Make an application whose outbox is in the database at `url`."""
    app = Flask(__name__)
    app.config.update(config)
    Mail(app)
    engine = engine_of(url)
    app.extensions[_ENGINE] = engine
    sessions = sessionmaker(engine, expire_on_commit=False)
    init_outbox(app, Outbox(sessions, sender="admin@example.com", current=_current))
    app.teardown_appcontext(_end_reading)
    return app


@contextmanager
def transaction() -> Iterator[Session]:
    """A write transaction of the current application, committed at the end or rolled back."""
    with db.sessionmaker() as session:
        _end_reading()
        session.connection(execution_options=WRITING)
        g.writing = session
        try:
            yield session
            session.commit()
        finally:
            del g.writing


def is_sqlite() -> bool:
    return db.engine.dialect.name == "sqlite"


def _current() -> Session | None:
    """The session of the write transaction that is open here."""
    return g.get("writing") if has_app_context() else None


def _end_reading(_error: BaseException | None = None) -> None:
    reading: Session | None = g.pop("reading", None)
    if reading is not None:
        reading.close()
