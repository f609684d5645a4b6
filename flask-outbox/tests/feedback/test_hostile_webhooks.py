"""Whatever stands in a webhook: it is read, or for an operator, and every text fits its column."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from flask_outbox.feedback.provider_events import NotUnderstoodError
from flask_outbox.feedback.providers import EVENTS
from tests.feedback.amazon import ses_event
from tests.feedback.test_mailgun import event, failed
from tests.feedback.test_postmark import BOUNCE, CHANGE, DELIVERY

RECIPIENT = {"emailAddress": "a@example.org", "status": "5.1.1", "diagnosticCode": "smtp; 550 No"}

KNOWN: dict[str, list[dict[str, Any]]] = {
    "ses": [
        ses_event("Bounce", bounce={"bounceType": "Permanent", "bouncedRecipients": [RECIPIENT]}),
        ses_event("Complaint", complaint={"complainedRecipients": [RECIPIENT]}),
        ses_event("Delivery", delivery={"recipients": ["a@example.org"]}),
        ses_event("DeliveryDelay", deliveryDelay={"delayedRecipients": [RECIPIENT]}),
        ses_event("Subscription", subscription={"newTopicPreferences": {"unsubscribeAll": True}}),
    ],
    "postmark": [BOUNCE, DELIVERY, CHANGE],
    "mailgun": [
        {"signature": {"token": "x" * 50}, "event-data": data}
        for data in (event("delivered"), failed("permanent", 550, "5.1.1 No"), event("rejected"))
    ],
}

TEXTS = some.text(max_size=400) | some.sampled_from(["\0", "\ud800", "5.1.1", "x" * 5000, "a@b"])
VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | TEXTS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Each container in a value, with a key or an index in it."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@settings(max_examples=100, deadline=None)
@given(some.data(), some.just("19ba9823-d7f2") | TEXTS)
def test_any_value_anywhere_does_no_harm(data: some.DataObject, event_id: str) -> None:
    source = data.draw(some.sampled_from(sorted(KNOWN)))
    message = copy.deepcopy(data.draw(some.sampled_from(KNOWN[source])))
    for _ in range(data.draw(some.integers(1, 3))):
        container, key = data.draw(some.sampled_from(places(message)))
        container[key] = data.draw(VALUES)
    found = {"MessageId": event_id, "Message": json.dumps(message)} if source == "ses" else message

    with suppress(NotUnderstoodError):
        for one in EVENTS[source](json.dumps(found).encode()):
            assert len(one.event_id) <= 255
            assert len(one.recipient) <= 320
            assert len(one.code) <= 16
            assert len(one.message_id) <= 320
            texts = (one.event_id, one.recipient, one.code, one.words, one.token, one.message_id)
            assert all(text.isprintable() for text in texts)


@settings(max_examples=100, deadline=None)
@given(some.binary(max_size=300) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_for_an_operator(content: bytes) -> None:
    for read in EVENTS.values():
        with suppress(NotUnderstoodError):
            read(content)
