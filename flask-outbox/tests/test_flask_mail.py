"""Flask-Mail's interface over our own connection: what stays, and what is corrected."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import flask_mail
import pytest
from flask import Flask, current_app
from sqlalchemy.orm import sessionmaker

from flask_outbox import (
    AddressError,
    BadHeaderError,
    FlaskOutbox,
    Mail,
    Message,
    OutboxError,
    SmtpError,
    schema,
    smtp_server,
)
from flask_outbox.application import make_dispatcher
from flask_outbox.flask_mail import HAS_ALTERNATIVES, render_message
from flask_outbox.smtp.client import SmtpClient
from flask_outbox.smtp.errors import Meaning, Step
from tests.databases import engine_of
from tests.smtp_server import DROP, STALL, Authority, ScriptedServer

SHORT = 0.3
"""Seconds to wait for a silent server."""

LOG_IN = {"MAIL_USERNAME": "susan", "MAIL_PASSWORD": "secret"}
USERS: dict[str, Any] = {"auth": "PLAIN LOGIN", "users": {"susan": "secret"}}


both_messages = pytest.mark.parametrize("message_class", [flask_mail.Message, Message])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


# The keys


def test_tls_and_ssl_exclude_each_other_in_any_application() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        smtp_server({"MAIL_USE_TLS": True, "MAIL_USE_SSL": True})


def test_no_server_means_localhost() -> None:
    with ScriptedServer() as server:
        with mail_to(server, MAIL_SERVER=None) as mail:
            assert mail.state.server == "localhost"
            mail.send(message())
        assert len(server.received) == 1


def test_another_application_may_name_its_admins_too() -> None:
    with ScriptedServer() as server:
        with mail_to(server, ADMINS=["admin@example.com"]) as mail:
            mail.send(message(sender=None))
        assert server.received[0].message["From"] == "admin@example.com"


# Sending


def test_the_shortcut_of_flask_mail_works() -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            mail.send_message(
                "Hello", sender="noreply@example.com", recipients=["susan@example.com"], body="x"
            )
        assert server.received[0].message["Subject"] == "Hello"


@both_messages
def test_messages_are_recorded_and_announced(message_class: type[flask_mail.Message]) -> None:
    announced = []

    def listen(*sender: Any, **values: Any) -> None:
        """Flask-Mail 0.10 sends (app, message=message), earlier ones (message, app=app)."""
        app, message = (
            (*sender, values["message"]) if HAS_ALTERNATIVES else (values["app"], *sender)
        )
        announced.append((app.name, message))

    with ScriptedServer() as server:
        with mail_to(server, MAIL_SUPPRESS_SEND=True) as mail:
            written = message(message_class)
            listening = flask_mail.email_dispatched.connected_to(listen)
            with listening, mail.record_messages() as outbox:
                mail.send(written)
            assert outbox == [written]
            assert announced == [("bare", written)]
        assert server.connections == 0


def test_a_suppressed_message_is_still_checked() -> None:
    with ScriptedServer() as server, mail_to(server, MAIL_SUPPRESS_SEND=True) as mail:
        with mail.connect() as connection:
            assert connection.send(message()) is None
            with pytest.raises(BadHeaderError):
                connection.send(message(subject="a\nb"))
        assert server.connections == 0


def test_one_connection_serves_many_messages() -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail, mail.connect() as connection:
            for number in range(5):
                accepted = connection.send(message(subject=f"Message {number}"))
                assert accepted.answer == "250 2.0.0 Taken"
        assert [one.connection for one in server.received] == [1] * 5
        subjects = [one.message["Subject"] for one in server.received]
        assert subjects == [f"Message {number}" for number in range(5)]
        assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize(("count", "connections"), [(4, [1, 1, 2, 2]), (5, [1, 1, 2, 2, 3])])
def test_so_many_messages_go_over_one_connection(count: int, connections: list[int]) -> None:
    with ScriptedServer() as server:
        with mail_to(server, MAIL_MAX_EMAILS=2) as mail, mail.connect() as connection:
            for _ in range(count):
                connection.send(message())
        assert [one.connection for one in server.received] == connections
        assert server.connections == connections[-1]


def test_a_message_that_was_taken_is_not_reported_as_failed() -> None:
    with ScriptedServer() as server:
        server.script = {"connect": [None, "421 4.7.0 Too many connections"]}
        with mail_to(server, MAIL_MAX_EMAILS=1) as mail:
            mail.send(message())
        assert len(server.received) == 1


@pytest.mark.parametrize("answer", [DROP, "421 4.3.2 Closing"])
def test_after_a_lost_connection_the_next_message_opens_another(answer: str) -> None:
    with ScriptedServer() as server:
        server.script = {"mail": [answer]}
        with mail_to(server) as mail, mail.connect() as connection:
            with pytest.raises(SmtpError):
                connection.send(message())
            connection.send(message())
        assert [one.connection for one in server.received] == [2]


def test_a_refused_message_does_not_stop_the_next() -> None:
    with ScriptedServer() as server:
        server.script = {"rcpt": ["550 5.1.1 Nobody"]}
        with mail_to(server) as mail, mail.connect() as connection:
            with pytest.raises(SmtpError):
                connection.send(message())
            connection.send(message())
        assert [one.connection for one in server.received] == [1]


def test_refused_recipients_are_reported() -> None:
    with ScriptedServer() as server:
        server.script = {"rcpt:john@example.com": "550 5.1.1 Nobody"}
        with mail_to(server) as mail, mail.connect() as connection:
            accepted = connection.send(
                message(recipients=["susan@example.com"], cc=["john@example.com"])
            )
        assert server.received[0].recipients == ["susan@example.com"]
    ((who, error),) = accepted.refused
    assert (who, error.step, error.code) == ("john@example.com", Step.RCPT, 550)
    assert error.meaning is Meaning.REJECT


@pytest.mark.parametrize("farewell", [DROP, STALL, "500 5.5.1 What?"])
@pytest.mark.parametrize(
    ("scripted", "step", "code"),
    [
        ({"mail": "550 5.7.1 Not from you"}, Step.MAIL, 550),
        ({"rcpt": "550 5.1.1 Nobody"}, Step.RCPT, 550),
        ({"content": "554 5.6.0 Spam"}, Step.ACCEPTANCE, 554),
        ({"data": DROP}, Step.DATA, None),
    ],
)
def test_the_error_is_the_one_that_happened(
    scripted: dict[str, Any], step: Step, code: int | None, farewell: str
) -> None:
    with ScriptedServer() as server:
        server.script = {**scripted, "quit": farewell}
        with mail_to(server, MAIL_TIMEOUT=SHORT) as mail, pytest.raises(SmtpError) as caught:
            mail.send(message())
    assert (caught.value.step, caught.value.code) == (step, code)


def test_an_error_of_the_callers_own_comes_out_of_the_block() -> None:
    with ScriptedServer() as server:
        server.script = {"quit": DROP}
        with mail_to(server) as mail, pytest.raises(KeyError), mail.connect():
            raise KeyError


@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data", "content"])
def test_waiting_for_a_silent_server_ends(step: str) -> None:
    with ScriptedServer() as server:
        server.script = {step: STALL}
        with (
            mail_to(server, MAIL_TIMEOUT=SHORT) as mail,
            pytest.raises(SmtpError, match=f"no answer within {SHORT:g} seconds"),
        ):
            mail.send(message())


def test_a_message_needs_a_sender_and_a_recipient() -> None:
    with ScriptedServer() as server, mail_to(server) as mail:
        with pytest.raises(ValueError, match="no sender"):
            mail.send(message(sender=None))
        with pytest.raises(ValueError, match="no recipients"):
            mail.send(message(recipients=[]))
        with pytest.raises(AssertionError):
            mail.send(message(sender=None))
        with pytest.raises(AssertionError):
            mail.send(message(recipients=[]))
        assert server.received == []


def test_an_application_without_the_extension_gets_a_clear_error() -> None:
    with Flask("bare").app_context(), pytest.raises(RuntimeError, match="init_app"):
        Mail().connect()


# Encryption and the password


@pytest.mark.parametrize("key", ["MAIL_USE_TLS", "MAIL_USE_SSL"])
def test_a_message_leaves_encrypted(authority: Authority, key: str) -> None:
    implicit = key == "MAIL_USE_SSL"
    with ScriptedServer(tls=authority.context(), implicit_tls=implicit, **USERS) as server:
        with mail_to(server, MAIL_CA_FILE=authority.ca_file, **{key: True}, **LOG_IN) as mail:
            mail.send(message())
        (received,) = server.received
        assert received.encrypted
        assert received.login == "susan"
        assert server.passwords == [("secret", True)]


@pytest.mark.parametrize("key", ["MAIL_USE_TLS", "MAIL_USE_SSL"])
@pytest.mark.parametrize("fault", ["expired", "self-signed", "another name", "unknown authority"])
def test_a_bad_certificate_gets_no_password(authority: Authority, fault: str, key: str) -> None:
    make: dict[str, Callable[[], ssl.SSLContext]] = {
        "expired": lambda: authority.context(expired=True),
        "self-signed": authority.self_signed,
        "another name": lambda: authority.context("mail.example.com"),
        "unknown authority": authority.context,
    }
    config: dict[str, Any] = {key: True, **LOG_IN}
    if fault in {"expired", "another name"}:
        config["MAIL_CA_FILE"] = authority.ca_file
    implicit = key == "MAIL_USE_SSL"
    with ScriptedServer(tls=make[fault](), implicit_tls=implicit, **USERS) as server:
        with mail_to(server, **config) as mail, pytest.raises(SmtpError) as caught:
            mail.send(message())
        assert caught.value.step is Step.TLS
        assert "certificate" in caught.value.answer
        assert server.passwords == []
        assert "AUTH" not in server.commands
        assert server.received == []


def test_a_password_leaves_this_machine_only_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(**USERS) as server, mail_to(server, **LOG_IN) as mail:
        mail.send(message())
        assert server.passwords == [("secret", False)]
        server.passwords.clear()
        monkeypatch.setattr(SmtpClient, "_is_loopback", lambda _client: False)
        with pytest.raises(SmtpError, match="not encrypted") as caught:
            mail.send(message())
        assert caught.value.step is Step.AUTH
        assert server.passwords == []
        assert len(server.received) == 1


def test_a_server_that_lost_its_encryption_gets_no_password() -> None:
    with ScriptedServer(**USERS) as server, mail_to(server, MAIL_USE_TLS=True, **LOG_IN) as mail:
        with pytest.raises(SmtpError) as caught:
            mail.send(message())
        assert caught.value.step is Step.STARTTLS
        assert server.passwords == []


# Headers and addresses


INJECTIONS: dict[str, Callable[[str], dict[str, Any]]] = {
    "subject": lambda end: {"subject": f"Hello{end}Bcc: bob@example.com"},
    "fold without text": lambda end: {"subject": f"Hello{end} "},
    "subject folded wrongly": lambda end: {"subject": f"Hello{end} again{end}Bcc: b@example.com"},
    "sender": lambda end: {"sender": f"noreply@example.com{end}Bcc: bob@example.com"},
    "sender's name": lambda end: {"sender": (f"Susan{end}Bcc: bob", "noreply@example.com")},
    "recipient": lambda end: {"recipients": [f"susan@example.com{end}Bcc: bob@example.com"]},
    "recipient's name": lambda end: {"recipients": [(f"Susan{end}Bcc: b", "susan@example.com")]},
    "recipient in an envelope": lambda end: {
        "recipients": [f"susan@example.com>{end}RCPT TO:<bob@example.com"]
    },
    "cc": lambda end: {"cc": [f"john@example.com{end}Bcc: bob@example.com"]},
    "bcc": lambda end: {"bcc": [f"john@example.com{end}Bcc: bob@example.com"]},
    "bcc's name": lambda end: {"bcc": [f"John{end}Bcc: b <john@example.com>"]},
    "reply-to": lambda end: {"reply_to": f"john@example.com{end}Bcc: bob@example.com"},
    "header": lambda end: {"extra_headers": {"X-Tag": f"one{end}Bcc: bob@example.com"}},
    "header's name": lambda end: {"extra_headers": {f"X-Tag: a{end}Bcc": "bob@example.com"}},
    "kind of an alternative": lambda end: {"alts": {f"calendar{end}X-Tag: one": "text"}},
    "name of a file": lambda end: {"attachments": [attachment(filename=f"a{end}X-Tag: b")]},
    "type of a file": lambda end: {"attachments": [attachment(content_type=f"a/b{end}X-Tag: c")]},
    "disposition": lambda end: {"attachments": [attachment(disposition=f"inline{end}X-Tag: c")]},
    "header of a file": lambda end: {
        "attachments": [attachment(headers={"X-Tag": f"one{end}X-Other: two"})]
    },
    "header's name of a file": lambda end: {
        "attachments": [attachment(headers={f"X-Tag: a{end}X-Other": "two"})]
    },
    "option of the sender": lambda end: {"mail_options": [f"SIZE=1{end}RCPT TO:<b@example.com>"]},
    "option of a recipient": lambda end: {"rcpt_options": [f"NOTIFY=NEVER{end}DATA"]},
}
if not HAS_ALTERNATIVES:
    del INJECTIONS["kind of an alternative"]


@both_messages
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=["CRLF", "LF", "CR"])
@pytest.mark.parametrize("inject", INJECTIONS.values(), ids=INJECTIONS)
def test_nothing_can_be_injected(
    inject: Callable[[str], dict[str, Any]], end: str, message_class: type[flask_mail.Message]
) -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail, pytest.raises((BadHeaderError, AddressError)):
            mail.send(message(message_class, **inject(end)))
        assert server.received == []
        assert not any(one.startswith(("MAIL", "RCPT", "DATA")) for one in server.commands)


@pytest.mark.parametrize("field", [name for name in INJECTIONS if "option" not in name])
def test_a_message_can_check_its_headers(field: str) -> None:
    with mail_to(None):
        assert message(Message, **INJECTIONS[field]("\r\n")).has_bad_headers()
        assert not message(Message).has_bad_headers()
        assert not message(Message, recipients=["nobody"]).has_bad_headers()


@both_messages
def test_a_folded_subject_is_one_line(message_class: type[flask_mail.Message]) -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            mail.send(message(message_class, subject="Your order\r\n of today,\r\n\tand more"))
        assert server.received[0].message["Subject"] == "Your order of today,\tand more"


@pytest.mark.parametrize(
    ("field", "given", "shown"),
    [
        ("sender", "shop@example.com\r\n", "From: shop@example.com"),
        ("sender", ("Shöp", "shop@example.com>"), "From: =?utf-8?b?U2jDtnA=?= <shop@example.com>"),
        ("recipients", ["a@example.com", "b\r\n@example.com"], "To: a@example.com, b@example.com"),
        ("cc", ["Bob\n <b@example.com>"], "Cc: Bob <b@example.com>"),
        ("reply_to", "b@example.com\r", "Reply-To: b@example.com"),
        ("reply_to", ["a@example.com", "b@example.com>"], "Reply-To: a@example.com, b@example.com"),
        ("subject", "Hello\nBcc: b@example.com", "Subject: Hello Bcc: b@example.com"),
    ],
)
def test_what_cannot_be_sent_can_be_printed(field: str, given: Any, shown: str) -> None:
    with ScriptedServer() as server, mail_to(server) as mail:
        written = message(Message, **{field: given})
        assert f"\r\n{shown}\r\n" in f"\r\n{written}"
        with pytest.raises((BadHeaderError, AddressError)) as refused:
            mail.send(written)
        # Flask-Mail's own error, where it would raise one.
        assert isinstance(refused.value, BadHeaderError) or ">" in repr(given)
        assert server.received == []


@both_messages
@pytest.mark.parametrize(
    "change",
    [
        {"recipients": ["süsan@example.com"]},
        {"cc": ["süsan@example.com"]},
        {"bcc": ["süsan@example.com"]},
        {"sender": "süsan@example.com"},
        {"reply_to": "süsan@example.com"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_local_part_beyond_ascii_needs_the_servers_consent(
    change: dict[str, Any], message_class: type[flask_mail.Message]
) -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            mail.send(message(message_class, **change))
        (received,) = server.received
        assert "SMTPUTF8" in received.mail_options
        if "bcc" not in change:
            assert "süsan@example.com".encode() in received.content
        if "sender" in change:
            assert received.sender == "süsan@example.com"
        elif "reply_to" not in change:
            assert "süsan@example.com" in received.recipients
    with ScriptedServer(features=["8BITMIME"]) as server, mail_to(server) as mail:
        if "cc" in change or "bcc" in change:
            # The others get it.
            ((who, error),) = mail.send(message(message_class, **change)).refused
            assert who == "süsan@example.com"
            (received,) = server.received
            assert received.recipients == ["susan@example.com"]
            assert received.content.isascii()
        else:
            with pytest.raises(SmtpError) as caught:
                mail.send(message(message_class, **change))
            error = caught.value
            assert server.received == []
        assert error.meaning is Meaning.REJECT
        assert "SMTPUTF8" in error.answer


def test_a_domain_beyond_ascii_needs_no_smtputf8() -> None:
    with ScriptedServer(features=[]) as server:
        with mail_to(server) as mail:
            mail.send(message(recipients=["Süsan <susan@bücher.example>"]))
        (received,) = server.received
        assert received.recipients == ["susan@xn--bcher-kva.example"]
        assert received.content.isascii()
        assert received.message["To"].addresses[0].display_name == "Süsan"


@both_messages
@pytest.mark.parametrize("where", ["message", "configuration"])
def test_a_senders_name_may_hold_a_comma(
    where: str, message_class: type[flask_mail.Message]
) -> None:
    sender = ("Susan, of the blog", "susan@example.com")
    own = sender if where == "message" else None
    default = sender if where == "configuration" else None
    with ScriptedServer() as server:
        with mail_to(server, MAIL_DEFAULT_SENDER=default) as mail:
            mail.send(message(message_class, sender=own))
        (received,) = server.received
        assert received.sender == "susan@example.com"
        (author,) = received.message["From"].addresses
        assert (author.display_name, author.addr_spec) == sender


@both_messages
def test_recipients_keep_their_order(message_class: type[flask_mail.Message]) -> None:
    names = ["susan", "john", "alice", "bob", "susan2", "john2", "alice2", "bob2"]
    group = [f"{name}@example.com" for name in names]
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            written = message(message_class, recipients=group[:4], cc=group[4:6], bcc=group[6:])
            mail.send(written)
            if isinstance(written, Message):
                assert written.send_to == group
        (received,) = server.received
        assert received.recipients == group
        assert [one.addr_spec for one in received.message["To"].addresses] == group[:4]
        assert [one.addr_spec for one in received.message["Cc"].addresses] == group[4:6]
        assert received.message["Bcc"] is None
        assert b"alice2@" not in received.content


def test_a_recipient_named_twice_gets_one_copy() -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            mail.send(message(recipients=["susan@example.com"], bcc=["Susan <susan@example.com>"]))
        assert server.received[0].recipients == ["susan@example.com"]


@both_messages
def test_the_message_id_is_on_the_senders_domain(message_class: type[flask_mail.Message]) -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            written = message(message_class, sender="Susan <susan@mail.example.com>")
            mail.send(written)
            mail.send(written)
            mail.send(message(message_class))
        first, second, other = [one.message["Message-ID"] for one in server.received]
        assert re.fullmatch(r"<[^@<>\s]+@mail\.example\.com>", first)
        assert first == second != other
        assert written.msgId == first


def test_the_date_is_the_messages_own_or_now() -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            mail.send(message(date=1_800_000_000.0))
            mail.send(message())
        dates = [one.message["Date"].datetime.timestamp() for one in server.received]
        assert dates[0] == 1_800_000_000
        assert abs(dates[1] - time.time()) < 300


def test_a_message_can_be_read_before_it_is_sent() -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            written = message(Message, html="<p>Süsan</p>")
            before = bytes(written)
            assert before == written.as_bytes()
            assert str(written) == written.as_string() == before.decode()
            mail.send(written)
        assert server.received[0].content == before


def test_the_bounce_address_can_be_another_one() -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail, mail.connect() as connection:
            connection.send(message(), envelope_from="Bounces <bounces@example.com>")
        (received,) = server.received
        assert received.sender == "bounces@example.com"
        assert received.message["From"] == "noreply@example.com"


def test_options_for_the_server_are_passed_on() -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            mail.send(message(mail_options=["RET=HDRS"], rcpt_options=["NOTIFY=NEVER"]))
        assert "RET=HDRS" in server.received[0].mail_options
        assert "RCPT TO:<susan@example.com> NOTIFY=NEVER" in server.commands


@both_messages
@pytest.mark.parametrize(("ascii_only", "name"), [(False, "Größe.txt"), (True, "Groe.txt")])
def test_files_go_with_a_message(
    message_class: type[flask_mail.Message], ascii_only: bool, name: str
) -> None:
    with ScriptedServer() as server:
        with mail_to(server, MAIL_ASCII_ATTACHMENTS=ascii_only) as mail:
            written = message(message_class)
            written.attach("Größe.txt", data="zwölf\n")
            written.attach("logo.png", "image/png", b"\x89PNG", headers={"Content-ID": "<logo>"})
            mail.send(written)
        text, logo = server.received[0].message.iter_attachments()
        assert (text.get_filename(), text.get_payload(decode=True)) == (name, "zwölf\n".encode())
        assert (logo.get_content_type(), logo["Content-ID"]) == ("image/png", "<logo>")


@both_messages
def test_parts_hold_the_texts_as_they_were_given(message_class: type[flask_mail.Message]) -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            written = message(message_class, body="Hello World", html="<b>Hello</b>")
            written.attach(content_type="text/plain", data=b"this is a test")
            mail.send(written)
        texts, file = server.received[0].message.iter_parts()
        plain, html = texts.iter_parts()
        assert (plain.get_payload(), html.get_payload()) == ("Hello World", "<b>Hello</b>")
        assert (file.get_payload(decode=True), file.get_filename()) == (b"this is a test", None)


def test_a_new_message_is_empty_and_can_be_filled() -> None:
    with mail_to(None, MAIL_DEFAULT_SENDER=("Shop", "shop@example.com")):
        written = Message("Hello")
        assert (written.recipients, written.cc, written.bcc, written.attachments) == (
            [],
            [],
            [],
            [],
        )
        assert (written.mail_options, written.rcpt_options, written.date) == ([], [], None)
        assert written.sender == "Shop <shop@example.com>"
        written.add_recipient("a@example.com")
        written.add_recipient("a@example.com")
        assert written.send_to == ["a@example.com"]
        assert "\r\nTo: a@example.com\r\n" in str(written)


# The outbox


@both_messages
def test_the_outbox_sends_a_message_as_mail_does(
    message_class: type[flask_mail.Message], tmp_path: Path
) -> None:
    with ScriptedServer() as server, shop_with_an_outbox(server, tmp_path) as outbox:
        written = message(
            message_class, html="<p>Hello</p>", reply_to="a@example.com",
            extra_headers={"X-Order": "7"}, attachments=[attachment()], bcc=["bob@example.com"],
        )  # fmt: skip
        outbox.send(written)
        outbox.send_email(
            "Again", sender="shop@example.com", recipients="susan@example.com", body="text",
            extra_headers={"X-Order": "8"}, attachments=[attachment()],
        )  # fmt: skip
        assert server.connections == 0
        make_dispatcher(current_app).drain()
        first, second = sorted(server.received, key=lambda one: one.message["X-Order"])
    assert first.recipients == ["susan@example.com", "bob@example.com"]
    assert first.message["Reply-To"] == "a@example.com"
    assert [one.get_filename() for one in first.message.iter_attachments()] == ["a.txt"]
    assert (second.message["Subject"], second.sender) == ("Again", "shop@example.com")
    assert [one.get_filename() for one in second.message.iter_attachments()] == ["a.txt"]


def test_what_the_outbox_cannot_send_is_refused_in_words(tmp_path: Path) -> None:
    with ScriptedServer() as server, shop_with_an_outbox(server, tmp_path) as outbox:
        wrong: Any = EmailMessage()
        with pytest.raises(TypeError, match="takes a Message, not EmailMessage"):
            outbox.send(wrong)
        with pytest.raises(OutboxError, match="mail_options"):
            outbox.send(message(mail_options=["RET=HDRS"]))
        with pytest.raises(BadHeaderError):
            outbox.send(message(recipients=["susan@example.com\r\nBcc: bob@example.com"]))
        with pytest.raises(OutboxError, match="no recipients"):
            outbox.send(message(recipients=[]))
        assert make_dispatcher(current_app).drain() == 0


@contextmanager
def shop_with_an_outbox(server: ScriptedServer, folder: Path) -> Iterator[FlaskOutbox]:
    app = Flask("shop")
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=server.port)
    engine = engine_of(f"sqlite:///{folder / 'outbox.db'}")
    schema.create_all(engine)
    with app.app_context():
        yield FlaskOutbox(app, sessions=sessionmaker(engine))
    engine.dispose()


def message(
    message_class: type[flask_mail.Message] = Message, **changes: Any
) -> flask_mail.Message:
    values: dict[str, Any] = {
        "subject": "Welcome",
        "recipients": ["susan@example.com"],
        "body": "Welcome.\n",
        "sender": "noreply@example.com",
    }
    return message_class(**values | changes)


FLAGS = ["MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_SUPPRESS_SEND", "MAIL_ASCII_ATTACHMENTS"]


@pytest.mark.parametrize("name", [*FLAGS, "MAIL_DEBUG"])
@pytest.mark.parametrize(
    ("value", "is_on"),
    [("False", False), ("off", False), ("0", False), ("no", False), ("", False), (0, False),
     ("True", True), ("on", True), ("1", True), ("YES", True), (1, True)],
)  # fmt: skip
def test_booleans_may_be_texts(name: str, value: Any, is_on: bool) -> None:
    with mail_to(None, MAIL_PORT="25", **{name: value}) as mail:
        state = mail.state
        said = dict.fromkeys(FLAGS)
        said["MAIL_DEBUG"] = bool(state.debug)
        said |= {key: getattr(state, key.removeprefix("MAIL_").lower(), None) for key in FLAGS}
        said["MAIL_SUPPRESS_SEND"] = state.suppress
        assert said[name] is is_on


def test_settings_from_the_environment_with_a_prefix_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Flask reads them as JSON if it can, so that a password can become a number."""
    for key, value in {
        "USE_TLS": "False", "SUPPRESS_SEND": "False", "PORT": "2525", "MAX_EMAILS": '"20"',
        "TIMEOUT": '"7.5"', "USERNAME": "susan", "PASSWORD": "123456",
        "DEFAULT_SENDER": '["Shop", "shop@example.com"]',
    }.items():  # fmt: skip
        monkeypatch.setenv(f"SHOP_MAIL_{key}", value)
    app = Flask("bare")
    app.config.from_prefixed_env("SHOP")
    state: Any = Mail(app).state
    assert (state.use_tls, state.suppress, state.port, state.max_emails) == (False, False, 2525, 20)
    server = state.smtp_server
    assert (server.timeout, server.username, server.password) == (7.5, "susan", "123456")
    with app.app_context():
        assert Message("Hello").sender == "Shop <shop@example.com>"


