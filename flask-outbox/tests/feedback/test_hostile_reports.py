"""Anybody can write a report: whatever it is, reading it ends soon and takes little memory."""

from __future__ import annotations

import codecs
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flask_outbox.feedback import findings
from flask_outbox.feedback.classification import Classified, classify
from flask_outbox.feedback.mime_parts import PARTS_MAXIMUM, read_parts
from flask_outbox.feedback.reports import (
    RECIPIENTS_MAXIMUM,
    TEXT_MAXIMUM,
    RecipientReport,
    Report,
    read_report,
)
from tests.bounded import comes_to_an_end
from tests.feedback.written_reports import block, notification, with_parts, written

LARGE = 25_000_000
MEMORY_MAXIMUM = 16 * 1024 * 1024
"""Bytes beyond the message itself: a few times of what is read of it."""

FROM_SERVER = b"From: MAILER-DAEMON@mx.example\nReturn-Path: <>\n"


def understood(content: bytes) -> Report:
    report = read_report(content)
    for one in report.recipients:
        classify(one, report.text)
    return report


def of_type(kind: bytes, content: bytes, encoding: bytes = b"8bit") -> bytes:
    return (
        FROM_SERVER
        + b"Content-Transfer-Encoding: %b\nContent-Type: %b\n\n" % (encoding, kind)
        + content
    )


def nested(depth: int) -> bytes:
    levels = (
        b"--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (level, level + 1)
        for level in range(depth)
    )
    return of_type(b"multipart/mixed; boundary=b0", b"".join(levels))


