"""The mail catcher and its inbox: everything is kept as it came, and nothing in it does harm."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flask_outbox import Attachment, Email, parse_address
from flask_outbox.dev import catcher
from flask_outbox.dev.catcher import SIZE_MAXIMUM, Catcher, CaughtMail, CaughtMessage
from flask_outbox.dev.inbox import inbox_blueprint
from flask_outbox.message.addresses import parse_addresses
from flask_outbox.message.mime import render
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.submission import Envelope, open_connection, transmit
from tests.ports import free_port

NONSENSE = [
    "1",
    "0" * 14,
    "0" * 21,
    "000000000000000000",
    "latest",
    "..",
    "../secret",
    "../../etc/passwd",
    "/etc/passwd",
    "000000000000000000/../../secret",
    "000000000000000000\n",
    "٠" * 18,
]

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def mail(tmp_path: Path) -> CaughtMail:
    return CaughtMail(tmp_path / "caught")


@pytest.fixture
def port(mail: CaughtMail) -> Iterator[int]:
    """The port of a catcher that keeps what it catches in `mail`."""
    port = free_port()
    made = Catcher(mail, host="127.0.0.1", port=port)
    made.start()
    yield port
    made.stop()


@pytest.fixture
def browser(mail: CaughtMail) -> FlaskClient:
    """A browser at the inbox, in an application with no other pages."""
    app = Flask("bare", static_folder=None)
    app.register_blueprint(inbox_blueprint(mail))
    return app.test_client()


# Catching


def test_a_message_is_kept_as_it_came(mail: CaughtMail, port: int) -> None:
    content = send(port, html="<p>Hello</p>", bcc=parse_addresses("bob@example.com"))
    (caught,) = mail.all()
    assert caught.source.endswith(b"\r\n" + content)
    assert caught.source.startswith(b"Return-Path: <noreply@example.com>\r\n")
    assert (caught.subject, caught.sender) == ("Hello", "noreply@example.com")
    assert caught.recipients == ["susan@example.com", "bob@example.com"]
    assert (str(caught.text).strip(), str(caught.html).strip()) == ("Hello", "<p>Hello</p>")
    assert mail.get(caught.id) == caught


def test_every_message_is_printed(tmp_path: Path) -> None:
    caught: list[CaughtMessage] = []
    port = free_port()
    made = Catcher(CaughtMail(tmp_path), host="127.0.0.1", port=port, caught=caught.append)
    made.start()
    try:
        send(port, subject="first")
        send(port, subject="second")
    finally:
        made.stop()
    assert [one.subject for one in caught] == ["first", "second"]


def test_the_answer_says_that_nothing_is_delivered(port: int) -> None:
    client = open_connection(SmtpServer("127.0.0.1", port, timeout=5))
    envelope = Envelope("noreply@example.com", ["susan@example.com"], b"Subject: x\r\n\r\nx\r\n")
    assert "delivered to nobody" in transmit(client, envelope).answer
    assert client.features["size"] == str(SIZE_MAXIMUM)
    assert "smtputf8" in client.features
    client.quit()


def test_names_beyond_ascii_are_caught_too(mail: CaughtMail, port: int) -> None:
    send(port, to=parse_addresses("Süsan <süsan@example.com>"), subject="Grüße", text="Ü\n")
    (caught,) = mail.all()
    assert caught.recipients == ["süsan@example.com"]
    assert (caught.subject, str(caught.text).strip()) == ("Grüße", "Ü")


def test_another_process_sees_the_same(mail: CaughtMail, port: int) -> None:
    send(port)
    assert CaughtMail(mail.folder).all() == mail.all() != []


def test_the_newest_is_first_and_the_oldest_goes(
    mail: CaughtMail, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catcher, "KEPT", 3)
    for number in range(5):
        send(port, subject=f"Message {number}")
    assert [one.subject for one in mail.all()] == ["Message 4", "Message 3", "Message 2"]
    assert len(list(mail.folder.iterdir())) == 3


def test_the_inbox_can_be_emptied(mail: CaughtMail, port: int) -> None:
    send(port)
    mail.clear()
    assert mail.all() == []
    send(port)
    assert len(mail.all()) == 1


def test_half_a_message_is_not_shown(mail: CaughtMail) -> None:
    mail.folder.mkdir()
    (mail.folder / "000000000000000000.partial").write_bytes(b"Subject: half")
    (mail.folder / "notes.txt").write_text("not mail")
    assert mail.all() == []


@pytest.mark.parametrize("number", ["", *NONSENSE])
def test_nonsense_finds_no_message(mail: CaughtMail, number: str) -> None:
    mail.folder.mkdir()
    (mail.folder.parent / "secret.eml").write_bytes(b"Subject: secret")
    assert mail.get(number) is None


def test_a_taken_port_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # aiosmtpd waits so long for a server that ended before it began.
    monkeypatch.setenv("AIOSMTPD_CONTROLLER_TIMEOUT", "0.2")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        made = Catcher(CaughtMail(tmp_path), host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            made.start()


# Reading what was caught


def test_links_are_found_once_and_whole() -> None:
    caught = message(
        b"\r\nOpen https://example.com/a?b=1&c=2, or <https://example.com/d>. Again:\r\n"
        b"https://example.com/a?b=1&c=2\r\n(http://localhost:5000/e)\r\njavascript:alert(1)\r\n"
    )
    assert caught.links == [
        "https://example.com/a?b=1&c=2", "https://example.com/d", "http://localhost:5000/e",
    ]  # fmt: skip


def test_where_there_is_no_text_the_links_are_in_the_html() -> None:
    html = b'Content-Type: text/html\r\n\r\n<a href="https://example.com/a">here</a>'
    caught = message(html)
    assert (caught.text, caught.links) == (None, ["https://example.com/a"])


def test_attachments_are_named(mail: CaughtMail, port: int) -> None:
    files = (Attachment.of("Größe.txt", b"x"), Attachment.of(None, b"x"))
    send(port, attachments=files)
    assert mail.all()[0].attachments == ["Größe.txt", "?"]


def test_the_recipients_cannot_be_forged(mail: CaughtMail, port: int) -> None:
    send(port, headers={"X-Original-To": "john@example.com"})
    assert mail.all()[0].recipients == ["susan@example.com"]


def test_text_of_an_unknown_type_is_shown_as_well_as_possible() -> None:
    header = b"Content-Type: text/plain; charset=x-nonsense\r\n\r\n"
    assert "Hello" in str(message(header + b"Hello \xff\r\n").text)


NAMES = (
    b"From To Subject Date MIME-Version X-Original-To Content-Type Content-Disposition"
    b" Content-Transfer-Encoding"
).split()
VALUES = [
    *b'< @ " a@ ,;: / \xff\xfe =?utf-8?b? =?x?q?a?= =?utf-8?b?4?= =?utf-8?q?=ff?='.split(),
    *b"base64 quoted-printable x-uuencode text/ text/plain multipart/mixed message/rfc822".split(),
    b"",
    b"group: a@b, <c>;",
    b"multipart/mixed; boundary=b",
    b"multipart/alternative; boundary=b",
    b"text/html; charset=x-nonsense",
    b"message/external-body",
    b"attachment; filename*=utf-8''%ff",
    b"attachment; filename*0*=x",
]
BODIES = [
    b"--b\r\n\r\nx\r\n--b--\r\n",
    b"--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--",
    b"--b",
    b"begin 666 a\r\n!!!\r\nend\r\n",
    b"=\r\n==",
    b"!!!!",
    b"Subject: in\r\n\r\nit",
]

_values = st.one_of(st.binary(max_size=30), st.sampled_from(VALUES))
_headers = st.lists(st.tuples(st.sampled_from(NAMES), _values), max_size=6)
_bodies = st.one_of(st.binary(max_size=80), st.sampled_from(BODIES))


@settings(deadline=None)
@given(headers=_headers, body=_bodies)
@example(headers=[(b"From", b"<")], body=b"")
@example(headers=[(b"From", b'"')], body=b"")
def test_every_message_can_be_shown(headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    caught = message(lines + b"\r\n" + body)
    seen = [caught.subject, caught.sender, caught.text or "", caught.html or ""]
    seen += [*caught.recipients, *caught.links, *caught.attachments]
    assert all(isinstance(one, str) for one in seen)


# The inbox in a browser


def test_an_empty_inbox_says_so(browser: FlaskClient) -> None:
    for path in ("/dev/inbox", "/dev/inbox/"):
        page = browser.get(path)
        assert page.status_code == 200
        assert "No emails yet" in page.text


def test_messages_are_listed_and_shown(mail: CaughtMail, port: int, browser: FlaskClient) -> None:
    send(port, subject="The first")
    send(
        port,
        subject="The second",
        text="Open https://example.com/link?a=1&b=2 now.\n",
        html='<a href="https://example.com/link?a=1&amp;b=2">here</a>',
        attachments=(Attachment.of("a.txt", b"x"),),
    )
    page = browser.get("/dev/inbox").text
    assert page.index("The second") < page.index("The first")
    assert "susan@example.com" in page
    second = mail.all()[0]
    assert f"/dev/inbox/{second.id}" in page
    page = browser.get(f"/dev/inbox/{second.id}").text
    for words in ("The second", "noreply@example.com", "susan@example.com", "a.txt"):
        assert words in page
    link = escape("https://example.com/link?a=1&b=2")
    assert page.count(f'href="{link}"') == 2, "once in the list of links, once in the text"
    assert f'src="/dev/inbox/{second.id}/html"' in page


@pytest.mark.parametrize("header", ["From: <", 'From: "', "Subject: =?utf-8?b?4?="])
def test_a_broken_message_does_not_hide_the_others(
    mail: CaughtMail, port: int, browser: FlaskClient, header: str
) -> None:
    send(port, subject="A good one")
    broken = f"{header}\r\nX-Broken: yes\r\n\r\nbroken\r\n".encode()
    client = open_connection(SmtpServer("127.0.0.1", port, timeout=5))
    transmit(client, Envelope("noreply@example.com", ["susan@example.com"], broken))
    client.quit()
    listed = browser.get("/dev/inbox")
    assert listed.status_code == 200
    assert "A good one" in listed.text
    (number,) = [one.id for one in mail.all() if b"X-Broken" in one.source]
    assert "broken" in browser.get(f"/dev/inbox/{number}").text


def test_the_source_is_shown_as_it_is(mail: CaughtMail, port: int, browser: FlaskClient) -> None:
    send(port, subject="Grüße", html=SCRIPT)
    (caught,) = mail.all()
    source = browser.get(f"/dev/inbox/{caught.id}/source")
    assert source.mimetype == "text/plain"
    assert source.data == caught.source


def test_a_message_without_html_has_no_frame(
    mail: CaughtMail, port: int, browser: FlaskClient
) -> None:
    send(port)
    (caught,) = mail.all()
    assert "<iframe" not in browser.get(f"/dev/inbox/{caught.id}").text
    assert browser.get(f"/dev/inbox/{caught.id}/html").status_code == 404


def test_html_is_sandboxed(mail: CaughtMail, port: int, browser: FlaskClient) -> None:
    send(port, html=f'<p>Hello</p>{SCRIPT}<img src="https://example.com/pixel.gif">')
    (caught,) = mail.all()
    frame = browser.get(f"/dev/inbox/{caught.id}/html")
    assert frame.mimetype == "text/html"
    assert frame.text.startswith('<base target="_blank">')
    policy = directives(frame.headers["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["img-src"] == ["data:"]
    assert "script-src" not in policy
    assert set(policy["sandbox"]) == {"allow-popups", "allow-popups-to-escape-sandbox"}
    page = browser.get(f"/dev/inbox/{caught.id}").text
    (sandbox,) = [
        part for part in page.split("<iframe")[1].split(">")[0].split('"') if "allow" in part
    ]
    assert set(sandbox.split()) == set(policy["sandbox"])
    assert SCRIPT not in page


def test_nothing_in_a_message_becomes_part_of_the_page(
    mail: CaughtMail, port: int, browser: FlaskClient
) -> None:
    send(
        port,
        subject=SCRIPT,
        sender=parse_address((SCRIPT, "noreply@example.com")),
        text=f'{SCRIPT} https://example.com/"onmouseover=alert(1)\n',
        attachments=(Attachment.of(SCRIPT, b"x"),),
    )
    (caught,) = mail.all()
    for path in ("/dev/inbox", f"/dev/inbox/{caught.id}"):
        page = browser.get(path).text
        assert escape(SCRIPT) in page
        assert SCRIPT not in page
        assert '"onmouseover' not in page


@pytest.mark.parametrize("number", NONSENSE)
@pytest.mark.parametrize("page", ["", "/html", "/source"])
def test_nonsense_is_not_found(
    mail: CaughtMail, browser: FlaskClient, number: str, page: str
) -> None:
    mail.folder.mkdir()
    for place in (mail.folder.parent, mail.folder):
        (place / "secret.eml").write_bytes(b"Subject: secret\r\n\r\nsecret\r\n")
    for path in (number, number.replace("/", "%2f"), number.replace(".", "%2e")):
        answer = browser.get(f"/dev/inbox/{path}{page}")
        assert answer.status_code == 404
        assert b"secret\r\n" not in answer.data


def test_the_inbox_brings_its_own_style(browser: FlaskClient) -> None:
    page = browser.get("/dev/inbox").text
    assert '<link rel="stylesheet" href="/dev/inbox/static/inbox.css">' in page
    assert browser.get("/dev/inbox/static/inbox.css").status_code == 200


def message(source: bytes) -> CaughtMessage:
    return CaughtMessage("0" * 18, 0.0, source)


def send(port: int, **changes: Any) -> bytes:
    """Send a message to the catcher; return it as it was sent."""
    values: dict[str, Any] = {
        "subject": "Hello",
        "text": "Hello\n",
        "to": parse_addresses("susan@example.com"),
        "sender": parse_address("noreply@example.com"),
    }
    written = Email(**values | changes)
    content = render(written, message_id="<1@example.com>", date=0)
    recipients = [one.mailbox for one in written.recipients]
    assert written.sender is not None
    envelope = Envelope(written.sender.mailbox, recipients, content, written.needs_smtputf8())
    client = open_connection(SmtpServer("127.0.0.1", port, timeout=5))
    transmit(client, envelope)
    client.quit()
    return content


def directives(policy: str) -> dict[str, list[str]]:
    """A Content-Security-Policy by the names of its directives."""
    parts = [part.split() for part in policy.split(";")]
    return {name: values for name, *values in parts}