@pytest.mark.parametrize(
    "said", [{"MAIL_USE_TLS": "perhaps"}, {"MAIL_PORT": "smtp"}, {"MAIL_TIMEOUT": "soon"}]
)
def test_a_wrong_key_is_named_in_any_application(said: dict[str, Any]) -> None:
    with (
        pytest.raises(ValueError, match=next(iter(said))),
        mail_to(None, **{"MAIL_PORT": 1} | said),
    ):
        pass


@pytest.mark.parametrize("admins", ["a@example.com, b@example.com", ["a@example.com"]])
def test_admins_may_be_a_text(admins: Any) -> None:
    with mail_to(None, ADMINS=admins) as mail:
        assert mail.state.default_sender == "a@example.com"


@both_messages
@pytest.mark.parametrize(
    "pair", [["Shop, Ltd", "shop@example.com"], ("Shop, Ltd", "shop@example.com")]
)
@pytest.mark.parametrize("place", ["setting", "message"])
def test_a_sender_may_be_a_pair(
    place: str, pair: Any, message_class: type[flask_mail.Message]
) -> None:
    with ScriptedServer() as server:
        with mail_to(
            server, **({"MAIL_DEFAULT_SENDER": pair} if place == "setting" else {})
        ) as mail:
            mail.send(message(message_class, sender=None if place == "setting" else pair))
        (received,) = server.received
        assert received.sender == "shop@example.com"
        (author,) = received.message["From"].addresses
        assert (author.display_name, author.addr_spec) == ("Shop, Ltd", "shop@example.com")


