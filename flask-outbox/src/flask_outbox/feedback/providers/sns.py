"""Messages of Amazon SNS: who signed them, and the confirmation of a subscription.

Source: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages". Amazon signs
what anybody publishes to a topic of their own: a signature is worth something only together with
the list of topics.
"""

from __future__ import annotations

import base64
import binascii
import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from flask_outbox.feedback.webhooks import NotAuthenticError, UnavailableError, json_object

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")

OLDEST_SECONDS = 3600.0
"""Amazon tries for no longer (its retry policy allows at most 3,600 s)."""

_CERTIFICATE = re.compile(r"https://[^/]+/[A-Za-z0-9_-]{1,128}\.pem")

_FETCH_SECONDS = 5.0
_FETCHED_BYTES = 64_000

FETCH_PAUSE_SECONDS = 10.0
"""After a certificate that could not be had, none is asked for: whoever knows the name of a topic
could otherwise have the site ask for one after another."""

_KEPT_CERTIFICATES = 16

_CONFIRMATION = (
    "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
)  # fmt: skip

_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}
"""The fields that are signed, in this order. Only Subject may be missing."""


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """A message that Amazon signed, of a topic that is listed."""

    type: str
    message_id: str
    topic: str
    fields: Mapping[str, str]


def authenticate(
    body: bytes, topics: Collection[str], *, now: float, certificates: Certificates
) -> SnsMessage:
    """Verify a message of a listed topic; `now` is Unix time.

    Raises NotAuthenticError, and UnavailableError if the certificate cannot be had now.
    """
    # First: everything else is true of anybody's topic as well. And before a body is parsed, which
    # may be large and anybody's.
    is_named = any(one.encode() in body for one in topics)
    fields = _texts(body) if is_named else {}
    topic = fields.get("TopicArn", "")
    if topic not in topics:
        raise NotAuthenticError(
            "it is of no topic in MAIL_WEBHOOK_SES_TOPICS, or of none at all: the subscription must"
            " not have raw message delivery"
        )
    if fields.get("SignatureVersion") != "2":
        raise NotAuthenticError("the topic's SignatureVersion must be 2")
    if abs(now - _moment(fields.get("Timestamp", ""))) > OLDEST_SECONDS:
        raise NotAuthenticError("it is older than an hour, or this machine's clock is wrong")
    names = _SIGNED.get(fields.get("Type", ""), ())
    if not names or any(name not in fields for name in names if name != "Subject"):
        raise NotAuthenticError("it lacks a field that is signed")
    signed = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    url = fields.get("SigningCertURL", "")
    if not (_is_amazons(url, topic) and _CERTIFICATE.fullmatch(url)):
        raise NotAuthenticError("its certificate is not Amazon's, of the topic's region")
    certificate = certificates.get(url)
    _verify(certificate, fields.get("Signature", ""), signed, now=now)
    return SnsMessage(fields["Type"], fields["MessageId"], topic, fields)


def confirm(message: SnsMessage, fetch: Callable[[str], bytes]) -> None:
    """Confirm the subscription to a topic by visiting Amazon's address for it.

    Raises NotAuthenticError if it is another address, and UnavailableError if it does not answer.
    """
    url = message.fields["SubscribeURL"]
    query = parse_qs(urlsplit(url).query) if _is_amazons(url, message.topic) else {}
    asked = query.get("Action"), query.get("TopicArn")
    if asked != (["ConfirmSubscription"], [message.topic]):
        raise NotAuthenticError("its SubscribeURL confirms no subscription to the topic")
    fetch(url)


def fetch_over_https(url: str) -> bytes:
    """What Amazon answers at an address of its own. Redirects are not followed.

    Raises UnavailableError.
    """
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection = HTTPSConnection(parts.netloc, timeout=_FETCH_SECONDS)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        content = response.read(_FETCHED_BYTES)
    except (OSError, HTTPException) as error:
        raise UnavailableError(f"{parts.netloc} does not answer: {error}") from None
    finally:
        connection.close()
    if response.status != 200:
        raise UnavailableError(f"{parts.netloc} answers {response.status}")
    return content


class Certificates:
    """Amazon's certificates, each fetched once. Thread-safe.

    One is fetched at a time, and whoever needs another meanwhile is told to come again: of the
    threads that serve pages, strangers can stop one.
    """

    def __init__(self, fetch: Callable[[str], bytes], clock: Callable[[], float]) -> None:
        self.fetch = fetch
        self._clock = clock
        self._kept: dict[str, Certificate] = {}
        self._fetching = threading.Lock()
        self._closed_until = 0.0

    def get(self, url: str) -> Certificate:
        """The certificate at an address, which must be Amazon's. Raises UnavailableError."""
        kept = self._kept.get(url)
        if kept is not None:
            return kept
        if self._clock() < self._closed_until or not self._fetching.acquire(blocking=False):
            raise UnavailableError("its certificate is being fetched, or could not be fetched")
        try:
            return self._fetched(url)
        finally:
            self._fetching.release()

    def _fetched(self, url: str) -> Certificate:
        # An extra, which needs its package only where messages of Amazon come in.
        from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

        try:
            certificate = load_pem_x509_certificate(self.fetch(url))
        except (UnavailableError, ValueError) as error:
            self._closed_until = self._clock() + FETCH_PAUSE_SECONDS
            raise UnavailableError(f"its certificate cannot be had: {error}") from None
        while len(self._kept) >= _KEPT_CERTIFICATES:
            del self._kept[next(iter(self._kept))]
        self._kept[url] = certificate
        return certificate


def _texts(body: bytes) -> dict[str, str]:
    found = json_object(body) or {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _moment(written: str) -> float:
    """Unix time; 0 for what is no moment."""
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _is_amazons(url: str, topic: str) -> bool:
    """Whether the address is that of SNS in a topic's region, over HTTPS, without port and user."""
    # Not in any region: what looks like one, as in sns.s3-us-west-2.amazonaws.com, may be the files
    # of whoever named them "sns".
    _, partition, _, region, _ = topic.split(":", 4)
    host = f"sns.{region}.amazonaws.com" + (".cn" if partition == "aws-cn" else "")
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    printable = url.isascii() and url.isprintable() and " " not in url
    return printable and parts.scheme == "https" and parts.netloc == host


def _verify(certificate: Certificate, signature: str, signed: str, *, now: float) -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

    moment = datetime.fromtimestamp(now, UTC)
    if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
        raise NotAuthenticError("its certificate has expired, or is not valid yet")
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey):
        raise NotAuthenticError("its certificate is not of an RSA key")
    try:
        key.verify(
            base64.b64decode(signature, validate=True),
            signed.encode(errors="surrogatepass"),
            PKCS1v15(),
            SHA256(),
        )
    except (InvalidSignature, binascii.Error, ValueError):
        raise NotAuthenticError("its signature is wrong") from None
