"""`microblog mail list | show | retry | cancel | stats`: what became of somebody's mail."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from tests.cli.conftest import Command
from tests.outbox import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, make_user

REFUSAL = "550 5.7.1 Your domain is on our list"


@pytest.fixture
def three_messages(app: Flask, smtp: ScriptedServer) -> None:
    """1 was sent, 2 was refused for good, 3 waits; none was delivered at the first attempt."""
    smtp.script["rcpt:bob@example.com"] = REFUSAL
    for name in ("susan", "bob"):
        make_user(app, name)
        Visitor(app).ask_for_reset(f"{name}@example.com")
    deliver_from(app)
    Visitor(app).ask_for_reset("susan@example.com")


def loaded(microblog: Command, *arguments: str) -> Any:
    shown = microblog("mail", *arguments, "--json")
    assert shown.exit_code == 0, shown.output
    return json.loads(shown.stdout)


@pytest.mark.usefixtures("three_messages")
def test_messages_are_listed_newest_first(microblog: Command) -> None:
    shown = microblog("mail", "list")
    assert shown.exit_code == 0
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert [(line[0], line[2], line[3], line[4]) for line in lines] == [
        ("3", "queued", "accounts.reset_password", "susan@example.com"),
        ("2", "dead", "accounts.reset_password", "bob@example.com"),
        ("1", "sent", "accounts.reset_password", "susan@example.com"),
    ]


@pytest.mark.usefixtures("three_messages")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["--address", "SUSAN@example.com"], [3, 1]),
        (["--address", "ob@exam"], [2]),
        (["--address", "%"], []),
        (["--address", "nobody@example.com"], []),
        (["--status", "dead"], [2]),
        (["--kind", "accounts.reset_password"], [3, 2, 1]),
        (["--kind", "accounts"], []),
        (["--hours", "1"], [3, 2, 1]),
        (["--hours", "0.0000001"], []),
        (["--count", "1"], [3]),
        (["--address", "susan@example.com", "--status", "sent"], [1]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_messages_are_found(microblog: Command, wanted: list[str], found: list[int]) -> None:
    assert [one["id"] for one in loaded(microblog, "list", *wanted)] == found


@ON_SQLITE
def test_an_empty_outbox_is_said(microblog: Command) -> None:
    shown = microblog("mail", "list")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr == "No message matches.\n"
    assert loaded(microblog, "list") == []


@pytest.mark.usefixtures("three_messages")
def test_the_history_of_a_message_is_told_in_the_servers_words(microblog: Command) -> None:
    shown = microblog("mail", "show", "2")
    assert shown.exit_code == 0
    assert "recipient:   bob@example.com" in shown.stdout
    assert "status:      dead" in shown.stdout
    attempts = [line for line in shown.stdout.splitlines() if line.startswith("  attempt")]
    assert len(attempts) == 1
    assert attempts[0].startswith("  attempt 1, ")
    assert "Your domain is on our list" in attempts[0]
    assert [one["status"] for one in loaded(microblog, "show", "2")["history"]] == ["dead"]


@pytest.mark.usefixtures("three_messages")
def test_a_message_that_died_is_sent_when_the_trouble_is_over(
    app: Flask, microblog: Command, smtp: ScriptedServer
) -> None:
    smtp.script.clear()
    assert microblog("mail", "retry", "2").stdout == "Queued again: 2\n"
    assert loaded(microblog, "show", "2")["status"] == "queued"
    deliver_from(app)
    told = loaded(microblog, "show", "2")
    assert told["status"] == "sent"
    assert [one["status"] for one in told["history"]] == ["dead", "sent"]
    assert "bob@example.com" in [one.recipients[0] for one in smtp.received]


@ON_SQLITE
def test_a_retry_is_no_empty_promise_where_the_address_was_given_up(
    app: Flask, microblog: Command, smtp: ScriptedServer
) -> None:
    """Either the operator's word counts and the message is sent, or the retry is refused."""
    make_user(app, "susan")
    smtp.script["rcpt"] = "550 5.1.1 Nobody of that name lives here"
    Visitor(app).ask_for_reset("susan@example.com")
    deliver_from(app)
    smtp.script.clear()
    retried = microblog("mail", "retry", "1")
    deliver_from(app)
    if retried.exit_code == 0:
        assert loaded(microblog, "show", "1")["status"] == "sent"
    else:
        assert "suppressed" in retried.stderr


@pytest.mark.usefixtures("three_messages")
def test_a_cancelled_message_is_not_sent(
    app: Flask, microblog: Command, smtp: ScriptedServer
) -> None:
    assert microblog("mail", "cancel", "3").stdout == "Cancelled: 3\n"
    before = len(smtp.received)
    assert deliver_from(app) == 0
    assert len(smtp.received) == before
    assert loaded(microblog, "show", "3")["status"] == "cancelled"


@ON_SQLITE
@pytest.mark.usefixtures("three_messages")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "4"], "There is no message 4."),
        (["show", str(10**30)], f"There is no message {10**30}."),
        (["retry", "1"], "Message 1 is sent: there is nothing to retry."),
        (["retry", "4"], "There is no message 4."),
        (["cancel", "1"], "Message 1 is sent: there is nothing to cancel."),
        (["cancel", "2"], "Message 2 is dead: there is nothing to cancel."),
        (["cancel", "3", "4"], "There is no message 4."),
        (["retry", "2", "1"], "Message 1 is sent: there is nothing to retry."),
    ],
    ids=lambda value: " ".join(value)[:20] if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    app: Flask, microblog: Command, arguments: list[str], said: str
) -> None:
    before = [(row.id, row.status, row.attempts) for row in rows(app)]
    refused = microblog("mail", *arguments)
    assert refused.exit_code == 1
    assert refused.stderr == f"Error: {said}\n"
    assert [(row.id, row.status, row.attempts) for row in rows(app)] == before


@pytest.mark.usefixtures("three_messages")
def test_the_outbox_is_counted(microblog: Command) -> None:
    told = loaded(microblog, "stats")
    assert told["by_status"] == {"sent": 1, "dead": 1, "queued": 1}
    assert told["waiting"]["prompt"]["messages"] == 1
    assert 0 <= told["waiting"]["prompt"]["oldest_seconds"] < 60
    lines = microblog("mail", "stats").stdout.splitlines()
    counted = dict(line.split() for line in lines if not line.startswith("waiting"))
    assert counted["sent"] == counted["dead"] == counted["queued"] == "1"
    assert counted["cancelled"] == "0"