def test_the_sender_may_be_the_sixth_argument() -> None:
    with mail_to(None):
        written = Message("Hello", [], None, None, None, ("Shop, Ltd", "shop@example.com"))
        assert written.sender == '"Shop, Ltd" <shop@example.com>'


@both_messages
def test_bytes_are_read_in_the_messages_charset(message_class: type[flask_mail.Message]) -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            for charset in (None, "iso-8859-1"):
                body: Any = "Grüße\n".encode(charset or "utf-8")
                mail.send(message(message_class, body=body, html=body, charset=charset))
        for received, charset in zip(server.received, ["utf-8", "iso-8859-1"], strict=True):
            assert received.text("plain") == received.text("html") == "Grüße\n"
            kinds = [one.get_content_charset() for one in received.message.iter_parts()]
            assert kinds == [charset, charset]


@both_messages
@pytest.mark.parametrize(
    "answers",
    [["a@example.com", "Bob, of B <b@example.com>"], "a@example.com, Bob, of B <b@example.com>",
     ("a@example.com", "Bob, of B <b@example.com>"), 'a@example.com, "Bob, of B" <b@example.com>'],
)  # fmt: skip
def test_answers_may_go_to_several(answers: Any, message_class: type[flask_mail.Message]) -> None:
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            mail.send(message(message_class, reply_to=answers))
        found = server.received[0].message["Reply-To"].addresses
        assert [(one.display_name, one.addr_spec) for one in found] == [
            ("", "a@example.com"),
            ("Bob, of B", "b@example.com"),
        ]


