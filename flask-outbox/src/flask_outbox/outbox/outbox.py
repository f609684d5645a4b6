"""The outbox: a message is a row, written in the same transaction as its cause.

Two ways in: `Outbox.post` for the application's own kinds, which say what is meant and are composed
when they are sent, and `Outbox.send_email` for a message that is written already.
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

_RUNG = "flask_outbox: rows of this transaction"


PeriodicTask = Callable[[Session, float], bool]
"""Work to be done from time to time: takes a write transaction, which it must not commit, and Unix
time; does one batch, and says whether there is more. Several processes may do it at once."""


class Outbox:
    """The door to the outbox of one application.

    `sessions` makes database sessions. `sender` is the author of messages whose kind names none.
    `wakeup` wakes those who deliver. `current` returns the write transaction that the caller has
    open, if any, for `send_email`. No message may have more than `maximum_bytes`. `delivery` is for
    those who deliver.
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

    def register(self, kind: EmailType) -> None:
        """Make a kind of message known. Raises ValueError where its name is taken or too long."""
        if not 0 < len(kind.name) <= KIND_MAXIMUM:
            raise ValueError(f"The name of a kind has at most {KIND_MAXIMUM} letters.")
        if kind.name in self.email_types:
            raise ValueError(f"There are two kinds of message named {kind.name!r}.")
        self.email_types[kind.name] = kind

    def register_periodic_task(self, name: str, task: PeriodicTask) -> None:
        """Run a task of the application once an hour, in whatever process delivers.

        Raises ValueError if the name is taken.
        """
        if name in self.periodic_tasks:
            raise ValueError(f"There are two periodic tasks named {name!r}.")
        self.periodic_tasks[name] = task

    def author(self, kind: EmailType) -> Address:
        """The sender of messages of this kind that name none themselves."""
        return parse_address(kind.sender or self.sender)

    def share_of(self, kind: EmailType) -> Share:
        """What messages of this guarded kind are counted with."""
        if kind.way_back:
            return Share((kind.name,), stays_open=True)
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
        could take. Nothing is written then, and the transaction can go on.
        """
        if kind not in self.email_types:
            raise OutboxError(f"No kind of message is named {kind!r}.")
        # A message that is written already was measured as such.
        limit = sys.maxsize if kind == PRERENDERED else self.maximum_bytes
        kept = check_arguments({} if arguments is None else arguments, maximum_bytes=limit)
        recipient = parse_address(to)
        known = self.email_types[kind]
        now = self.clock()
        author = parse_address(sender) if sender else self.author(known)
        message = OutboxMessage(
            kind=kind,
            lane=known.lane,
            recipient=recipient.mailbox,
            recipient_key=recipient.key,
            locale=check_locale(locale),
            arguments=kept,
            message_id=new_message_id(author),
            created_at=now,
            due_at=now,
            expires_at=now + known.lifetime if known.lifetime else None,
        )
        session.add(message)
        session.flush()
        self._ring_after_commit(session, message.id)
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
        """Write a finished message to the outbox and return its number at once.

        With `session`, or inside a write transaction of the application, it shares that
        transaction's fate; otherwise it is committed here. An attachment is an Attachment or a
        (file name, content type, data) triple.

        Raises OutboxError without recipients or text and for what is too large, AddressError and
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

    def _ring_after_commit(self, session: Session, number: int) -> None:
        session.info.setdefault(_RUNG, []).append(number)
        if not event.contains(session, "after_commit", self._committed):
            event.listen(session, "after_commit", self._committed)
            event.listen(session, "after_rollback", self._rolled_back)

    def _committed(self, session: Session) -> None:
        numbers = session.info.pop(_RUNG, [])
        if numbers:
            self.wakeup.wake(numbers)

    @staticmethod
    def _rolled_back(session: Session) -> None:
        session.info.pop(_RUNG, None)
