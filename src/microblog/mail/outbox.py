"""The outbox: a message is a row, written in the same transaction as its cause.

Two ways in: `Outbox.post` for the application's own kinds, which say what is meant and are composed
when they are sent, and `Outbox.send_email` for a message that is written already.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from microblog.mail.addresses import Address, AddressLike, parse_address, parse_addresses
from microblog.mail.bell import Bell, SilentBell
from microblog.mail.email import Attachment, Email
from microblog.mail.extension import new_message_id
from microblog.mail.guard import Guard
from microblog.mail.kinds import Discard, Intent, Kind
from microblog.mail.models import OutboxMessage

READY = "mail.ready"
"""The kind of `send_email`: its arguments hold the message itself."""

MAXIMUM_BYTES = 25 * 1024 * 1024
"""What the large providers take, encoding included."""

_RUNG = "microblog.mail: rows of this transaction"


Chore = Callable[[Session, float], bool]
"""Work to be done from time to time: takes a write transaction, which it must not commit, and Unix
time; does one batch, and says whether there is more. Several processes may do it at once."""


class OutboxError(ValueError):
    """The message was refused where it was posted; nothing was written."""


class Outbox:
    """The door to the outbox of one application.

    `sessions` makes database sessions. `sender` is the author of messages whose kind names none.
    `current` returns the write transaction that the caller has open, if any, for `send_email`.
    `guard` limits what one address gets of kinds that strangers can trigger. `sign` is applied to
    every message before it leaves.
    """

    def __init__(
        self,
        sessions: Callable[[], Session],
        *,
        sender: AddressLike,
        bell: Bell | None = None,
        clock: Callable[[], float] = time.time,
        current: Callable[[], Session | None] = lambda: None,
        guard: Guard | None = None,
        sign: Callable[[bytes], bytes] = lambda content: content,
        maximum_bytes: int = MAXIMUM_BYTES,
    ) -> None:
        self.sessions = sessions
        self.sender = parse_address(sender)
        self.bell = bell or SilentBell()
        self.clock = clock
        self.guard = guard or Guard()
        self.sign = sign
        self.maximum_bytes = maximum_bytes
        self._current = current
        self.kinds: dict[str, Kind] = {}
        self.chores: dict[str, Chore] = {}
        self.register(Kind(READY, _compose_ready, automatic=False))

    @cached_property
    def engine(self) -> Engine:
        """The engine behind `sessions`."""
        with self.sessions() as session:
            bound = session.get_bind()
        return bound if isinstance(bound, Engine) else bound.engine

    def register(self, kind: Kind) -> None:
        """Make a kind of message known. Raises ValueError where its name is taken."""
        if kind.name in self.kinds:
            raise ValueError(f"There are two kinds of message named {kind.name!r}.")
        self.kinds[kind.name] = kind

    def register_chore(self, name: str, chore: Chore) -> None:
        """Have a chore of the application done once an hour by whoever delivers.

        Raises ValueError where its name is taken.
        """
        if name in self.chores:
            raise ValueError(f"There are two chores named {name!r}.")
        self.chores[name] = chore

    def author(self, kind: Kind) -> Address:
        """The sender of messages of this kind that name none themselves."""
        return parse_address(kind.sender or self.sender)

    def post(
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

        Raises OutboxError for an unknown kind or arguments that JSON cannot hold, AddressError for
        an address that no server could take.
        """
        if kind not in self.kinds:
            raise OutboxError(f"No kind of message is named {kind!r}.")
        recipient = parse_address(to)
        known = self.kinds[kind]
        now = self.clock()
        author = parse_address(sender) if sender else self.author(known)
        message = OutboxMessage(
            kind=kind,
            lane=known.lane,
            recipient=recipient.mailbox,
            recipient_key=recipient.key,
            locale=locale,
            arguments=_serialisable(arguments or {}),
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
        reply_to: AddressLike | None = None,
        attachments: Sequence[Attachment | tuple[str | None, str | None, bytes]] = (),
        session: Session | None = None,
    ) -> int:
        """Write a finished message to the outbox and return its number at once.

        With `session`, or inside a write transaction of the application, it shares that
        transaction's fate; otherwise it is committed here. An attachment is an Attachment or a
        (file name, content type, data) triple.

        Raises OutboxError without recipients, AddressError and BadHeaderError as Email does.
        """
        email = Email(
            subject=subject,
            text=text_body,
            html=html_body,
            to=parse_addresses(recipients),
            sender=parse_address(sender or self.sender),
            cc=parse_addresses(cc),
            bcc=parse_addresses(bcc),
            reply_to=parse_address(reply_to) if reply_to else None,
            attachments=tuple(_attachment(one) for one in attachments),
        )
        self._refuse_unsendable(email)
        shared = session or self._current()
        with nullcontext(shared) if shared else self.sessions() as writing:
            message = self.post(
                writing,
                READY,
                email.recipients[0],
                arguments=_ready_arguments(email),
                sender=email.sender,
            )
            number = message.id
            if not shared:
                writing.commit()
        return number

    def _refuse_unsendable(self, email: Email) -> None:
        if not email.recipients:
            raise OutboxError("The message has no recipients.")
        size = email.size_estimate()
        if size > self.maximum_bytes:
            raise OutboxError(
                f"The message would have about {size} bytes; at most {self.maximum_bytes} may be"
                " sent (MAIL_MAX_BYTES)."
            )

    def _ring_after_commit(self, session: Session, number: int) -> None:
        session.info.setdefault(_RUNG, []).append(number)
        if not event.contains(session, "after_commit", self._committed):
            event.listen(session, "after_commit", self._committed)
            event.listen(session, "after_rollback", self._rolled_back)

    def _committed(self, session: Session) -> None:
        numbers = session.info.pop(_RUNG, [])
        if numbers:
            self.bell.ring(numbers)

    @staticmethod
    def _rolled_back(session: Session) -> None:
        session.info.pop(_RUNG, None)


