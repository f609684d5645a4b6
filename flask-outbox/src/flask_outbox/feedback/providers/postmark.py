"""Postmark's webhooks: signed by nobody, so they bring a user name and a password (RFC 7617).

Source: Postmark's developer documentation, "Webhooks overview", and "Bounce types". A message is
known by the metadata `outbox`, which a header of that mail asked for: Postmark replaces the
Message-ID.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import NotUnderstoodError, ProviderEvent
from flask_outbox.feedback.providers.evidence import Identity, Judged, judge
from flask_outbox.feedback.webhooks import NotAuthenticError, Webhook, json_object, text_of
from flask_outbox.message.return_path import POSTMARK_HEADER

_METADATA = POSTMARK_HEADER.removeprefix("X-PM-Metadata-").lower()

_IDENTITY = (
    "RecordType", "Type", "ID", "MessageID", "Email", "Recipient", "BouncedAt", "DeliveredAt",
    "ChangedAt", "ReceivedAt", "SuppressSending",
)  # fmt: skip
"""There is no id of an event: these tell one from another."""

_IGNORED = {"Open", "Click", "Inbound"}

_NO_BOUNCES = {
    "AutoResponder", "AddressChange", "Subscribe", "OpenRelayTest", "ChallengeVerification",
    "Unconfirmed",
}  # fmt: skip
"""Answers of people and machines, after which the mail may well have arrived."""

_TYPES = {
    "Transient": Meaning.DELAYED,
    "DnsError": Meaning.DELAYED,
    "Unsubscribe": Meaning.UNSUBSCRIBED,
    "SpamComplaint": Meaning.COMPLAINT,
    "ManuallyDeactivated": Meaning.PROVIDER,
    "SpamNotification": Meaning.POLICY,
    "Blocked": Meaning.POLICY,
    "DMARCPolicy": Meaning.POLICY,
    "VirusNotification": Meaning.MESSAGE,
    "SMTPApiError": Meaning.MESSAGE,
    "TemplateRenderingFailed": Meaning.MESSAGE,
}
"""Types of bounces that mean one thing, whatever the server said."""

_HARD = {"HardBounce", "BadEmailAddress"}


def authenticate(body: bytes, authorization: str, login: str) -> Webhook:
    """Verify the header Authorization of a webhook; `login` is "user:password".

    Raises NotAuthenticError.
    """
    check(authorization, login)
    found = json_object(body)
    if found is None:
        return Webhook(sha256(body).hexdigest(), body)
    # The returned message, which may have a link for its reader alone.
    found.pop("Content", None)
    parts = [found.get(name) for name in _IDENTITY]
    digest = sha256(json.dumps(parts).encode()).hexdigest()
    return Webhook(digest, json.dumps({**found, "EventID": digest}).encode())


def check(authorization: str, login: str) -> None:
    """Compare the header Authorization with "user:password". Raises NotAuthenticError."""
    scheme, _, encoded = authorization.strip().partition(" ")
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(given, login.encode()):
        raise NotAuthenticError("it does not bring the user name and the password")


def events(content: bytes) -> list[ProviderEvent]:
    """What a stored webhook says. Raises NotUnderstoodError."""
    found = json_object(content)
    if found is None:
        raise NotUnderstoodError("Postmark sent something that is not JSON.")
    name = text_of(found, "RecordType")
    if name in _IGNORED:
        return []
    if name not in _READERS:
        raise NotUnderstoodError("Postmark tells of an event that is not known.")
    recipient = text_of(found, "Email") or text_of(found, "Recipient")
    judged = _READERS[name](found, recipient)
    identity = Identity(text_of(found, "EventID"), _token(found.get("Metadata")))
    return [] if judged is None else [identity.event(recipient, judged)]


def _delivery(found: dict[str, Any], _recipient: str) -> Judged:
    return Judged(Meaning.DELIVERED, "", text_of(found, "Details"))


def _bounce(found: dict[str, Any], recipient: str) -> Judged | None:
    kind = text_of(found, "Type")
    words = text_of(found, "Details") or text_of(found, "Description")
    if kind in _NO_BOUNCES:
        return None
    said = Meaning.DEAD if kind in _HARD else Meaning.AMBIGUOUS
    judged = judge(recipient, words, said=said, is_permanent=kind in _HARD)
    return Judged(_TYPES.get(kind, judged.meaning), judged.code, judged.words)


def _complaint(found: dict[str, Any], _recipient: str) -> Judged:
    return Judged(Meaning.COMPLAINT, "", text_of(found, "Details"))


def _subscription(found: dict[str, Any], _recipient: str) -> Judged | None:
    """What the provider suppresses from now on; a bounce or a complaint has an event of its own."""
    reason = text_of(found, "SuppressionReason")
    if found.get("SuppressSending") is not True or reason in {"HardBounce", "SpamComplaint"}:
        return None
    is_reader = text_of(found, "Origin") == "Recipient"
    return Judged(Meaning.UNSUBSCRIBED if is_reader else Meaning.PROVIDER, "", reason)


_READERS: dict[str, Callable[[dict[str, Any], str], Judged | None]] = {
    "Delivery": _delivery,
    "Bounce": _bounce,
    "SpamComplaint": _complaint,
    "SubscriptionChange": _subscription,
}


def _token(metadata: Any) -> str:
    if not isinstance(metadata, dict):
        return ""
    return next((text_of(metadata, one) for one in metadata if one.lower() == _METADATA), "")
