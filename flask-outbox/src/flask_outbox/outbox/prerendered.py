"""Finished messages: the email type whose arguments contain the message itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from flask_outbox.message.addresses import Address, AddressLike
from flask_outbox.message.email import Attachment, Email
from flask_outbox.outbox.email_types import ComposeContext, EmailType
from flask_outbox.outbox.validation import OutboxError, as_text

PRERENDERED = "mail.ready"

_FLASK_MAIL_NAMES = {
    "body": "text_body",
    "html": "html_body",
    "extra_headers": "headers",
    "alts": "alternatives",
}
_NAMES = {*_FLASK_MAIL_NAMES.values(), "cc", "bcc", "reply_to", "attachments"}


def prerendered_type() -> EmailType:
    """The type of messages from `send_email`."""
    return EmailType(PRERENDERED, _compose, automatic=False)


def finished_email(
    subject: Any, sender: AddressLike | None, recipients: Any, **given: Any
) -> Email:
    """The email that the arguments of `send_email` describe.

    Raises TypeError for unknown names, OutboxError for what is missing or given twice, and what
    Email raises.
    """
    parts = _own_names(given)
    text = parts.pop("text_body")
    if text is None:
        raise OutboxError(
            "The message has no text: give text_body, beside HTML as well, since many people read"
            " it and filters distrust HTML alone."
        )
    html = parts.pop("html_body")
    return Email(
        subject=as_text("subject", subject),
        text=as_text("text", text),
        html=None if html is None else as_text("HTML", html),
        to=recipients,
        sender=sender,
        cc=parts["cc"] or (),
        bcc=parts["bcc"] or (),
        reply_to=parts["reply_to"],
        attachments=parts["attachments"] or (),
        headers=parts["headers"] or {},
        alternatives=dict(parts["alternatives"] or {}),
    )


def _own_names(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments under our names where they have Flask-Mail's."""
    for other, own in _FLASK_MAIL_NAMES.items():
        if given.get(other) is not None:
            if given.get(own) is not None:
                raise OutboxError(f"send_email takes {own} or {other}, and was given both.")
            given[own] = given[other]
        given.pop(other, None)
    if "sync" in given:
        raise TypeError(
            "send_email needs no sync: the message is safe when it returns. To send it over the"
            " network now, use mail.send."
        )
    for name in given.keys() - _NAMES:
        raise TypeError(f"send_email takes no argument {name!r}.")
    return given


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
        "reply_to": [_parts(one) for one in email.reply_to],
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
    return read_prerendered(context.arguments)


def has_several_recipients(written: Mapping[str, Any]) -> bool:
    """Whether the message that `prerendered_arguments` wrote is for more than one address."""
    return sum(len(written.get(name) or ()) for name in ("to", "cc", "bcc")) > 1


def read_prerendered(written: Mapping[str, Any]) -> Email:
    """The message that `prerendered_arguments` wrote."""
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
