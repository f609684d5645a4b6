"""The providers whose webhooks are understood; a report's `source` is one of their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask_outbox.feedback.provider_events import ProviderEvent
from flask_outbox.feedback.providers import mailgun, postmark, ses

EVENTS: Mapping[str, Callable[[bytes], list[ProviderEvent]]] = {
    "ses": ses.events,
    "postmark": postmark.events,
    "mailgun": mailgun.events,
}
"""Reads a stored report, by its source. Raises NotUnderstoodError.

The list is empty where it says nothing that matters, such as that a mail was opened.
"""
