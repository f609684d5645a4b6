"""`flask outbox show | stats --domains | suppressed --add | reports`: what came back."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.orm import Session

from flask_outbox.outbox.models import MailEvent, MailReport
from tests.commands.conftest import Command, deliver, loaded
from tests.extensions import Made


@pytest.fixture
def bounced(made: Made) -> None:
    """Message 1 bounced, and report 1 is not understood."""
    with made.app.app_context():
        made.outbox.send_email("Hello", None, ["susan@example.com"], "text")
        made.current().commit()
    deliver(made)
    event: dict[str, Any] = {
        "source": "ses", "event_id": "1", "recipient_key": "susan@example.com", "at": 1.0,
        "outbox_id": 1, "domain": "example.com", "code": "5.1.1", "trusted": True,
        "meaning": "dead", "words": "550 5.1.1 unknown",
    }  # fmt: skip
    with Session(made.engine) as session, session.begin():
        session.execute(insert(MailEvent), [event, event | {"event_id": "2", "trusted": False}])
        session.execute(text("UPDATE outbox SET status = 'bounced'"))
        session.add(
            MailReport(
                source="imap", event_id="1", received_at=1.0, due_at=1.0, content=b"Hm \xff",
                note="Nobody knows.",
            )
        )  # fmt: skip


def left(number: int, content: bytes = b"Hm", note: str | None = "Nobody knows.") -> MailReport:
    return MailReport(
        id=number, source="imap", event_id=f"{number}", received_at=1.0, due_at=4e9,
        content=content, note=note,
    )  # fmt: skip


@pytest.mark.usefixtures("bounced")
def test_a_message_is_shown_with_what_came_back(outbox: Command) -> None:
    said = "came back, 1970-01-01T00:00:01Z: dead: susan@example.com 550 5.1.1 unknown"
    lines = [line.strip() for line in outbox("show", "1").stdout.splitlines()]
    assert [line for line in lines if line.startswith("came back")] == [
        said,
        f"{said} (without a token: it changed nothing)",
    ]
    told = loaded(outbox, "show", "1")
    assert told["status"] == "bounced"
    assert [one["trusted"] for one in told["events"]] == [True, False]


@pytest.mark.usefixtures("bounced")
def test_what_came_back_was_sent_too(outbox: Command) -> None:
    for status, found in (("bounced", [1]), ("sent", [1]), ("delivered", [])):
        assert [one["id"] for one in loaded(outbox, "list", "--status", status)] == found
    assert loaded(outbox, "stats")["by_status"] == {"sent": 1}


@pytest.mark.usefixtures("bounced")
def test_figures_by_domain(outbox: Command) -> None:
    (told,) = loaded(outbox, "stats", "--domains")
    assert told == {
        "domain": "example.com", "accepted": 1, "delivered": 0, "bounced": 1, "complained": 0,
        "level": None,
    }  # fmt: skip
    assert "1 (100.0%)" in outbox("stats", "--domains").stdout


@pytest.mark.usefixtures("bounced")
@pytest.mark.parametrize(
    ("language", "word"), [("en", "domain"), ("ru", "домен"), ("zh_Hant", "網域")]
)
def test_headings_stand_above_their_figures(outbox: Command, language: str, word: str) -> None:
    headings, figures = outbox("stats", "--domains", LANGUAGE=language).stdout.splitlines()
    at_terminal = "".join("##" if one > "\u2e80" else one for one in headings)
    assert headings.endswith(f"  {word}")
    assert at_terminal.rindex("  ") == figures.rindex("  ")


@pytest.mark.usefixtures("bounced")
def test_reports_are_listed_printed_and_deleted(outbox: Command) -> None:
    assert outbox("reports").stdout == (
        "       1  1970-01-01T00:00:01Z  imap        Nobody knows.\n"
    )
    assert outbox("reports", "1").stdout.endswith("\nHm \ufffd\n")
    assert loaded(outbox, "reports", "1")["content"] == "Hm \ufffd"
    assert outbox("reports", "2").output == "Error: There's no report 2.\n"
    assert outbox("reports", "1", "--discard").stdout == "Deleted report 1.\n"
    assert loaded(outbox, "reports") == []
    assert outbox("reports", "1", "--discard").exit_code == 1
    assert outbox("reports", "--discard").exit_code == 2


@pytest.mark.usefixtures("bounced")
def test_a_terminal_obeys_nothing_that_a_report_says(outbox: Command, made: Made) -> None:
    content = "\x1b]0;Hm\x07\x1b[2JSusan\r\n\tB\xf6b\u202e\x9b\n".encode()
    with Session(made.engine) as session, session.begin():
        session.execute(update(MailReport).values(content=content))
    said = outbox("reports", "1").stdout
    assert said.endswith("\n\ufffd]0;Hm\ufffd\ufffd[2JSusan\n\tB\xf6b\ufffd\ufffd\n\n")


def test_all_reports_are_counted(made: Made, outbox: Command) -> None:
    with Session(made.engine) as session, session.begin():
        session.add_all(left(number) for number in range(1, 61))
    assert "There are 60 reports about mail that nobody understands" in outbox("check").output
    assert len(loaded(outbox, "reports", "--count", "55")) == 55


@pytest.mark.parametrize("number", [2, 2**63, 10**30])
def test_a_report_that_is_not_there_or_waits_is_said_to_be_absent(
    made: Made, outbox: Command, number: int
) -> None:
    with Session(made.engine) as session, session.begin():
        session.add(left(2, note=None))
    for more in ([], ["--discard"]):
        shown = outbox("reports", str(number), *more)
        assert (shown.exit_code, shown.output) == (1, f"Error: There's no report {number}.\n")


def test_an_address_is_suppressed_by_hand(outbox: Command) -> None:
    said = outbox("suppressed", "Susan@example.com", "--add", "asked us").stdout
    assert said == "Nothing more is sent to susan@example.com.\n"
    (told,) = loaded(outbox, "suppressed")
    assert (told["address"], told["source"], told["until"]) == (
        "susan@example.com",
        "operator",
        None,
    )
    assert told["since"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert outbox("suppressed", "--add", "x").exit_code == 2
    assert outbox("suppressed", "a@example.com", "--add", "x", "--lift").exit_code == 2


@pytest.mark.usefixtures("bounced")
def test_the_check_warns_of_what_nobody_understands(outbox: Command) -> None:
    said = outbox("check").output
    assert "WARNING: what comes back: There is 1 report about mail that nobody understands" in said
