"""Rules of the conversation that protect client and server from each other's mistakes."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from flask_outbox.smtp.client import ANSWER_MAXIMUM, SmtpServer
from flask_outbox.smtp.errors import Meaning, SmtpError, Step
from flask_outbox.smtp.replies import Reply, announced_limit, features
from flask_outbox.smtp.submission import Accepted, Envelope, open_connection, transmit
from flask_outbox.smtp.transport import SmtpTransport
from tests.smtp.dialect_server import PASSWORD, USER, Dialect, DialectServer
from tests.smtp_server import Authority, ScriptedServer

SUSAN, JOHN = "susan@example.com", "john@example.com"
CONTENT = b"Subject: x\r\n\r\nx\r\n"


def test_a_dot_at_the_end_of_the_servers_name_is_not_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MAIL_SERVER may be an absolute name of the DNS; the certificate and SNI have no dot."""
    look_up = socket.getaddrinfo

    def resolver(host: str, *args: Any, **options: Any) -> Any:
        assert host == "localhost."
        return look_up("127.0.0.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    authority = Authority(tmp_path)
    asked: list[str | None] = []
    context = authority.context("localhost")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    with ScriptedServer(tls=context) as server:
        options = {"host": "localhost.", "use_tls": True, "ca_file": authority.ca_file}
        open_connection(where_of(server, **options)).quit()
    assert asked == ["localhost"]


def test_the_servers_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up, asked = socket.getaddrinfo, []

    def resolver(host: str, *args: Any, **options: Any) -> Any:
        asked.append(host)
        return look_up(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with ScriptedServer() as server:
        open_connection(where_of(server)).quit()
    assert asked == ["127.0.0.1"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\n\n", b"\r\r\n"])
def test_no_line_end_smuggles_a_command(end: bytes) -> None:
    """Some servers take a dot between lone line ends for the end of the message."""
    content = CONTENT + b"a" + end + b"." + end + b"MAIL FROM:<evil@example.com>" + end
    with ScriptedServer() as server:
        send(server.port, content=content)
        (received,) = server.received
    lines = received.content.split(b"\r\n")
    assert b"." in lines
    assert not any(b"\r" in line or b"\n" in line for line in lines)


def test_a_refused_sender_does_not_leave_a_blank_message_behind() -> None:
    """Pipelined, the server may take recipients and wait for a message after it refused MAIL."""
    dialect = Dialect("careless", offers=("PIPELINING",), mail="450 Later", needs_mail=False)
    with DialectServer(dialect) as server, pytest.raises(SmtpError) as caught:
        send(server.port, SUSAN)
    assert (caught.value.step, caught.value.code) == (Step.MAIL, 450)
    assert server.taken == []


@pytest.mark.parametrize("offers", [(), ("PIPELINING",)], ids=["one by one", "pipelined"])
def test_an_unclear_answer_to_data_ends_the_connection(offers: tuple[str, ...]) -> None:
    """A server that answers DATA with 250 may wait for the message and take RSET for its text."""
    with DialectServer(Dialect("confused", offers=offers, data="250 Ok")) as server:
        client = open_connection(where_of(server))
        with pytest.raises(SmtpError) as caught:
            transmit(client, envelope(SUSAN))
        assert (caught.value.step, caught.value.meaning) == (Step.DATA, Meaning.RETRY)
        assert not client.is_open


def test_a_server_that_loses_pipelined_commands_gets_them_one_by_one() -> None:
    dialect = Dialect("lossy", offers=("PIPELINING",), loses_pipelined=True)
    with DialectServer(dialect) as server:
        transport = SmtpTransport(where_of(server, timeout=0.3))
        with pytest.raises(SmtpError) as caught:
            transport.send(envelope(SUSAN))
        assert (caught.value.step, caught.value.meaning) == (Step.RCPT, Meaning.RETRY)
        assert transport.server.one_by_one.is_set()
        for _ in range(3):
            transport.send(envelope(SUSAN))
        transport.close()
        assert server.taken == [[SUSAN]] * 3


def test_silence_that_has_another_reason_brings_pipelining_back() -> None:
    with ScriptedServer(features=["PIPELINING"]) as server:
        server.script = {"rcpt": ["stall", "stall"]}
        where = where_of(server, timeout=0.3)
        for expected in (True, False):
            with pytest.raises(SmtpError):
                transmit(open_connection(where), envelope(SUSAN))
            assert where.one_by_one.is_set() == expected


def test_the_last_refusal_of_a_log_in_is_reported_if_the_server_hangs_up() -> None:
    dialect = Dialect(
        "hangs up", offers=("AUTH PLAIN LOGIN",), auth={"PLAIN": "535 5.7.8 No\0", "LOGIN": "check"}
    )
    with DialectServer(dialect) as server, pytest.raises(SmtpError) as caught:
        open_connection(where_of(server, username=USER, password=PASSWORD))
    assert (caught.value.step, caught.value.code) == (Step.AUTH, 535)


def test_a_503_not_about_a_log_in_is_a_refusal() -> None:
    dialect = Dialect("no log-in", offers=("AUTH PLAIN",), auth={"PLAIN": "503 5.5.1 Not now"})
    with DialectServer(dialect) as server, pytest.raises(SmtpError) as caught:
        open_connection(where_of(server, username=USER, password=PASSWORD))
    assert (caught.value.code, caught.value.meaning) == (503, Meaning.SERVER)


def test_an_unsupported_mechanism_is_named() -> None:
    with ScriptedServer(auth="NTLM GSSAPI") as server, pytest.raises(SmtpError) as caught:
        open_connection(where_of(server, username=USER, password=PASSWORD))
    assert "it offers NTLM, GSSAPI" in caught.value.answer


def test_a_log_in_with_endless_challenges_is_cancelled() -> None:
    dialect = Dialect("asks", offers=("AUTH LOGIN",), auth={"LOGIN": f"334 {'x' * 8}"})
    with DialectServer(dialect) as server, pytest.raises(SmtpError) as caught:
        open_connection(where_of(server, username=USER, password=PASSWORD))
    assert (caught.value.step, caught.value.meaning) == (Step.AUTH, Meaning.SERVER)


def test_the_offers_of_a_server() -> None:
    said = "mail\nAUTH LOGIN\nauth=PLAIN\nSIZE=10\nsize 20\n8bitmime\n\n?\nLIMITS RCPTMAX=5"
    assert features(Reply(250, said)) == {
        "auth": "LOGIN PLAIN",
        "size": "20",
        "8bitmime": "",
        "limits": "RCPTMAX=5",
    }


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("RCPTMAX=100", 100),
        ("MAILMAX=10 rcptmax=100 RCPTDOMAINMAX=1", 100),
        ("RCPTMAX=000100", 100),
        ("RCPTMAX=0", None),
        ("RCPTMAX=-1", None),
        ("RCPTMAX=many", None),
        ("XRCPTMAX=5", None),
        ("RCPTDOMAINMAX=1", None),
        ("", None),
    ],
)
def test_an_announced_limit(limits: str, expected: int | None) -> None:
    assert announced_limit(limits, "RCPTMAX") == expected


def test_an_answer_has_an_end_in_size_and_not_in_lines() -> None:
    lines = ANSWER_MAXIMUM // 5
    offers = tuple(f"X{number}" for number in range(1000))
    with DialectServer(Dialect("many", offers=offers)) as server:
        client = open_connection(where_of(server))
        assert len(client.features) == 1000
        client.quit()
    endless = Dialect("endless", "220-x\n" * lines + "220 x")
    with DialectServer(endless) as server, pytest.raises(SmtpError, match="without end"):
        open_connection(where_of(server))


def where_of(server: Any, **options: Any) -> SmtpServer:
    return SmtpServer(**{"host": "127.0.0.1", "port": server.port, "timeout": 10.0, **options})


def envelope(*recipients: str, content: bytes = CONTENT) -> Envelope:
    return Envelope("noreply@example.com", recipients, content)


def send(port: int, *recipients: str, content: bytes = CONTENT, **options: Any) -> Accepted:
    values = {"host": "127.0.0.1", "port": port, "timeout": 10.0, **options}
    client = open_connection(SmtpServer(**values))
    try:
        return transmit(client, envelope(*(recipients or (SUSAN,)), content=content))
    finally:
        client.quit()
