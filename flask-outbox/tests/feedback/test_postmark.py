"""What Postmark tells, in the shapes that it documents."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import NotUnderstoodError, ProviderEvent
from flask_outbox.feedback.providers import EVENTS
from flask_outbox.feedback.providers.postmark import authenticate
from flask_outbox.feedback.webhooks import NotAuthenticError, Webhook

LOGIN = "postmark:a long password: with a colon"

BOUNCE = {
    "RecordType": "Bounce",
    "ID": 4323372036854775807,
    "Type": "HardBounce",
    "TypeCode": 1,
    "Name": "Hard bounce",
    "Tag": "order",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "ServerID": 23,
    "MessageStream": "outbound",
    "Description": "The server was unable to deliver your message (ex: unknown user).",
    "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
    "Email": "john@example.org",
    "From": "shop@example.com",
    "BouncedAt": "2026-11-05T16:33:54.9070259Z",
    "DumpAvailable": True,
    "Inactive": True,
    "CanActivate": True,
    "Subject": "Your order",
    "Content": "Return-Path: <>\r\n\r\nhttps://example.com/reset/secret",
    "Metadata": {"outbox": "abcdefghijklmnopqrstuvwxyz234567"},
}

DELIVERY = {
    "RecordType": "Delivery",
    "ServerID": 23,
    "MessageStream": "outbound",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Recipient": "john@example.org",
    "Tag": "order",
    "DeliveredAt": "2026-11-05T16:33:54.9070259Z",
    "Details": "smtp;250 2.0.0 OK",
    "Metadata": {"Outbox": "abcdefghijklmnopqrstuvwxyz234567"},
}

CHANGE = {
    "RecordType": "SubscriptionChange",
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "ServerID": 23,
    "MessageStream": "outbound",
    "ChangedAt": "2026-02-01T10:53:34.416071Z",
    "Recipient": "john@example.org",
    "Origin": "Recipient",
    "SuppressSending": True,
    "SuppressionReason": "ManualSuppression",
    "Metadata": {},
}


def basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


def stored(event: Any, authorization: str = basic(LOGIN)) -> Webhook:
    content = event if isinstance(event, bytes) else json.dumps(event).encode()
    return authenticate(content, authorization, LOGIN)


def read(event: Any) -> list[ProviderEvent]:
    return EVENTS["postmark"](stored(event).content)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic é",
        "Bearer " + basic(LOGIN).removeprefix("Basic "),
        basic("postmark:a wrong password"),
        basic("somebody:a long password: with a colon"),
        basic("postmark"),
        basic(LOGIN + "x"),
        LOGIN,
    ],
)
def test_without_the_login_nothing_is_believed(authorization: str) -> None:
    with pytest.raises(NotAuthenticError):
        stored(BOUNCE, authorization)


def test_the_name_of_the_scheme_may_be_in_any_case() -> None:
    stored(BOUNCE, basic(LOGIN).replace("Basic", "basic"))


def test_a_bounce_names_its_message_and_its_recipient() -> None:
    assert read(BOUNCE) == [
        ProviderEvent(
            event_id=stored(BOUNCE).event_id,
            recipient="john@example.org",
            meaning=Meaning.DEAD,
            code="5.1.1",
            words="550 5.1.1 The email account that you tried to reach does not exist.",
            token="abcdefghijklmnopqrstuvwxyz234567",
        )
    ]


def test_the_returned_message_is_not_stored() -> None:
    assert b"secret" not in stored(BOUNCE).content


def test_the_same_event_has_the_same_id_however_it_is_written() -> None:
    assert stored(BOUNCE).event_id == stored(dict(reversed(BOUNCE.items()))).event_id
    ids = {stored(one).event_id for one in (BOUNCE, DELIVERY, CHANGE)}
    for name, value in [("ID", 7), ("Type", "SoftBounce"), ("BouncedAt", "x"), ("Email", "y")]:
        ids.add(stored({**BOUNCE, name: value}).event_id)
    assert len(ids) == 7


@pytest.mark.parametrize(
    ("event", "meaning"),
    [
        (DELIVERY, Meaning.DELIVERED),
        # Postmark knows hard bounces from others, but the server's words count more.
        ({**BOUNCE, "Details": "smtp;550 Requested action not taken"}, Meaning.DEAD),
        ({**BOUNCE, "Details": "smtp;550 5.7.1 Message blocked as spam"}, Meaning.POLICY),
        ({**BOUNCE, "Details": "smtp;552 5.2.2 Mailbox full"}, Meaning.FULL),
        ({**BOUNCE, "Type": "BadEmailAddress", "Details": ""}, Meaning.DEAD),
        ({**BOUNCE, "Type": "SoftBounce"}, Meaning.AMBIGUOUS),
        ({**BOUNCE, "Type": "SoftBounce", "Details": "452 4.2.2 Mailbox full"}, Meaning.FULL),
        ({**BOUNCE, "Type": "Transient"}, Meaning.DELAYED),
        ({**BOUNCE, "Type": "DnsError"}, Meaning.DELAYED),
        ({**BOUNCE, "Type": "Blocked"}, Meaning.POLICY),
        ({**BOUNCE, "Type": "DMARCPolicy"}, Meaning.POLICY),
        ({**BOUNCE, "Type": "SpamNotification"}, Meaning.POLICY),
        ({**BOUNCE, "Type": "VirusNotification"}, Meaning.MESSAGE),
        ({**BOUNCE, "Type": "ManuallyDeactivated"}, Meaning.PROVIDER),
        ({**BOUNCE, "Type": "Unsubscribe"}, Meaning.UNSUBSCRIBED),
        ({**BOUNCE, "Type": "a new one"}, Meaning.AMBIGUOUS),
        ({**BOUNCE, "Type": "SpamComplaint"}, Meaning.COMPLAINT),
        ({**BOUNCE, "RecordType": "SpamComplaint"}, Meaning.COMPLAINT),
        (CHANGE, Meaning.UNSUBSCRIBED),
        ({**CHANGE, "Origin": "Customer"}, Meaning.PROVIDER),
    ],
)
def test_what_each_event_means(event: dict[str, Any], meaning: Meaning) -> None:
    (found,) = read(event)
    assert (found.recipient, found.meaning) == ("john@example.org", meaning)


@pytest.mark.parametrize(
    "event",
    [
        {"RecordType": "Open"},
        {"RecordType": "Click"},
        {**BOUNCE, "Type": "AutoResponder"},
        {**BOUNCE, "Type": "ChallengeVerification"},
        {**CHANGE, "SuppressSending": False},
        {**CHANGE, "SuppressionReason": "HardBounce"},
        {**CHANGE, "SuppressionReason": "SpamComplaint"},
    ],
)
def test_what_does_not_matter_says_nothing(event: dict[str, Any]) -> None:
    assert read(event) == []


@pytest.mark.parametrize("event", [b"", b"[]", b"[" * 100_000, {}, {"RecordType": ["Bounce"]}])
def test_what_is_not_understood_is_stored_for_an_operator(event: Any) -> None:
    assert stored(event).event_id == stored(event).event_id
    with pytest.raises(NotUnderstoodError):
        read(event)


@pytest.mark.parametrize("value", [None, 7, ["x"], {"a": "b"}, "\ud800\0"])
@pytest.mark.parametrize("name", ["Type", "Email", "Details", "Metadata", "ID", "MessageID"])
def test_any_value_can_be_read(name: str, value: Any) -> None:
    assert len(read({**BOUNCE, name: value})) == 1