@pytest.mark.skipif(not HAS_ALTERNATIVES, reason="needs Flask-Mail 0.10")
@both_messages
def test_an_invitation_and_a_message_without_a_subject_are_sent(
    message_class: type[flask_mail.Message],
) -> None:
    alternatives = {"calendar; method=REQUEST": "BEGIN:VCALENDAR"}
    with ScriptedServer() as server:
        with mail_to(server) as mail:
            mail.send(message(message_class, subject="", alts=alternatives))
        (received,) = server.received
    assert "Subject" not in received.message
    _, part = received.message.iter_parts()
    assert part.get_param("method") == "REQUEST"
    assert part.get_content_charset() == "utf-8"


@both_messages
def test_a_custom_host_is_called_as_by_flask_mail(
    message_class: type[flask_mail.Message],
) -> None:
    calls: list[Any] = []

    class Host:
        def sendmail(self, *arguments: Any) -> None:
            calls.append(arguments)

        def quit(self) -> None:
            calls.append("quit")

    with mail_to(None, MAIL_SUPPRESS_SEND=True) as mail:
        written = message(message_class, recipients=["Süßan <susan@example.com>"])
        with mail.connect() as connection:
            assert connection.host is None
            connection.host = Host()
            assert connection.send(written) is None
        envelope = ("noreply@example.com", ["=?utf-8?b?U8O8w59hbg==?= <susan@example.com>"])
        assert calls == [
            (*envelope, render_message(written), written.mail_options, written.rcpt_options),
            "quit",
        ]


def attachment(**changes: Any) -> flask_mail.Attachment:
    values: dict[str, Any] = {"filename": "a.txt", "content_type": "text/plain", "data": b"x"}
    return flask_mail.Attachment(**values | changes)


@contextmanager
def mail_to(server: ScriptedServer | None, **config: Any) -> Iterator[Any]:
    """An application with the extension, in its context."""
    app = Flask("bare")
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=server and server.port, MAIL_TIMEOUT=5)
    app.config.update(config)
    mail = Mail(app)
    with app.app_context():
        yield mail
