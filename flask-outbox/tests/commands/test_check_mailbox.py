"""`flask outbox check` tries the mailbox in which bounces arrive, and changes nothing in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.commands.conftest import Command
from tests.extensions import Made, classic
from tests.mail_servers.dovecot import PASSWORD, Dovecot, dovecot
from tests.ports import HOST

pytestmark = pytest.mark.parametrize("made", [classic], indirect=True)


@pytest.fixture
def server(made: Made) -> Iterator[Dovecot]:
    with dovecot() as running:
        made.app.config.update(
            MAIL_IMAP_SERVER=HOST,
            MAIL_IMAP_PORT=running.port,
            MAIL_IMAP_USERNAME="bounces",
            MAIL_IMAP_PASSWORD=PASSWORD,
        )
        yield running


def told(outbox: Command) -> list[str]:
    return [line for line in outbox("check").stdout.splitlines() if ": mailbox: " in line]


def test_what_waits_is_counted_and_left_alone(outbox: Command, server: Dovecot) -> None:
    server.deliver(b"Subject: one\r\n\r\nHm\r\n")
    for _time in range(2):
        assert told(outbox) == [
            f"ok: mailbox: {server.mailbox().name} can be read. 1 message waits in it."
        ]
    assert server.subjects() == ["one"]


def test_a_mailbox_that_cannot_be_read_is_wrong(
    outbox: Command, server: Dovecot, made: Made
) -> None:
    made.app.config["MAIL_IMAP_PASSWORD"] = "hunter2"
    (line,) = told(outbox)
    name = server.mailbox().name
    assert line.startswith(f"WRONG: mailbox: {name}: The server refuses the log-in of bounces: ")
    assert "hunter2" not in line


def test_without_a_mailbox_there_is_nothing_to_say(outbox: Command) -> None:
    assert told(outbox) == []
