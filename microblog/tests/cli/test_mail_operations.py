"""`microblog mail list | show | retry | cancel | stats`: what became of somebody's mail."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from flask_outbox.outbox.email_types import HOUR
from microblog.database import transaction
from microblog.web.supported_languages import LANGUAGES
from tests.cli.conftest import Command
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, make_user

pytestmark = pytest.mark.slow

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
        (["--since", "1h"], [3, 2, 1]),
        (["--since", "1.5d"], [3, 2, 1]),
        (["--since", "0s"], []),
        (["--until", "0s"], [3, 2, 1]),
        (["--until", "5m"], []),
        (["--since", "2020-01-31"], [3, 2, 1]),
        (["--since", "2020-01-31T12:00", "--until", "2020-02-29"], []),
        (["--since", "{first_day}"], [3, 2, 1]),
        (["--until", "{last_day}"], [3, 2, 1]),
        (["--until", "{first_day}T00:00"], []),
        (["--since", "{first_day}T00:00:00+00:00"], [3, 2, 1]),
        (["--count", "1"], [3]),
        (["--address", "susan@example.com", "--status", "sent"], [1]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_messages_are_found(
    app: Flask, microblog: Command, wanted: list[str], found: list[int]
) -> None:
    """The days are those of the messages: midnight may come at any time."""
    days = [datetime.fromtimestamp(row.created_at, UTC).date() for row in rows(app)]
    wanted = [word.format(first_day=days[0], last_day=days[-1]) for word in wanted]
    assert [one["id"] for one in loaded(microblog, "list", *wanted)] == found


@ON_SQLITE
@pytest.mark.parametrize(
    "moment",
    ["", "soon", "2", "2x", "2026-02-30", "2026-13-01T00:00", "-1h", "1e9d"],
)
def test_a_moment_that_is_none_is_refused_with_examples(microblog: Command, moment: str) -> None:
    refused = microblog("mail", "list", "--since", moment)
    assert refused.exit_code == 2
    assert "isn't a time: write how long ago (30m, 2h, 7d), a date" in refused.stderr


@pytest.mark.usefixtures("three_messages")
def test_the_numbers_alone_are_for_other_commands(microblog: Command) -> None:
    assert microblog("mail", "list", "--ids").stdout == "3\n2\n1\n"


@ON_SQLITE
def test_an_empty_outbox_is_said(microblog: Command) -> None:
    shown = microblog("mail", "list")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr == "No messages found.\n"
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
        (["show", "4"], "There's no message 4."),
        (["show", str(10**30)], f"There's no message {10**30}."),
        (["retry", "1"], "Message 1 is sent: there's nothing to send again."),
        (["retry", "4"], "There's no message 4."),
        (["cancel", "1"], "Message 1 is sent: there's nothing to cancel."),
        (["cancel", "2"], "Message 2 is dead: there's nothing to cancel."),
        (["cancel", "3", "4"], "There's no message 4."),
        (["retry", "2", "1"], "Message 1 is sent: there's nothing to send again."),
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
    assert told["waiting"]["high"]["messages"] == 1
    assert 0 <= told["waiting"]["high"]["oldest_seconds"] < 60
    lines = microblog("mail", "stats").stdout.partition("\n\n")[0].splitlines()
    counted = dict(line.split() for line in lines if not line.startswith("waiting"))
    assert counted["sent"] == counted["dead"] == counted["queued"] == "1"
    assert counted["cancelled"] == "0"


@pytest.mark.usefixtures("three_messages")
def test_the_ends_are_counted_by_hour(app: Flask, microblog: Command) -> None:
    with app.app_context(), transaction() as writing:
        for row in writing.merge_all(rows(app)):
            if row.status == "dead":
                row.settled_at = (row.settled_at or 0) - 5 * HOUR
    hours = loaded(microblog, "stats")["by_hour"]
    assert len(hours) == 24
    ended = {hour["begins"]: hour for hour in hours if len(hour) > 1}
    assert [hour.get("sent", 0) for hour in ended.values()] == [0, 1]
    assert [hour.get("dead", 0) for hour in ended.values()] == [1, 0]
    picture = microblog("mail", "stats", "--hours", "6").stdout.partition("\n\n")[2].splitlines()
    assert picture[0] == "Finished in the last 6 hours (UTC):"
    assert [line.split() for line in picture[1:]] == [
        [f"{begins[:13]}h", "1", "#" * 40, status, "1"]
        for begins, status in zip(ended, ["dead", "sent"], strict=True)
    ]


@ON_SQLITE
def test_hours_in_which_nothing_ended_are_not_drawn(microblog: Command) -> None:
    assert microblog("mail", "stats").stdout.endswith(
        "Finished in the last 24 hours (UTC):\nnone\n"
    )


@pytest.mark.usefixtures("three_messages")
def test_programs_get_everything_as_json(microblog: Command) -> None:
    assert loaded(microblog, "cancel", "3") == {"cancelled": [3]}
    assert loaded(microblog, "retry", "2", "3") == {"queued": [2, 3]}
    assert loaded(microblog, "suppressed") == []
    previews = loaded(microblog, "preview", "--kind", "accounts.reset_password")
    assert [set(one) for one in previews] == [
        {"kind", "language", "subject", "text", "html"}
    ] * len(LANGUAGES)
    assert previews[0]["subject"] == "[Microblog] Reset Your Password"


@ON_SQLITE
def test_suppressed_addresses_are_listed_and_lifted(
    app: Flask, microblog: Command, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    smtp.script["rcpt"] = "550 5.1.1 Nobody of that name lives here"
    Visitor(app).ask_for_reset("susan@example.com")
    deliver_from(app)
    (one,) = loaded(microblog, "suppressed")
    assert one["address"] == "susan@example.com"
    assert "5.1.1 Nobody of that name" in one["reason"]
    assert "susan@example.com" in microblog("mail", "suppressed", "susan@example.com").stdout
    assert loaded(microblog, "suppressed", "john@example.com") == []
    assert loaded(microblog, "suppressed", "Susan@Example.com", "--lift") == {
        "lifted": "susan@example.com"
    }
    assert loaded(microblog, "suppressed") == []
    again = microblog("mail", "suppressed", "susan@example.com", "--lift")
    assert (again.exit_code, again.stderr) == (1, "Error: susan@example.com isn't suppressed.\n")
    assert microblog("mail", "suppressed", "--lift").exit_code == 2
    assert microblog("mail", "suppressed", "susan").exit_code == 1
