"""Why mail does not arrive: each common mistake is named with its step and a hint that helps."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.diagnosis import advice, send_test
from flask_outbox.smtp.errors import SmtpError, Step
from flask_outbox.smtp.submission import Envelope
from tests.smtp_server import DROP, Authority, ScriptedServer

ENVELOPE = Envelope("noreply@example.com", ["susan@example.com"], b"Subject: x\r\n\r\nx\r\n")

LOG_IN: dict[str, Any] = {"username": "susan", "password": "secret"}
USERS: dict[str, Any] = {"auth": "PLAIN LOGIN", "users": {"susan": "another"}}

GMAIL_WRONG = (
    "535-5.7.8 Username and Password not accepted. For more information, go to\r\n"
    "535 5.7.8  https://support.google.com/mail/?p=BadCredentials 4b1f17b1804b1 - gsmtp"
)
GMAIL_APP = (
    "534-5.7.9 Application-specific password required. For more information, go to\r\n"
    "534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor 4b1f - gsmtp"
)
MICROSOFT = (
    "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant."
    " Visit https://aka.ms/smtp_auth_disabled for more information."
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(
    ("script", "step", "words"),
    [
        ({"connect": "HTTP/1.1 400 Bad Request"}, Step.GREETING, "isn't a mail server"),
        ({"connect": "554 5.7.1 Your address is on a list"}, Step.GREETING, "refuses this machine"),
        ({"connect": "421 4.7.0 Too many connections"}, Step.GREETING, "later"),
        ({"ehlo": "550 No", "helo": "550 No"}, Step.EHLO, "refuses this machine"),
        ({"ehlo": "421 4.7.0 Try again later, closing (EHLO)"}, Step.EHLO, "MAIL_EHLO_NAME"),
        ({"ehlo": "504 5.5.2 x", "helo": "504 5.5.2 Need a name"}, Step.EHLO, "MAIL_EHLO_NAME"),
        ({"ehlo": "550 No", "helo": "550 Invalid HELO name"}, Step.EHLO, "MAIL_EHLO_NAME"),
        (
            {"content": "554 5.2.252 SendAsDenied; a@example.com not allowed as b@b.example"},
            Step.ACCEPTANCE,
            "MAIL_DEFAULT_SENDER",
        ),
        (
            {"content": "550 5.4.5 Daily user sending limit exceeded"},
            Step.ACCEPTANCE,
            "limit. Wait",
        ),
        (
            {"rcpt": "454 Throttling failure: Daily message quota exceeded."},
            Step.RCPT,
            "limit. Wait",
        ),
        (
            {"content": "554 Message rejected: Sending paused for this account."},
            Step.ACCEPTANCE,
            "stopped this account from sending",
        ),
        ({"mail": "530 5.7.0 Must issue a STARTTLS command first"}, Step.MAIL, "MAIL_USE_TLS=1"),
        ({"mail": "530 5.7.1 Authentication required"}, Step.MAIL, "MAIL_USERNAME"),
        ({"mail": "550 5.7.1 Sender address not verified"}, Step.MAIL, "MAIL_DEFAULT_SENDER"),
        ({"mail": "553 5.7.1 Not owned by user susan"}, Step.MAIL, "belongs to the account"),
        (
            {"content": "554 Message rejected: Email address is not verified."},
            Step.ACCEPTANCE,
            "MAIL_DEFAULT_SENDER",
        ),
        (
            {"content": "550 The from address does not match a verified Sender Identity."},
            Step.ACCEPTANCE,
            "MAIL_DEFAULT_SENDER",
        ),
        ({"rcpt": "550 5.1.1 No such user"}, Step.RCPT, "Check it for a typo"),
        (
            {"rcpt": "554 5.7.1 <susan@example.com>: Relay access denied"},
            Step.RCPT,
            "a log-in",
        ),
        ({"rcpt": "550 5.7.54 SMTP; Unable to relay recipient"}, Step.RCPT, "a log-in"),
        ({"rcpt": "450 4.2.0 Greylisted, see the postmaster"}, Step.RCPT, "a few minutes"),
        ({"content": "451 4.7.1 Greylisting in action"}, Step.ACCEPTANCE, "a few minutes"),
        ({"data": "554 5.3.4 Not now"}, Step.DATA, "Its answer says why"),
        ({"content": "550 5.7.26 Unauthenticated mail is not accepted"}, Step.ACCEPTANCE, "SPF"),
    ],
    ids=str,
)
def test_a_refusal_has_a_hint(script: dict[str, Any], step: Step, words: str) -> None:
    with ScriptedServer() as server:
        server.script = script
        error, hint = diagnosis(server)
    assert error.step is step
    assert words in hint


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("535 5.7.8 Authentication failed", "password is wrong"),
        ("535 5.7.3 Authentication unsuccessful", "password is wrong"),
        (GMAIL_WRONG, "Google wants an app password"),
        (GMAIL_APP, "Google wants an app password"),
        (MICROSOFT, "Microsoft has switched off passwords"),
        ("454 4.7.0 Temporary authentication failure", "later"),
    ],
)
def test_a_refused_password_has_a_hint(answer: str, words: str) -> None:
    with ScriptedServer(**USERS) as server:
        server.script = {"auth": answer}
        error, hint = diagnosis(server, **LOG_IN)
    assert error.step is Step.AUTH
    assert words in hint


def test_a_log_in_that_is_offered_with_encryption_only(authority: Authority) -> None:
    with ScriptedServer(tls=authority.context()) as server:
        error, hint = diagnosis(server, **LOG_IN)
        assert error.step is Step.AUTH
        assert "Set MAIL_USE_TLS=1" in hint
        error, hint = diagnosis(server, use_tls=True, ca_file=authority.ca_file, **LOG_IN)
        assert error.step is Step.AUTH
        assert "MAIL_USE_TLS=1" not in hint, "the connection is encrypted already"


def test_a_log_in_with_tokens_alone(authority: Authority) -> None:
    with ScriptedServer(tls=authority.context(), auth="XOAUTH2") as server:
        error, hint = diagnosis(server, use_tls=True, ca_file=authority.ca_file, **LOG_IN)
    assert (error.step, error.code) == (Step.AUTH, None)
    assert "MAIL_OAUTH_TOKEN_URL" in hint


@pytest.mark.parametrize("dialect", [{"auth": "=LOGIN PLAIN"}, {"auth": " login"}])
def test_an_unusual_offer_of_a_log_in_needs_no_hint(dialect: dict[str, Any]) -> None:
    with ScriptedServer(users={"susan": "secret"}, **dialect) as server:
        send_test(settings_for(server, **LOG_IN), ENVELOPE, lambda _line: None)
        assert server.received[0].login == "susan"


def test_another_positive_code_than_250_needs_no_hint() -> None:
    with ScriptedServer() as server:
        server.script = {"mail": "200 OK", "rcpt": "252 OK", "content": "200 OK"}
        accepted = send_test(settings_for(server), ENVELOPE, lambda _line: None)
    assert accepted.answer == "200 OK"


def test_a_lost_connection_is_not_taken_for_missing_encryption() -> None:
    with ScriptedServer(**USERS) as server:
        server.script = {"auth": DROP}
        error, hint = diagnosis(server, **LOG_IN)
    assert (error.step, error.code) == (Step.AUTH, None)
    assert "MAIL_USE_TLS=1" not in hint


def test_tls_from_the_start_where_the_server_does_not_speak_it() -> None:
    with ScriptedServer() as server:
        error, hint = diagnosis(server, use_ssl=True)
        assert error.step is Step.TLS
        assert f"Port {server.port} doesn't use TLS from the start" in hint
        assert "MAIL_USE_SSL=0 and MAIL_USE_TLS=1" in hint


@pytest.mark.parametrize("use_tls", [False, True])
def test_no_tls_where_the_server_speaks_it_from_the_start(
    authority: Authority, use_tls: bool
) -> None:
    with ScriptedServer(tls=authority.context(), implicit_tls=True) as server:
        settings = settings_for(server, use_tls=use_tls, timeout=0.3)
        error = failure(settings)
    assert error.step is Step.GREETING
    assert "465 with MAIL_USE_SSL" in advice(error, settings)
    assert "Set MAIL_USE_SSL=1 and MAIL_USE_TLS=0" in advice(error, replace(settings, port=465))


def test_encryption_where_the_server_has_none() -> None:
    with ScriptedServer() as server:
        error, hint = diagnosis(server, use_tls=True)
    assert error.step is Step.STARTTLS
    assert "can't encrypt on this port" in hint


@pytest.mark.parametrize(
    ("context", "trusted", "words"),
    [
        (lambda authority: authority.context(expired=True), True, "has expired"),
        (lambda authority: authority.context("mail.example.com"), True, "for another name"),
        (Authority.self_signed, False, "MAIL_CA_FILE"),
        (Authority.context, False, "MAIL_CA_FILE"),
    ],
    ids=["expired", "another name", "self-signed", "unknown authority"],
)
@pytest.mark.parametrize("implicit", [False, True])
def test_a_bad_certificate_has_a_hint(
    authority: Authority,
    context: Callable[[Authority], Any],
    trusted: bool,
    words: str,
    implicit: bool,
) -> None:
    options = {"use_tls": not implicit, "use_ssl": implicit}
    ca_file = authority.ca_file if trusted else None
    with ScriptedServer(tls=context(authority), implicit_tls=implicit) as server:
        error, hint = diagnosis(server, ca_file=ca_file, **options)
    assert error.step is Step.TLS
    assert words in hint


@pytest.mark.parametrize("options", [{}, {"use_ssl": True}, {"use_ssl": True, "port": 587}])
def test_a_wrong_server_name(options: dict[str, Any]) -> None:
    settings = SmtpServer(**{"host": "smtp.example.invalid", "port": 465, **options})
    error = failure(settings)
    assert error.step is Step.LOOKUP
    assert "No machine is named 'smtp.example.invalid'" in advice(error, settings)


def test_a_wrong_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings = SmtpServer("127.0.0.1", port, timeout=5)
    error = failure(settings)
    assert error.step is Step.CONNECT
    assert f"Nothing answers at 127.0.0.1, port {port}" in advice(error, settings)


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("code", [None, 421, 450, 530, 535, 550])
def test_every_failure_has_a_hint(step: Step, code: int | None) -> None:
    settings = SmtpServer("{host}", 25, username="{}", password="secret")
    hint = advice(SmtpError(step, code, "words {with} braces"), settings)
    assert hint.endswith(".")
    assert "secret" not in hint


def test_each_successful_step_is_reported(authority: Authority) -> None:
    reported: list[str] = []
    users: dict[str, Any] = {"auth": "PLAIN", "users": {"susan": "secret"}}
    with ScriptedServer(tls=authority.context(), **users) as server:
        settings = settings_for(server, use_tls=True, ca_file=authority.ca_file, **LOG_IN)
        accepted = send_test(settings, ENVELOPE, reported.append)
        assert len(server.received) == 1
        assert server.commands[-1] == "QUIT"
    assert accepted.answer == "250 2.0.0 Taken"
    assert reported == [
        f"Connected to 127.0.0.1, port {settings.port}.",
        "The connection is encrypted and the certificate is valid.",
        "Logged in as susan.",
        "The server accepted the message: 250 2.0.0 Taken",
    ]


def test_successful_steps_before_a_failure_are_reported() -> None:
    reported: list[str] = []
    with ScriptedServer(**USERS) as server:
        settings = settings_for(server, **LOG_IN)
        with pytest.raises(SmtpError):
            send_test(settings, ENVELOPE, reported.append)
    assert reported == [f"Connected to 127.0.0.1, port {settings.port}."]


def settings_for(server: ScriptedServer, **options: Any) -> SmtpServer:
    return SmtpServer(**{"host": "127.0.0.1", "port": server.port, "timeout": 5.0, **options})


def failure(settings: SmtpServer) -> SmtpError:
    with pytest.raises(SmtpError) as caught:
        send_test(settings, ENVELOPE, lambda _line: None)
    return caught.value


def diagnosis(server: ScriptedServer, **options: Any) -> tuple[SmtpError, str]:
    """The error of a test message, and the hint."""
    settings = settings_for(server, **options)
    error = failure(settings)
    return error, advice(error, settings)
