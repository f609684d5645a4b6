"""Shops under test: one application for each way in which Flask developers use SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import flask_sqlalchemy
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import Discard, Email, FlaskOutbox, TypedEmail, metadata


@dataclass
class Shop:
    """An application whose POST to /orders/ID queues a confirmation to susan@example.com."""

    app: Flask
    outbox: FlaskOutbox
    confirmation: TypedEmail[Any]
    session: Callable[[], Session] | None = None
    """The session of the request, which the application's mail joins, if there is one."""

    def order(self, order_id: int, **options: Any) -> None:
        path = f"/orders/{order_id}"
        assert self.app.test_client().post(path, json=options).status_code == 200

    def enqueue(self, order_id: int, **options: Any) -> int:
        given = {"to": "susan@example.com", "order_id": order_id, **options}
        return self.outbox.enqueue(self.confirmation, **given)


def classic_shop(url: str = "sqlite://") -> Shop:
    """With Flask-SQLAlchemy, by default in memory."""
    app = _app(SQLALCHEMY_DATABASE_URI=url)
    db = flask_sqlalchemy.SQLAlchemy(app)
    shop = _shop(app, FlaskOutbox(app, db), db.session)
    with app.app_context():
        db.create_all()
    return shop


def lite_shop(url: str) -> Shop:
    """With Flask-SQLAlchemy-Lite."""
    import flask_sqlalchemy_lite  # noqa: PLC0415 - needs Flask 3

    app = _app(SQLALCHEMY_ENGINES={"default": url})
    db = flask_sqlalchemy_lite.SQLAlchemy(app)
    shop = _shop(app, FlaskOutbox(app, db), lambda: db.session)
    with app.app_context():
        metadata.create_all(db.engine)
    return shop


def plain_shop(url: str) -> Shop:
    """With SQLAlchemy alone: each transaction is named where mail is enqueued."""
    app = _app()
    engine = create_engine(url)
    metadata.create_all(engine)
    sessions = sessionmaker(engine)
    outbox = FlaskOutbox(app, sessions=sessions)
    shop = _shop(app, outbox, None)

    @app.post("/plain-orders/<int:order_id>")
    def order(order_id: int) -> str:
        with sessions.begin() as session:
            shop.enqueue(order_id, session=session)
        return "Ordered."

    return shop


def _app(**config: Any) -> Flask:
    app = Flask(__name__)
    app.config.update(TESTING=True, MAIL_DEFAULT_SENDER="shop@example.com", **config)
    return app


def _shop(app: Flask, outbox: FlaskOutbox, session: Callable[[], Session] | None) -> Shop:
    @outbox.email("shop.confirmation", expires_after=timedelta(days=2))
    def confirmation(session: Session, *, order_id: int) -> Email | Discard:
        if order_id == 0:
            return Discard("The order was withdrawn.")
        if order_id < 0:
            raise LookupError(f"There is no order {order_id}.")
        return Email("Your order", f"Order {order_id} is on its way.\n")

    shop = Shop(app, outbox, confirmation, session)

    if session is not None:

        @app.post("/orders/<int(signed=True):order_id>")
        def order(order_id: int) -> str:
            shop.enqueue(order_id)
            session().commit()
            return "Ordered."

    return shop
