"""What of an outbox only those who deliver need to know."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from flask_outbox.message.addresses import Address
from flask_outbox.message.return_path import ReturnPath
from flask_outbox.message.unsubscribe_links import UnsubscribeLinks
from flask_outbox.outbox.limits import RecipientLimit
from flask_outbox.outbox.rate_limits import RateLimits


@dataclass(frozen=True)
class DeliveryOptions:
    """How the messages of an outbox are delivered, by whatever process.

    `recipient_limit` limits what one address gets of types that strangers can trigger,
    `rate_limits` how many messages leave within a time. `resolve_locale` returns the language to
    compose in, for a message that was enqueued in one that composers may not know (any more), and
    `in_locale` makes it that of translations while a message is composed.
    `sign` is applied to every message before it leaves. With `redirect_to` all mail goes to these
    addresses instead of its recipients; limits and suppressions are still those of the recipients.
    With a `return_path`, each recipient gets a copy whose envelope sender tells which it is.
    `unsubscribe_links` are those in mail of lists, which cannot be sent without.
    """

    recipient_limit: RecipientLimit = field(default_factory=RecipientLimit)
    rate_limits: RateLimits = field(default_factory=RateLimits)
    resolve_locale: Callable[[str], str] = lambda locale: locale
    in_locale: Callable[[str], AbstractContextManager[object]] = nullcontext
    sign: Callable[[bytes], bytes] = lambda content: content
    redirect_to: tuple[Address, ...] = ()
    return_path: ReturnPath | None = None
    unsubscribe_links: UnsubscribeLinks | None = None
