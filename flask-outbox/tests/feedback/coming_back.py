"""Messages that were sent, and what comes back about them, at any time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from flask import Flask
from sqlalchemy import select

from flask_outbox import EmailType, current_outbox, parse_address
from flask_outbox.feedback import providers
from flask_outbox.feedback.intake import store, store_message
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import NotUnderstoodError, ProviderEvent
from flask_outbox.feedback.working import work_off
from flask_outbox.message.email import Email
from flask_outbox.message.return_path import ReturnPath
from flask_outbox.message.unsubscribe_links import UnsubscribeLinks
from flask_outbox.outbox.models import MailEvent, MailReport, OptOut, OutboxMessage, Status
from flask_outbox.outbox.suppressions import suppression
from tests.application import db, transaction

PROVIDER = "tests"
"""The way in of a provider whose webhooks are plain: the fields of a ProviderEvent."""

SUSAN = "susan@example.com"
NOW = 1_800_000_000.0
RECEIPT, DIGEST = "tests.receipt", "tests.digest"


RETURN_PATH = ReturnPath(parse_address("bounces@example.com"), (b"a key of the tests",))
LINKS = UnsubscribeLinks("https://example.com/unsubscribe/", (b"another key of the tests",))


def read_events(content: bytes) -> list[ProviderEvent]:
    """The webhooks of PROVIDER."""
    told = json.loads(content)
    if not isinstance(told, list):
        raise NotUnderstoodError("It is no list.")
    return [ProviderEvent(**{**one, "meaning": Meaning(one["meaning"])}) for one in told]


def delivery_status(
    *,
    to: str = SUSAN,
    original: str = "",
    status: str = "5.1.1",
    words: str = "550 5.1.1 User unknown",
    returned: str = "",
    sender: str = "",
) -> bytes:
    """A report of failure (RFC 3464), as Postfix writes it; `returned` is the mail's header."""
    recipient = [
        *([f"Final-Recipient: rfc822; {to}"] if to else []),
        *([f"Original-Recipient: rfc822; {original}"] if original else []),
        "Action: failed",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {words}",
    ]
    parts = [
        ("text/plain", "This is the mail system at host mx.example.net. I'm sorry."),
        ("message/delivery-status", "\n".join(["Reporting-MTA: dns; mx.test", "", *recipient, ""])),
        ("text/rfc822-headers", f"{returned}\n"),
    ]
    lines = [
        f"Return-Path: <{sender}>",
        "From: MAILER-DAEMON@mx.example.net (Mail Delivery System)",
        "Subject: Undelivered Mail Returned to Sender",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="=="',
        "",
        *(f"--==\nContent-Type: {kind}\n\n{content}" for kind, content in parts),
        "--==--",
        "",
    ]
    return "\n".join(lines).encode()


@contextmanager
def known_provider() -> Iterator[None]:
    """Webhooks of PROVIDER are understood meanwhile."""
    assert isinstance(providers.EVENTS, dict)
    providers.EVENTS[PROVIDER] = read_events
    try:
        yield
    finally:
        del providers.EVENTS[PROVIDER]


@dataclass
class ComingBack:
    """An application's outbox, a clock, and what comes back."""

    app: Flask
    now: float = NOW
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        outbox = current_outbox()
        outbox.clock = lambda: self.now
        outbox.delivery = replace(outbox.delivery, return_path=RETURN_PATH, unsubscribe_links=LINKS)
        outbox.register(EmailType(RECEIPT, lambda *_: Email("Hm", "Hm.")))
        outbox.register(EmailType(DIGEST, lambda *_: Email("Hm", "Hm."), list="digest"))

    def sent(self, to: str = SUSAN, *, kind: str = RECEIPT, **values: Any) -> int:
        """Write a message that a server took just now; return its id."""
        with transaction() as writing:
            number = current_outbox().enqueue(writing, kind, to)
            message = writing.get(OutboxMessage, number)
            assert message is not None
            message.status, message.settled_at, message.created_at = Status.SENT, self.now, self.now
            for name, value in values.items():
                setattr(message, name, value)
        return number

    def told(
        self,
        number: int,
        meaning: Meaning,
        *,
        to: str = SUSAN,
        words: str = "550 Hm",
        event_id: str = "",
        **values: Any,
    ) -> None:
        """A webhook about a message comes in, and is not worked off yet."""
        message = db.session.get(OutboxMessage, number)
        one = {
            "event_id": event_id or f"event-{next(self.numbers)}",
            "recipient": to,
            "meaning": meaning,
            "words": words,
            "message_id": message.message_id if message is not None else f"<{number}@gone>",
        }
        self.webhook([one | values])

    def webhook(self, told: object) -> None:
        with transaction() as writing:
            content = json.dumps(told).encode()
            event_id = f"report-{next(self.numbers)}"
            store(writing, source=PROVIDER, event_id=event_id, content=content, now=self.now)

    def happens(self, number: int, meaning: Meaning, **values: Any) -> str:
        """A webhook about a message comes in, and is worked off; return the message's status."""
        self.told(number, meaning, **values)
        self.work_off()
        return self.status(number)

    def comes_in(self, content: bytes, envelope_recipient: str = "") -> None:
        """A message comes in by a pipe, and is worked off."""
        with transaction() as writing:
            store_message(
                writing,
                source="pipe",
                content=content,
                envelope_recipient=envelope_recipient,
                now=self.now,
            )
        self.work_off()

    def work_off(self) -> int:
        return work_off(current_outbox(), now=self.now)

    def status(self, number: int) -> str:
        message = db.session.get(OutboxMessage, number)
        assert message is not None
        return str(message.status)

    def events(self) -> list[MailEvent]:
        return list(db.session.scalars(select(MailEvent).order_by(MailEvent.id)))

    def reports(self) -> list[MailReport]:
        return list(db.session.scalars(select(MailReport).order_by(MailReport.id)))

    def is_suppressed(self, address: str = SUSAN) -> bool:
        return suppression(db.session, address, now=self.now) is not None

    def opt_outs(self, address: str = SUSAN) -> list[tuple[str, str, float | None]]:
        found = db.session.scalars(select(OptOut).where(OptOut.address_key == address))
        return [(one.list, one.reason, one.until) for one in found]
