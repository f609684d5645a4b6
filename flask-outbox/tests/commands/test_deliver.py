"""`flask outbox deliver`, as a process beside the web server."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.commands.processes import Greeter
from tests.smtp_server import ScriptedServer
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_it_says_what_it_does_and_finishes_what_is_in_flight(
    greeter: Greeter, smtp: ScriptedServer, number: signal.Signals
) -> None:
    greeter.enqueue(1, 2)
    with greeter.process(*greeter.flask("outbox", "deliver", "--connections", "1")) as started:
        smtp.wait_for(2)
        assert eventually(lambda: greeter.statuses() == ["sent"] * 2)
        said = started.said()
        assert f"Delivering to 127.0.0.1, port {smtp.port}.\n2 messages wait.\n" in said
        # Nobody has set up logging: it goes where Flask's goes.
        assert "INFO in delivery: Message 1 (mail.ready): sent: 250 2.0.0 Taken" in said
        with smtp.pause():
            taken = smtp.commands.count("DATA")
            greeter.enqueue(3)
            assert eventually(lambda: smtp.commands.count("DATA") > taken)
            started.process.send_signal(number)
        assert started.process.wait(timeout=30) == 0
    assert greeter.statuses() == ["sent"] * 3
    assert len(smtp.received) == 3


def test_draining_delivers_what_is_due_and_ends(greeter: Greeter, smtp: ScriptedServer) -> None:
    greeter.enqueue(*range(3))
    drained = greeter.run("outbox", "deliver", "--drain")
    assert drained.returncode == 0, drained.stderr
    assert drained.stdout.splitlines()[1:] == ["3 messages wait.", "Handled 3 messages."]
    assert drained.stderr.count("INFO in delivery: Message") == 3
    assert len(smtp.received) == 3
    again = greeter.run("outbox", "deliver", "--drain")
    assert again.stdout.splitlines()[1:] == ["0 messages wait.", "Handled 0 messages."]


def test_draining_fails_where_the_server_is_in_trouble(
    greeter: Greeter, smtp: ScriptedServer
) -> None:
    smtp.script["connect"] = "421 4.3.2 Closed for today"
    greeter.enqueue(1, 2)
    drained = greeter.run("outbox", "deliver", "--drain")
    assert drained.returncode == 1
    assert "Error: The mail server can't be used: greeting: 421 4.3.2 Closed" in drained.stderr
    assert greeter.statuses().count("deferred") == 1
    assert greeter.run("outbox", "deliver", "--drain", "--connections", "2").returncode == 2


def test_tables_that_are_missing_are_said_at_the_start(greeter: Greeter, tmp_path: Path) -> None:
    file = tmp_path / "bare.py"
    file.write_text(
        "from flask import Flask\n"
        "from flask_outbox import FlaskOutbox\n"
        "from sqlalchemy import create_engine\n"
        "from sqlalchemy.orm import sessionmaker\n"
        "app = Flask('bare')\n"
        "FlaskOutbox(app, sessions=sessionmaker(create_engine('sqlite:///bare.db')))\n"
    )
    with greeter.process("-m", "flask", "--app", str(file), "outbox", "deliver") as started:
        assert started.process.wait(timeout=30) == 1
    said = started.said()
    assert said.startswith("Error: The outbox's tables do not exist")
    assert len(said.splitlines()) == 1
