"""What a provider says about one recipient of a message, read from a webhook that was stored."""

from __future__ import annotations

from dataclasses import dataclass

from flask_outbox.feedback.meanings import Meaning


class NotUnderstoodError(ValueError):
    """A stored webhook that nobody understands; its text is for operators."""


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """What became of a message for one recipient, as a provider tells it.

    - `event_id` is that of the report, the same for all recipients of one event.
    - `recipient` is an address as the provider wrote it; empty where it names none.
    - `code` is an enhanced status code (RFC 3463) or empty, `words` are the server's or provider's.
    - `token` is that of the header `X-Outbox`, where the provider sends it back.
    - `message_id` is the Message-ID in angle brackets, or empty. As the provider proved who it is,
      it may be believed.

    Each text is one line that its column can hold.
    """

    event_id: str
    recipient: str
    meaning: Meaning
    code: str = ""
    words: str = ""
    token: str = ""
    message_id: str = ""