HOSTILE = {
    "25 MB of refusals": FROM_SERVER + b"\n" + b"550 5.1.1 user unknown <a@b.c> " * (LARGE // 31),
    "25 MB of one letter": FROM_SERVER + b"\n" + b"a" * LARGE,
    "25 MB of line ends": FROM_SERVER + b"\n" + b"\n" * LARGE,
    "25 MB of addresses": FROM_SERVER + b"\n" + b"a@" * (LARGE // 2),
    "25 MB of brackets": FROM_SERVER + b"\n" + (b"<" + b"@" * 639) * (LARGE // 640),
    "25 MB of header": b"A" * LARGE,
    "a million fields": b"".join(b"X-%d: y\n" % number for number in range(1_000_000)),
    "one field of a million lines": b"X: a\n" + b" b\n" * 1_000_000,
    "hosts": FROM_SERVER + b"\n550 " + b"a." * 500_000,
    "parts in parts": nested(20_000),
    "nothing but boundaries": of_type(b"multipart/mixed; boundary=b", b"--b\n" * 300_000),
    "nothing but blocks": of_type(b"message/delivery-status", b"a\n\n" * 300_000),
    "words about many": FROM_SERVER
    + b"\n"
    + b"".join(b"<a%d@b.c>: 550 no such user\n" % number for number in range(10_000)),
    "tags that never end": of_type(b"text/html", b"<style" * 200_000),
    "a letter with a long number": of_type(b"text/html", b"&#" + b"9" * 1_000_000),
    "IDNA": of_type(b"text/plain; charset=idna", b"xn--" + b"a" * 1_000_000),
    "Punycode": of_type(b"text/plain; charset=punycode", b"a" * 1_000_000 + b"-" + b"a" * 5000),
    "UTF-7": of_type(b"text/plain; charset=utf-7", b"+AAA-" * 200_000),
    "Base64": of_type(b"text/plain", b"QUJD" * 300_000, b"base64"),
    "quoted-printable": of_type(b"text/plain", b"=3D" * 300_000, b"quoted-printable"),
    "parameters": FROM_SERVER + b'Content-Type: multipart/report; a="\\"' * 10_000 + b"\n\nx",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_reading_ends_soon(name: str) -> None:
    assert comes_to_an_end(lambda: bool(understood(HOSTILE[name])))


@pytest.mark.parametrize("name", HOSTILE)
def test_reading_takes_little_memory(name: str) -> None:
    content = HOSTILE[name]
    tracemalloc.start()
    try:
        understood(content)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_MAXIMUM
    finally:
        tracemalloc.stop()


def test_no_name_of_a_charset_is_kept() -> None:
    """Python keeps what it looked for in vain, so of many mails each name would stay."""
    asked: list[str] = []
    search = asked.append
    codecs.register(search)
    try:
        understood(of_type(b"text/plain; charset=x-nobody-knows", b"550 5.1.1 user unknown"))
    finally:
        codecs.unregister(search)
    assert asked == []


def test_of_a_thousand_parts_some_are_read() -> None:
    content = with_parts(*["Content-Type: text/plain\n\n550 5.1.1 x@y.example\n"] * 1000)

    assert len(read_parts(content)[1]) == PARTS_MAXIMUM
    assert len(understood(content).recipients) == 1


def test_of_a_thousand_recipients_some_are_read() -> None:
    blocks = [block(f"susan{number}@example.com") for number in range(1000)]

    assert len(understood(notification(*blocks)).recipients) == RECIPIENTS_MAXIMUM


def test_of_many_recipients_not_each_costs_all_words(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []

    def noted(one: RecipientReport, text: str) -> Classified:
        judged.append(len(text))
        return classify(one, text)

    monkeypatch.setattr(findings, "classify", noted)
    blocks = [block(f"susan{number}@example.com") for number in range(RECIPIENTS_MAXIMUM)]
    content = notification(*blocks, text="550 no such user\n" * 1000)
    assert len(findings.read_findings("imap", content, "")) == RECIPIENTS_MAXIMUM
    assert sum(judged) < 10 * TEXT_MAXIMUM


def test_a_report_in_a_returned_mail_is_not_read() -> None:
    """Else somebody could send a report by way of a server that returns it."""
    inner = notification(block("david@example.com")).decode().replace("=_limit", "=_inner")
    content = with_parts(
        "Content-Type: text/plain\n\nsusan@example.com\n550 5.2.2 Mailbox full\n",
        f"Content-Type: message/rfc822\n\n{inner}",
    )

    assert [one.address for one in understood(content).recipients] == ["susan@example.com"]


PIECES = st.sampled_from(
    [
        "--=_limit\n",
        "--=_limit--\n",
        "\n",
        "Content-Type: message/delivery-status\n",
        "Content-Type: message/feedback-report\n",
        'Content-Type: multipart/mixed; boundary="=_limit"\n',
        "Content-Type: text/html; charset=utf-7\n",
        "Content-Transfer-Encoding: base64\n",
        "Content-Type: multipart/mixed; boundary*0*=''%FF; boundary*1=x\n",
        "Feedback-Type: abuse\n",
        "Final-Recipient: rfc822; susan@example.com\n",
        "Status: 5.1.1\n",
        "Action: failed\n",
        "Diagnostic-Code: smtp; 550 5.1.1 (in reply to RCPT TO)\n",
        "Received: \n",
        "Message-ID: <a@b>\n",
        "<susan@example.com>: 550 User unknown\n",
        "<<< 550 4.4.4 no such domain\n",
        " \\x{0}\\x{110000}\n",
        "+AAA-=3D&#x110000;&#99999999;<p\n",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=30).map("".join))
def test_whatever_it_is_made_of_nothing_raises(body: str) -> None:
    report = understood(
        written(body, Content_Type='multipart/report; boundary="=_limit"', Return_Path="")
    )

    for text in (report.text, *(one.diagnostic for one in report.recipients)):
        assert "\0" not in text
        text.encode()


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=500))
@example(b"Content-Type: multipart/x; boundary=\xff\n\n--\xff\n\nx")
@example(b"Content-Type: text/plain; charset*=''''\n\n550 5.1.1")
@example(b"Content-Type: text/plain; charset*0=a; charset*=b\n\n550 5.1.1")
def test_whatever_bytes_they_are_nothing_raises(content: bytes) -> None:
    understood(content)
