"""Mail that arrives: a durable outbox, a dispatcher, and Flask-Mail's face over verified SMTP.

A message is a row in the application's own database, written in the transaction of its cause:

    from flask_outbox import Discard, Email, FlaskOutbox, Message, Priority

    db = SQLAlchemy(app)
    outbox = FlaskOutbox(app, db)

    @outbox.email("shop.confirmation", priority=Priority.HIGH, expires_after=timedelta(hours=4))
    def confirmation(session: Session, *, order_id: int) -> Email | Discard:
        order = session.get(Order, order_id)
        if order is None:
            return Discard("The order was withdrawn.")
        return Email("Your order", f"Thank you for ordering: {order.goods}\\n")

In a view, the first leaves with the commit, if there is one. The others join a transaction that has
written something, and are committed at once where there is none:

    outbox.enqueue(confirmation, to=order.address, order_id=order.id)
    db.session.commit()

    outbox.send(Message("Thank you", recipients=["susan@example.com"], body="Thank you."))
    outbox.send_email("Thank you", None, ["susan@example.com"], "Thank you.")

`flask outbox deliver`, or run_dispatcher(app), delivers them in a process of its own.

Where to look: FlaskOutbox for an application; Outbox beneath it, which needs no Flask; EmailType
for how a type is tried again and limited; Email, Attachment and email_from_templates for what
composers return; `message_sent` and the other signals for what became of a message, and
`unsubscribed` and `resubscribed` for what people did on the page of UnsubscribeLinks. Text is
UTF-8, times are Unix time or aware datetimes, durations seconds or timedeltas. AddressLike is an
address as applications write it: "susan@example.com", "Susan <susan@example.com>",
("Susan", "susan@example.com") or an Address. BadHeaderError is Flask-Mail's: a line break, or
something else that cannot be sent, in what becomes a header. FAST_RETRY and SLOW_RETRY are delays
for an EmailType. ACCEPTED are the statuses of what a server took. `metadata` holds the tables, for
migrations; see flask_outbox.schema.

Tests have flask_outbox.testing, workers on many machines flask_outbox.celery, operators
flask_outbox.dashboard and, in code of their own, flask_outbox.operations; developers
flask_outbox.dev, and command lines flask_outbox.cli. Pages for people and programs without an
account are in flask_outbox.public_pages. `database_errors`, `defaults` and `outage` are small and
public, too. Every other module is inner and may change.

Each name is imported when it is first used, and what needs an extra where it is used, so that any
Flask application can do without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_outbox.lazy_names import lazy_names

if TYPE_CHECKING:
    from flask_outbox.application import (
        current_outbox,
        email_from_templates,
        init_outbox,
        run_dispatcher,
        send_email,
    )
    from flask_outbox.configuration import return_path, signer
    from flask_outbox.delivery.server_settings import MailServer, mail_servers, smtp_server
    from flask_outbox.extension import FlaskOutbox
    from flask_outbox.extras import needs_extra
    from flask_outbox.flask_mail import Mail, Message
    from flask_outbox.message.addresses import (
        Address,
        AddressError,
        AddressLike,
        address_key,
        is_loopback,
        parse_address,
        parse_addresses,
        parse_domain,
    )
    from flask_outbox.message.email import Attachment, BadHeaderError, Email, EmailError
    from flask_outbox.message.return_path import ReturnPath
    from flask_outbox.message.templates import MissingExtraError
    from flask_outbox.message.unsubscribe_links import UnsubscribeLinks
    from flask_outbox.outbox.composers import TypedEmail
    from flask_outbox.outbox.delivery_options import DeliveryOptions
    from flask_outbox.outbox.email_types import (
        FAST_RETRY,
        SLOW_RETRY,
        ComposeContext,
        Discard,
        EmailType,
        Priority,
    )
    from flask_outbox.outbox.limits import RecipientLimit
    from flask_outbox.outbox.models import ACCEPTED, OutboxMessage, Status, metadata
    from flask_outbox.outbox.outbox import Outbox
    from flask_outbox.outbox.rate_limits import parse_rate_limits
    from flask_outbox.outbox.validation import OutboxError
    from flask_outbox.outbox.wakeup import SocketWakeup, choose_wakeup
    from flask_outbox.signals import (
        MessageEvent,
        SubscriptionEvent,
        message_bounced,
        message_complained,
        message_deferred,
        message_delivered,
        message_discarded,
        message_enqueued,
        message_expired,
        message_failed,
        message_sent,
        message_suppressed,
        resubscribed,
        unsubscribed,
    )
    from flask_outbox.smtp.errors import SmtpError
    from flask_outbox.smtp.oauth import check_token_server
    from flask_outbox.webhook_settings import webhook_secrets

__all__ = [
    "ACCEPTED",
    "FAST_RETRY",
    "SLOW_RETRY",
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
    "MailServer",
    "Message",
    "MessageEvent",
    "MissingExtraError",
    "Outbox",
    "OutboxError",
    "OutboxMessage",
    "Priority",
    "RecipientLimit",
    "ReturnPath",
    "SmtpError",
    "SocketWakeup",
    "Status",
    "SubscriptionEvent",
    "TypedEmail",
    "UnsubscribeLinks",
    "address_key",
    "check_token_server",
    "choose_wakeup",
    "current_outbox",
    "email_from_templates",
    "init_outbox",
    "is_loopback",
    "mail_servers",
    "message_bounced",
    "message_complained",
    "message_deferred",
    "message_delivered",
    "message_discarded",
    "message_enqueued",
    "message_expired",
    "message_failed",
    "message_sent",
    "message_suppressed",
    "metadata",
    "needs_extra",
    "parse_address",
    "parse_addresses",
    "parse_domain",
    "parse_rate_limits",
    "resubscribed",
    "return_path",
    "run_dispatcher",
    "send_email",
    "signer",
    "smtp_server",
    "unsubscribed",
    "webhook_secrets",
]

_NAMES = {
    "application": (
        "current_outbox",
        "email_from_templates",
        "init_outbox",
        "run_dispatcher",
        "send_email",
    ),
    "delivery.server_settings": (
        "MailServer",
        "mail_servers",
        "smtp_server",
    ),
    "configuration": ("return_path", "signer"),
    "extension": ("FlaskOutbox",),
    "extras": ("needs_extra",),
    "flask_mail": (
        "Mail",
        "Message",
    ),
    "message.addresses": (
        "Address",
        "AddressError",
        "AddressLike",
        "address_key",
        "is_loopback",
        "parse_address",
        "parse_addresses",
        "parse_domain",
    ),
    "message.email": (
        "Attachment",
        "BadHeaderError",
        "Email",
        "EmailError",
    ),
    "message.return_path": ("ReturnPath",),
    "message.templates": ("MissingExtraError",),
    "message.unsubscribe_links": ("UnsubscribeLinks",),
    "outbox.composers": ("TypedEmail",),
    "outbox.delivery_options": ("DeliveryOptions",),
    "outbox.email_types": (
        "ComposeContext",
        "Discard",
        "EmailType",
        "FAST_RETRY",
        "Priority",
        "SLOW_RETRY",
    ),
    "outbox.limits": ("RecipientLimit",),
    "outbox.models": ("ACCEPTED", "OutboxMessage", "Status", "metadata"),
    "outbox.outbox": ("Outbox",),
    "outbox.rate_limits": ("parse_rate_limits",),
    "outbox.validation": ("OutboxError",),
    "outbox.wakeup": ("SocketWakeup", "choose_wakeup"),
    "signals": (
        "MessageEvent",
        "SubscriptionEvent",
        "message_bounced",
        "message_complained",
        "message_deferred",
        "message_delivered",
        "message_discarded",
        "message_enqueued",
        "message_expired",
        "message_failed",
        "message_sent",
        "message_suppressed",
        "resubscribed",
        "unsubscribed",
    ),
    "smtp.errors": ("SmtpError",),
    "smtp.oauth": ("check_token_server",),
    "webhook_settings": ("webhook_secrets",),
}
"""The modules that define the public names."""

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
