"""FlaskOutbox: what joins an outbox, an application and its database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast
from weakref import WeakSet

import flask_mail
from flask import Flask, current_app, has_app_context
from sqlalchemy import Engine, MetaData
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from flask_outbox import schema
from flask_outbox.application import (
    EXTENSION,
    ApplicationState,
    check_once,
    init_outbox,
    note_joined,
    state_of,
    warn_of_uncommitted,
    write_finished,
)
from flask_outbox.cli import commands
from flask_outbox.config_values import number
from flask_outbox.configuration import (
    delivery_options,
    dispatcher_options,
    imap_mailbox,
    sender_address,
    warn_of_misspelt,
)
from flask_outbox.defaults import MAXIMUM_BYTES
from flask_outbox.feedback.mailbox import POLL_MAILBOX, POLL_SECONDS, polling
from flask_outbox.flask_mail import Mail, from_message
from flask_outbox.language import current_locale
from flask_outbox.message.addresses import AddressLike
from flask_outbox.message.email import AttachmentLike
from flask_outbox.outbox.composers import RESERVED, DeclaresEmails
from flask_outbox.outbox.email_types import EmailType
from flask_outbox.outbox.joining import has_written, watch_writes
from flask_outbox.outbox.outbox import AN_HOUR, Outbox, PeriodicTask, has_enqueued, one_session
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.outbox.wakeup import Wakeup, choose_wakeup
from flask_outbox.webhook_settings import webhook_secrets


class FlaskOutbox(DeclaresEmails):
    """The outbox of an application: mail as rows, written in the transaction of their cause.

        app = Flask(__name__)
        db = SQLAlchemy(app)
        outbox = FlaskOutbox(app, db)

    `db` is the application's Flask-SQLAlchemy or Flask-SQLAlchemy-Lite, or a scoped_session. With
    plain SQLAlchemy, give `sessions=sessionmaker(engine)` instead; then each message needs its
    `session=`, or `current` returns the write transaction that is open, if any.

    All settings are read from the application's configuration: MAIL_SERVER and whatever else
    begins with MAIL_; values may be texts. `wakeup` replaces what wakes those who deliver (on
    PostgreSQL a NOTIFY, on SQLite a socket in the instance folder), and may be a function that
    makes it of the engine. `resolve_locale` returns the language to compose in for the one that a
    message was enqueued in.

    In a factory, write `outbox = FlaskOutbox()` beside `db`, and `outbox.init_app(app, db)` after
    `db.init_app(app)`. One extension serves several applications.

    Raises ValueError for a wrong setting, which it names; OutboxError for a database other than
    SQLite and PostgreSQL, for sessions that are shared, and for a table of the application's own
    that is named as one of the outbox's; TypeError for what is no database; RuntimeError where the
    database was not initialised before, or there is an outbox already.
    """

    def __init__(
        self,
        app: Flask | None = None,
        db: Any = None,
        *,
        sessions: Callable[[], Session] | None = None,
        current: Callable[[], Session | None] | None = None,
        wakeup: Wakeup | Callable[[Engine], Wakeup] | None = None,
        resolve_locale: Callable[[str], str] | None = None,
    ) -> None:
        self._app = app
        self._email_types: dict[str, EmailType] = {}
        self._periodic_tasks: dict[str, tuple[PeriodicTask, timedelta]] = {}
        self._outboxes: WeakSet[Outbox] = WeakSet()
        if app is not None:
            self.init_app(
                app,
                db,
                sessions=sessions,
                current=current,
                wakeup=wakeup,
                resolve_locale=resolve_locale,
            )
        elif db is not None or sessions is not None:
            raise TypeError(
                "FlaskOutbox() without an application takes nothing: give the database to"
                " init_app(app, db)."
            )

    def init_app(
        self,
        app: Flask,
        db: Any = None,
        *,
        sessions: Callable[[], Session] | None = None,
        current: Callable[[], Session | None] | None = None,
        wakeup: Wakeup | Callable[[Engine], Wakeup] | None = None,
        resolve_locale: Callable[[str], str] | None = None,
    ) -> None:
        """Give this application an outbox. Arguments and errors are those of the class."""
        if EXTENSION in app.extensions:
            raise RuntimeError("This application has an outbox already: use that one.")
        if (db is None) is (sessions is None):
            raise TypeError(
                "FlaskOutbox needs one database: FlaskOutbox(app, db) with Flask-SQLAlchemy, or"
                " FlaskOutbox(app, sessions=sessionmaker(engine))."
            )
        joined: Callable[[], Session | None] = _none
        if sessions is None:
            sessions, joined = _sessions_of(app, db)
        warn_of_misspelt(app.config)
        webhook_secrets(app.config)
        if "mail" not in app.extensions:
            Mail(app)
        config = app.config
        made = Outbox(
            sessions,
            sender=sender_address(config),
            wakeup=wakeup or partial(choose_wakeup, path=Path(app.instance_path) / "outbox.wakeup"),
            current=current or (lambda: _written(joined())),
            maximum_bytes=number(config, "MAIL_MAX_BYTES", int, least=10_000) or MAXIMUM_BYTES,
            delivery=delivery_options(config, resolve_locale or str),
        )
        for email_type in self._email_types.values():
            made.register(email_type)
        for name, (task, every) in self._periodic_tasks.items():
            made.register_periodic_task(name, task, every=every)
        _poll_mailbox(app, made)
        _check_at_start(app, made)
        init_outbox(
            app, made, options=dispatcher_options(config), request_session=current or joined
        )
        self._outboxes.add(made)
        # The first runs before an application's own teardown closes the session.
        app.teardown_request(warn_of_uncommitted)
        app.teardown_appcontext(warn_of_uncommitted)
        app.cli.add_command(commands)

    @property
    def app(self) -> Flask:
        """The application that it was made for. Raises RuntimeError if it only met it later."""
        if self._app is None:
            raise RuntimeError("This FlaskOutbox was made without an application: name that one.")
        return self._app

    def register(self, email_type: EmailType) -> None:
        """Add an email type to every application of this extension, as `email` does.

        Raises ValueError if its name is taken or too long.
        """
        if email_type.name in self._email_types:
            raise ValueError(f"There are two email types named {email_type.name!r}.")
        for outbox in self._outboxes:
            outbox.register(email_type)
        self._email_types[email_type.name] = email_type

    def register_periodic_task(
        self, name: str, task: PeriodicTask, *, every: timedelta = AN_HOUR
    ) -> None:
        """Run a task once an hour, or as often, in whatever process delivers.

        Raises ValueError if the name is taken.
        """
        if name in self._periodic_tasks:
            raise ValueError(f"There are two periodic tasks named {name!r}.")
        for outbox in self._outboxes:
            outbox.register_periodic_task(name, task, every=every)
        self._periodic_tasks[name] = task, every

    def enqueue(
        self,
        email: EmailType | str,
        /,
        *,
        to: AddressLike,
        session: Session | None = None,
        locale: str | None = None,
        key: str | None = None,
        send_at: datetime | None = None,
        **arguments: Any,
    ) -> int:
        """Write a message into the transaction that the request has open; return its id.

            outbox.enqueue(confirmation, to=order.address, order_id=order.id)
            db.session.commit()

        It leaves after that transaction is committed, which the caller does, as for its other rows.
        Without a commit there is no message, which the log says. `session` names another one.

        - `email` is what the decorator made of the composer, an EmailType, or its name, and
          `arguments` are the composer's.
        - `to` is one address.
        - `locale` is the language to compose in, such as "pt_BR"; with Flask-Babel, by default that
          of the request.
        - `key`: of all messages with one key only the first is written; the others return its id.
        - `send_at`, an aware datetime, is the moment before which it does not leave. One that has
          passed is now. `expires_after` begins then.

        Raises OutboxError for an unknown type, for wrong, missing or too large arguments, for what
        cannot be a language, a key or a moment, if there is no transaction or no sender, and if the
        tables are missing; AddressError for an address that no server would accept. Nothing is
        written then, and the transaction can go on.
        """
        state = self._state()
        shared = self._shared_session(state, session)
        row_id = state.outbox.enqueue(
            shared,
            email,
            to,
            locale=current_locale() if locale is None else locale,
            arguments=arguments,
            key=key,
            send_at=send_at,
        )
        note_joined(shared)
        return row_id

    def enqueue_many(
        self,
        email: EmailType | str,
        messages: Iterable[Mapping[str, Any]],
        *,
        session: Session | None = None,
    ) -> int:
        """Write thousands of messages in a few statements; return how many were written.

            outbox.enqueue_many(news, ({"to": one.address, "issue": 7} for one in readers))

        Each is a mapping of what `enqueue` takes by name: `to`, the composer's arguments, perhaps
        `locale`, `key` and `send_at`. Those whose key exists are left out. At most two
        thousand are in memory.

        Raises as `enqueue` does, with the place of the message (from 0); then none of them is
        written, and the transaction can go on.
        """
        state = self._state()
        shared = self._shared_session(state, session)
        locale = current_locale()
        count = state.outbox.enqueue_many(shared, email, (_as_row(one, locale) for one in messages))
        note_joined(shared)
        return count

    def send(
        self,
        message: flask_mail.Message,
        *,
        locale: str = "en",
        key: str | None = None,
        send_at: datetime | None = None,
        session: Session | None = None,
    ) -> int:
        """Write a Flask-Mail message, or one of ours, to the outbox; return its id.

            outbox.send(Message("Thank you", recipients=["susan@example.com"], body="Thank you."))

        It becomes part of the request's transaction if that has written something, or of that of
        `session`; otherwise it is committed at once. `key`, `send_at` and `locale` are those of
        Outbox.enqueue.

        The message gets a Message-ID and a Date of its own.

        Raises OutboxError if it has no recipients, is too large, or has options for the server,
        which only `mail.send` can pass on; AddressError and BadHeaderError as Email does.
        """
        if not isinstance(message, flask_mail.Message):
            raise TypeError(f"outbox.send takes a Message, not {type(message).__name__}.")
        if message.mail_options or message.rcpt_options:
            raise OutboxError(
                "mail_options and rcpt_options are for the connection: send it with mail.send."
            )

        def write(outbox: Outbox) -> int:
            email = from_message(
                message, ascii_attachments=current_app.extensions["mail"].ascii_attachments
            )
            return outbox.enqueue_email(
                email, locale=locale, key=key, send_at=send_at, session=session
            )

        return self._in_context(write)

    def send_email(
        self,
        subject: str,
        sender: AddressLike | None = None,
        recipients: AddressLike | Sequence[AddressLike] = (),
        text_body: str | None = None,
        html_body: str | None = None,
        *,
        cc: AddressLike | Sequence[AddressLike] | None = None,
        bcc: AddressLike | Sequence[AddressLike] | None = None,
        reply_to: AddressLike | Sequence[AddressLike] | None = None,
        attachments: Sequence[AttachmentLike] | None = None,
        headers: Mapping[str, str] | None = None,
        alternatives: Mapping[str, str] | None = None,
        locale: str = "en",
        key: str | None = None,
        send_at: datetime | None = None,
        session: Session | None = None,
        **synonyms: Any,
    ) -> int:
        """Write a finished message to the outbox; return its id.

            outbox.send_email("Thank you", None, ["susan@example.com"], "Thank you.")

        It becomes part of the request's transaction if that has written something, or of that of
        `session`; otherwise it is committed at once. Its text stays in the database until it is
        sent: compose late what holds a secret (see `email`). Arguments and errors are those of
        Outbox.send_email.
        """
        return self._in_context(
            lambda outbox: outbox.send_email(
                subject,
                sender,
                recipients,
                text_body,
                html_body,
                cc=cc,
                bcc=bcc,
                reply_to=reply_to,
                attachments=attachments,
                headers=headers,
                alternatives=alternatives,
                locale=locale,
                key=key,
                send_at=send_at,
                session=session,
                **synonyms,
            )
        )

    def _in_context(self, write: Callable[[Outbox], int]) -> int:
        """Write, in an application context: outside of one, sessions may not know the database."""
        state = self._state()
        context = (
            nullcontext() if has_app_context() or self._app is None else self._app.app_context()
        )
        with context:
            return write_finished(state, write)

    def _state(self) -> ApplicationState:
        app = current_app if has_app_context() else self._app
        if app is None:
            raise RuntimeError(
                "Mail is enqueued in an application context: with app.app_context(): …"
            )
        return state_of(app)

    def _shared_session(self, state: ApplicationState, session: Session | None) -> Session:
        """The session that is named, or that of the request. Its database is checked once."""
        if session is None:
            session = state.request_session() if has_app_context() else None
        if session is None:
            raise OutboxError(
                "There is no transaction to join: name one with session=, and commit it."
            )
        session = one_session(session)
        check_once(state, session)
        return session


def _sessions_of(app: Flask, db: Any) -> tuple[Callable[[], Session], Callable[[], Session | None]]:
    """What makes new sessions, and what returns the one that the request uses."""
    shared = db if isinstance(db, scoped_session) else getattr(db, "__dict__", {}).get("session")
    if isinstance(shared, scoped_session):
        if not isinstance(shared.session_factory, sessionmaker):
            raise TypeError(
                "FlaskOutbox cannot use this scoped_session: make it of a sessionmaker."
            )
        if db is not shared:
            _require_initialised(app, db)
            _add_tables(db.metadata)
        watch_writes(shared.session_factory)
        return shared.session_factory, shared
    if hasattr(type(db), "sessionmaker"):
        _require_initialised(app, db)
        with _context_of(app):
            sessions = db.sessionmaker
        watch_writes(sessions)
        return sessions, lambda: cast(Session, db.session)
    raise TypeError(
        f"FlaskOutbox cannot use {type(db).__name__} as a database: give it your Flask-SQLAlchemy"
        " or Flask-SQLAlchemy-Lite, or a scoped_session, or sessions=sessionmaker(engine)."
    )


def _require_initialised(app: Flask, db: Any) -> None:
    if app.extensions.get("sqlalchemy") is not db:
        raise RuntimeError(
            "FlaskOutbox needs the database of this application: call db.init_app(app) before"
            " init_app(app, db)."
        )


def _add_tables(metadata: MetaData) -> None:
    """Let `db.create_all` make the outbox's tables, and Alembic compare them."""
    for table in schema.METADATA.sorted_tables:
        theirs = metadata.tables.get(table.name)
        if theirs is None:
            table.to_metadata(metadata)
        elif set(theirs.columns.keys()) != set(table.columns.keys()):
            raise OutboxError(
                f"The application has a table of its own named {table.name!r}, which is the name"
                " of one of the outbox's: call yours otherwise."
            )


