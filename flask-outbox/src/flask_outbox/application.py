"""What an application has of its outbox: the outbox itself, its options, its dispatcher."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, cast, overload

import click
from flask import Flask, current_app, g, has_app_context
from flask.cli import FlaskGroup
from flask.helpers import get_debug_flag
from flask.logging import default_handler, has_level_handler
from jinja2 import Environment
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from werkzeug.serving import is_running_from_reloader

from flask_outbox import schema
from flask_outbox.database_errors import is_outage
from flask_outbox.delivery.dispatcher import Dispatcher, DispatcherOptions
from flask_outbox.delivery.process import DispatcherThread, run_until_ended
from flask_outbox.delivery.server_settings import MailServer
from flask_outbox.delivery.servers import Server, Servers, one_server
from flask_outbox.feedback.working import register_feedback
from flask_outbox.flask_mail import announcer
from flask_outbox.language import current_locale
from flask_outbox.message.addresses import AddressLike
from flask_outbox.message.email import AttachmentLike, Email
from flask_outbox.message.templates import render_email
from flask_outbox.outbox.joining import is_in_transaction
from flask_outbox.outbox.models import OutboxMessage
from flask_outbox.outbox.outbox import Outbox, has_enqueued, one_session, was_left
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.transport import SmtpTransport, SuppressedTransport

logger = logging.getLogger(__name__)

EXTENSION = "flask_outbox"

_starting = threading.Lock()

_JOINED = "_flask_outbox_joined"


@dataclass
class ApplicationState:
    """What an application has of its outbox."""

    outbox: Outbox
    options: DispatcherOptions = field(default_factory=DispatcherOptions)
    request_session: Callable[[], Session | None] = lambda: None
    is_checked: bool = False
    thread: DispatcherThread = field(default_factory=DispatcherThread)


def init_outbox(
    app: Flask,
    made: Outbox,
    *,
    options: DispatcherOptions | None = None,
    request_session: Callable[[], Session | None] = lambda: None,
) -> None:
    """Let an application use an Outbox that it made itself; FlaskOutbox does this, too.

    `options` are those of its dispatchers; `request_session` returns the session of the request, if
    there is one.
    """
    made.signal_sender, made.dispatched = app, announcer(app)
    register_feedback(made)
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
    sender: AddressLike | None = None,
    recipients: AddressLike | Sequence[AddressLike] = (),
    text_body: str | None = None,
    html_body: str | None = None,
    **options: Any,
) -> int:
    """Write a finished message to the current application's outbox; it leaves in the background.

    `options` are those of Outbox.send_email; returns the message's id and raises as it does.
    """
    return write_finished(
        state_of(current_app),
        lambda outbox: outbox.send_email(
            subject, sender, recipients, text_body, html_body, **options
        ),
    )


def email_from_templates(
    name: str,
    context: Mapping[str, Any] | None = None,
    *,
    subject: str | None = None,
    to: AddressLike | Sequence[AddressLike] | None = None,
    sender: AddressLike | None = None,
    cc: AddressLike | Sequence[AddressLike] | None = None,
    bcc: AddressLike | Sequence[AddressLike] | None = None,
    reply_to: AddressLike | Sequence[AddressLike] | None = None,
    attachments: Sequence[AttachmentLike] = (),
    headers: Mapping[str, str] | None = None,
) -> Email:
    """An email from the current application's templates, with the variables of `context`:

        return email_from_templates("emails/order", {"order": order}, subject="Your order")

    `NAME.txt` is its text, `NAME.html`, where it exists, its HTML, and `NAME.subject.txt` its
    subject, unless `subject` is given; the subject is one line whatever it holds. Without `to`, an
    email that a composer returns goes to whom its message was enqueued for.

    The HTML goes into `emails/layout.html`, at its line `<!-- content -->`, or into a plain layout,
    light and dark, where the application has none. HTML that is a whole page (it begins with
    `<!doctype`, `<html` or `{% extends`) is taken as it is. The application's context processors
    add to the variables, and so do `locale`, such as "pt_BR", and in the HTML `subject` and
    `preheader`, the line of `NAME.preheader.txt`, where it exists: a layout hides it at the top of
    the page, and lists of mail show it beside the subject.

    Raises jinja2.TemplateNotFound, AddressError, EmailError and BadHeaderError as Email does, and
    MissingExtraError if there are styles to put into the elements and the
    extra `html` is not installed.
    """
    variables = dict(context or {})
    current_app.update_template_context(variables)
    variables.setdefault("locale", current_locale())
    return render_email(
        cast(Environment, current_app.jinja_env),
        name,
        variables,
        subject=subject,
        to=to,
        sender=sender,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to,
        attachments=attachments,
        headers=headers,
    )


@overload
def run_dispatcher(
    app: Flask | Outbox,
    *,
    server: SmtpServer | Sequence[MailServer] | None = None,
    options: DispatcherOptions | None = None,
    in_thread: Literal[False] = False,
) -> None: ...


@overload
def run_dispatcher(
    app: Flask | Outbox,
    *,
    server: SmtpServer | Sequence[MailServer] | None = None,
    options: DispatcherOptions | None = None,
    in_thread: Literal[True],
) -> DispatcherThread: ...


def run_dispatcher(
    app: Flask | Outbox,
    *,
    server: SmtpServer | Sequence[MailServer] | None = None,
    options: DispatcherOptions | None = None,
    in_thread: bool = False,
) -> DispatcherThread | None:
    """Deliver what the application's outbox holds, until SIGINT or SIGTERM.

    An Outbox without a Flask application needs the `server`, or several:

        run_dispatcher(outbox, server=smtp_server({"MAIL_SERVER": "mail.example.com"}))
        run_dispatcher(outbox, server=mail_servers({"MAIL_SERVERS": …}))

    What is in flight at the end is finished first. In a thread that is not the main one, where no
    signals arrive, it delivers until the process ends.

    With `in_thread=True` it returns at once, and a thread of this process delivers: good for a tiny
    application, since the thread shares the memory and the interpreter lock of the pages and ends
    with them. Call it in each process that serves, after it was forked:

        dispatcher = run_dispatcher(app, in_thread=True)
        dispatcher.stop()  # finishes what is in flight; also done at the end of the process

    Another call in the same process returns the same thread. Nothing is started in the process of
    `flask run` that only waits for changes of files, nor by other commands of `flask`.

    Where nobody has set up logging, messages from INFO on go where Flask's own go.

    Raises OutboxError if the tables are missing or too old, or a type of email has no server, and
    TypeError for a `server` where the
    application's settings name it, or for none where nothing does.
    """
    log_where_nobody_does()
    if not in_thread:
        run_until_ended(make_dispatcher(app, server=server, options=options))
        return None
    thread = DispatcherThread() if isinstance(app, Outbox) else state_of(app).thread
    with _starting:
        if not thread.is_running and _serves():
            thread.start(make_dispatcher(app, server=server, options=options))
    return thread


def make_dispatcher(
    app: Flask | Outbox,
    *,
    server: SmtpServer | Sequence[MailServer] | None = None,
    options: DispatcherOptions | None = None,
) -> Dispatcher:
    """The dispatcher of the application's outbox, to be run or drained.

    Arguments and errors are those of `run_dispatcher`.
    """
    if isinstance(app, Outbox):
        return _dispatcher_to(server, app, options)
    if server is not None:
        raise TypeError("The application's settings name its server: leave server= out.")
    state = state_of(app)
    with app.app_context():
        state.outbox.check_database()
        _check_tables(state.outbox)
        return Dispatcher(
            state.outbox,
            servers_of(app),
            options=options or state.options,
            context=app.app_context,
        )


def _dispatcher_to(
    server: SmtpServer | Sequence[MailServer] | None,
    outbox: Outbox,
    options: DispatcherOptions | None,
) -> Dispatcher:
    if server is None:
        raise TypeError("An Outbox without an application needs server=smtp_server({…}).")
    outbox.check_database()
    _check_tables(outbox)
    servers = [MailServer(server)] if isinstance(server, SmtpServer) else server
    return Dispatcher(outbox, _servers(servers), options=options)


def write_finished(state: ApplicationState, write: Callable[[Outbox], int]) -> int:
    """Write a finished message into the request's transaction, or commit it; return its id."""
    shared = state.request_session()
    is_open = shared is not None and shared.in_transaction()
    check_once(state, shared if is_open else None)
    row_id = write(state.outbox)
    if shared is not None:
        note_joined(one_session(shared))
    return row_id


