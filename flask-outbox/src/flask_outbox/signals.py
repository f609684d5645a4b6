"""Signals (blinker) that tell an application what becomes of its mail.

    from flask_outbox import MessageEvent, message_failed

    @message_failed.connect_via(app)
    def tell_somebody(app: Flask, event: MessageEvent, **_: object) -> None:
        app.logger.warning("Message %s: %s", event.id, event.answer)

The sender is the Flask application, or the Outbox where it belongs to none. `message_enqueued` is
sent in the process that enqueued, after its commit; the others in the process that delivers, once
the outcome is in the database, in the application's context. No event has the text of a message.

A handler runs in the thread that delivers, which delivers nothing meanwhile: hand on what takes
long. One that raises is logged, and neither the message nor other handlers suffer. A handler of
`message_enqueued` needs a session of its own: the one that was just committed is not ready yet.
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
    "message-suppressed", doc="A message was not sent, since its address is suppressed."
)


def announce(signal: NamedSignal, sender: object, event: MessageEvent) -> None:
    """Send a signal; a receiver that raises is logged."""
    if not signal.receivers:
        return
    for receiver in signal.receivers_for(sender):
        try:
            receiver(sender, event=event)
        except Exception:
            logger.exception("A receiver of the signal %s failed", signal.name)
