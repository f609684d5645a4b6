"""Mailgun's webhooks.

Source: Mailgun's documentation, "Securing Webhooks" and "Event structure". The signature covers a
time and a token, and not the event: whoever saw one could send another event with it. So a token is
good once, and for twelve hours.
"""

from __future__ import annotations

import hmac
import json
import re
from typing import Any

from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import NotUnderstoodError, ProviderEvent
from flask_outbox.feedback.providers.evidence import Identity, Judged, judge
from flask_outbox.feedback.webhooks import NotAuthenticError, Webhook, json_object, text_of

VALID_SECONDS = 12 * 3600.0
"""Mailgun tries for eight hours."""

IGNORED = {"accepted", "opened", "clicked", "stored", "list_member_uploaded", "list_uploaded"}

_MEANINGS = {
    "delivered": Meaning.DELIVERED,
    "complained": Meaning.COMPLAINT,
    "unsubscribed": Meaning.UNSUBSCRIBED,
}

_TOKEN = re.compile(r"[\x21-\x7e]{16,128}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")

_SUPPRESSED = "suppress-"
"""How the reason of a failure begins if Mailgun's own list holds the address."""


def authenticate(body: bytes, key: str, *, now: float) -> Webhook:
    """Verify a webhook with the account's signing key; `now` is Unix time.

    Raises NotAuthenticError.
    """
    found = json_object(body)
    signature = found.get("signature") if found else None
    token, timestamp = text_of(signature, "token"), text_of(signature, "timestamp")
    if not (found and _TOKEN.fullmatch(token) and _TIMESTAMP.fullmatch(timestamp)):
        raise NotAuthenticError("it has no signature")
    mac = hmac.digest(key.encode(), (timestamp + token).encode(), "sha256").hex()
    given = text_of(signature, "signature").encode(errors="replace")
    if not hmac.compare_digest(mac.encode(), given):
        raise NotAuthenticError("its signature is wrong: MAIL_WEBHOOK_MAILGUN_KEY may be another's")
    if abs(now - float(timestamp)) > VALID_SECONDS:
        raise NotAuthenticError("it is older than twelve hours, or this machine's clock is wrong")
    event = found.get("event-data")
    # Without the signature: it is good for twelve hours.
    kept = {"signature": {"token": token}, "event-data": event}
    # Of what is ignored, nothing but its report remembers that the token was used.
    is_ignored = text_of(event, "event") in IGNORED
    due_at = float(timestamp) + VALID_SECONDS if is_ignored else None
    return Webhook(token, json.dumps(kept).encode(), due_at)


def events(content: bytes) -> list[ProviderEvent]:
    """What a stored webhook says. Raises NotUnderstoodError."""
    found = json_object(content) or {}
    event = found.get("event-data")
    name = text_of(event, "event")
    if name in IGNORED:
        return []
    if not isinstance(event, dict) or name not in {*_MEANINGS, "failed", "rejected"}:
        raise NotUnderstoodError("Mailgun tells of an event that is not known.")
    recipient = text_of(event, "recipient")
    message = event.get("message")
    headers = message.get("headers") if isinstance(message, dict) else None
    identity = Identity(
        event_id=text_of(found.get("signature"), "token"),
        message_id=text_of(headers, "message-id"),
    )
    return [identity.event(recipient, _judged(event, name, recipient))]


def _judged(event: dict[str, Any], name: str, recipient: str) -> Judged:
    status = event.get("delivery-status")
    words = _words(status)
    if name == "rejected":
        reject = event.get("reject")
        return Judged(
            Meaning.MESSAGE, "", text_of(reject, "description") or text_of(reject, "reason")
        )
    if name != "failed":
        return Judged(_MEANINGS[name], text_of(status, "enhanced-code"), words)
    if text_of(event, "reason").startswith(_SUPPRESSED):
        return Judged(Meaning.PROVIDER, "", words)
    code = text_of(status, "enhanced-code")
    found = judge(recipient, words, status=code, said=Meaning.AMBIGUOUS, is_permanent=True)
    if text_of(event, "severity") == "temporary":
        return Judged(Meaning.DELAYED, found.code, found.words)
    return found


def _words(status: Any) -> str:
    """The server's answer: Mailgun gives its code and its words apart."""
    if not isinstance(status, dict):
        return ""
    words = text_of(status, "message") or text_of(status, "description")
    code = str(status.get("code") or "")
    # Its own codes are none that a server answers.
    is_reply = re.fullmatch(r"[245][0-5]\d", code) and not words.startswith(code)
    return f"{code} {words}" if is_reply else words