def _serialisable(arguments: Mapping[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(arguments, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise OutboxError(f"The arguments cannot be kept as JSON: {error}") from None
    return dict(arguments)


def _attachment(one: Attachment | tuple[str | None, str | None, bytes]) -> Attachment:
    if isinstance(one, Attachment):
        return one
    filename, content_type, data = one
    return Attachment.of(filename, data, content_type)


def _ready_arguments(email: Email) -> dict[str, Any]:
    return {
        "subject": email.subject,
        "text": email.text,
        "html": email.html,
        "sender": _parts(email.sender),
        "to": [_parts(one) for one in email.to],
        "cc": [_parts(one) for one in email.cc],
        "bcc": [_parts(one) for one in email.bcc],
        "reply_to": _parts(email.reply_to),
        "attachments": [
            {
                "filename": one.filename,
                "content_type": one.content_type,
                "data": base64.b64encode(one.data).decode(),
                "disposition": one.disposition,
                "headers": dict(one.headers),
            }
            for one in email.attachments
        ],
    }


def _parts(address: Address | None) -> list[str] | None:
    return [address.name, address.local, address.domain] if address else None


def _address(parts: list[str] | None) -> Address | None:
    # Read when it was posted, so it need not be read again.
    return Address(*parts) if parts else None


def _compose_ready(_session: Session, intent: Intent) -> Email | Discard:
    written = intent.arguments
    return Email(
        subject=written["subject"],
        text=written["text"],
        html=written["html"],
        sender=_address(written["sender"]),
        to=tuple(Address(*one) for one in written["to"]),
        cc=tuple(Address(*one) for one in written["cc"]),
        bcc=tuple(Address(*one) for one in written["bcc"]),
        reply_to=_address(written["reply_to"]),
        attachments=tuple(
            Attachment(**{**one, "data": base64.b64decode(one["data"])})
            for one in written["attachments"]
        ),
    )
