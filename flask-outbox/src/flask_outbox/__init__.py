"""Mail that arrives: a durable outbox, a dispatcher, and Flask-Mail's face over verified SMTP.

Each name is imported when it is first used, and what needs an extra where it is used, so that any
Flask application can do without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from flask_outbox.message.email import Attachment, BadHeaderError, Email, EmailError
    from flask_outbox.message.templates import MissingExtraError
    from flask_outbox.outbox.composers import TypedEmail
    from flask_outbox.outbox.delivery_options import DeliveryOptions
    from flask_outbox.outbox.email_types import ComposeContext, Discard, EmailType, Priority
    from flask_outbox.outbox.limits import RecipientLimit
    from flask_outbox.outbox.models import metadata
    from flask_outbox.outbox.outbox import Outbox
    from flask_outbox.outbox.rate_limits import parse_rate_limits
    from flask_outbox.outbox.validation import OutboxError
    from flask_outbox.signals import (
        MessageEvent,
        message_deferred,
        message_discarded,
        message_enqueued,
        message_expired,
        message_failed,
        message_sent,
        message_suppressed,
    )
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
    "EmailError",
    "EmailType",
    "FlaskOutbox",
    "Mail",
    "Message",
    "MessageEvent",
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
    "message_deferred",
    "message_discarded",
    "message_enqueued",
    "message_expired",
    "message_failed",
    "message_sent",
    "message_suppressed",
    "metadata",
    "parse_address",
    "parse_addresses",
    "parse_rate_limits",
    "run_dispatcher",
    "send_email",
    "smtp_server",
]

_NAMES = {
    "application": (
        "current_outbox",
        "email_from_templates",
        "init_outbox",
        "run_dispatcher",
        "send_email",
    ),
    "extension": ("FlaskOutbox",),
    "flask_mail": (
        "Mail",
        "Message",
        "smtp_server",
    ),
    "message.addresses": (
        "Address",
        "AddressError",
        "AddressLike",
        "address_key",
        "parse_address",
        "parse_addresses",
    ),
    "message.email": (
        "Attachment",
        "BadHeaderError",
        "Email",
        "EmailError",
    ),
    "message.templates": ("MissingExtraError",),
    "outbox.composers": ("TypedEmail",),
    "outbox.delivery_options": ("DeliveryOptions",),
    "outbox.email_types": (
        "ComposeContext",
        "Discard",
        "EmailType",
        "Priority",
    ),
    "outbox.limits": ("RecipientLimit",),
    "outbox.models": ("metadata",),
    "outbox.outbox": ("Outbox",),
    "outbox.rate_limits": ("parse_rate_limits",),
    "outbox.validation": ("OutboxError",),
    "signals": (
        "MessageEvent",
        "message_deferred",
        "message_discarded",
        "message_enqueued",
        "message_expired",
        "message_failed",
        "message_sent",
        "message_suppressed",
    ),
    "smtp.errors": ("SmtpError",),
}
"""The modules that define the public names."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    # Commands and their completion load this package, and must not load SQLAlchemy for that.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
