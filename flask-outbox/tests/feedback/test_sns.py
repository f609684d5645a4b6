"""Messages of Amazon SNS are believed only of listed topics, signed by Amazon, within the hour."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from flask_outbox.feedback.providers import sns
from flask_outbox.feedback.providers.sns import (
    FETCH_PAUSE_SECONDS,
    OLDEST_SECONDS,
    SnsMessage,
    authenticate,
    confirm,
)
from flask_outbox.feedback.webhooks import NotAuthenticError, UnavailableError
from tests.feedback.amazon import (
    NOW,
    TOPIC,
    URL,
    Amazon,
    body,
    certificate_of,
    confirmation,
    new_key,
    notification,
    signature_of,
)
from tests.ports import HOST

EVENT = {"eventType": "Delivery"}


def verified(
    message: dict[str, str] | bytes, amazon: Amazon | None = None, *, topic: str = TOPIC
) -> SnsMessage:
    content = message if isinstance(message, bytes) else body(message)
    certificates = (amazon or Amazon()).certificates()
    return authenticate(content, {topic}, now=NOW, certificates=certificates)


def test_a_message_is_verified_as_amazon_signs_it() -> None:
    message = verified(notification(EVENT))

    assert (message.type, message.topic) == ("Notification", TOPIC)
    assert json.loads(message.fields["Message"]) == EVENT


def test_a_message_without_a_subject_is_verified() -> None:
    message = notification(EVENT)
    del message["Subject"]
    message["Signature"] = signature_of(message)

    assert verified(message).message_id == message["MessageId"]


def test_text_of_any_language_is_verified() -> None:
    message = notification(EVENT, Message='{"subject": "Zustellung fehlgeschlagen – 退信"}')

    assert "退信" in verified(message).fields["Message"]


@pytest.mark.parametrize("name", ["Message", "MessageId", "Subject", "Timestamp", "Type"])
def test_what_was_changed_is_not_believed(name: str) -> None:
    message = notification(EVENT)
    message[name] = {
        "Timestamp": message["Timestamp"].replace("000Z", "001Z"),
        "Type": "SubscriptionConfirmation",
    }.get(name, "changed")

    with pytest.raises(NotAuthenticError):
        verified(message)


def test_a_removed_subject_is_noticed() -> None:
    message = notification(EVENT)
    del message["Subject"]

    with pytest.raises(NotAuthenticError, match="signature is wrong"):
        verified(message)


def test_a_topic_that_is_not_listed_is_not_believed_though_amazon_signed_it() -> None:
    amazon = Amazon()
    theirs = "arn:aws:sns:eu-west-1:999999999999:mail-events"

    with pytest.raises(NotAuthenticError, match="no topic in MAIL_WEBHOOK_SES_TOPICS"):
        verified(notification(EVENT, TopicArn=theirs), amazon)
    assert amazon.visited == []


def test_only_the_second_version_of_signatures_is_believed() -> None:
    with pytest.raises(NotAuthenticError, match="SignatureVersion must be 2"):
        verified(notification(EVENT, SignatureVersion="1"))


@pytest.mark.parametrize("seconds", [-OLDEST_SECONDS - 1, OLDEST_SECONDS + 1])
def test_what_is_older_than_an_hour_is_not_believed(seconds: float) -> None:
    with pytest.raises(NotAuthenticError, match="older than an hour"):
        verified(notification(EVENT, at=NOW + seconds))


def test_what_is_nearly_an_hour_old_is_believed() -> None:
    assert verified(notification(EVENT, at=NOW - OLDEST_SECONDS + 1)).topic == TOPIC


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
        "https://user@sns.eu-west-1.amazonaws.com/a.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.pem?redirect=1",
        "https://sns.eu-west-1.amazonaws.com/../a.pem",
        "https://sns.eu-west-1.amazonaws.com/a.txt",
        "https://sns.eu-west-1.amazonaws.com/a.pem\n",
        "https://sns.eu-west-1.amazonaws.com.cn/a.pem",
        "https://sns.us-east-1.amazonaws.com/a.pem",
        "https://bucket.s3.amazonaws.com/a.pem",
        # Files of whoever owns the bucket "sns".
        "https://sns.s3-us-west-2.amazonaws.com/a.pem",
        "https://sns.s3-accelerate.amazonaws.com/a.pem",
        "https://sns.amazonaws.com/a.pem",
        "https://[::1/a.pem",
        "//sns.eu-west-1.amazonaws.com/a.pem",
        "",
    ],
)
def test_certificates_come_from_amazon_alone(url: str) -> None:
    amazon = Amazon()

    with pytest.raises(NotAuthenticError, match="not Amazon's"):
        verified(notification(EVENT, SigningCertURL=url), amazon)
    assert amazon.visited == []


@pytest.mark.parametrize(
    ("topic", "host"),
    [
        ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:a", "sns.us-gov-west-1.amazonaws.com"),
        ("arn:aws-cn:sns:cn-north-1:123456789012:a", "sns.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_certificates_come_from_the_region_of_the_topic(topic: str, host: str) -> None:
    url = f"https://{host}/SimpleNotificationService-0123.pem"
    amazon = Amazon(pages={url: certificate_of(new_key())})
    message = notification(EVENT, SigningCertURL=url, TopicArn=topic)

    assert verified(message, amazon, topic=topic).topic == topic


def test_the_signature_of_another_key_is_not_believed() -> None:
    message = notification(EVENT)
    message["Signature"] = signature_of(message, key=new_key("somebody"))

    with pytest.raises(NotAuthenticError, match="signature is wrong"):
        verified(message)


@pytest.mark.parametrize("signature", ["", "====", "not base64!", "AAAA", "é"])
def test_what_is_no_signature_is_not_believed(signature: str) -> None:
    with pytest.raises(NotAuthenticError, match="signature is wrong"):
        verified({**notification(EVENT), "Signature": signature})


def test_an_expired_certificate_is_not_believed() -> None:
    amazon = Amazon(pages={URL: certificate_of(new_key(), days=-1)})

    with pytest.raises(NotAuthenticError, match="expired"):
        verified(notification(EVENT), amazon)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"TopicArn": ["%s"]}' % TOPIC.encode(),
        b'{"TopicArn": "%s"}' % TOPIC.encode(),
        b'{"a": %s}' % (b"9" * 100_000),
    ],
)
def test_nonsense_is_not_believed(content: bytes) -> None:
    with pytest.raises(NotAuthenticError):
        verified(content)


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "SigningCertURL"])
@pytest.mark.parametrize("value", [None, 7, ["x"], {"a": "b"}])
def test_a_field_that_is_no_text_is_not_believed(name: str, value: Any) -> None:
    with pytest.raises(NotAuthenticError):
        verified(body({**notification(EVENT), name: value}))


def test_surrogates_are_not_believed_and_do_no_harm() -> None:
    with pytest.raises(NotAuthenticError, match="signature is wrong"):
        verified(body({**notification(EVENT), "Message": "\ud800"}))


def test_a_certificate_is_fetched_once() -> None:
    amazon = Amazon()
    certificates = amazon.certificates()

    for _ in range(3):
        authenticate(body(notification(EVENT)), {TOPIC}, now=NOW, certificates=certificates)

    assert amazon.visited == [URL]


def test_after_a_certificate_that_cannot_be_had_others_wait() -> None:
    now = [0.0]
    amazon = Amazon(away=True)
    certificates = amazon.certificates(lambda: now[0])

    for number in range(5):
        url = f"https://sns.eu-west-1.amazonaws.com/{number}.pem"
        with pytest.raises(UnavailableError):
            certificates.get(url)
    assert len(amazon.visited) == 1

    amazon.away, now[0] = False, FETCH_PAUSE_SECONDS + 1
    certificates.get(URL)
    assert len(amazon.visited) == 2


def test_one_certificate_is_fetched_at_a_time() -> None:
    asked, answer = threading.Event(), threading.Event()
    amazon = Amazon()

    def slowly(url: str) -> bytes:
        asked.set()
        assert answer.wait(10)
        return amazon.fetch(url)

    certificates = sns.Certificates(slowly, lambda: NOW)
    first = threading.Thread(target=certificates.get, args=(URL,))
    first.start()
    assert asked.wait(10)
    with pytest.raises(UnavailableError, match="being fetched"):
        certificates.get("https://sns.eu-west-1.amazonaws.com/other.pem")
    answer.set()
    first.join(10)

    certificates.get(URL)
    assert amazon.visited == [URL]


def test_what_is_no_certificate_is_asked_for_again_later() -> None:
    now = [0.0]
    amazon = Amazon(pages={URL: b"<html>Sorry</html>"})
    certificates = amazon.certificates(lambda: now[0])

    with pytest.raises(UnavailableError, match="cannot be had"):
        certificates.get(URL)
    amazon.pages[URL] = certificate_of(new_key())
    now[0] = FETCH_PAUSE_SECONDS + 1
    certificates.get(URL)


def test_a_subscription_is_confirmed_at_amazons_address() -> None:
    amazon = Amazon()
    message = verified(confirmation(), amazon)

    confirm(message, amazon.fetch)

    assert amazon.visited == [URL, message.fields["SubscribeURL"]]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/?Action=ConfirmSubscription&TopicArn=" + TOPIC,
        "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + TOPIC,
        "https://sns.s3-us-west-2.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + TOPIC,
        "https://[::1/?Action=ConfirmSubscription&TopicArn=" + TOPIC,
        "https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&TopicArn=" + TOPIC,
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=other",
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
    ],
)
def test_no_other_address_is_visited(url: str) -> None:
    amazon = Amazon()
    message = verified(confirmation(SubscribeURL=url), amazon)

    with pytest.raises(NotAuthenticError, match="SubscribeURL"):
        confirm(message, amazon.fetch)
    assert amazon.visited == [URL]


class Https:
    """A server with a certificate of the tests' own, at which an answer waits."""

    def __init__(self, context: ssl.SSLContext, answer: Callable[[Any], None]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer((HOST, 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_port}/a.pem?b=c"

    def __enter__(self) -> Https:
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A certificate authority of the tests' own, which Python trusts."""
    trustme = pytest.importorskip("trustme")
    made = trustme.CA()
    with made.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        yield made


@pytest.fixture
def context(authority: Any) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(made)
    return made


def test_a_page_is_fetched_over_verified_https(context: ssl.SSLContext) -> None:
    def answer(request: Any) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(request.path.encode())

    with Https(context, answer) as server:
        assert sns.fetch_over_https(server.url) == b"/a.pem?b=c"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_neither_a_redirect_nor_an_error_is_an_answer(context: ssl.SSLContext, status: int) -> None:
    def answer(request: Any) -> None:
        request.send_response(status)
        request.send_header("Location", "https://evil.example/")
        request.end_headers()

    with Https(context, answer) as server, pytest.raises(UnavailableError, match=str(status)):
        sns.fetch_over_https(server.url)


@pytest.mark.usefixtures("authority")
def test_a_certificate_of_somebody_else_is_refused() -> None:
    trustme = pytest.importorskip("trustme")
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(made)

    with Https(made, lambda _: None) as server, pytest.raises(UnavailableError, match="verify"):
        sns.fetch_over_https(server.url)
