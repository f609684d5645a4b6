"""FlaskOutbox: what joins an outbox, an application and its database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, cast

import flask_mail
from flask import Flask, current_app, g, has_app_context
from sqlalchemy.orm import Session, scoped_session

from flask_outbox import schema
from flask_outbox.application import ApplicationState, init_outbox, state_of
from flask_outbox.config_values import default_sender, number
from flask_outbox.configuration import delivery_options, dispatcher_options
from flask_outbox.defaults import MAXIMUM_BYTES
from flask_outbox.flask_mail import Mail, from_message
from flask_outbox.language import current_locale
from flask_outbox.message.addresses import AddressLike
from flask_outbox.message.email import Email
from flask_outbox.outbox.composers import TypedEmail, typed_email
from flask_outbox.outbox.email_types import (
    SLOW_RETRY,
    ComposeContext,
    Discard,
    EmailType,
    Priority,
)
from flask_outbox.outbox.joining import has_written, watch_writes
from flask_outbox.outbox.outbox import Outbox, PeriodicTask, has_enqueued
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.outbox.wakeup import Wakeup, choose_wakeup

logger = logging.getLogger(__name__)

_JOINED = "_flask_outbox_joined"

P = ParamSpec("P")


class FlaskOutbox:
    """The outbox of an application: mail as rows, written in the transaction of their cause.

        app = Flask(__name__)
        db = SQLAlchemy(app)
        outbox = FlaskOutbox(app, db)

    `db` is the application's Flask-SQLAlchemy or Flask-SQLAlchemy-Lite, or a scoped_session. With
    plain SQLAlchemy, give `sessions=sessionmaker(engine)` instead; then each message needs its
    `session=`, or `current` returns the write transaction that is open, if any.

    All settings are read from the application's configuration: MAIL_SERVER and whatever else
    begins with MAIL_; values may be texts. `wakeup` replaces what wakes those who deliver: on
    PostgreSQL a NOTIFY, on SQLite a socket in the instance folder.
    `resolve_locale` returns the language to compose in for the one that a message was enqueued in.

    In a factory, write `outbox = FlaskOutbox()` beside `db`, and `outbox.init_app(app, db)` after
    `db.init_app(app)`.

    Raises ValueError for a wrong setting, OutboxError for a database other than SQLite and
    PostgreSQL, and TypeError for sessions that cannot be used.
    """

    def __init__(self, app: Flask | None = None, db: Any = None, **options: Any) -> None:
        self._app = app
        self._email_types: dict[str, EmailType] = {}
        self._periodic_tasks: dict[str, PeriodicTask] = {}
        self._outboxes: list[Outbox] = []
        if app is not None:
            self.init_app(app, db, **options)

    def init_app(
        self,
        app: Flask,
        db: Any = None,
        *,
        sessions: Callable[[], Session] | None = None,
        current: Callable[[], Session | None] | None = None,
        wakeup: Wakeup | None = None,
        resolve_locale: Callable[[str], str] = lambda locale: locale,
    ) -> None:
        """Give this application an outbox. Arguments and errors are those of the class."""
        if "mail" not in app.extensions:
            Mail(app)
        if db is None and sessions is None:
            raise TypeError(
                "FlaskOutbox needs a database: FlaskOutbox(app, db) with Flask-SQLAlchemy, or"
                " FlaskOutbox(app, sessions=sessionmaker(engine))."
            )
        joined: Callable[[], Session | None] = _none
        if sessions is None:
            sessions, joined = _sessions_of(app, db)
        config = app.config
        made = Outbox(
            sessions,
            sender=default_sender(config),
            wakeup=wakeup or partial(choose_wakeup, path=Path(app.instance_path) / "outbox.wakeup"),
            current=current or (lambda: _written(joined())),
            maximum_bytes=number(config, "MAIL_MAX_BYTES", int, least=10_000) or MAXIMUM_BYTES,
            delivery=delivery_options(config, resolve_locale),
        )
        for email_type in self._email_types.values():
            made.register(email_type)
        for name, task in self._periodic_tasks.items():
            made.register_periodic_task(name, task)
        self._outboxes.append(made)
        init_outbox(
            app, made, options=dispatcher_options(config), request_session=current or joined
        )
        app.teardown_appcontext(_warn_of_uncommitted)

    def email(
        self,
        name: str,
        *,
        priority: Priority = Priority.NORMAL,
        expires_after: timedelta | None = None,
        sender: AddressLike | None = None,
        delays: tuple[float, ...] = SLOW_RETRY,
        repeat_unknown: bool = True,
        guarded: bool = False,
        automatic: bool = True,
        kept: tuple[str, ...] = (),
        unsubscribe: Callable[[str, Mapping[str, Any]], str] | None = None,
        sample: Callable[[Session, str], ComposeContext] | None = None,
    ) -> Callable[[Callable[Concatenate[Session, P], Email | Discard]], TypedEmail[P]]:
        """Declare a type of email by the function that composes it when it leaves:

            @outbox.email("shop.confirmation", priority=Priority.HIGH)
            def confirmation(session: Session, *, order_id: int) -> Email | Discard: ...

            outbox.enqueue(confirmation, to=order.address, order_id=order.id)

        The function gets a session of its own and the arguments of the message, and in a parameter
        named `context`, if it has one, a ComposeContext. An Email without recipients goes to whom
        the message was enqueued for. The options are those of EmailType. The name is stored with
        each message: it must stay while such messages wait.

        Raises ValueError if the name is taken or too long, and TypeError if the function cannot be
        called so.
        """

        def declare(
            function: Callable[Concatenate[Session, P], Email | Discard],
        ) -> TypedEmail[P]:
            made = typed_email(
                name,
                function,
                priority=priority,
                expires_after=expires_after,
                sender=sender,
                delays=delays,
                repeat_unknown=repeat_unknown,
                guarded=guarded,
                automatic=automatic,
                kept=kept,
                unsubscribe=unsubscribe,
                sample=sample,
            )
            self.register(made)
            return made

        return declare

    def register(self, email_type: EmailType) -> None:
        """Add an email type to every application of this extension, as `email` does.

        Raises ValueError if its name is taken or too long.
        """
        if email_type.name in self._email_types:
            raise ValueError(f"There are two kinds of message named {email_type.name!r}.")
        for outbox in self._outboxes:
            outbox.register(email_type)
        self._email_types[email_type.name] = email_type

    def register_periodic_task(self, name: str, task: PeriodicTask) -> None:
        """Run a task once an hour, in whatever process delivers.

        Raises ValueError if the name is taken.
        """
        if name in self._periodic_tasks:
            raise ValueError(f"There are two periodic tasks named {name!r}.")
        for outbox in self._outboxes:
            outbox.register_periodic_task(name, task)
        self._periodic_tasks[name] = task

    def enqueue(
        self,
        email: EmailType | str,
        *,
        to: AddressLike,
        session: Session | None = None,
        locale: str | None = None,
        key: str | None = None,
        send_at: datetime | None = None,
        sender: AddressLike | None = None,
        **arguments: Any,
    ) -> int:
        """Write a message into the transaction that the request has open; return its id.

        It is composed and sent after that transaction is committed, which the caller does, as for
        its other rows: without a commit there is no message. `session` names another transaction.
        `arguments` are the composer's. `locale` is the recipient's language; with Flask-Babel, by
        default that of the request. The composer is run in it. `key`, `send_at` and the errors are
        those of Outbox.enqueue.
        """
        state = self._state()
        shared = session or self._request_session(state)
        _check_once(state, shared)
        row_id = state.outbox.enqueue(
            shared,
            email,
            to,
            locale=current_locale() if locale is None else locale,
            arguments=arguments,
            sender=sender,
            key=key,
            send_at=send_at,
        )
        _note_joined(shared)
        return row_id

    def enqueue_many(
        self,
        email: EmailType | str,
        messages: Iterable[Mapping[str, Any]],
        *,
        session: Session | None = None,
    ) -> int:
        """Write thousands of messages in one statement; return how many were written.

            outbox.enqueue_many(news, ({"to": one.address, "issue": 7} for one in readers))

        Each is a mapping of what `enqueue` takes by name. Those whose key exists are left out.
        Raises as `enqueue` does, with the place of the message; nothing is written then.
        """
        state = self._state()
        shared = session or self._request_session(state)
        _check_once(state, shared)
        count = state.outbox.enqueue_many(shared, email, (_as_row(one) for one in messages))
        _note_joined(shared)
        return count

    def send(self, message: flask_mail.Message, **options: Any) -> int:
        """Write a Flask-Mail message, or one of ours, to the outbox; return its id.

        It becomes part of the request's transaction if that has written something; otherwise it is
        committed at once. `options` are `key`, `send_at`, `locale` and `session`. The message gets
        a Message-ID and a Date of its own.

        Raises OutboxError if it has no recipients, is too large, or has options for the server,
        which only `mail.send` can pass on; AddressError and BadHeaderError as Email does.
        """
        if not isinstance(message, flask_mail.Message):
            raise TypeError(f"outbox.send takes a Message, not {type(message).__name__}.")
        if message.mail_options or message.rcpt_options:
            raise OutboxError(
                "mail_options and rcpt_options are for the connection: send it with mail.send."
            )
        state = self._state()
        ascii_attachments = current_app.extensions["mail"].ascii_attachments
        email = from_message(message, ascii_attachments=ascii_attachments)
        return self._committing(state, lambda: state.outbox.enqueue_email(email, **options))

    def send_email(
        self,
        subject: str,
        sender: AddressLike | None = None,
        recipients: AddressLike | Sequence[AddressLike] = (),
        text_body: str | None = None,
        html_body: str | None = None,
        **options: Any,
    ) -> int:
        """Write a finished message to the outbox; return its id.

        It becomes part of the request's transaction if that has written something; otherwise it is
        committed at once. `options` and errors are those of Outbox.send_email.
        """
        state = self._state()
        return self._committing(
            state,
            lambda: state.outbox.send_email(
                subject, sender, recipients, text_body, html_body, **options
            ),
        )

    def _committing(self, state: ApplicationState, write: Callable[[], int]) -> int:
        """Write, in an application context: outside of one, sessions may not know the database."""
        context = (
            nullcontext() if has_app_context() or self._app is None else self._app.app_context()
        )
        with context:
            if not state.is_checked:
                with state.outbox.sessions() as session:
                    _check_once(state, session)
            row_id = write()
            shared = state.request_session()
            if shared is not None:
                _note_joined(shared)
            return row_id

    def _state(self) -> ApplicationState:
        app = current_app if has_app_context() else self._app
        if app is None:
            raise RuntimeError(
                "Mail is enqueued in an application context: with app.app_context(): …"
            )
        return state_of(app)

    def _request_session(self, state: ApplicationState) -> Session:
        found = state.request_session() if has_app_context() else None
        if found is None:
            raise OutboxError(
                "There is no transaction to join: name one with session=, and commit it."
            )
        return found


def _sessions_of(app: Flask, db: Any) -> tuple[Callable[[], Session], Callable[[], Session | None]]:
    """What makes new sessions, and what returns the one that the request uses."""
    shared = db if isinstance(db, scoped_session) else vars(db).get("session")
    if isinstance(shared, scoped_session):
        watch_writes(shared)
        if db is not shared:
            _add_tables(db.metadata)
        return shared.session_factory, shared
    if hasattr(type(db), "sessionmaker"):
        with app.app_context():
            sessions = db.sessionmaker
        watch_writes(sessions)
        return sessions, lambda: cast(Session, db.session)
    raise TypeError(
        f"FlaskOutbox cannot use {type(db).__name__} as a database: give it your Flask-SQLAlchemy"
        " or Flask-SQLAlchemy-Lite, or a scoped_session, or sessions=sessionmaker(engine)."
    )


def _add_tables(metadata: Any) -> None:
    """Let `db.create_all` make the outbox's tables, and Alembic compare them."""
    for table in schema.METADATA.sorted_tables:
        if table.name not in metadata.tables:
            table.to_metadata(metadata)


def _none() -> None:
    return None


def _written(session: Session | None) -> Session | None:
    return session if session is not None and has_written(session) else None


def _note_joined(session: Session) -> None:
    if has_app_context() and has_enqueued(session):
        joined: list[Session] = g.setdefault(_JOINED, [])
        if session not in joined:
            joined.append(session)


def _warn_of_uncommitted(error: BaseException | None = None) -> None:
    for session in g.pop(_JOINED, []):
        if error is None and has_enqueued(session) and session.in_transaction():
            logger.warning(
                "Mail was enqueued in a transaction that was not committed, and is not sent: call"
                " commit() after it."
            )


def _check_once(state: ApplicationState, session: Session) -> None:
    if state.is_checked:
        return
    state.outbox.check_database()
    schema.check(session.connection())
    state.is_checked = True


def _as_row(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of `enqueue_many` with the composer's arguments apart from ours."""
    ours = {name: value for name, value in message.items() if name in _OURS}
    others = {name: value for name, value in message.items() if name not in _OURS}
    return {"locale": current_locale(), **ours, "arguments": others}


_OURS = {"to", "locale", "sender", "key", "send_at"}
