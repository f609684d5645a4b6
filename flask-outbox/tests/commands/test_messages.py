"""`flask outbox list | show | retry | cancel | stats | suppressed`, with every kind of session."""

from __future__ import annotations

import pytest

from tests.commands.conftest import Command, deliver, loaded
from tests.extensions import Made, classic
from tests.smtp_server import ScriptedServer

ON_ONE = pytest.mark.parametrize("made", [classic], indirect=True)
"""For what has nothing to do with sessions."""


@pytest.fixture
def three_messages(made: Made, smtp: ScriptedServer) -> None:
    """1 was sent, 2 was refused for good, 3 waits."""
    smtp.script["rcpt:bob@example.com"] = "550 5.7.1 Your domain is on our list"
    with made.app.app_context():
        for name in ("susan", "bob"):
            made.outbox.send_email("Hello", None, [f"{name}@example.com"], "text")
        made.current().commit()
    deliver(made)
    with made.app.app_context():
        made.outbox.send_email("Hello", None, ["john@example.com"], "text")
        made.current().commit()


@pytest.mark.usefixtures("three_messages")
def test_every_verb_works_on_the_sessions_of_the_application(
    made: Made, outbox: Command, smtp: ScriptedServer
) -> None:
    assert [one["id"] for one in loaded(outbox, "list")] == [3, 2, 1]
    assert [one["status"] for one in loaded(outbox, "list")] == ["queued", "dead", "sent"]
    assert "Your domain is on our list" in outbox("show", "2").stdout
    assert outbox("cancel", "3").stdout == "Cancelled: 3\n"
    smtp.script.clear()
    assert outbox("retry", "2").stdout == "Queued again: 2\n"
    assert deliver(made) == 1
    assert loaded(outbox, "stats")["by_status"] == {"sent": 2, "cancelled": 1}
    assert loaded(outbox, "suppressed") == []


@ON_ONE
@pytest.mark.usefixtures("three_messages")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["--to", "bob@example.com"], [2]),
        (["--address", "john"], [3]),
        (["--type", "mail.ready"], [3, 2, 1]),
        (["--kind", "nothing"], []),
        (["--status", "dead", "--since", "2h"], [2]),
        (["--until", "2h"], []),
        (["--count", "1"], [3]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_messages_are_found(outbox: Command, wanted: list[str], found: list[int]) -> None:
    assert [one["id"] for one in loaded(outbox, "list", *wanted)] == found


@ON_ONE
@pytest.mark.usefixtures("three_messages")
def test_the_numbers_alone_are_for_other_commands(outbox: Command) -> None:
    assert outbox("list", "--ids").stdout.split() == ["3", "2", "1"]
    assert outbox("list", "--ids", "--kind", "nothing").output == "No messages found.\n"


@ON_ONE
@pytest.mark.usefixtures("three_messages")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "4"], "There's no message 4."),
        (["retry", "1"], "Message 1 is sent: there's nothing to send again."),
        (["cancel", "3", "4"], "There's no message 4."),
        (["suppressed", "susan@example.com", "--lift"], "susan@example.com isn't suppressed."),
        (["suppressed", "susan"], "'susan' isn't an email address: "),
    ],
    ids=lambda value: " ".join(value)[:20] if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    made: Made, outbox: Command, arguments: list[str], said: str
) -> None:
    before = [(one.id, one.status) for one in made.messages()]
    refused = outbox(*arguments)
    assert refused.exit_code == 1
    assert refused.output.startswith(f"Error: {said}")
    assert len(refused.output.splitlines()) == 1
    assert [(one.id, one.status) for one in made.messages()] == before


def test_an_address_that_does_not_exist_is_suppressed_until_it_is_lifted(
    made: Made, outbox: Command, smtp: ScriptedServer
) -> None:
    smtp.script["rcpt"] = "550 5.1.1 Nobody of that name lives here"
    with made.app.app_context():
        made.outbox.send_email("Hello", None, ["susan@example.com"], "text")
        made.current().commit()
    deliver(made)
    assert [one["address"] for one in loaded(outbox, "suppressed")] == ["susan@example.com"]
    assert outbox("suppressed", "susan@example.com", "--lift").exit_code == 0
    assert loaded(outbox, "suppressed") == []
