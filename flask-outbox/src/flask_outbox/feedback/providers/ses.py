"""Webhooks of Amazon SES, which come as messages of Amazon SNS.

Source: Amazon SES Developer Guide, "Contents of event data that Amazon SES publishes to Amazon SNS"
and "Contents of notifications". Amazon replaces the Message-ID; the headers of the message as we
sent it come along where "include original headers" is on, and with event publishing always.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import Any

from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import NotUnderstoodError, ProviderEvent
from flask_outbox.feedback.providers import sns
from flask_outbox.feedback.providers.evidence import Identity, Judged, judge
from flask_outbox.feedback.providers.sns import Certificates
from flask_outbox.feedback.webhooks import Webhook, json_object, objects_of, text_of, texts_of
from flask_outbox.message.return_path import TOKEN_HEADER

logger = logging.getLogger(__name__)

_IGNORED = {"Send", "Open", "Click"}

_SUPPRESSED = {"Suppressed", "OnAccountSuppressionList"}
"""Subtypes of what Amazon did not send, since its own lists hold the address."""

_SUBTYPES = {
    "MailboxFull": Meaning.FULL,
    "MessageTooLarge": Meaning.MESSAGE,
    "ContentRejected": Meaning.MESSAGE,
    "AttachmentRejected": Meaning.MESSAGE,
    "CustomTimeoutExceeded": Meaning.PATH,
}
"""Subtypes of bounces that say why; "General" and "NoEmail" do not."""

_NO_COMPLAINTS = {"not-spam", "auth-failure"}
"""Types of feedback without a reader who wants no such mail (RFC 5965, RFC 6591)."""


def authenticate(
    body: bytes, topics: Collection[str], *, now: float, certificates: Certificates
) -> Webhook | None:
    """Verify a message of one of the topics; None if it is no event. `now` is Unix time.

    A subscription to one of the topics is confirmed. Raises NotAuthenticError, and UnavailableError
    if Amazon cannot be asked now.
    """
    message = sns.authenticate(body, topics, now=now, certificates=certificates)
    if message.type == "Notification":
        return Webhook(message.message_id, body)
    if message.type == "SubscriptionConfirmation":
        sns.confirm(message, certificates.fetch)
        logger.info("Webhooks of the topic %s were subscribed to.", message.topic)
    else:
        logger.warning("Webhooks of the topic %s do not come any more.", message.topic)
    return None


def events(content: bytes) -> list[ProviderEvent]:
    """What a stored message says. Raises NotUnderstoodError."""
    message = json_object(content)
    found = json_object(text_of(message, "Message").encode(errors="replace"))
    name = text_of(found, "eventType") or text_of(found, "notificationType")
    if name in _IGNORED:
        return []
    if found is None or name not in _READERS:
        raise NotUnderstoodError("Amazon tells of an event that is not known.")
    identity = _identity(text_of(message, "MessageId"), found.get("mail"))
    judged = _READERS[name](found)
    return [identity.event(recipient, one) for recipient, one in judged]


_Judgements = list[tuple[str, Judged]]


def _bounce(found: dict[str, Any]) -> _Judgements:
    bounce = found.get("bounce")
    subtype = text_of(bounce, "bounceSubType")
    is_permanent = text_of(bounce, "bounceType") == "Permanent"

    def judged(one: dict[str, Any]) -> Judged:
        words = text_of(one, "diagnosticCode")
        if subtype in _SUPPRESSED:
            return Judged(Meaning.PROVIDER, text_of(one, "status"), words)
        return judge(
            text_of(one, "emailAddress"),
            words,
            status=text_of(one, "status"),
            said=_SUBTYPES.get(subtype, Meaning.AMBIGUOUS),
            is_permanent=is_permanent,
        )

    return _each(bounce, "bouncedRecipients", judged)


def _complaint(found: dict[str, Any]) -> _Judgements:
    complaint = found.get("complaint")
    if text_of(complaint, "complaintFeedbackType") in _NO_COMPLAINTS:
        return []
    is_suppressed = text_of(complaint, "complaintSubType") in _SUPPRESSED
    meaning = Meaning.PROVIDER if is_suppressed else Meaning.COMPLAINT
    words = text_of(complaint, "complaintFeedbackType")
    if len(objects_of(complaint, "complainedRecipients")) > 1 and not is_suppressed:
        # Amazon does not know which of them it was.
        meaning, words = Meaning.UNKNOWN, "One of several recipients complained."
    return _each(complaint, "complainedRecipients", lambda _: Judged(meaning, "", words))


def _delivery(found: dict[str, Any]) -> _Judgements:
    delivery = found.get("delivery")
    said = Judged(Meaning.DELIVERED, "", text_of(delivery, "smtpResponse"))
    return [(one, said) for one in texts_of(delivery, "recipients")]


def _delay(found: dict[str, Any]) -> _Judgements:
    def judged(one: dict[str, Any]) -> Judged:
        return Judged(Meaning.DELAYED, text_of(one, "status"), text_of(one, "diagnosticCode"))

    return _each(found.get("deliveryDelay"), "delayedRecipients", judged)


def _reject(found: dict[str, Any]) -> _Judgements:
    said = Judged(Meaning.MESSAGE, "", text_of(found.get("reject"), "reason"))
    return [(one, said) for one in texts_of(found.get("mail"), "destination")]


def _subscription(found: dict[str, Any]) -> _Judgements:
    """What a reader chose on Amazon's own page about lists."""
    subscription = found.get("subscription")
    chosen = subscription.get("newTopicPreferences") if isinstance(subscription, dict) else None
    if not isinstance(chosen, dict) or chosen.get("unsubscribeAll") is not True:
        return []
    said = Judged(Meaning.UNSUBSCRIBED, "", text_of(subscription, "source"))
    return [(one, said) for one in texts_of(found.get("mail"), "destination")]


_READERS: dict[str, Callable[[dict[str, Any]], _Judgements]] = {
    "Bounce": _bounce,
    "Complaint": _complaint,
    "Delivery": _delivery,
    "DeliveryDelay": _delay,
    "Reject": _reject,
    "Subscription": _subscription,
}


def _each(found: Any, name: str, judged: Callable[[dict[str, Any]], Judged]) -> _Judgements:
    return [(text_of(one, "emailAddress"), judged(one)) for one in objects_of(found, name)]


def _identity(event_id: str, mail: Any) -> Identity:
    """Which message it is about, by its headers as we sent them."""
    headers = {
        text_of(one, "name").lower(): text_of(one, "value") for one in objects_of(mail, "headers")
    }
    common = mail.get("commonHeaders") if isinstance(mail, dict) else None
    return Identity(
        event_id,
        token=headers.get(TOKEN_HEADER.lower(), ""),
        message_id=headers.get("message-id", "") or text_of(common, "messageId"),
    )
