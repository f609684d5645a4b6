"""A stand-in for Amazon SNS: it signs as Amazon documents, with a key of the tests' own."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from flask_outbox.feedback.providers.sns import Certificates
from flask_outbox.feedback.webhooks import UnavailableError

pytest.importorskip("cryptography", reason="needs cryptography")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

NOW = 1_790_000_000.0
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail-events"
URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"

NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION = (
    "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
)  # fmt: skip


@cache
def new_key(name: str = "Amazon") -> rsa.RSAPrivateKey:
    """A key, the same for the same name."""
    return rsa.generate_private_key(65537, 2048)


def certificate_of(key: Any, *, days: float = 30) -> bytes:
    """Its certificate in PEM, which is good for some days from NOW on, or was before."""
    now = datetime.fromtimestamp(NOW, UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
    )
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def signature_of(message: dict[str, str], *, key: Any = None, version: str = "2") -> str:
    """What Amazon signs: names and values, each with a line break."""
    names = NOTIFICATION if message["Type"] == "Notification" else CONFIRMATION
    signed = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    digest: Any = hashes.SHA256() if version == "2" else hashes.SHA1()
    made = (key or new_key()).sign(signed.encode(), padding.PKCS1v15(), digest)
    return base64.b64encode(made).decode()


def notification(event: Any, *, at: float = NOW, **other: str) -> dict[str, str]:
    """A signed message with an event of SES; `other` fields are signed, too."""
    message = {
        "Type": "Notification",
        "MessageId": "19ba9823-d7f2-53c1-860e-cb10e0d13dfc",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": json.dumps(event) + "\n",
        "Timestamp": moment(at),
        "SignatureVersion": "2",
        "SigningCertURL": URL,
        "UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
        **other,
    }
    message["Signature"] = signature_of(message, version=message["SignatureVersion"])
    return message


def confirmation(*, type: str = "SubscriptionConfirmation", **other: str) -> dict[str, str]:  # noqa: A002
    """A signed message that asks to confirm a subscription."""
    message = {
        "Type": type,
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": TOPIC,
        "Message": f"You have chosen to subscribe to the topic {TOPIC}.",
        "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
        f"&TopicArn={TOPIC}&Token=2336412f37",
        "Timestamp": moment(NOW),
        "SignatureVersion": "2",
        "SigningCertURL": URL,
        **other,
    }
    message["Signature"] = signature_of(message)
    return message


def moment(at: float) -> str:
    written = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")


def body(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


@dataclass
class Amazon:
    """What Amazon answers at its addresses, and which of them were visited."""

    pages: dict[str, bytes] = field(default_factory=lambda: {URL: certificate_of(new_key())})
    visited: list[str] = field(default_factory=list)
    away: bool = False

    def fetch(self, url: str) -> bytes:
        self.visited.append(url)
        if self.away:
            raise UnavailableError("sns.eu-west-1.amazonaws.com does not answer")
        if "Action=ConfirmSubscription" in url:
            return b"<ConfirmSubscriptionResponse/>"
        return self.pages[url]

    def certificates(self, clock: Callable[[], float] = lambda: NOW) -> Certificates:
        return Certificates(self.fetch, clock)


def ses_event(kind: str, **parts: Any) -> dict[str, Any]:
    """An event as SES publishes it, with the headers of the message as we sent it."""
    return {
        "eventType": kind,
        "mail": {
            "timestamp": "2026-09-21T13:33:20.000Z",
            "source": "bounces@example.com",
            "messageId": "0102018f-0000-0000-0000-000000000000-000000",
            "destination": ["jane@example.org"],
            "headersTruncated": False,
            "headers": [
                {"name": "From", "value": "Shop <shop@example.com>"},
                {"name": "Message-ID", "value": "<1.2@example.com>"},
                {"name": "X-Outbox", "value": "abcdefghijklmnopqrstuvwxyz234567"},
            ],
            "commonHeaders": {"messageId": "<1.2@example.com>", "subject": "Your order"},
            "tags": {"ses:configuration-set": ["shop"]},
        },
        **parts,
    }
