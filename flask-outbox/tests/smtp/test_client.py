"""The conversation with a mail server: every failure has a step and a meaning."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_outbox.smtp.client import LINE_MAXIMUM, SmtpClient, SmtpServer
from flask_outbox.smtp.errors import Meaning, SmtpError, Step, meaning_of, one_line
from flask_outbox.smtp.submission import Accepted, Envelope, open_connection, transmit
from tests.smtp_server import DROP, STALL, Authority, ScriptedServer

pytestmark = pytest.mark.slow

SHORT = 0.3
"""Seconds to wait for a silent server."""

SUSAN, JOHN, ALICE = "susan@example.com", "john@example.com", "alice@example.com"
CONTENT = b"Subject: Welcome\r\n\r\nWelcome.\r\n"
LARGE = CONTENT + (b"x" * 78 + b"\r\n") * 150_000

Script = dict[str, str | list[str | None]]


@dataclass
class Case:
    """What the server does, and what the error must say."""

    script: Script
    step: Step
    code: int | None
    meaning: Meaning
    server: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)
    content: bytes = CONTENT

    def __str__(self) -> str:
        said = "; ".join(f"{step} {answer}" for step, answer in self.script.items())
        pipelined = " pipelined" if self.server == PIPELINING else ""
        return (said or f"{self.step} not offered") + pipelined


def refusals(scripted: str, step: Step, expected: dict[str, Meaning], **more: Any) -> list[Case]:
    """A case for each answer at a step; its first three characters are the code."""
    return [
        Case(
            {scripted: answer},
            step,
            int(answer[:3]) if answer[:3].isdigit() else None,
            meaning,
            **more,
        )
        for answer, meaning in expected.items()
    ]


BEFORE_THE_MESSAGE = {
    "421 4.3.2 Busy": Meaning.SERVER,
    "450 4.7.1 Later": Meaning.SERVER,
    "554 5.7.1 Go away": Meaning.SERVER,
    "HTTP/1.1 400 Bad Request": Meaning.SERVER,
    DROP: Meaning.SERVER,
    STALL: Meaning.SERVER,
}
ABOUT_THE_MESSAGE = {
    "451 4.3.0 Later": Meaning.RETRY,
    "452 4.2.2 Full": Meaning.RETRY,
    "550 5.7.1 No": Meaning.REJECT,
    "421 4.3.2 Closing": Meaning.SERVER,
    "530 5.7.0 Log in first": Meaning.SERVER,
    "nonsense": Meaning.SERVER,
    DROP: Meaning.SERVER,
    STALL: Meaning.SERVER,
}
ONCE_IT_IS_KNOWN = ABOUT_THE_MESSAGE | {
    "421 4.3.2 Closing": Meaning.RETRY,
    "nonsense": Meaning.RETRY,
    DROP: Meaning.RETRY,
    STALL: Meaning.RETRY,
}
AFTER_THE_MESSAGE = ONCE_IT_IS_KNOWN | {
    "nonsense": Meaning.UNKNOWN,
    DROP: Meaning.UNKNOWN,
    STALL: Meaning.UNKNOWN,
}
TLS_CLIENT: dict[str, Any] = {"use_tls": True}
PIPELINING: dict[str, Any] = {"features": ["PIPELINING", "SIZE"]}
USER: dict[str, Any] = {"username": "susan", "password": "secret"}
USERS: dict[str, Any] = {"auth": "PLAIN LOGIN", "users": {"susan": "secret"}}

CASES = [
    *refusals("connect", Step.GREETING, BEFORE_THE_MESSAGE),
    *refusals(
        "ehlo",
        Step.EHLO,
        {
            "421 4.3.2 Busy": Meaning.SERVER,
            "nonsense": Meaning.SERVER,
            DROP: Meaning.SERVER,
            STALL: Meaning.SERVER,
        },
    ),
    Case({"ehlo": "450 Later", "helo": "450 Later"}, Step.EHLO, 450, Meaning.SERVER),
    Case({"ehlo": "502 5.5.1 What?", "helo": "504 No"}, Step.EHLO, 504, Meaning.SERVER),
    Case({"ehlo": "502 5.5.1 What?", "helo": DROP}, Step.EHLO, 502, Meaning.SERVER),
    Case({}, Step.STARTTLS, None, Meaning.SERVER, client=TLS_CLIENT),
    *refusals(
        "starttls",
        Step.STARTTLS,
        BEFORE_THE_MESSAGE,
        client=TLS_CLIENT,
        server={"features": ["STARTTLS"]},
    ),
    Case({}, Step.AUTH, None, Meaning.SERVER, client=USER),
    Case({}, Step.AUTH, None, Meaning.SERVER, client=USER, server={"auth": "XOAUTH2"}),
    Case({}, Step.AUTH, 535, Meaning.SERVER, client=USER, server={"auth": "PLAIN"}),
    Case({}, Step.AUTH, 535, Meaning.SERVER, client=USER, server={"auth": "LOGIN"}),
    Case({}, Step.AUTH, 535, Meaning.SERVER, client=USER, server={"auth": "CRAM-MD5"}),
    *refusals(
        "auth",
        Step.AUTH,
        {
            "421 4.3.2 Busy": Meaning.SERVER,
            "454 4.7.0 Later": Meaning.SERVER,
            "534 5.7.9 An app password is needed": Meaning.SERVER,
            DROP: Meaning.SERVER,
            STALL: Meaning.SERVER,
        },
        client=USER,
        server=USERS,
    ),
    *[
        case
        for server in ({}, PIPELINING)
        for case in (
            *refusals("mail", Step.MAIL, ABOUT_THE_MESSAGE, server=server),
            *refusals("rcpt", Step.RCPT, ONCE_IT_IS_KNOWN, server=server),
            *refusals("data", Step.DATA, ONCE_IT_IS_KNOWN, server=server),
            *refusals("content", Step.ACCEPTANCE, AFTER_THE_MESSAGE, server=server),
        )
    ],
    Case({"accept-and-drop": "yes"}, Step.ACCEPTANCE, None, Meaning.UNKNOWN),
    Case({"before-the-dot": DROP}, Step.CONTENT, None, Meaning.RETRY, content=LARGE),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_failure_names_its_step_and_its_meaning(case: Case) -> None:
    with ScriptedServer(**case.server) as server:
        server.script = case.script
        with pytest.raises(SmtpError) as caught:
            send(server.port, content=case.content, timeout=SHORT, **case.client)
        error = caught.value
        assert (error.step, error.code, error.meaning) == (case.step, case.code, case.meaning)
        assert error.answer
        assert str(case.step) in str(error)
        taken = 1 if "accept-and-drop" in case.script else 0
        assert len(server.received) == taken


def test_a_port_where_nothing_listens() -> None:
    with pytest.raises(SmtpError) as caught:
        send(free_port())
    error = caught.value
    assert (error.step, error.code, error.meaning) == (Step.CONNECT, None, Meaning.SERVER)
    assert "refused" in error.answer


@pytest.mark.parametrize(
    "host", ["no-such-machine.invalid", "two..dots.example", "x" * 64 + ".example"]
)
def test_a_host_name_that_does_not_exist(host: str) -> None:
    with pytest.raises(SmtpError) as caught:
        SmtpClient(SmtpServer(host=host, timeout=5)).connect()
    error = caught.value
    assert (error.step, error.code, error.meaning) == (Step.LOOKUP, None, Meaning.SERVER)
    assert error.answer


def test_a_server_without_ehlo_gets_helo() -> None:
    with ScriptedServer() as server:
        server.script = {"ehlo": "502 5.5.1 What?"}
        assert send(server.port).answer.startswith("250")
        assert [one.split(" ")[0] for one in server.commands] == [
            "EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT",
        ]  # fmt: skip
        assert server.received[0].mail_options == []


def test_answers_of_many_lines_are_one_answer() -> None:
    with ScriptedServer() as server:
        server.script = {
            "connect": "220-Welcome\r\n220-to this\r\n220 server",
            "mail": "250-2.1.0 Good\r\n250 2.1.0 indeed",
            "rcpt:john@example.com": "550-5.7.1 No,\r\n550-5.7.1\r\n550 5.7.1 never",
            "content": "250-2.0.0 Taken\r\n250 2.0.0 as 42",
        }
        client = open_connection(smtp_server(server.port))
        assert transmit(client, envelope()).answer == "250 2.0.0 Taken\n2.0.0 as 42"
        with pytest.raises(SmtpError) as caught:
            transmit(client, envelope(JOHN))
        client.quit()
        assert (caught.value.code, caught.value.answer) == (550, "5.7.1 No, 5.7.1 5.7.1 never")
        assert server.connections == 1


def test_an_answer_may_come_in_pieces_and_without_words() -> None:
    def talk(connection: socket.socket) -> None:
        for piece in (b"2", b"20", b"-a\r", b"\n22", b"0\n"):
            connection.sendall(piece)
            time.sleep(0.02)
        connection.recv(100)
        connection.sendall(b"250-me\r\n250-SIZE 1\r\n250 AUTH PLAIN\r\n")

    with raw_server(talk) as port:
        client = SmtpClient(smtp_server(port))
        assert client.connect().text == "a\n"
        client.hello()
        assert client.features == {"size": "1", "auth": "PLAIN"}
        client.close()


def test_a_dribbling_server_has_one_deadline_for_its_whole_answer() -> None:
    def talk(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"220-still\r\n")
            time.sleep(0.05)

    with raw_server(talk) as port:
        error = failure(SmtpClient(smtp_server(port, timeout=SHORT)).connect)
    assert (error.step, error.code) == (Step.GREETING, None)
    assert "no answer within" in error.answer


@pytest.mark.parametrize(
    ("flood", "words"),
    [(b"220 " + b"x" * LINE_MAXIMUM * 4, "endless line"), (b"220-x\r\n" * 10_000, "without end")],
)
def test_an_endless_answer_ends_the_conversation(flood: bytes, words: str) -> None:
    def talk(connection: socket.socket) -> None:
        while True:
            connection.sendall(flood)

    with raw_server(talk) as port:
        client = SmtpClient(smtp_server(port))
        error = failure(client.connect)
        assert (error.step, error.code) == (Step.GREETING, None)
        assert words in error.answer
        assert not client.is_open


def test_a_slow_server_that_keeps_reading_has_time() -> None:
    taken = []

    def talk(connection: socket.socket) -> None:
        read = line_reader(connection)
        connection.sendall(b"220 slow\r\n")
        for answer in (b"250 me", b"250 sender", b"250 recipient", b"354 go"):
            read()
            connection.sendall(answer + b"\r\n")
        rest = b""
        while not rest.endswith(b"\r\n.\r\n"):
            time.sleep(0.02)
            received = connection.recv(200_000)
            taken.append(len(received))
            rest = (rest + received)[-5:]
        connection.sendall(b"250 taken\r\n")

    with raw_server(talk, receive_buffer=100_000) as port:
        accepted = send(port, content=LARGE, timeout=2 * SHORT)
    assert accepted.answer == "250 taken"
    assert sum(taken) == len(LARGE) + 3
    assert len(taken) * 0.02 > 3 * SHORT, "the server was not slow enough to tell"


@pytest.mark.parametrize("options", [{}, PIPELINING], ids=["one by one", "pipelined"])
def test_after_a_refusal_the_next_message_goes_over_the_same_connection(
    options: dict[str, Any],
) -> None:
    with ScriptedServer(**options) as server:
        server.script = {
            "mail": ["451 4.3.0 Later"],
            "rcpt": ["550 5.1.1 Nobody"],
            "data": ["451 4.3.0 Later"],
            "content": ["554 5.6.0 No"],
        }
        client = open_connection(smtp_server(server.port))
        steps = [failure(lambda: transmit(client, envelope())).step for _ in range(4)]
        assert steps == [Step.MAIL, Step.RCPT, Step.DATA, Step.ACCEPTANCE]
        transmit(client, envelope())
        client.quit()
        assert server.connections == 1
        assert len(server.received) == 1
        assert server.commands.count("RSET") == 4


@pytest.mark.parametrize("answer", ["421 4.3.2 Closing", DROP])
def test_after_a_farewell_the_connection_is_closed(answer: str) -> None:
    with ScriptedServer() as server:
        server.script = {"rcpt": answer}
        client = open_connection(smtp_server(server.port))
        assert failure(lambda: transmit(client, envelope())).meaning is Meaning.RETRY
        assert not client.is_open


@pytest.mark.parametrize("answer", ["500 5.5.1 What?", "421 4.3.2 Closing", DROP])
def test_a_connection_that_cannot_be_reset_is_closed(answer: str) -> None:
    with ScriptedServer() as server:
        server.script = {"rcpt": "550 5.1.1 Nobody", "rset": answer}
        client = open_connection(smtp_server(server.port))
        error = failure(lambda: transmit(client, envelope()))
        assert (error.step, error.code) == (Step.RCPT, 550)
        assert not client.is_open


@pytest.mark.parametrize("options", [{}, PIPELINING], ids=["one by one", "pipelined"])
def test_some_recipients_are_refused_and_the_others_get_it(options: dict[str, Any]) -> None:
    with ScriptedServer(**options) as server:
        server.script = {f"rcpt:{JOHN}": "550 5.1.1 Nobody", f"rcpt:{ALICE}": "450 4.2.0 Later"}
        accepted = send(server.port, SUSAN, JOHN, ALICE)
        assert server.received[0].recipients == [SUSAN]
    refused = [(who, error.code, error.meaning) for who, error in accepted.refused]
    assert refused == [(JOHN, 550, Meaning.REJECT), (ALICE, 450, Meaning.RETRY)]


@pytest.mark.parametrize("options", [{}, PIPELINING], ids=["one by one", "pipelined"])
@pytest.mark.parametrize(
    ("john", "alice", "meaning"),
    [
        ("550 5.1.1 Nobody", "450 4.2.0 Later", Meaning.RETRY),
        ("450 4.2.0 Later", "550 5.1.1 Nobody", Meaning.RETRY),
        ("550 5.1.1 Nobody", "553 5.1.1 Nobody", Meaning.REJECT),
    ],
)
def test_if_all_are_refused_one_temporary_refusal_keeps_the_message_alive(
    john: str, alice: str, meaning: Meaning, options: dict[str, Any]
) -> None:
    with ScriptedServer(**options) as server:
        server.script = {f"rcpt:{JOHN}": john, f"rcpt:{ALICE}": alice}
        error = failure(lambda: send(server.port, JOHN, ALICE))
        assert (error.step, error.meaning) == (Step.RCPT, meaning)
        assert server.received == []


@pytest.mark.parametrize("answer", ["421 4.3.2 Closing", DROP])
def test_a_connection_lost_among_the_recipients_refuses_nobody(answer: str) -> None:
    with ScriptedServer() as server:
        server.script = {f"rcpt:{JOHN}": answer}
        error = failure(lambda: send(server.port, SUSAN, JOHN, ALICE))
        assert (error.step, error.meaning) == (Step.RCPT, Meaning.RETRY)
        assert server.received == []


def test_the_envelope_is_pipelined_if_the_server_offers_it() -> None:
    heard = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        connection.recv(1000)
        connection.sendall(b"250-me\r\n250 PIPELINING\r\n")
        heard.append(connection.recv(1000))
        connection.sendall(b"250 sender\r\n250 recipient\r\n250 recipient\r\n354 go\r\n")
        while not heard[-1].endswith(b"\r\n.\r\n"):
            heard[-1] += connection.recv(1000)
        connection.sendall(b"250 taken\r\n")

    with raw_server(talk) as port:
        assert send(port, SUSAN, JOHN).answer == "250 taken"
    said = "MAIL FROM:<noreply@example.com>\r\nRCPT TO:<{}>\r\nRCPT TO:<{}>\r\nDATA\r\n"
    assert heard[0].startswith(said.format(SUSAN, JOHN).encode())


def test_a_message_for_nobody_is_ended_where_the_server_waits_for_it() -> None:
    heard = []

    def talk(connection: socket.socket) -> None:
        read = line_reader(connection)
        connection.sendall(b"220 hello\r\n")
        read()
        connection.sendall(b"250-me\r\n250 PIPELINING\r\n")
        for answer in (b"250 sender", b"550 5.1.1 nobody", b"354 go"):
            read()
            connection.sendall(answer + b"\r\n")
        for answer in (b"554 5.5.1 no recipients", b"250 reset", b"221 bye"):
            heard.append(read())
            connection.sendall(answer + b"\r\n")

    with raw_server(talk) as port:
        error = failure(lambda: send(port))
    assert (error.step, error.code, error.meaning) == (Step.RCPT, 550, Meaning.REJECT)
    assert heard == [b".\r\n", b"RSET\r\n", b"QUIT\r\n"]


@pytest.mark.parametrize("pipelining", [False, True])
def test_a_refusal_counts_even_if_the_server_hangs_up_after_it(pipelining: bool) -> None:
    def talk(connection: socket.socket) -> None:
        read = line_reader(connection)
        connection.sendall(b"220 hello\r\n")
        read()
        connection.sendall(b"250-me\r\n250 PIPELINING\r\n" if pipelining else b"250 me\r\n")
        read()
        connection.sendall(b"550 5.7.1 You are on a list\r\n")

    with raw_server(talk) as port:
        error = failure(lambda: send(port))
    assert (error.step, error.code, error.meaning) == (Step.MAIL, 550, Meaning.REJECT)
    assert error.answer == "5.7.1 You are on a list"


@pytest.mark.parametrize("options", [{}, PIPELINING], ids=["one by one", "pipelined"])
def test_an_envelope_has_no_line_breaks(options: dict[str, Any]) -> None:
    with ScriptedServer(**options) as server:
        with pytest.raises(ValueError, match="one line"):
            send(server.port, f"{SUSAN}>\r\nRCPT TO:<{JOHN}")
        assert not any(one.startswith("RCPT") for one in server.commands)


def test_the_server_gets_the_parameters_it_offers() -> None:
    with ScriptedServer() as server:
        client = open_connection(smtp_server(server.port))
        transmit(client, envelope())
        transmit(client, envelope(content="Süßan\r\n".encode()))
        client.quit()
        first, second = server.received
        assert first.mail_options == [f"SIZE={len(CONTENT)}"]
        assert second.mail_options == ["BODY=8BITMIME", "SIZE=9"]
        assert server.commands[0].startswith("EHLO ")


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x.", b"x", b". .", b"QUIT"]), max_size=8)
)
def test_dots_arrive_as_they_were_sent(lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines) or b"\r\n"
    with ScriptedServer() as server:
        send(server.port, content=content)
        assert server.received[0].content == content


def test_a_last_line_without_an_end_gets_one() -> None:
    with ScriptedServer() as server:
        send(server.port, content=b"no end")
        assert server.received[0].content == b"no end\r\n"


@pytest.mark.parametrize("line", ["RSET\r\nQUIT", "RSET\nQUIT", "RSET\r"])
def test_a_command_is_one_line(line: str) -> None:
    with ScriptedServer() as server:
        client = open_connection(smtp_server(server.port))
        with pytest.raises(ValueError, match="one line"):
            client.command(Step.MAIL, line)
        assert client.is_alive()
        client.quit()
        assert [one.split(" ")[0] for one in server.commands] == ["EHLO", "NOOP", "QUIT"]


@pytest.mark.parametrize(
    ("offered", "said"),
    [("PLAIN LOGIN", True), ("LOGIN", True), ("plain login", True), ("login cram-md5", False)],
)
def test_each_mechanism_of_a_log_in_works(offered: str, said: bool) -> None:
    with ScriptedServer(auth=offered, users={"susan": "sécret"}) as server:
        send(server.port, username="susan", password="sécret")
        assert server.received[0].login == "susan"
        assert server.passwords == ([("sécret", False)] if said else [])


def test_nonsense_instead_of_a_challenge_is_a_refusal() -> None:
    def talk(connection: socket.socket) -> None:
        read = line_reader(connection)
        connection.sendall(b"220 hello\r\n")
        read()
        connection.sendall(b"250-me\r\n250 AUTH CRAM-MD5\r\n")
        read()
        connection.sendall(b"334 x\r\n")

    with raw_server(talk) as port:
        error = failure(lambda: send(port, **USER))
    assert (error.step, error.meaning) == (Step.AUTH, Meaning.SERVER)


def test_a_server_that_is_gone_before_the_log_in() -> None:
    gone = threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        line_reader(connection)()
        connection.sendall(b"250-me\r\n250 AUTH PLAIN\r\n")
        time.sleep(0.05)
        reset(connection)
        gone.set()

    with raw_server(talk) as port:
        client = SmtpClient(smtp_server(port))
        client.connect()
        client.hello()
        assert gone.wait(5)
        time.sleep(0.05)
        error = failure(lambda: client.log_in("susan", "secret"))
    assert (error.code, error.meaning) == (None, Meaning.SERVER)


def test_a_password_crosses_the_network_encrypted_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(SmtpClient, "_is_loopback", lambda _client: False)
    with ScriptedServer(**USERS) as server:
        error = failure(lambda: send(server.port, **USER))
        assert (error.step, error.meaning) == (Step.AUTH, Meaning.SERVER)
        assert "not encrypted" in error.answer
        assert server.passwords == []
        assert "AUTH" not in server.commands


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_a_password_to_this_machine_may_be_unencrypted(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, 0), family=family)
    except OSError:
        pytest.skip(f"needs the address {address}")
    with listener:
        client = SmtpClient(SmtpServer(address, listener.getsockname()[1], timeout=SHORT))
        failure(client.connect)
        client._socket = socket.create_connection(listener.getsockname()[:2])
        assert client._is_loopback()
        client.close()


@pytest.mark.parametrize("implicit", [False, True])
def test_a_message_over_tls(authority: Authority, implicit: bool) -> None:
    with ScriptedServer(tls=authority.context(), implicit_tls=implicit, **USERS) as server:
        send(server.port, use_tls=not implicit, use_ssl=implicit, ca_file=authority.ca_file, **USER)
        (received,) = server.received
        assert received.encrypted
        assert server.passwords == [("secret", True)]
        hellos = [one for one in server.commands if one.startswith("EHLO")]
        assert len(hellos) == (1 if implicit else 2)


def test_answers_from_before_encryption_are_discarded(authority: Authority) -> None:
    with ScriptedServer(
        tls=authority.context(), auth="CRAM-MD5", users={"susan": "secret"}
    ) as server:
        server.script = {"starttls": "220 Go ahead\r\n250-evil\r\n250 AUTH PLAIN"}
        send(server.port, use_tls=True, ca_file=authority.ca_file, **USER)
        assert server.passwords == []
        assert server.received[0].encrypted


@pytest.mark.parametrize("answer", [DROP, STALL])
def test_the_acceptance_is_unknown_over_tls_too(authority: Authority, answer: str) -> None:
    with ScriptedServer(tls=authority.context()) as server:
        server.script = {"content": answer}
        error = failure(
            lambda: send(server.port, use_tls=True, ca_file=authority.ca_file, timeout=SHORT)
        )
        assert (error.step, error.meaning) == (Step.ACCEPTANCE, Meaning.UNKNOWN)


def test_encryption_that_breaks_after_the_final_dot_leaves_the_outcome_unknown(
    authority: Authority,
) -> None:
    def talk(connection: socket.socket) -> None:
        with authority.context().wrap_socket(connection, server_side=True) as encrypted:
            read = line_reader(encrypted)
            encrypted.sendall(b"220 hello\r\n")
            for answer in (b"250 me", b"250 sender", b"250 recipient", b"354 go"):
                read()
                encrypted.sendall(answer + b"\r\n")
            while read() != b".\r\n":
                pass
            os.write(encrypted.fileno(), b"250 this is not encrypted\r\n")

    with raw_server(talk) as port:
        error = failure(lambda: send(port, use_ssl=True, ca_file=authority.ca_file))
    assert (error.step, error.meaning) == (Step.ACCEPTANCE, Meaning.UNKNOWN)


@pytest.mark.parametrize("behaviour", ["stall", "drop", "garbage"])
def test_a_failed_handshake_is_a_tls_error(behaviour: str) -> None:
    done = threading.Event()

    def talk(connection: socket.socket) -> None:
        if behaviour == "stall":
            done.wait(5)
        elif behaviour == "garbage":
            connection.sendall(b"220 plain.example ESMTP\r\n")
            done.wait(5)

    with raw_server(talk) as port:
        error = failure(lambda: send(port, use_ssl=True, timeout=SHORT))
        done.set()
    assert (error.step, error.code, error.meaning) == (Step.TLS, None, Meaning.SERVER)


def test_a_missing_file_of_certificates_is_a_tls_error(tmp_path: Path) -> None:
    with ScriptedServer() as server:
        gone = tmp_path / "gone.pem"
        error = failure(lambda: send(server.port, use_ssl=True, ca_file=gone))
    assert (error.step, error.meaning) == (Step.TLS, Meaning.SERVER)


def test_the_conversation_is_printed_without_the_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for offered in ("PLAIN", "LOGIN", "CRAM-MD5"):
        with ScriptedServer(auth=offered, users={"susan": "secret"}) as server:
            send(server.port, debug=True, **USER)
        watched = capsys.readouterr().err
        assert "SMTP > EHLO " in watched
        assert "SMTP < 250 2.0.0 Taken" in watched
        assert f"AUTH {offered}" in watched
        for secret in ("secret", "c2VjcmV0", "AHN1c2FuAHNlY3JldA=="):
            assert secret not in watched


def test_a_password_is_not_in_the_description_of_a_server() -> None:
    assert "secret" not in repr(SmtpServer(**USER))


def test_a_failed_quit_changes_nothing() -> None:
    for answer in (DROP, STALL, "500 5.5.1 What?"):
        with ScriptedServer() as server:
            server.script = {"quit": answer}
            assert send(server.port, timeout=SHORT).answer == "250 2.0.0 Taken"


def test_a_connection_knows_whether_it_is_alive() -> None:
    with ScriptedServer() as server:
        server.script = {"noop": [None, "421 4.3.2 Closing"]}
        client = SmtpClient(smtp_server(server.port))
        assert not client.is_alive()
        client.connect()
        assert client.is_alive()
        assert not client.is_alive()
        client.close()
        assert not client.is_open


def test_a_closed_connection_says_so() -> None:
    error = failure(lambda: transmit(SmtpClient(SmtpServer()), envelope()))
    assert error.meaning is Meaning.SERVER
    assert "closed" in error.answer


def test_a_name_beyond_ascii_needs_a_server_that_can_take_it() -> None:
    beyond = Envelope("süsan@example.com", [JOHN], CONTENT, smtputf8=True)
    with ScriptedServer() as server:
        client = open_connection(smtp_server(server.port))
        transmit(client, beyond)
        client.quit()
        assert server.received[0].sender == "süsan@example.com"
        assert "SMTPUTF8" in server.received[0].mail_options
    with ScriptedServer(features=[]) as server:
        client = open_connection(smtp_server(server.port))
        error = failure(lambda: transmit(client, beyond))
        client.quit()
        assert (error.step, error.meaning) == (Step.MAIL, Meaning.REJECT)
        assert "SMTPUTF8" in error.answer
        assert not any(one.startswith("MAIL") for one in server.commands)


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("code", [None, 421, 450, 530, 550])
def test_every_answer_has_a_meaning(step: Step, code: int | None) -> None:
    meaning = meaning_of(step, code)
    about_the_message = step in {Step.MAIL, Step.RCPT, Step.DATA, Step.CONTENT, Step.ACCEPTANCE}
    if meaning in {Meaning.RETRY, Meaning.REJECT}:
        assert about_the_message
    if meaning is Meaning.UNKNOWN:
        assert (step, code) == (Step.ACCEPTANCE, None)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=700), st.binary(max_size=700)))
def test_a_servers_answer_becomes_one_harmless_line(answer: str | bytes) -> None:
    line = one_line(answer)
    assert len(line) <= 500
    assert line.isprintable()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def smtp_server(port: int, **options: Any) -> SmtpServer:
    return SmtpServer(**{"host": "127.0.0.1", "port": port, "timeout": 5.0, **options})


def envelope(*recipients: str, content: bytes = CONTENT) -> Envelope:
    return Envelope("noreply@example.com", recipients or (SUSAN,), content)


def send(port: int, *recipients: str, content: bytes = CONTENT, **options: Any) -> Accepted:
    """Send a message, from the look-up of the name to QUIT."""
    client = open_connection(smtp_server(port, **options))
    try:
        return transmit(client, envelope(*recipients, content=content))
    finally:
        client.quit()


def failure(call: Callable[[], object]) -> SmtpError:
    with pytest.raises(SmtpError) as caught:
        call()
    return caught.value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def raw_server(
    talk: Callable[[socket.socket], None], *, receive_buffer: int | None = None
) -> Iterator[int]:
    """A port that hands one connection to `talk`, for servers that hardly speak SMTP."""
    with socket.socket() as listener:
        if receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            with suppress(OSError), listener.accept()[0] as connection:
                connection.settimeout(10)
                talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=5)
        assert not thread.is_alive(), "the client has not let go of the connection"


def line_reader(connection: socket.socket) -> Callable[[], bytes]:
    return connection.makefile("rb").readline


def reset(connection: socket.socket) -> None:
    """Reset the connection, so that the other end finds it broken."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
