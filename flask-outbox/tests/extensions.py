"""Applications with a FlaskOutbox, made in each of the ways that its readers know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    scoped_session,
    sessionmaker,
)

from flask_outbox import Discard, Email, FlaskOutbox, schema
from flask_outbox.outbox.models import OutboxMessage

# Flask-SQLAlchemy-Lite needs Flask 3; the library works without it from 2.3 on.
HAS_LITE = find_spec("flask.sansio") is not None

needs_lite = pytest.mark.skipif(not HAS_LITE, reason="Flask-SQLAlchemy-Lite needs Flask 3")

EXTENSIONS: list[type] = [SQLAlchemy]
if HAS_LITE:
    from flask_sqlalchemy_lite import SQLAlchemy as SQLAlchemyLite

    EXTENSIONS.append(SQLAlchemyLite)

SOON = datetime(2100, 1, 1, tzinfo=UTC)


class Model(DeclarativeBase):
    pass


class Order(Model):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    goods: Mapped[str]


@dataclass
class Made:
    """An application, its outbox, and the session that its views use."""

    app: Flask
    outbox: FlaskOutbox
    current: Callable[[], Session]
    engine: Any

    def seen(self) -> tuple[int, int]:
        """How many orders and messages others see."""
        with self.engine.connect() as connection:
            orders = connection.execute(text("SELECT count(*) FROM orders")).scalar_one()
            messages = connection.execute(text("SELECT count(*) FROM outbox")).scalar_one()
        return orders, messages

    def messages(self) -> list[OutboxMessage]:
        with Session(self.engine) as session:
            return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


def configured(**config: Any) -> Flask:
    app = Flask("shop")
    app.config.update(MAIL_DEFAULT_SENDER="shop@example.com", TESTING=True, **config)
    return app


def classic(url: str, **config: Any) -> Made:
    """With Flask-SQLAlchemy, which makes all tables by itself."""
    app = configured(SQLALCHEMY_DATABASE_URI=url, **config)
    db = SQLAlchemy(app)
    outbox = FlaskOutbox(app, db)
    Order.__table__.to_metadata(db.metadata)  # type: ignore[attr-defined]
    with app.app_context():
        db.create_all()
        engine = db.engine
    return Made(app, outbox, db.session, engine)


def lite(url: str, **config: Any) -> Made:
    """With Flask-SQLAlchemy-Lite."""
    app = configured(SQLALCHEMY_ENGINES={"default": url}, **config)
    db = SQLAlchemyLite(app)
    outbox = FlaskOutbox(app, db)
    with app.app_context():
        engine = db.engine
        schema.create_all(engine)
        Model.metadata.create_all(engine)
    return Made(app, outbox, lambda: db.session, engine)


def scoped(url: str, **config: Any) -> Made:
    """With a scoped_session that the application closes itself."""
    engine = create_engine(url)
    session = scoped_session(sessionmaker(engine))
    app = configured(**config)
    outbox = FlaskOutbox(app, session)
    app.teardown_appcontext(lambda _error: session.remove())
    schema.create_all(engine)
    Model.metadata.create_all(engine)
    return Made(app, outbox, session, engine)


def plain(url: str, **config: Any) -> Made:
    """With a sessionmaker, and one session that the test has open."""
    engine = create_engine(url)
    sessions = sessionmaker(engine)
    app = configured(**config)
    opened: list[Session] = []
    outbox = FlaskOutbox(app, sessions=sessions, current=lambda: opened[-1] if opened else None)
    schema.create_all(engine)
    Model.metadata.create_all(engine)

    def current() -> Session:
        if not opened:
            opened.append(sessions())
        return opened[-1]

    return Made(app, outbox, current, engine)


def confirmation(session: Session, *, order_id: int) -> Email | Discard:
    order = session.get(Order, order_id)
    return Email("Order", order.goods) if order else Discard("It was withdrawn.")
