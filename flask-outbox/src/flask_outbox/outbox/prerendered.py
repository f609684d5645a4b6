"""Finished messages: the email type whose arguments contain the message itself."""

from __future__ import annotations

import base64
from typing import Any

from sqlalchemy.orm import Session

from flask_outbox.message.addresses import Address
from flask_outbox.message.email import Attachment, Email
from flask_outbox.outbox.email_types import ComposeContext, EmailType
from flask_outbox.outbox.validation import OutboxError

PRERENDERED = "mail.ready"

AttachmentLike = Attachment | tuple[str | None, str | None, bytes | str]
"""An attachment as applications write it: an Attachment, or (file name, content type, data), of
which the first two may be None."""


def prerendered_type() -> EmailType:
    """The type of messages from `send_email`."""
    return EmailType(PRERENDERED, _compose, automatic=False)


def read_attachment(one: AttachmentLike) -> Attachment:
    """The attachment. Raises OutboxError if it is none, and BadHeaderError as Attachment does."""
    if isinstance(one, Attachment):
        return one
    try:
        filename, content_type, data = one
    except (TypeError, ValueError):
        raise OutboxError(
            "An attachment is an Attachment, or (file name, content type, data)."
        ) from None
    if not isinstance(data, bytes | str):
        raise OutboxError(f"The data of {filename!r} are neither bytes nor text.")
    return Attachment.of(filename, data, content_type)


def prerendered_arguments(email: Email) -> dict[str, Any]:
    """The message as JSON can hold it."""
    return {
        "subject": email.subject,
        "text": email.text,
        "html": email.html,
        "sender": _parts(email.sender),
        "to": [_parts(one) for one in email.to],
        "cc": [_parts(one) for one in email.cc],
        "bcc": [_parts(one) for one in email.bcc],
        "reply_to": [_parts(one) for one in email.answers_to],
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
        "headers": dict(email.headers),
        "alternatives": dict(email.alternatives),
        "charset": email.charset,
        "ascii_attachments": email.ascii_attachments,
    }


def _parts(address: Address | None) -> list[str] | None:
    return [address.name, address.local, address.domain] if address else None


def _address(parts: list[str] | None) -> Address | None:
    # It was parsed when the message was enqueued, so it is not parsed again.
    return Address(*parts) if parts else None


def _addresses(written: Any) -> tuple[Address, ...]:
    """Addresses as they are stored; former versions stored one, or none."""
    if written and isinstance(written[0], str):
        written = [written]
    return tuple(Address(*one) for one in written or ())


def _compose(_session: Session, context: ComposeContext) -> Email:
    written = context.arguments
    return Email(
        subject=written["subject"],
        text=written["text"],
        html=written["html"],
        sender=_address(written["sender"]),
        to=tuple(Address(*one) for one in written["to"]),
        cc=tuple(Address(*one) for one in written["cc"]),
        bcc=tuple(Address(*one) for one in written["bcc"]),
        reply_to=_addresses(written["reply_to"]),
        attachments=tuple(
            Attachment(**{**one, "data": base64.b64decode(one["data"])})
            for one in written["attachments"]
        ),
        # Former versions stored none of these.
        headers=written.get("headers", {}),
        alternatives=written.get("alternatives", {}),
        charset=written.get("charset"),
        ascii_attachments=written.get("ascii_attachments", False),
    )
