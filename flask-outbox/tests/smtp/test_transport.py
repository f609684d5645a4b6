"""The persistent connection: how long it is kept, and when it is replaced."""

from __future__ import annotations

import os
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flask_outbox.smtp import transport
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.errors import Meaning, SmtpError
from flask_outbox.smtp.submission import Envelope
from flask_outbox.smtp.transport import SmtpTransport, SuppressedTransport
from tests.smtp_server import DROP, Authority, ScriptedServer

ENVELOPE = Envelope("noreply@example.com", ["susan@example.com"], b"Subject: x\r\n\r\nx\r\n")


def test_messages_share_a_connection() -> None:
    with ScriptedServer() as server:
        kept = transport_to(server)
        kept.open()
        for _ in range(3):
            assert kept.send(ENVELOPE).answer == "250 2.0.0 Taken"
        kept.close()
        assert [one.connection for one in server.received] == [1, 1, 1]
        assert "NOOP" not in server.commands
        assert server.commands[-1] == "QUIT"


@pytest.mark.parametrize(
    ("most", "connections"), [(1, [1, 2, 3, 4]), (2, [1, 1, 2, 2]), (None, [1, 1, 1, 1])]
)
def test_so_many_messages_go_over_one_connection(most: int | None, connections: list[int]) -> None:
    with ScriptedServer() as server:
        kept = transport_to(server, max_emails=most)
        for _ in range(4):
            kept.send(ENVELOPE)
        kept.close()
        assert [one.connection for one in server.received] == connections
        assert server.connections == connections[-1]
        assert server.commands.count("QUIT") == connections[-1]


@pytest.mark.parametrize(
    ("answer", "connection"), [(None, 1), (DROP, 2), ("421 4.4.2 Timeout", 2), ("500 What?", 2)]
)
def test_a_stale_connection_is_checked_before_use(
    monkeypatch: pytest.MonkeyPatch, answer: str | None, connection: int
) -> None:
    with ScriptedServer() as server:
        kept = transport_to(server)
        kept.send(ENVELOPE)
        monkeypatch.setattr(transport, "CHECK_AFTER_SECONDS", -1.0)
        server.script = {"noop": [answer]}
        kept.send(ENVELOPE)
        kept.close()
        assert "NOOP" in server.commands
        assert [one.connection for one in server.received] == [1, connection]


@pytest.mark.parametrize("answer", [DROP, "421 4.3.2 Closing"])
def test_a_broken_connection_is_replaced(answer: str) -> None:
    with ScriptedServer() as server:
        kept = transport_to(server)
        server.script = {"mail": [answer]}
        with pytest.raises(SmtpError) as caught:
            kept.send(ENVELOPE)
        assert caught.value.meaning is Meaning.SERVER
        kept.send(ENVELOPE)
        kept.close()
        assert [one.connection for one in server.received] == [2]


def test_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as server:
        kept = transport_to(server)
        kept.close_if_idle()
        kept.send(ENVELOPE)
        kept.close_if_idle()
        assert "QUIT" not in server.commands
        monkeypatch.setattr(transport, "CLOSE_AFTER_SECONDS", -1.0)
        kept.close_if_idle()
        assert server.commands[-1] == "QUIT"


def test_an_unused_connection_grows_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ScriptedServer() as server:
        kept = transport_to(server)
        kept.open()
        monkeypatch.setattr(transport, "CHECK_AFTER_SECONDS", 0.2)
        for _ in range(5):
            # A message that is discarded opens the connection, and sends nothing over it.
            time.sleep(0.1)
            kept.open()
        assert "NOOP" in server.commands
        kept.close()


@pytest.mark.parametrize("tls", [False, True])
def test_a_forked_process_makes_its_own_connection(tmp_path: Path, tls: bool) -> None:
    authority = Authority(tmp_path)
    with ScriptedServer(tls=authority.context() if tls else None) as server:
        kept = transport_to(server, use_tls=tls, ca_file=authority.ca_file)
        kept.send(ENVELOPE)
        with warnings.catch_warnings():
            # Python 3.12 warns of forks beside threads; the child here uses none.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            with suppress(BaseException):
                kept.send(ENVELOPE)
                kept.close()
            os._exit(0)
        os.waitpid(child, 0)
        kept.send(ENVELOPE)
        kept.close()
        assert [one.connection for one in server.received] == [1, 2, 1]
        assert server.commands.count("QUIT") == 2


def test_threads_do_not_share_connections(smtp: ScriptedServer) -> None:
    smtp.delay = 0.05
    transports = [transport_to(smtp) for _ in range(5)]

    def send(kept: SmtpTransport) -> None:
        for _ in range(4):
            kept.send(ENVELOPE)
        kept.close()

    with ThreadPoolExecutor(5) as threads:
        list(threads.map(send, transports))
    counted = Counter(one.connection for one in smtp.received)
    assert counted == dict.fromkeys(range(1, 6), 4)


def test_a_closed_transport_can_be_opened_again() -> None:
    with ScriptedServer() as server:
        kept = transport_to(server)
        kept.close()
        kept.send(ENVELOPE)
        kept.close()
        kept.send(ENVELOPE)
        kept.close()
        assert [one.connection for one in server.received] == [1, 2]


def test_if_sending_is_suppressed_the_answer_says_so() -> None:
    suppressed = SuppressedTransport()
    suppressed.open()
    assert "MAIL_SUPPRESS_SEND" in suppressed.send(ENVELOPE).answer
    suppressed.close_if_idle()
    suppressed.close()


def transport_to(
    server: ScriptedServer, *, max_emails: int | None = None, **client: Any
) -> SmtpTransport:
    where = SmtpServer("127.0.0.1", server.port, timeout=5, **client)
    return SmtpTransport(where, max_emails=max_emails)