def _poll_mailbox(app: Flask, outbox: Outbox) -> None:
    """Have the mailbox with reports read regularly, if there is one."""
    if mailbox := imap_mailbox(app.config):
        every = timedelta(seconds=POLL_SECONDS)
        outbox.register_periodic_task(POLL_MAILBOX, polling(mailbox), every=every)


def _check_at_start(app: Flask, outbox: Outbox) -> None:
    """Refuse sessions and databases that the outbox cannot work with, if they are known yet."""
    with _context_of(app), suppress(UnboundExecutionError):
        outbox.check_database()


def _context_of(app: Flask) -> AbstractContextManager[object]:
    """The application's context; the one that is open is kept, as another would end its session."""
    return nullcontext() if has_app_context() and current_app == app else app.app_context()


def _none() -> None:
    return None


def _written(session: Session | None) -> Session | None:
    if session is None:
        return None
    return session if has_written(session) or has_enqueued(session) else None


def _as_row(message: object, locale: str) -> Any:
    """A message of `enqueue_many` with the composer's arguments apart from ours."""
    if not isinstance(message, Mapping):
        return message
    arguments: dict[str, Any] = {}
    row: dict[str, Any] = {"locale": locale, "arguments": arguments}
    for name, value in message.items():
        (row if name in RESERVED else arguments)[name] = value
    return row
