"""What an application has of its outbox: the outbox itself, its options, its dispatcher."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from flask import Flask, current_app
from jinja2 import Environment
from sqlalchemy.orm import Session

from flask_outbox.delivery.dispatcher import Dispatcher, DispatcherOptions
from flask_outbox.delivery.process import run_until_ended
from flask_outbox.message.addresses import AddressLike
from flask_outbox.message.email import Email
from flask_outbox.message.templates import render_email
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.smtp.transport import SmtpTransport, SuppressedTransport, Transport

EXTENSION = "flask_outbox"


@dataclass
class ApplicationState:
    """What an application has of its outbox."""

    outbox: Outbox
    options: DispatcherOptions = field(default_factory=DispatcherOptions)
    request_session: Callable[[], Session | None] = lambda: None
    is_checked: bool = False


def init_outbox(
    app: Flask,
    made: Outbox,
    *,
    options: DispatcherOptions | None = None,
    request_session: Callable[[], Session | None] = lambda: None,
) -> None:
    """Let an application use an Outbox that it made itself; FlaskOutbox does this, too."""
    app.extensions[EXTENSION] = ApplicationState(
        made, options or DispatcherOptions(), request_session
    )


def current_outbox() -> Outbox:
    """The Outbox of the current application. Raises RuntimeError if it has none."""
    return state_of(current_app).outbox


def state_of(app: Any) -> ApplicationState:
    """What this application has. Raises RuntimeError if it has no outbox."""
    try:
        return cast(ApplicationState, app.extensions[EXTENSION])
    except KeyError:
        raise RuntimeError(
            "This application has no outbox: write FlaskOutbox(app, db), or call init_app of one."
        ) from None


def send_email(
    subject: str,
    sender: AddressLike | None,
    recipients: Sequence[AddressLike],
    text_body: str,
    html_body: str | None = None,
    **options: Any,
) -> int:
    """Write a finished message to the current application's outbox; it leaves in the background.

    `options` are those of Outbox.send_email; returns the message's id and raises as it does.
    """
    return current_outbox().send_email(subject, sender, recipients, text_body, html_body, **options)


def email_from_templates(
    name: str, *, to: AddressLike, sender: AddressLike | None = None, **context: Any
) -> Email:
    """Render the current application's templates `NAME.subject.txt`, `NAME.txt` and, where it
    exists, `NAME.html` for one recipient; its context processors add to `context`.

    The subject is one line whatever its template holds. HTML needs the extra `html`, and without
    it MissingExtraError is raised.
    """
    current_app.update_template_context(context)
    environment = cast(Environment, current_app.jinja_env)
    return render_email(environment, name, context, to=to, sender=sender)


def run_dispatcher(app: Flask, *, options: DispatcherOptions | None = None) -> None:
    """Deliver what the application's outbox holds, until SIGINT or SIGTERM.

    What is in flight at the end is finished first. Must be called in the main thread, where signals
    arrive. Raises OutboxError if the tables are missing or too old.
    """
    run_until_ended(make_dispatcher(app, options=options))


def make_dispatcher(app: Flask, *, options: DispatcherOptions | None = None) -> Dispatcher:
    """The dispatcher of the application's outbox, to be run or drained."""
    state = state_of(app)
    with app.app_context():
        state.outbox.check_database()
        return Dispatcher(
            state.outbox,
            transport_maker(app),
            options=options or state.options,
            context=app.app_context,
        )


def transport_maker(app: Flask) -> Callable[[], Transport]:
    """Makes connections to the mail server of the application's `Mail`."""
    state = app.extensions["mail"]

    def transport() -> Transport:
        if state.suppress:
            return SuppressedTransport()
        return SmtpTransport(state.smtp_server, max_emails=state.max_emails)

    return transport
