"""What becomes of a message, for everything that a server can do: the table in docs/delivery.md.

Each cell of the table is a real conversation in which the server misbehaves once, at one step.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy.orm import Session

from flask_outbox import (
    ComposeContext,
    Email,
    EmailType,
    current_outbox,
    send_email,
)
from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.delivery.servers import one_server
from flask_outbox.outbox.models import Status
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.errors import Meaning, SmtpError, Step, meaning_of
from flask_outbox.smtp.oauth import OAuthClient, TokenSource
from flask_outbox.smtp.transport import SmtpTransport
from tests.application import transaction
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows
from tests.ports import HOST, free_port
from tests.smtp_server import DROP, STALL, Authority, ScriptedServer
from tests.tables import table
from tests.token_server import TokenServer

pytestmark = [ON_SQLITE, pytest.mark.slow]

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "delivery.md").read_text()
HEADINGS, ROWS = table(PAGE, "Step")
PARTICULARS = dict(table(PAGE, "In particular")[1])

SUSAN, JOHN = "susan@example.com", "john@example.com"
SHORT, LONG = 1.0, 10.0
"""Seconds to wait for a silent server, and for one that will answer."""

BEHAVIOURS = {
    "lost": [DROP, "HTTP/1.1 400 Bad Request"],
    "silent": [STALL],
    "421": ["421 4.3.2 Busy"],
    "other 4xx": ["450 4.2.0 Greylisted", "452 4.3.1 Full"],
    "530": ["530 5.7.0 Log in first"],
    "other 5xx": ["550 5.7.1 No", "503 5.5.1 Not now", "535 5.7.8 Wrong"],
}
CODES = {"lost": None, "silent": None, "421": 421, "other 4xx": 450, "530": 530, "other 5xx": 550}

SCRIPTED = {
    Step.TLS: "tls",
    Step.GREETING: "connect",
    Step.EHLO: "ehlo",
    Step.STARTTLS: "starttls",
    Step.AUTH: "auth",
    Step.MAIL: "mail",
    Step.RCPT: "rcpt",
    Step.DATA: "data",
    Step.CONTENT: "before-the-dot",
    Step.ACCEPTANCE: "content",
    Step.RESET: "rset",
    Step.CHECK: "noop",
    Step.QUIT: "quit",
}
"""The scripted server's names for the steps; name look-up and connecting come before it."""

NO_ANSWER_IS_DUE = {Step.TLS, Step.CONTENT}
PIPELINED = {Step.MAIL, Step.RCPT, Step.DATA, Step.ACCEPTANCE}
LARGE = ("x" * 76 + "\n") * 150_000
"""More than the buffers between here and the server hold."""

LOGIN: dict[str, Any] = {"auth": "PLAIN", "users": {"susan": "secret"}}

ONCE = "tests.once"
AGAIN = "tests.again"
LARGE_KIND = "tests.large"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def _kinds(app_context: AppContext) -> None:
    outbox = current_outbox()
    outbox.register(EmailType(ONCE, compose, repeat_unknown=False))
    outbox.register(EmailType(AGAIN, compose))
    outbox.register(EmailType(LARGE_KIND, compose_large, repeat_unknown=False))


def compose(_session: Session, context: ComposeContext) -> Email:
    return Email("Note", "A note.\n", to=(context.recipient,))


def compose_large(_session: Session, context: ComposeContext) -> Email:
    return Email("Note", LARGE, to=(context.recipient,))


@dataclass(frozen=True)
class Cell:
    """One cell of the table, with one behaviour of the server that belongs to it."""

    step: Step
    behaviour: str
    answer: str
    expected: str
    features: tuple[str, ...] = ()

    def __str__(self) -> str:
        pipelined = " pipelined" if self.features else ""
        return f"{self.step}, {self.behaviour} ({self.answer}){pipelined}"


def cells() -> Iterator[Cell]:
    for name, *outcomes in ROWS:
        step = Step(name)
        for behaviour, expected in zip(HEADINGS[1:], outcomes, strict=True):
            for answer in BEHAVIOURS[behaviour]:
                if expected == "-" or step not in SCRIPTED:
                    continue
                if step in NO_ANSWER_IS_DUE and answer not in {DROP, STALL}:
                    continue
                yield Cell(step, behaviour, answer, expected)
                if step in PIPELINED:
                    yield Cell(step, behaviour, answer, expected, ("PIPELINING",))


