"""The outbox: a message is a row, written in the same transaction as its cause.

`Outbox.enqueue` takes messages of the application's own types, which are composed when they leave;
`Outbox.send_email` takes a message that is finished.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from flask_outbox.defaults import MAXIMUM_BYTES
from flask_outbox.message.addresses import (
    Address,
    AddressLike,
    parse_address,
    parse_addresses,
    parse_reply_to,
)
from flask_outbox.message.email import Email
from flask_outbox.message.message_id import new_message_id
from flask_outbox.outbox.delivery_options import DeliveryOptions
from flask_outbox.outbox.email_types import EmailType
from flask_outbox.outbox.limits import Share
from flask_outbox.outbox.models import OutboxMessage
from flask_outbox.outbox.prerendered import (
    PRERENDERED,
    AttachmentLike,
    prerendered_arguments,
    prerendered_type,
    read_attachment,
)
from flask_outbox.outbox.validation import (
    KIND_MAXIMUM,
    OutboxError,
    as_text,
    check_arguments,
    check_locale,
    check_size,
)
from flask_outbox.outbox.wakeup import NoWakeup, Wakeup

_ENQUEUED = "flask_outbox: rows of this transaction"

PeriodicTask = Callable[[Session, float], bool]
"""Work to be done from time to time: takes a write transaction, which it must not commit, and Unix
time; does one batch, and returns whether there is more. Several processes may run it at once."""


class Outbox:
    """The outbox of one application.

    `sessions` makes database sessions. `sender` is the author of messages whose type names none.
    `wakeup` wakes those who deliver. `current` returns the write transaction that the caller has
    open, if any, for `send_email`. No message may be larger than `maximum_bytes`. `delivery` is
    what only those who deliver need.
    """

    def __init__(
        self,
        sessions: Callable[[], Session],
        *,
        sender: AddressLike,
        wakeup: Wakeup | None = None,
        clock: Callable[[], float] = time.time,
        current: Callable[[], Session | None] = lambda: None,
        maximum_bytes: int = MAXIMUM_BYTES,
        delivery: DeliveryOptions | None = None,
    ) -> None:
        self.sessions = sessions
        self.sender = parse_address(sender)
        self.wakeup = wakeup or NoWakeup()
        self.clock = clock
        self.maximum_bytes = maximum_bytes
        self.delivery = delivery or DeliveryOptions()
        self._current = current
        self.email_types: dict[str, EmailType] = {}
        self.periodic_tasks: dict[str, PeriodicTask] = {}
        self.register(prerendered_type())

    @cached_property
    def engine(self) -> Engine:
        """The engine behind `sessions`."""
        with self.sessions() as session:
            bound = session.get_bind()
        return bound if isinstance(bound, Engine) else bound.engine

    def register(self, email_type: EmailType) -> None:
        """Add an email type. Raises ValueError if its name is taken or too long."""
        name = email_type.name
        if not 0 < len(name) <= KIND_MAXIMUM:
            raise ValueError(f"The name of a kind has at most {KIND_MAXIMUM} letters.")
        if name in self.email_types:
            raise ValueError(f"There are two kinds of message named {name!r}.")
        self.email_types[name] = email_type

    def register_periodic_task(self, name: str, task: PeriodicTask) -> None:
        """Run a task of the application once an hour, in whatever process delivers.

        Raises ValueError if the name is taken.
        """
        if name in self.periodic_tasks:
            raise ValueError(f"There are two periodic tasks named {name!r}.")
        self.periodic_tasks[name] = task

    def author(self, email_type: EmailType) -> Address:
        """The sender of messages of this type that name none themselves."""
        return parse_address(email_type.sender or self.sender)

    def share_of(self, email_type: EmailType) -> Share:
        """The types with which messages of this guarded type are counted for the limit."""
        if email_type.way_back:
            return Share((email_type.name,), stays_open=True)
        others = (one for one in self.email_types.values() if one.guarded and not one.way_back)
        return Share(tuple(sorted(one.name for one in others)))

    def enqueue(
        self,
        session: Session,
        kind: str,
        to: AddressLike,
        *,
        locale: str = "en",
        arguments: Mapping[str, Any] | None = None,
        sender: AddressLike | None = None,
    ) -> OutboxMessage:
        """Write a message into the caller's transaction; it leaves after the commit.

        `locale` is the recipient's language, such as "en" or "pt_BR".

        Raises OutboxError for an unknown kind, for what cannot be a language, and for arguments
        that JSON cannot hold or that are too large; AddressError for an address that no server
        would accept. Nothing is written then, and the transaction can go on.
        """
        if kind not in self.email_types:
            raise OutboxError(f"No kind of message is named {kind!r}.")
        # The size of a finished message was checked as such.
        limit = sys.maxsize if kind == PRERENDERED else self.maximum_bytes
        kept = check_arguments({} if arguments is None else arguments, maximum_bytes=limit)
        recipient = parse_address(to)
        email_type = self.email_types[kind]
        now = self.clock()
        author = parse_address(sender) if sender else self.author(email_type)
        message = OutboxMessage(
            kind=kind,
            lane=email_type.lane,
            recipient=recipient.mailbox,
            recipient_key=recipient.key,
            locale=check_locale(locale),
            arguments=kept,
            message_id=new_message_id(author),
            created_at=now,
            due_at=now,
            expires_at=now + email_type.lifetime if email_type.lifetime else None,
        )
        session.add(message)
        session.flush()
        self._wake_after_commit(session, message.id)
        return message

    def send_email(
        self,
        subject: str,
        sender: AddressLike | None,
        recipients: Sequence[AddressLike],
        text_body: str,
        html_body: str | None = None,
        *,
        cc: Sequence[AddressLike] = (),
        bcc: Sequence[AddressLike] = (),
        reply_to: AddressLike | Sequence[AddressLike] | None = None,
        attachments: Sequence[AttachmentLike] = (),
        session: Session | None = None,
    ) -> int:
        """Write a finished message to the outbox; return its number.

        With `session`, or inside a write transaction of the application, it becomes part of that
        transaction; otherwise it is committed here. An attachment is an Attachment or a (file name,
        content type, data) triple.

        Raises OutboxError if it has no recipients or no text or is too large, and AddressError and
        BadHeaderError as Email does.
        """
        email = Email(
            subject=as_text("subject", subject),
            text=as_text("text", text_body),
            html=None if html_body is None else as_text("HTML", html_body),
            to=parse_addresses(recipients),
            sender=parse_address(sender or self.sender),
            cc=parse_addresses(cc),
            bcc=parse_addresses(bcc),
            reply_to=parse_reply_to(reply_to),
            attachments=tuple(read_attachment(one) for one in attachments),
        )
        check_size(email, maximum_bytes=self.maximum_bytes)
        shared = session or self._current()
        with nullcontext(shared) if shared else self.sessions() as writing:
            message = self.enqueue(
                writing,
                PRERENDERED,
                email.recipients[0],
                arguments=prerendered_arguments(email),
                sender=email.sender,
            )
            number = message.id
            if not shared:
                writing.commit()
        return number

    def _wake_after_commit(self, session: Session, row_id: int) -> None:
        session.info.setdefault(_ENQUEUED, []).append(row_id)
        if not event.contains(session, "after_commit", self._committed):
            event.listen(session, "after_commit", self._committed)
            event.listen(session, "after_rollback", self._rolled_back)

    def _committed(self, session: Session) -> None:
        if session.in_nested_transaction():
            # A savepoint was released: nobody else sees the rows yet.
            return
        row_ids = session.info.pop(_ENQUEUED, [])
        if row_ids:
            self.wakeup.wake(row_ids)

    @staticmethod
    def _rolled_back(session: Session) -> None:
        if not session.in_nested_transaction():
            session.info.pop(_ENQUEUED, None)
