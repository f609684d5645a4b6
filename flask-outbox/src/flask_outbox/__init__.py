"""Mail that arrives: a durable outbox, a dispatcher, and Flask-Mail's face over verified SMTP.

The package imports nothing else of this project, so another Flask application can use it as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from flask import Flask, current_app

from flask_outbox.delivery.process import EXTENSION, run_dispatcher
from flask_outbox.flask_mail import Mail, Message, smtp_server
from flask_outbox.message.addresses import (
    Address,
    AddressError,
    AddressLike,
    address_key,
    parse_address,
    parse_addresses,
)
from flask_outbox.message.email import Attachment, BadHeaderError, Email
from flask_outbox.message.templates import email_from_templates
from flask_outbox.outbox.email_types import Discard, Intent, Kind, Lane
from flask_outbox.outbox.models import Model
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.smtp.errors import SmtpError

__all__ = [
    "Address",
    "AddressError",
    "AddressLike",
    "Attachment",
    "BadHeaderError",
    "Discard",
    "Email",
    "Intent",
    "Kind",
    "Lane",
    "Mail",
    "Message",
    "Outbox",
    "OutboxError",
    "SmtpError",
    "address_key",
    "current_outbox",
    "email_from_templates",
    "init_outbox",
    "metadata",
    "parse_address",
    "parse_addresses",
    "run_dispatcher",
    "send_email",
    "smtp_server",
]

metadata = Model.metadata
"""The package's own tables: for `metadata.create_all`, or for an application's migrations."""


def init_outbox(app: Flask, made: Outbox) -> None:
    """Let `send_email` and `current_outbox()` of this application use this outbox."""
    app.extensions[EXTENSION] = made


def current_outbox() -> Outbox:
    """The outbox of the current application."""
    return cast(Outbox, current_app.extensions[EXTENSION])


def send_email(
    subject: str,
    sender: AddressLike | None,
    recipients: Sequence[AddressLike],
    text_body: str,
    html_body: str | None = None,
    **options: Any,
) -> int:
    """Write a finished message to the current application's outbox; it leaves in the background.

    `options` are `cc`, `bcc`, `reply_to`, `attachments` and `session`, as Outbox.send_email has
    them; returns the message's number and raises as it does.
    """
    return current_outbox().send_email(subject, sender, recipients, text_body, html_body, **options)
