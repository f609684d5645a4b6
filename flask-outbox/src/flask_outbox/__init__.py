"""Mail that arrives: a durable outbox, a dispatcher, and Flask-Mail's face over verified SMTP.

What needs an extra is imported where it is used, so that any Flask application can do without it.
"""

from __future__ import annotations

from flask_outbox.application import (
    current_outbox,
    email_from_templates,
    init_outbox,
    run_dispatcher,
    send_email,
)
from flask_outbox.extension import FlaskOutbox
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
from flask_outbox.message.templates import MissingExtraError
from flask_outbox.outbox.composers import TypedEmail
from flask_outbox.outbox.delivery_options import DeliveryOptions
from flask_outbox.outbox.email_types import ComposeContext, Discard, EmailType, Priority
from flask_outbox.outbox.limits import RecipientLimit
from flask_outbox.outbox.models import Model
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.rate_limits import parse_rate_limits
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.smtp.errors import SmtpError

__all__ = [
    "Address",
    "AddressError",
    "AddressLike",
    "Attachment",
    "BadHeaderError",
    "ComposeContext",
    "DeliveryOptions",
    "Discard",
    "Email",
    "EmailType",
    "FlaskOutbox",
    "Mail",
    "Message",
    "MissingExtraError",
    "Outbox",
    "OutboxError",
    "Priority",
    "RecipientLimit",
    "SmtpError",
    "TypedEmail",
    "address_key",
    "current_outbox",
    "email_from_templates",
    "init_outbox",
    "metadata",
    "parse_address",
    "parse_addresses",
    "parse_rate_limits",
    "run_dispatcher",
    "send_email",
    "smtp_server",
]

metadata = Model.metadata
"""The package's own tables: for `metadata.create_all`, or for an application's migrations."""
