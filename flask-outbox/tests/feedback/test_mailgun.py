"""What Mailgun tells, in the shapes that it documents."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest

from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import NotUnderstoodError, ProviderEvent
from flask_outbox.feedback.providers import EVENTS
from flask_outbox.feedback.providers.mailgun import VALID_SECONDS, authenticate
from flask_outbox.feedback.webhooks import NotAuthenticError, Webhook

NOW = 1_790_000_000.0
KEY = "a signing key of the tests"
TOKEN = "651869375b9df3c98fc15c4889b102119add1235c38fc92824"


def event(name: str, **other: Any) -> dict[str, Any]:
    return {
        "event": name,
        "id": "hTWCTD81RtiDN-",
        "timestamp": NOW,
        "recipient": "jane@example.org",
        "recipient-domain": "example.org",
        "message": {
            "headers": {
                "to": "jane@example.org",
                "message-id": "1.2@example.com",
                "from": "Shop <shop@example.com>",
                "subject": "Your order",
            },
            "size": 809,
        },
        "user-variables": {},
        "tags": [],
        **other,
    }


def signature(at: float = NOW, token: str = TOKEN, key: str = KEY) -> dict[str, str]:
    timestamp = str(int(at))
    mac = hmac.new(key.encode(), f"{timestamp}{token}".encode(), "sha256").hexdigest()
    return {"timestamp": timestamp, "token": token, "signature": mac}


def stored(data: Any, **other: Any) -> Webhook:
    found = {"signature": signature(), "event-data": data, **other}
    return authenticate(json.dumps(found).encode(), KEY, now=NOW)


def read(data: Any) -> list[ProviderEvent]:
    return EVENTS["mailgun"](stored(data).content)


def failed(severity: str, code: Any, message: str, **other: Any) -> dict[str, Any]:
    status = {"code": code, "message": message, "description": "", "attempt-no": 1}
    return event(
        "failed", severity=severity, **{"reason": "bounce", "delivery-status": status, **other}
    )


def test_a_webhook_is_stored_under_its_token_and_without_its_signature() -> None:
    webhook = stored(event("delivered"))

    assert (webhook.event_id, webhook.due_at) == (TOKEN, None)
    assert signature()["signature"].encode() not in webhook.content


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {},
        {**signature(), "token": TOKEN[:-1] + "0"},
        {**signature(), "timestamp": str(int(NOW) + 1)},
        {**signature(), "signature": "0" * 64},
        {**signature(), "signature": "é"},
        {**signature(), "signature": "\ud800"},
        {**signature(), "signature": ""},
        {**signature(), "signature": None},
        {**signature(), "timestamp": NOW},
        {**signature(), "timestamp": "²"},
        {**signature(), "timestamp": "9" * 400},
        {**signature(), "token": "\0" * 50},
        signature(token="short"),
        signature(key="another key of somebody"),
    ],
)
def test_what_is_not_signed_with_the_key_is_not_believed(wrong: Any) -> None:
    with pytest.raises(NotAuthenticError):
        stored(event("delivered"), signature=wrong)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"[" * 100_000, b"signature=x"])
def test_nonsense_is_not_believed(body: bytes) -> None:
    with pytest.raises(NotAuthenticError):
        authenticate(body, KEY, now=NOW)


@pytest.mark.parametrize("seconds", [-VALID_SECONDS - 1, VALID_SECONDS + 1])
def test_what_is_older_than_twelve_hours_is_not_believed(seconds: float) -> None:
    with pytest.raises(NotAuthenticError, match="twelve hours"):
        stored(event("delivered"), signature=signature(NOW + seconds))


def test_what_is_eight_hours_old_is_believed() -> None:
    stored(event("delivered"), signature=signature(NOW - 8 * 3600))


def test_the_token_of_what_does_not_matter_is_kept_while_it_is_good() -> None:
    assert stored(event("opened")).due_at == NOW + VALID_SECONDS
    assert read(event("opened")) == []


def test_a_bounce_names_its_message_and_its_recipient() -> None:
    words = "5.1.1 The email account that you tried to reach does not exist."
    assert read(failed("permanent", 550, words)) == [
        ProviderEvent(
            event_id=TOKEN,
            recipient="jane@example.org",
            meaning=Meaning.DEAD,
            code="5.1.1",
            words=f"550 {words}",
            message_id="<1.2@example.com>",
        )
    ]


@pytest.mark.parametrize(
    ("data", "meaning"),
    [
        (event("delivered", **{"delivery-status": {"code": 250}}), Meaning.DELIVERED),
        (event("complained"), Meaning.COMPLAINT),
        (event("unsubscribed"), Meaning.UNSUBSCRIBED),
        (event("rejected", reject={"reason": "Sandbox"}), Meaning.MESSAGE),
        (failed("temporary", 450, "4.2.1 Greylisted"), Meaning.DELAYED),
        (failed("temporary", 550, "5.1.1 No such user"), Meaning.DELAYED),
        # The server's words count more than Mailgun's severity.
        (failed("permanent", 550, "5.7.1 Blocked for spam"), Meaning.POLICY),
        (failed("permanent", 552, "5.2.2 Mailbox full"), Meaning.FULL),
        (failed("permanent", 498, "", reason="old"), Meaning.AMBIGUOUS),
        (failed("permanent", 550, "Requested action not taken"), Meaning.AMBIGUOUS),
        (failed("permanent", 605, "Not delivering", reason="suppress-bounce"), Meaning.PROVIDER),
        (failed("permanent", 607, "", reason="suppress-complaint"), Meaning.PROVIDER),
        (failed("permanent", 606, "", reason="suppress-unsubscribe"), Meaning.PROVIDER),
    ],
)
def test_what_each_event_means(data: dict[str, Any], meaning: Meaning) -> None:
    (found,) = read(data)
    assert (found.recipient, found.meaning) == ("jane@example.org", meaning)


@pytest.mark.parametrize("data", [None, [], "x", {}, {"event": 7}, {"event": "a new one"}])
def test_what_is_not_known_is_for_an_operator(data: Any) -> None:
    with pytest.raises(NotUnderstoodError):
        read(data)


@pytest.mark.parametrize("value", [None, 7, ["x"], {"code": {}}, {"headers": 7}, "\ud800\0"])
@pytest.mark.parametrize("name", ["recipient", "message", "delivery-status", "severity", "reason"])
def test_any_value_can_be_read(name: str, value: Any) -> None:
    assert len(read({**failed("permanent", 550, "5.1.1 No such user"), name: value})) == 1
