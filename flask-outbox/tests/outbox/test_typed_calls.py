"""Type checkers see through `outbox.email`: each ignored error below must be one for mypy, too.

mypy refuses an ignored line without an error, so this file fails `make check` if types are lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_type

import pytest
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import Discard, Email, FlaskOutbox, OutboxError

outbox = FlaskOutbox()


@outbox.email("shop.confirmation")
def confirmation(_session: Session, *, order_id: int, name: str = "") -> Email | Discard:
    return Email(f"Order {order_id}", name or "you")


@outbox.email("shop.greeting")
def greeting(_session: Session, name: str) -> Email:
    return Email("Hello", name)


@pytest.fixture
def session() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    app = Flask("shop")
    outbox.init_app(app, sessions=sessionmaker(engine))
    with app.app_context(), Session(engine) as opened:
        yield opened
    engine.dispose()


def test_right_calls_keep_their_types(session: Session) -> None:
    assert_type(confirmation(session, order_id=1), Email | Discard)
    assert_type(confirmation.arguments(order_id=1, name="Susan"), dict[str, Any])
    assert confirmation.arguments(order_id=1) == {"order_id": 1}
    assert greeting.arguments("Susan") == greeting.arguments(name="Susan")


def test_wrong_calls_are_refused_by_type_checkers(session: Session) -> None:
    with pytest.raises(TypeError):
        confirmation(session)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        confirmation(session, order=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        confirmation(session, 1)  # type: ignore[call-arg]
    confirmation(session, order_id="x")  # type: ignore[arg-type]


def test_wrong_arguments_are_refused_by_both() -> None:
    with pytest.raises(OutboxError):
        confirmation.arguments()  # type: ignore[call-arg]
    with pytest.raises(OutboxError):
        confirmation.arguments(order_id="x")  # type: ignore[arg-type]
    with pytest.raises(OutboxError):
        confirmation.arguments(order_id=1, name=2)  # type: ignore[arg-type]
    with pytest.raises(OutboxError):
        greeting.arguments(nme="Susan")  # type: ignore[call-arg]


def test_wrong_declarations_are_refused_by_both() -> None:
    def without_session() -> Email:
        return Email("", "")

    async def asynchronous(_session: Session) -> Email:
        return Email("", "")

    with pytest.raises(TypeError):
        outbox.email("shop.wrong")(without_session)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        outbox.email("shop.wrong")(asynchronous)  # type: ignore[arg-type]
