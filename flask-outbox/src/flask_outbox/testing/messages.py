"""The messages of an outbox as values that tests compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from flask_outbox.message.addresses import AddressLike, parse_address
from flask_outbox.outbox.email_types import EmailType
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.outbox.prerendered import PRERENDERED


@dataclass(frozen=True)
class MessageRecord:
    """One message of the outbox, as it is now.

    - `id` is what `enqueue` returned, `type` the name of its email type.
    - `recipient` is the address that it was enqueued for, as a text, and `locale` its language.
    - `arguments` are those of the composer; of a finished message, its parts.
    - `subject` is known of finished messages only: others are composed when they leave.
    - `send_at` is the moment (UTC) before which it must not leave, if one was given.
    - `status` is "queued" or "deferred" while it waits, and else how it ended, such as "sent" or
      "discarded"; `answer` says why.
    """

    id: int
    type: str
    recipient: str
    locale: str
    arguments: Mapping[str, Any]
    send_at: datetime | None
    status: Status
    answer: str | None

    @property
    def subject(self) -> str | None:
        """The subject of a finished message; None of one that is composed when it leaves."""
        return self.arguments.get("subject") if self.type == PRERENDERED else None

    def is_to(self, address: AddressLike) -> bool:
        """Whether it goes to this address, whatever its case; also as a copy."""
        key = parse_address(address).key
        return key in {parse_address(one).key for one in [self.recipient, *self._others()]}

    def _others(self) -> list[str]:
        """The recipients of a finished message: its row names the first."""
        if self.type != PRERENDERED:
            return []
        fields = (self.arguments.get(field, ()) for field in ("to", "cc", "bcc"))
        return [f"{local}@{domain}" for field in fields for _name, local, domain in field]

    def has(self, arguments: Mapping[str, Any]) -> bool:
        """Whether these are among its arguments, as JSON stores them."""
        stored = json.loads(json.dumps(arguments))
        missing = object()
        return all(self.arguments.get(name, missing) == value for name, value in stored.items())

    def __str__(self) -> str:
        what = self.type if self.subject is None else repr(self.subject)
        later = f" at {self.send_at:%Y-%m-%d %H:%M:%S} UTC" if self.send_at else ""
        return f"{what} to {self.recipient}{later}{self._details()}"

    def _details(self) -> str:
        if self.subject is not None or not self.arguments:
            return ""
        return ": " + ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())


def read_messages(session: Session, *, waiting: bool) -> list[MessageRecord]:
    """The messages that wait, or those that have ended, in the order of their ids."""
    settled = OutboxMessage.settled_at
    found = session.execute(_RECORDS.where(settled.is_(None) if waiting else settled.is_not(None)))
    return [
        MessageRecord(
            **{**row, "status": Status(row["status"]), "send_at": _moment(row["send_at"])}
        )
        for row in found.mappings()
    ]


def type_name(email: EmailType | str) -> str:
    return email if isinstance(email, str) else email.name


_RECORDS: Select[Any] = select(
    OutboxMessage.id,
    OutboxMessage.kind.label("type"),
    OutboxMessage.recipient,
    OutboxMessage.locale,
    OutboxMessage.arguments,
    OutboxMessage.send_at,
    OutboxMessage.status,
    OutboxMessage.answer,
).order_by(OutboxMessage.id)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
