"""What no further attempt can heal ends at once with its reason; the rest is tried again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, cast

import pytest
from flask import Flask, render_template, render_template_string, request, url_for
from flask.ctx import AppContext
from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox import (
    ComposeContext,
    Email,
    EmailType,
    MissingExtraError,
    OutboxError,
    current_outbox,
)
from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.delivery.servers import one_server
from flask_outbox.operations import messages
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.smtp.transport import SuppressedTransport
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows

pytestmark = ON_SQLITE

SUSAN = "susan@example.com"
KIND = "shop.order"

Compose = Callable[[Session, ComposeContext], Any]


def after_one_attempt(app: Flask, compose: Compose, *, in_context: bool = True) -> OutboxMessage:
    """The row of a message whose type has this composer."""
    outbox = app.extensions["flask_outbox"].outbox
    outbox.register(EmailType(KIND, compose))
    with outbox.sessions() as session:
        outbox.enqueue(session, KIND, SUSAN)
        session.commit()
    deliver(app, in_context=in_context)
    return rows(app)[-1]


def deliver(app: Flask, *, in_context: bool = True) -> None:
    context = app.app_context if in_context else nullcontext
    outbox = app.extensions["flask_outbox"].outbox
    Dispatcher(outbox, one_server(SuppressedTransport), context=context).drain()


def returning(value: object) -> Compose:
    return lambda _session, _context: value


def raising(error: BaseException) -> Compose:
    def compose(_session: Session, _context: ComposeContext) -> Email:
        raise error

    return compose


def linking(_session: Session, _context: ComposeContext) -> Email:
    return Email("Your order", url_for("orders", _external=True))


def linking_in_a_template(_session: Session, _context: ComposeContext) -> Email:
    return Email("Your order", render_template_string("{{ url_for('orders') }}"))


def asking_the_request(_session: Session, _context: ComposeContext) -> Email:
    return Email("Your order", request.url)


def without_its_template(_session: Session, _context: ComposeContext) -> Email:
    return Email("Your order", render_template("emails/none.txt"))


def with_a_broken_template(_session: Session, _context: ComposeContext) -> Email:
    return Email("Your order", render_template_string("{% if %}"))


def misspelt(_session: Session, _context: ComposeContext) -> Email:
    return Emial("Your order", "text")  # type: ignore[name-defined,no-any-return]  # noqa: F821


def importing_what_is_missing(_session: Session, _context: ComposeContext) -> Email:
    import shop_that_is_not_there  # type: ignore[import-not-found]  # noqa: F401, PLC0415

    return Email("Your order", "text")


def to_a_wrong_address(_session: Session, _context: ComposeContext) -> Email:
    return Email("Your order", "text", to=("susan",))


def with_a_broken_header(_session: Session, _context: ComposeContext) -> Email:
    return Email("Your\norder", "text")


def without_text(_session: Session, _context: ComposeContext) -> Email:
    return Email("Your order", cast(str, None))


@pytest.mark.parametrize(
    ("compose", "words"),
    [
        (returning(None), "composer of 'shop.order' returned None; it must return an Email or a"),
        (returning("Hello"), "returned a str"),
        (returning(Email), "returned a type"),
        (returning((Email("a", "b"),)), "returned a tuple"),
        (linking, "Links cannot be built without a request: set SERVER_NAME, and PREFERRED_URL"),
        (linking_in_a_template, "set SERVER_NAME"),
        (asking_the_request, "composer uses the request, which is over"),
        (without_its_template, "There is no template named emails/none.txt."),
        (with_a_broken_template, "template, line 1: Expected an expression"),
        (raising(MissingExtraError("HTML mail needs css-inline")), "HTML mail needs css-inline"),
        (raising(OutboxError("The message has no sender")), "The message has no sender"),
        (misspelt, "NameError: name 'Emial' is not defined"),
        (importing_what_is_missing, "No module named 'shop_that_is_not_there'"),
        (to_a_wrong_address, "email address"),
        (with_a_broken_header, "Subject contains a line break"),
        (without_text, "The text of an email is a text, and not NoneType"),
    ],
)
def test_a_mistake_ends_a_message_at_once_with_the_reason(
    app: Flask, compose: Compose, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    app.add_url_rule("/orders", "orders", lambda: "")
    row = after_one_attempt(app, compose)
    assert (row.status, row.attempts) == (Status.DEAD, 1)
    assert str(row.answer).startswith("It could not be composed: ")
    assert words in str(row.answer)
    (failure,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert failure.exc_info is not None, "the log has the place"


@pytest.mark.parametrize(
    "error",
    [
        # Each of these may come from data, from another server, or from a deploy that is under way.
        TypeError("compose() got an unexpected keyword argument 'gift'"),
        AttributeError("'NoneType' object has no attribute 'total'"),
        KeyError("order"),
        LookupError("no order"),
        ValueError("not yet"),
        ZeroDivisionError("division by zero"),
        RuntimeError("the shop is closed"),
        OSError("no such file"),
        TimeoutError("the shop does not answer"),
        SystemExit(1),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_may_heal_is_tried_again(app: Flask, error: BaseException) -> None:
    row = after_one_attempt(app, raising(error))
    assert (row.status, row.failures) == (Status.DEFERRED, 1)
    assert type(error).__name__ in str(row.answer)


def test_a_dispatcher_outside_of_the_application_is_told_so(app: Flask) -> None:
    row = after_one_attempt(app, linking, in_context=False)
    assert row.status == Status.DEAD
    assert "run outside of its context: deliver with `flask outbox deliver`" in str(row.answer)


def test_a_composer_that_returns_nothing_writes_nothing(app: Flask) -> None:
    def compose(session: Session, _context: ComposeContext) -> None:
        session.scalars(select(OutboxMessage)).one().locale = "xx"

    assert after_one_attempt(app, compose).locale == "en"


def test_the_setting_that_the_reason_names_mends_it(app: Flask, app_context: AppContext) -> None:
    """And the message comes back by a retry."""
    app.add_url_rule("/orders", "orders", lambda: "")
    row = after_one_attempt(app, linking)
    app.config.update(SERVER_NAME="shop.example.com", PREFERRED_URL_SCHEME="https")
    with current_outbox().sessions() as session:
        messages.retry(session, row.id, now=row.created_at)
        session.commit()
    deliver(app)
    row = rows(app)[-1]
    assert (row.status, row.attempts, row.failures) == (Status.SENT, 2, 1)
