"""What Postfix and Exim cannot deliver comes home by a pipe and by IMAP, and has its effect."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from flask_outbox import Status, current_outbox
from flask_outbox.application import make_dispatcher
from flask_outbox.feedback.imap import ImapMailbox
from flask_outbox.feedback.mailbox import poll
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.working import work_off
from flask_outbox.message.addresses import address_key
from flask_outbox.outbox.models import MailEvent, MailReport, OutboxMessage, Suppression
from tests.commands.processes import Greeter
from tests.extensions import Made, classic
from tests.mail_servers.dovecot import dovecot
from tests.mail_servers.exim import exim
from tests.mail_servers.postfix import postfix
from tests.mail_servers.relay import Relay, relay
from tests.mail_servers.scratch import scratch
from tests.mail_servers.servers import Routes, Server
from tests.mail_servers.sink import SIZE_MAXIMUM, sink
from tests.ports import HOST, free_port
from tests.smtp_server import ScriptedServer
from tests.waiting import eventually

pytestmark = pytest.mark.slow

LARGE = "Much to read.\n" * (SIZE_MAXIMUM // 10)


@dataclass(frozen=True)
class Case:
    """A message: to whom, with which text, and what is to become of it.

    `meanings` are those of all events about it, and `dead` whose address is suppressed at last.
    """

    to: tuple[str, ...]
    status: Status
    meanings: frozenset[Meaning] = frozenset()
    dead: tuple[str, ...] = ()
    body: str = "Hello.\n"


def bounced(to: str, *meanings: Meaning, body: str = "Hello.\n") -> Case:
    dead = (to,) if Meaning.DEAD in meanings else ()
    return Case((to,), Status.BOUNCED, frozenset(meanings), dead, body)


REFUSE = (
    "CREATE TRIGGER refuse BEFORE INSERT ON mail_reports BEGIN SELECT RAISE(ABORT, 'full'); END"
)

ONE_OF_TWO = Case(
    ("good@sink.test", "unknown+two@sink.test"),
    Status.BOUNCED,
    frozenset({Meaning.DEAD}),
    ("unknown+two@sink.test",),
)

CASES = {
    "arrives": Case(("good@sink.test",), Status.SENT),
    "unknown to the receiver": bounced("unknown@sink.test", Meaning.DEAD),
    "unknown to the server": bounced("gone@local.test", Meaning.DEAD),
    "full at the receiver": bounced("full@sink.test", Meaning.DELAYED, Meaning.FULL),
    "full at the server": bounced("nobody@local.test", Meaning.FULL),
    "too large": bounced("large@sink.test", Meaning.MESSAGE, body=LARGE),
    "no such domain": bounced("susan@nowhere.test", Meaning.DEAD),
    "delayed, then failed": bounced("susan@down.test", Meaning.DELAYED, Meaning.PATH),
    "refused for its sender": bounced("policy@sink.test", Meaning.POLICY),
    "one of two": ONE_OF_TWO,
}


# Exim goes on trying to write into a full mailbox, and Postfix does not.
OF_EXIM = {
    **CASES,
    "full at the server": bounced("nobody@local.test", Meaning.DELAYED, Meaning.FULL),
}

Start = Callable[[Routes], AbstractContextManager[Server]]

SERVERS: dict[str, tuple[Start, dict[str, Case]]] = {
    "postfix": (postfix, CASES),
    "exim": (exim, OF_EXIM),
}


@dataclass(frozen=True)
class Loop:
    """An application whose mail goes to a mail server, and comes back from there.

    `cases` are what is known of that server.
    """

    cases: dict[str, Case]
    made: Made
    server: Server
    pipe: Relay
    mailbox: ImapMailbox | None

    def send(self, cases: dict[str, Case]) -> None:
        with self.made.app.app_context():
            for name, case in cases.items():
                current_outbox().send_email(name, None, list(case.to), case.body)
            make_dispatcher(self.made.app).drain()

    def bring_in(self) -> None:
        with self.made.app.app_context():
            outbox = current_outbox()
            if self.mailbox is not None:
                with outbox.sessions() as session:
                    poll(session, self.mailbox, now=outbox.clock(), forced=True)
            work_off(outbox, now=outbox.clock())

    def outcomes(self, cases: dict[str, Case]) -> dict[str, Case]:
        """The cases as they turned out."""
        with Session(self.made.engine) as session:
            rows = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
            dead = set(session.scalars(select(Suppression.address_key)))
            events = session.execute(select(MailEvent.outbox_id, MailEvent.meaning)).all()
        return {
            name: replace(
                case,
                status=Status(row.status),
                meanings=frozenset(Meaning(one) for row_id, one in events if row_id == row.id),
                dead=tuple(address for address in case.to if address_key(address) in dead),
            )
            for (name, case), row in zip(cases.items(), rows, strict=True)
        }

    def comes_home(self, cases: dict[str, Case]) -> None:
        def is_home() -> bool:
            self.bring_in()
            return self.outcomes(cases) == cases

        if not eventually(is_home, seconds=300):
            found = self.outcomes(cases)
            other = {name: found[name] for name, case in cases.items() if found[name] != case}
            pytest.fail(f"{other}\n{self.server.log.read_text()}")

    def reports(self) -> list[MailReport]:
        with Session(self.made.engine) as session:
            return list(session.scalars(select(MailReport)))


@pytest.fixture
def greeter(tmp_path: Path, smtp: ScriptedServer) -> Greeter:
    """The application that the pipe's command is one of, with an empty folder."""
    return Greeter(tmp_path, smtp)


@pytest.fixture(params=SERVERS)
def server_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["pipe", "imap"])
def loop(request: pytest.FixtureRequest, server_name: str, greeter: Greeter) -> Iterator[Loop]:
    """The way of a mail and back, by each mail server and each way in."""
    start, cases = SERVERS[server_name]
    with ExitStack() as stack:
        receiver = stack.enter_context(sink())
        box = stack.enter_context(dovecot()) if request.param == "imap" else None
        command = [sys.executable, *greeter.flask("outbox", "feedback")]
        folder = stack.enter_context(scratch())
        pipe = stack.enter_context(relay(folder, command, greeter.environment()))
        routes = Routes(receiver.port, free_port(), pipe.script, box.lmtp_port if box else 0)
        server = stack.enter_context(start(routes))
        made = classic(
            greeter.database,
            SECRET_KEY="a secret of the tests",
            MAIL_SERVER=HOST,
            MAIL_PORT=server.port,
            MAIL_SUPPRESS_SEND="off",
            MAIL_RETURN_PATH="bounces@app.test",
        )
        stack.callback(made.engine.dispose)
        yield Loop(cases, made, server, pipe, box.mailbox() if box else None)


def test_what_cannot_be_delivered_comes_home(loop: Loop) -> None:
    loop.send(loop.cases)
    loop.comes_home(loop.cases)

    assert loop.reports() == []
    assert set(loop.pipe.exit_codes) <= {os.EX_OK}
    assert bool(loop.pipe.exit_codes) is (loop.mailbox is None)


@pytest.mark.parametrize("loop", ["pipe"], indirect=True)
def test_what_cannot_be_stored_stays_with_the_mail_server(loop: Loop) -> None:
    cases = {"unknown": CASES["unknown to the receiver"]}
    with loop.made.engine.begin() as connection:
        connection.execute(text(REFUSE))
    loop.send(cases)
    assert eventually(lambda: os.EX_TEMPFAIL in loop.pipe.exit_codes), loop.server.log.read_text()
    with loop.made.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER refuse"))

    loop.comes_home(cases)
    assert eventually(lambda: loop.pipe.exit_codes[-1] == os.EX_OK)
