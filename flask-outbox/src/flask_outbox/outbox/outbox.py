"""The outbox: a message is a row, written in the same transaction as its cause.

`Outbox.enqueue` takes messages of the application's own types, which are composed when they leave;
`Outbox.send_email` takes a message that is finished.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session, SessionTransaction, scoped_session

from flask_outbox.defaults import MAXIMUM_BYTES
from flask_outbox.message.addresses import (
    Address,
    AddressError,
    AddressLike,
    parse_address,
)
from flask_outbox.message.email import AttachmentLike, Email
from flask_outbox.message.message_id import new_message_id
from flask_outbox.message.unsubscribe_links import UnsubscribeLinks
from flask_outbox.outbox.composers import DeclaresEmails
from flask_outbox.outbox.delivery_options import DeliveryOptions
from flask_outbox.outbox.email_types import EmailType
from flask_outbox.outbox.insertion import insert_row, insert_rows
from flask_outbox.outbox.joining import is_in_transaction
from flask_outbox.outbox.limits import Share
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.outbox.prerendered import (
    PRERENDERED,
    finished_email,
    prerendered_arguments,
    prerendered_type,
)
from flask_outbox.outbox.validation import (
    KIND_MAXIMUM,
    OutboxError,
    arguments_json,
    check_dialect,
    check_locale,
    check_send_at,
    check_size,
    explain,
    key_digest,
)
from flask_outbox.outbox.wakeup import NoWakeup, Wakeup
from flask_outbox.signals import MessageEvent, announce, message_enqueued

SHARED_SESSION = (
    "sessions must make a new session at each call, as sessionmaker(engine) does. This one returns"
    " the session that the application is using, whose work would be committed too early. With"
    " Flask-SQLAlchemy write FlaskOutbox(app, db)."
)

SHARED_CONNECTION = (
    "This database has one connection, with a transaction that would be committed too early: name"
    " its session with session=, or commit it first."
)

NO_LINKS = (
    "Mail of the list {list!r} needs a page for unsubscribing: register unsubscribe_blueprint(),"
    " and set MAIL_UNSUBSCRIBE_URL to its address."
)

_ENQUEUED = "flask_outbox: the transaction and its new rows"

AN_HOUR = timedelta(hours=1)

PeriodicTask = Callable[[Session, float], bool]
"""Work to be done from time to time: takes a session in a write transaction, which is committed
after it, and Unix time; does one batch, and returns whether there is more. Several processes may
run it at once. One that waits for something else, such as a server, ends the transaction first."""


class Outbox(DeclaresEmails):
    """The outbox of one application: what FlaskOutbox makes, and all that it needs without Flask.

        outbox = Outbox(sessionmaker(engine), sender="Shop <shop@example.com>")

        @outbox.email("shop.confirmation")
        def confirmation(session: Session, *, order_id: int) -> Email | Discard: ...

        with Session(engine) as session, session.begin():
            arguments = confirmation.arguments(order_id=7)
            outbox.enqueue(session, confirmation, "susan@example.com", arguments=arguments)

    - `sessions` makes SQLAlchemy sessions, a new one at each call, as a sessionmaker does: for
      messages that are committed at once, and for composers.
    - `sender` is the author of messages whose type names none.
    - `wakeup` wakes those who deliver, after each commit with new messages; a function returns what
      does, given the engine. By default nobody is woken, and dispatchers find them within a second.
    - `clock` returns Unix time in seconds.
    - `current` returns the session whose transaction a finished message joins, or None for one that
      is committed at once. By default it is always None.
    - `maximum_bytes` is the size of the largest message, encoding included.
    - `delivery` is what only those who deliver need: limits, languages, a signature.

    Raises TypeError for sessions that cannot be used, and AddressError for the sender.
    """

    def __init__(
        self,
        sessions: Callable[[], Session],
        *,
        sender: AddressLike | None = None,
        wakeup: Wakeup | Callable[[Engine], Wakeup] | None = None,
        clock: Callable[[], float] = time.time,
        current: Callable[[], Session | None] = lambda: None,
        maximum_bytes: int = MAXIMUM_BYTES,
        delivery: DeliveryOptions | None = None,
    ) -> None:
        if isinstance(sessions, scoped_session):
            raise TypeError(SHARED_SESSION)
        if not callable(sessions):
            raise TypeError(
                f"sessions must make sessions, as sessionmaker(engine) does; it is"
                f" {type(sessions).__name__}."
            )
        self.sessions = sessions
        self.sender = parse_address(sender) if sender else None
        self._wakeup = wakeup or NoWakeup()
        self.clock = clock
        self.maximum_bytes = maximum_bytes
        self.delivery = delivery or DeliveryOptions()
        self._current = current
        self._is_checked = False
        self.email_types: dict[str, EmailType] = {}
        self.unknown_types: frozenset[str] = frozenset()
        """Names that were met in rows by those who deliver, and that are not registered here."""
        self.signal_sender: object = self
        """The sender of signals about its messages: the application, if it belongs to one."""
        self.dispatched: Callable[[Email, str, float], None] | None = None
        """Told of each email that a server accepted, with its Message-ID and Date."""
        self.periodic_tasks: dict[str, PeriodicTask] = {}
        self.periods: dict[str, float] = {}
        """The seconds between two runs of those periodic tasks that do not run once an hour."""
        self.register(prerendered_type())

    @cached_property
    def engine(self) -> Engine:
        """The engine behind `sessions`."""
        # Nothing is connected or begun, so nothing needs to be closed.
        bound = self.sessions().get_bind(OutboxMessage)
        return bound if isinstance(bound, Engine) else bound.engine

    @cached_property
    def wakeup(self) -> Wakeup:
        """What wakes those who deliver."""
        return self._wakeup(self.engine) if callable(self._wakeup) else self._wakeup

    def register(self, email_type: EmailType) -> None:
        """Add an email type. Raises ValueError if its name is taken or too long."""
        name = email_type.name
        if not 0 < len(name) <= KIND_MAXIMUM:
            raise ValueError(f"The name of an email type has at most {KIND_MAXIMUM} letters.")
        if name in self.email_types:
            raise ValueError(f"There are two email types named {name!r}.")
        self.email_types[name] = email_type
        self.unknown_types -= {name}

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of the lists that its email types belong to, sorted."""
        return tuple(sorted({one.list for one in self.email_types.values() if one.list}))

    def check_lists(self) -> None:
        """Raises OutboxError if there is mail of a list that nobody could unsubscribe from."""
        if self.lists and self.delivery.unsubscribe_links is None:
            raise OutboxError(NO_LINKS.format(list=self.lists[0]))

    def unsubscribe_url(self, recipient_key: str, list_name: str) -> str:
        """The address of the page that ends mail of a list for the address with this key.

        Raises OutboxError if nothing says where that is.
        """
        return self._links(list_name).link(recipient_key, list_name)

    def list_headers(self, recipient_key: str, list_name: str, sender: Address) -> dict[str, str]:
        """The headers of mail of this list. Raises as `unsubscribe_url` does."""
        return self._links(list_name).headers(recipient_key, list_name, sender.domain)

    def _links(self, list_name: str) -> UnsubscribeLinks:
        links = self.delivery.unsubscribe_links
        if links is None:
            raise OutboxError(NO_LINKS.format(list=list_name))
        return links

    def register_periodic_task(
        self, name: str, task: PeriodicTask, *, every: timedelta = AN_HOUR
    ) -> None:
        """Run a task of the application once an hour, or as often, in whatever process delivers.

        Raises ValueError if the name is taken.
        """
        if name in self.periodic_tasks:
            raise ValueError(f"There are two periodic tasks named {name!r}.")
        self.periodic_tasks[name] = task
        if every != AN_HOUR:
            self.periods[name] = every.total_seconds()

    def author(self, email_type: EmailType) -> Address:
        """The sender of messages of this type that name none themselves.

        Raises OutboxError if there is none.
        """
        sender = email_type.sender or self.sender
        if sender is None:
            raise OutboxError(
                "The message has no sender: name one, or set MAIL_DEFAULT_SENDER or ADMINS."
            )
        return parse_address(sender)

    def share_of(self, email_type: EmailType) -> Share:
        """The types with which messages of this guarded type are counted for the limit."""
        if email_type.way_back:
            return Share((email_type.name,), stays_open=True)
        others = (one for one in self.email_types.values() if one.guarded and not one.way_back)
        return Share(tuple(sorted(one.name for one in others)))

    def enqueue(
        self,
        session: Session,
        kind: str | EmailType,
        to: AddressLike,
        *,
        locale: str = "en",
        arguments: Mapping[str, Any] | None = None,
        key: str | None = None,
        send_at: datetime | None = None,
    ) -> int:
        """Write a message into the caller's transaction, and return its id.

        It leaves after the commit, but not before `send_at`, a moment with a time zone. Of all
        messages with one `key` only the first is written: the others return its id. `locale` is
        the recipient's language, such as "en" or "pt_BR".

        Raises OutboxError for an unknown kind, for wrong arguments or those that JSON cannot hold
        or that are too large, for what cannot be a language, a key or a moment, and if nobody is
        named as the sender; AddressError for an address that no server would accept. Nothing is
        written then, and the transaction can go on.
        """
        email_type = self._type_of(kind)
        row = self._row(
            email_type, to=to, locale=locale, arguments=arguments, key=key, send_at=send_at
        )
        return self._write(session, row)

    def enqueue_many(
        self, session: Session, kind: str | EmailType, messages: Iterable[Mapping[str, Any]]
    ) -> int:
        """Write many messages of one type in a few statements; return how many were written.

        Each message is a mapping with `to`, and perhaps `arguments`, `locale`, `key` and `send_at`,
        as `enqueue` has them. Those whose key exists are left out. At most two thousand are in
        memory. Raises as `enqueue` does, with the place of the message (from 0); then none
        of them is written, and the transaction can go on.
        """
        email_type = self._type_of(kind)
        session = one_session(session)
        rows = self._rows(email_type, messages)
        if message_enqueued.receivers:
            return self._insert_and_announce(session, list(rows))
        written = insert_rows(session, rows)
        if written:
            self._wake_after_commit(session)
        return written

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

        With `session`, or inside a write transaction of the application, it becomes part of that
        transaction; otherwise it is committed here. An attachment is an Attachment, Flask-Mail's or
        ours, or a (file name, content type, data) triple. `headers` are further ones, and
        `alternatives` further forms of the text by their subtype, such as
        "calendar; method=REQUEST". `locale`, `key` and `send_at` are those of `enqueue`.
        Flask-Mail's names `body`, `html`, `extra_headers` and `alts` are understood, too.

        Raises OutboxError if it has no recipients, no text or no sender, or is too large;
        AddressError, EmailError and BadHeaderError as Email does.
        """
        email = finished_email(
            subject,
            sender or self.sender,
            recipients,
            text_body=text_body,
            html_body=html_body,
            cc=cc,
            bcc=bcc,
            reply_to=reply_to,
            attachments=attachments,
            headers=headers,
            alternatives=alternatives,
            **synonyms,
        )
        return self.enqueue_email(email, locale=locale, key=key, send_at=send_at, session=session)

    def enqueue_email(
        self,
        email: Email,
        *,
        locale: str = "en",
        key: str | None = None,
        send_at: datetime | None = None,
        session: Session | None = None,
    ) -> int:
        """Write a finished email to the outbox; return its id.

        Options and errors are those of `send_email`.
        """
        check_size(email, maximum_bytes=self.maximum_bytes)
        row = self._row(
            self.email_types[PRERENDERED],
            to=email.recipients[0],
            arguments=prerendered_arguments(email),
            sender=email.sender,
            locale=locale,
            key=key,
            send_at=send_at,
        )
        shared = self._current() if session is None else session
        if shared is not None:
            return self._write(shared, row)
        self.check_database()
        if is_in_transaction(self.engine):
            raise OutboxError(SHARED_CONNECTION)
        with self.sessions() as own:
            row_id = self._write(own, row)
            own.commit()
        return row_id

    def check_database(self) -> None:
        """Check, once, that the outbox can work with its database and its sessions.

        Raises OutboxError for a database other than SQLite and PostgreSQL, and if `sessions`
        returns the same session twice: its transaction belongs to somebody else.
        """
        if self._is_checked:
            return
        # A session that is somebody's must not be closed either.
        one = self.sessions()
        if one is self.sessions() or isinstance(one, scoped_session):
            raise OutboxError(SHARED_SESSION)
        if not isinstance(one, Session):
            raise OutboxError(f"sessions must make a Session; it makes {type(one).__name__}.")
        check_dialect(self.engine.dialect)
        self._is_checked = True

    def _type_of(self, kind: str | EmailType) -> EmailType:
        name = kind.name if isinstance(kind, EmailType) else kind
        try:
            return self.email_types[name]
        except (KeyError, TypeError):
            raise OutboxError(f"There's no email type named {name!r}.") from None

    def _row(
        self,
        email_type: EmailType,
        *,
        to: AddressLike,
        locale: str = "en",
        arguments: Mapping[str, Any] | None = None,
        sender: AddressLike | None = None,
        key: str | None = None,
        send_at: datetime | None = None,
    ) -> dict[str, Any]:
        """The values of a new row, all checked."""
        # The size of a finished message was checked as such.
        limit = sys.maxsize if email_type.name == PRERENDERED else self.maximum_bytes
        given = {} if arguments is None else arguments
        written = arguments_json(given, maximum_bytes=limit)
        if email_type.check_arguments is not None:
            email_type.check_arguments(given)
        recipient = parse_address(to)
        author = parse_address(sender) if sender else self.author(email_type)
        now, at = self.clock(), check_send_at(send_at)
        begins = now if at is None else max(at, now)
        expires = email_type.expires_after
        return {
            "kind": email_type.name,
            "lane": email_type.priority,
            "recipient": recipient.mailbox,
            "recipient_key": recipient.key,
            "locale": check_locale(locale),
            "arguments": written,
            "message_id": new_message_id(author),
            "created_at": now,
            "send_at": at,
            "due_at": begins,
            "expires_at": begins + expires.total_seconds() if expires else None,
            "key": key_digest(key),
        }

    def _rows(
        self, email_type: EmailType, messages: Iterable[Mapping[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        for place, message in enumerate(messages):
            try:
                yield self._row(email_type, **message)
            except (OutboxError, AddressError) as error:
                raise type(error)(f"Message {place}: {error}") from None
            except TypeError:
                explain(message, place)
                raise

    def _write(self, session: Session, row: dict[str, Any]) -> int:
        """Insert the row, or find the one with the same key; return its id."""
        session = one_session(session)
        row_id = None
        while row_id is None:
            row_id = insert_row(session, row)
            if row_id is not None:
                self._wake_after_commit(session, row_id)
                if message_enqueued.receivers:
                    _announce_after_commit(session, row_id, row["kind"], row["recipient"])
                break
            # Nothing is found if the message with this key was deleted in between.
            row_id = session.scalar(select(OutboxMessage.id).where(OutboxMessage.key == row["key"]))
        return row_id

    def _insert_and_announce(self, session: Session, rows: list[dict[str, Any]]) -> int:
        """Insert rows as `insert_rows` does, and announce each after the commit."""
        last = session.scalar(select(func.max(OutboxMessage.id))) or 0
        written = insert_rows(session, rows)
        if written:
            self._wake_after_commit(session)
            ours = {row["message_id"] for row in rows}
            columns = OutboxMessage.id, OutboxMessage.kind, OutboxMessage.recipient
            new = select(*columns, OutboxMessage.message_id).where(OutboxMessage.id > last)
            for one in session.execute(new):
                if one.message_id in ours:
                    _announce_after_commit(session, one.id, one.kind, one.recipient)
        return written

    def _wake_after_commit(self, session: Session, *row_ids: int) -> None:
        if not has_enqueued(session):
            session.info[_ENQUEUED] = (session.get_transaction(), [], [])
        session.info[_ENQUEUED][1].extend(row_ids)
        if not event.contains(session, "after_commit", self._committed):
            event.listen(session, "after_commit", self._committed)
            event.listen(session, "after_rollback", self._rolled_back)
            event.listen(session, "after_soft_rollback", _forget_undone)

    def _committed(self, session: Session) -> None:
        if session.in_nested_transaction():
            # A savepoint was released: nobody else sees the rows yet.
            return
        enqueued = session.info.pop(_ENQUEUED, None)
        if enqueued is not None:
            self.wakeup.wake(enqueued[1])
            if enqueued[0] is session.get_transaction():
                for _savepoint, one in enqueued[2]:
                    announce(message_enqueued, self.signal_sender, one)

    @staticmethod
    def _rolled_back(session: Session) -> None:
        if not session.in_nested_transaction():
            session.info.pop(_ENQUEUED, None)


def one_session(session: object) -> Session:
    """The session itself, also where the application's proxy for it is given.

    Raises TypeError if it is none.
    """
    if isinstance(session, scoped_session):
        session = session()
    if not isinstance(session, Session):
        raise TypeError(
            f"A message is written with a Session, not with {type(session).__name__}; with an"
            " AsyncSession write: await session.run_sync(outbox.enqueue, …)."
        )
    return session


def _announce_after_commit(session: Session, row_id: int, kind: str, recipient: str) -> None:
    one = MessageEvent(row_id, kind, recipient, Status.QUEUED)
    session.info[_ENQUEUED][2].append((session.get_nested_transaction(), one))


def _forget_undone(session: Session, undone: SessionTransaction) -> None:
    """Announce nothing of what a savepoint took back."""

    def is_undone(transaction: SessionTransaction | None) -> bool:
        while transaction is not None and transaction is not undone:
            transaction = transaction.parent
        return transaction is undone

    if has_enqueued(session):
        events = session.info[_ENQUEUED][2]
        events[:] = [one for one in events if not is_undone(one[0])]


def has_enqueued(session: Session) -> bool:
    """Whether this session's transaction holds new messages that are not committed."""
    transaction, *_ = session.info.get(_ENQUEUED, (None,))
    return transaction is not None and transaction is session.get_transaction()


def was_left(session: Session) -> bool:
    """Whether new messages in it were neither committed nor rolled back, even if it is closed."""
    return _ENQUEUED in session.info