def note_joined(session: Session) -> None:
    """Remember a session with new messages, for `warn_of_uncommitted`."""
    if has_app_context() and has_enqueued(session):
        joined: list[Session] = g.setdefault(_JOINED, [])
        if session not in joined:
            joined.append(session)


def warn_of_uncommitted(error: BaseException | None = None) -> None:
    """Log that messages of this context were neither committed nor rolled back."""
    for session in g.pop(_JOINED, []):
        if error is None and was_left(session):
            logger.warning(
                "Mail was enqueued in a transaction that was not committed, and is not sent: call"
                " commit() after it."
            )


def check_once(state: ApplicationState, shared: Session | None) -> None:
    """Check the database and its tables before the first message, on the session that is open."""
    if state.is_checked:
        return
    state.outbox.check_database()
    engine = state.outbox.engine
    if shared is None and is_in_transaction(engine):
        # Looking at the tables would end the transaction on the only connection.
        return
    if shared is None:
        schema.check(engine)
    else:
        schema.check(shared.connection({"mapper": OutboxMessage}))
    state.is_checked = True


def _check_tables(outbox: Outbox) -> None:
    try:
        schema.check(outbox.engine)
    except DBAPIError as error:
        # A dispatcher waits for a database that cannot be reached.
        if not is_outage(error):
            raise


def log_where_nobody_does() -> None:
    """Log from INFO on to standard error, as Flask does, unless somebody has set up logging."""
    ours = logging.getLogger(EXTENSION)
    if not has_level_handler(ours):
        ours.addHandler(default_handler)
        if ours.level == logging.NOTSET:
            ours.setLevel(logging.INFO)


def _serves() -> bool:
    """Whether this process is to serve: not a command of `flask`, nor the parent of a reloader."""
    context = click.get_current_context(silent=True)
    if context is None or not isinstance(context.find_root().command, FlaskGroup):
        return True
    if context.info_name != "run":
        return False
    reloads = context.params.get("reload")
    return is_running_from_reloader() or not (get_debug_flag() if reloads is None else reloads)


def servers_of(app: Flask) -> Servers:
    """The mail servers of the application's `Mail`, as those who deliver know them."""
    state = app.extensions["mail"]
    return one_server(SuppressedTransport) if state.suppress else _servers(state.servers)


def _servers(found: Sequence[MailServer]) -> Servers:
    return Servers(
        [
            Server(
                partial(SmtpTransport, one.smtp, max_emails=one.max_emails),
                one.name,
                one.types,
                one.limits,
            )
            for one in found
        ]
    )