def test_the_table_has_every_step_and_every_behaviour() -> None:
    assert [row[0] for row in ROWS] == [str(step) for step in Step]
    assert HEADINGS[1:] == [*BEHAVIOURS]
    dashes = {
        (row[0], heading)
        for row in ROWS
        for heading, cell in zip(HEADINGS[1:], row[1:], strict=True)
        if cell == "-"
    }
    codes = {"421", "other 4xx", "530", "other 5xx"}
    assert dashes == {
        ("name look-up", "silent"),
        *(("name look-up", code) for code in codes),
        *(("connect", code) for code in codes),
        *(("TLS", code) for code in codes),
        *(("content", code) for code in codes),
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row[0]))
def test_the_table_agrees_with_the_code(row: list[str]) -> None:
    said = dict(zip(HEADINGS[1:], row[1:], strict=True))
    assert {name: meaning for name, meaning in said.items() if meaning != "-"} == {
        name: str(meaning_of(Step(row[0]), CODES[name]))
        for name, meaning in said.items()
        if meaning != "-"
    }


@pytest.mark.parametrize("cell", [*cells()], ids=str)
def test_a_server_that_misbehaves_at_one_step(
    cell: Cell, app: Flask, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = authority.context() if cell.step in {Step.TLS, Step.STARTTLS} else None
    with ScriptedServer(features=cell.features, tls=tls, **LOGIN) as server:
        scripted = SCRIPTED[cell.step]
        server.script = {scripted: [cell.answer]}
        if cell.step is Step.EHLO:
            # A server that does not know EHLO gets HELO next.
            server.script["helo"] = [cell.answer]
        sender = Sender(server, tls=tls is not None, ca_file=authority.ca_file)
        sender.timeout = SHORT if cell.answer == STALL else LONG
        if Meaning(cell.expected) is Meaning.NOTHING:
            between_messages(sender, app, cell.step, monkeypatch)
            return
        post(SUSAN, LARGE_KIND if cell.step is Step.CONTENT else ONCE)
        sender.drain()
        assert outcome(app) == cell.expected
        server.script = {}
        sender.timeout = LONG
        if cell.expected == Meaning.SERVER:
            sender.drain()
            assert outcome(app) == "sent"


def between_messages(
    sender: Sender, app: Flask, step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Send two messages, between which the server misbehaves: neither is affected."""
    if step is Step.CHECK:
        monkeypatch.setattr("flask_outbox.smtp.transport.CHECK_AFTER_SECONDS", -1.0)
    if step is Step.QUIT:
        sender.transport["max_emails"] = 1
    if step is Step.RESET:
        sender.server.script["data"] = ["550 5.7.1 No"]
    post(JOHN, ONCE)
    post(SUSAN, ONCE)
    assert sender.drain() == 2
    first = Status.DEAD if step is Step.RESET else Status.SENT
    assert [row.status for row in rows(app)] == [first, Status.SENT]
    assert sender.server.connections == 2
    assert {row.failures for row in rows(app)} == {1}


def test_an_unknown_outcome_is_retried_for_most_email_types(app: Flask) -> None:
    with ScriptedServer(**LOGIN) as server:
        server.script = {"content": [DROP]}
        post(SUSAN, AGAIN)
        Sender(server).drain()
    assert outcome(app) == "again"


def expected_of(step: Step, behaviour: str) -> str:
    (row,) = [row for row in ROWS if row[0] == step]
    return row[HEADINGS.index(behaviour)]


def test_a_host_name_that_does_not_exist(app: Flask, smtp: ScriptedServer) -> None:
    post(SUSAN, ONCE)
    sender = Sender(smtp)
    sender.client["host"] = "mail.invalid"
    sender.drain()
    assert outcome(app) == expected_of(Step.LOOKUP, "lost")


def test_a_port_where_nothing_listens(app: Flask, smtp: ScriptedServer) -> None:
    post(SUSAN, ONCE)
    sender = Sender(smtp)
    sender.client["port"] = free_port()
    sender.drain()
    assert outcome(app) == expected_of(Step.CONNECT, "lost")


def test_a_machine_that_does_not_answer(app: Flask, smtp: ScriptedServer) -> None:
    post(SUSAN, ONCE)
    sender = Sender(smtp, timeout=SHORT)
    with full_backlog() as port:
        sender.client["port"] = port
        sender.drain()
    assert outcome(app) == expected_of(Step.CONNECT, "silent")
    assert "connect: no answer within" in str(rows(app)[0].answer)


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose backlog is full, so that the machine drops new connections."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((HOST, port))
        yield port
        for one in waiting:
            one.close()


def particular(words: str) -> str:
    (found,) = [outcome for name, outcome in PARTICULARS.items() if words in name]
    return found


@pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "TLS"])
@pytest.mark.parametrize("fault", ["expired", "self-signed", "another name"])
def test_a_bad_certificate(app: Flask, authority: Authority, fault: str, implicit: bool) -> None:
    contexts: dict[str, Callable[[], ssl.SSLContext]] = {
        "expired": lambda: authority.context(expired=True),
        "self-signed": authority.self_signed,
        "another name": lambda: authority.context("mail.example.org"),
    }
    with ScriptedServer(tls=contexts[fault](), implicit_tls=implicit, **LOGIN) as server:
        post(SUSAN, ONCE)
        Sender(server, tls=True, implicit=implicit, ca_file=authority.ca_file).drain()
        assert outcome(app) == particular("certificate")
        assert fault in particular_words("certificate")
        assert server.passwords == []


def particular_words(words: str) -> str:
    (found,) = [name for name in PARTICULARS if words in name]
    return found


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_wrong_password(app: Flask, mechanism: str) -> None:
    with ScriptedServer(auth=mechanism, users={"susan": "another"}) as server:
        post(SUSAN, ONCE)
        Sender(server).drain()
    assert outcome(app) == particular("wrong password")
    assert "535" in str(rows(app)[0].answer)
    assert "secret" not in str(rows(app)[0].answer)


def test_a_wrong_token(app: Flask, tokens: TokenServer) -> None:
    with ScriptedServer(auth="XOAUTH2", users={"susan": "never given"}) as server:
        post(SUSAN, ONCE)
        sender = Sender(server)
        sender.client["tokens"] = TokenSource(OAuthClient(tokens.url, "client"))
        sender.drain()
    assert outcome(app) == particular("wrong token")
    assert "535" in str(rows(app)[0].answer)


@pytest.mark.parametrize("missing", ["encryption", "log-in"])
def test_a_feature_that_is_not_offered(app: Flask, missing: str) -> None:
    with ScriptedServer(auth=None) as server:
        post(SUSAN, ONCE)
        Sender(server, tls=missing == "encryption").drain()
    assert outcome(app) == particular(missing)
    assert "offer" in str(rows(app)[0].answer)


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "content"])
def test_an_account_that_reached_its_daily_limit(app: Flask, step: str) -> None:
    with ScriptedServer(**LOGIN) as server:
        server.script = {step: ["550 5.4.5 Daily user sending limit exceeded"]}
        post(SUSAN, ONCE)
        Sender(server).drain()
        assert outcome(app) == particular("Gmail's 550 5.4.5")
        Sender(server).drain()
    assert outcome(app) == "sent"


def test_an_address_beyond_ascii(app: Flask) -> None:
    with ScriptedServer(features=[], **LOGIN) as server:
        post("süsan@example.com", ONCE)
        Sender(server).drain()
    assert outcome(app) == particular("SMTPUTF8")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("450 4.2.0 Later", "a 4xx for some"),
        ("550 5.7.1 No", "a 5xx for some"),
        ("552 Too many recipients", "a 552 for some"),
    ],
)
def test_some_of_the_recipients_are_refused(app: Flask, answer: str, words: str) -> None:
    with ScriptedServer(**LOGIN) as server:
        server.script = {f"rcpt:{JOHN}": answer}
        send_email("Hello", None, [SUSAN, JOHN], "text")
        Sender(server).drain()
        assert [one.recipients for one in server.received] == [[SUSAN]]
    assert outcome(app) == particular(words)


def test_each_particular_case_is_tested() -> None:
    assert len(PARTICULARS) == 8


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [("5.4.5 Limit", Meaning.SERVER), ("5.1.1 5.4.5", Meaning.REJECT), ("15.4.5", Meaning.REJECT)],
)
def test_only_the_code_of_the_answer_itself_counts(answer: str, meaning: Meaning) -> None:
    assert SmtpError(Step.RCPT, 550, answer).meaning is meaning


def post(to: str, kind: str) -> None:
    with transaction() as session:
        current_outbox().enqueue(session, kind, to)


def outcome(app: Flask) -> str:
    """The outcome of the only message, in the words of the table."""
    (row,) = rows(app)
    if row.status == Status.DEFERRED:
        # If some recipients were served, the attempt is not counted.
        return "again" if row.failures or row.recipients else "server"
    return {"dead": "never"}.get(row.status, str(row.status))


@dataclass
class Sender:
    """A dispatcher that sends to the scripted server, with a log-in."""

    server: ScriptedServer
    tls: bool = False
    implicit: bool = False
    ca_file: Path | None = None
    timeout: float = LONG
    client: dict[str, Any] = field(default_factory=dict)
    transport: dict[str, Any] = field(default_factory=dict)

    def drain(self) -> int:
        values = {
            "host": HOST,
            "port": self.server.port,
            "use_tls": self.tls and not self.implicit,
            "use_ssl": self.implicit,
            "ca_file": self.ca_file,
            "timeout": self.timeout,
        }
        if self.server.auth or not self.tls:
            values |= {"username": "susan", "password": "secret"}
        made = SmtpServer(**{**values, **self.client})
        return Dispatcher(
            current_outbox(), one_server(lambda: SmtpTransport(made, **self.transport))
        ).drain()
