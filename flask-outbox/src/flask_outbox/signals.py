"""Signals (blinker) that tell an application what becomes of its mail.

    from flask_outbox import MessageEvent, message_failed

    @message_failed.connect_via(app)
    def tell_somebody(app: Flask, event: MessageEvent, **_: object) -> None:
        app.logger.warning("Message %s: %s", event.id, event.answer)

The sender is the Flask application, or the Outbox where it belongs to none. `message_enqueued` is
sent in the process that enqueued, after its commit; the others in the process that delivers, once
the outcome is in the database, in the application's context. Of what came back, `recipient` is the
address that it was about, and `answer` has the words. No event has the text of a message.

A handler runs in the thread that delivers, which delivers nothing meanwhile: hand on what takes
long. One that raises is logged, and neither the message nor other handlers suffer. A handler of
`message_enqueued` needs a session of its own: the one that was just committed is not ready yet.
`unsubscribed` and `resubscribed` are sent in the request that does it, after its commit; the first
also in the process that delivers, where a provider tells so.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from blinker import NamedSignal, Namespace

logger = logging.getLogger(__name__)

_signals = Namespace()


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """What a signal tells of a message.

    `id` is its row, `type` the name of its email type, `recipient` the address that it was enqueued
    for. `status` and `answer` are those of the row; `attempt` counts from 1, and is 0 before.
    """

    id: int
    type: str
    recipient: str
    status: str
    answer: str | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class SubscriptionEvent:
    """What a signal tells of somebody who ended mail of a list, or wants it again.

    `address_key` is the key of their address, as `address_key` makes it. `list` is the name of the
    list, and empty for all of them.
    """

    address_key: str
    list: str


message_enqueued = _signals.signal("message-enqueued", doc="A message was committed to the outbox.")
message_sent = _signals.signal("message-sent", doc="The mail server accepted a message.")
message_deferred = _signals.signal(
    "message-deferred", doc="A message was tried, and will be tried again."
)
message_failed = _signals.signal(
    "message-failed", doc="A message ended without being sent: its status is dead or unknown."
)
message_discarded = _signals.signal(
    "message-discarded", doc="The composer found that there is nothing to send, or a limit did."
)
message_expired = _signals.signal(
    "message-expired", doc="The lifetime of a message ended before it could leave."
)
message_suppressed = _signals.signal(
    "message-suppressed",
    doc="A message was not sent, since its address is suppressed, or unsubscribed from its list.",
)
message_delivered = _signals.signal(
    "message-delivered", doc="The recipient's server said that a message arrived."
)
message_bounced = _signals.signal(
    "message-bounced", doc="A message that the mail server had accepted came back."
)
message_complained = _signals.signal(
    "message-complained", doc="The recipient of a message reported it as spam."
)

unsubscribed = _signals.signal("unsubscribed", doc="Somebody ended mail of a list by its link.")
resubscribed = _signals.signal("resubscribed", doc="Somebody took that back, on the same page.")


def announce(signal: NamedSignal, sender: object, event: MessageEvent | SubscriptionEvent) -> None:
    """Send a signal; a receiver that raises is logged."""
    if not signal.receivers:
        return
    for receiver in signal.receivers_for(sender):
        try:
            receiver(sender, event=event)
        except Exception:
            logger.exception("A receiver of the signal %s failed", signal.name)
