"""The name in EHLO: a real one, found without waiting for a name server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_outbox import Mail
from flask_outbox.smtp import ehlo_name
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.ehlo_name import full_host_name, is_full_name
from flask_outbox.smtp.submission import open_connection
from tests.smtp_server import ScriptedServer


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    full_host_name.cache_clear()
    yield
    full_host_name.cache_clear()


@pytest.mark.parametrize(
    ("options", "machine", "said"),
    [
        ({"ehlo_name": "www.example.com"}, "machine.example.org", "www.example.com"),
        ({"ehlo_name": "mailhost"}, "machine.example.org", "mailhost"),
        ({"sender_domain": "example.com"}, "machine.example.org", "machine.example.org"),
        ({"sender_domain": "example.com"}, "machine", "example.com"),
        ({"sender_domain": "example.com"}, "localhost.localdomain", "example.com"),
        ({"sender_domain": "localhost"}, "machine", "[127.0.0.1]"),
        ({}, "machine", "[127.0.0.1]"),
    ],
)
@pytest.mark.parametrize("step", ["ehlo", "helo"])
def test_the_best_name_there_is(
    options: dict[str, Any], machine: str, said: str, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: machine)
    monkeypatch.setattr(socket, "getfqdn", lambda: machine)
    with ScriptedServer() as server:
        if step == "helo":
            server.script = {"ehlo": "502 5.5.1 What?"}
        open_connection(SmtpServer("127.0.0.1", server.port, timeout=5, **options)).quit()
        hellos = [one for one in server.commands if one[1:4] == "HLO" or one[:4] == "HELO"]
        assert hellos[-1] == f"{step.upper()} {said}"


def test_a_server_that_wants_a_name_gets_one() -> None:
    """Some servers refuse an address literal; the setting helps there."""
    with ScriptedServer() as server:
        app = Flask("shop")
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=server.port, ADMINS=["a@example.com"])
        app.config["MAIL_EHLO_NAME"] = "www.example.com"
        Mail(app)
        where = app.extensions["mail"].smtp_server
        assert (where.ehlo_name, where.sender_domain) == ("www.example.com", "example.com")
        open_connection(where).quit()
        assert server.commands[0] == "EHLO www.example.com"


def test_a_name_that_is_none_is_refused_at_the_start() -> None:
    app = Flask("shop")
    app.config["MAIL_EHLO_NAME"] = "www example\r\nRCPT TO:<x@example.com>"
    with pytest.raises(ValueError, match=r"isn.t a domain"):
        Mail(app)


def test_the_name_server_is_queried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["machine.example.org", "another.example.org"])
    monkeypatch.setattr(socket, "gethostname", lambda: "machine")
    monkeypatch.setattr(socket, "getfqdn", lambda: next(answers))
    assert [full_host_name() for _ in range(3)] == ["machine.example.org"] * 3


def test_a_silent_name_server_delays_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(ehlo_name, "LOOKUP_SECONDS", 0.01)
    monkeypatch.setattr(socket, "gethostname", lambda: "machine")
    monkeypatch.setattr(socket, "getfqdn", lambda: answers.wait(30) and "machine.example.org")
    assert full_host_name() is None
    answers.set()
    assert full_host_name() is None, "it was asked again"


def test_a_machine_with_a_full_name_queries_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> str:
        raise AssertionError("the name service was asked")

    monkeypatch.setattr(socket, "gethostname", lambda: "machine.example.org")
    monkeypatch.setattr(socket, "getfqdn", refuse)
    assert full_host_name() == "machine.example.org"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("machine.example.org", True),
        ("a-1.b-2.example", True),
        ("xn--bcher-kva.example", True),
        ("machine", False),
        ("localhost", False),
        ("localhost.localdomain", False),
        ("machine.localdomain", False),
        ("10.0.0.5", False),
        ("my_app.example.org", False),
        ("machine.example.org.", False),
        ("-a.example.org", False),
        ("", False),
        ("bücher.example", False),
        ("a" * 64 + ".example", False),
        (".".join(["a" * 60] * 5), False),
    ],
)
def test_which_names_are_full(name: str, expected: bool) -> None:
    assert is_full_name(name) == expected
