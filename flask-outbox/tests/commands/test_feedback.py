"""What a mail server pipes into `flask outbox feedback` is stored, or stays where it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import FlaskOutbox
from flask_outbox.feedback.intake import KEPT_BYTES
from flask_outbox.outbox.models import MailReport
from tests.commands.processes import Greeter
from tests.extensions import Made, classic, configured

pytestmark = pytest.mark.parametrize("made", [classic], indirect=True)

MESSAGE = b"Return-Path: <>\nX-Original-To: bounces+1@example.com\n\nNo such user.\n"


def pipe(made: Made, content: bytes, *arguments: str, **environment: str) -> Result:
    return made.app.test_cli_runner().invoke(
        args=["outbox", "feedback", *arguments], input=content, env=environment
    )


def reports(made: Made) -> list[MailReport]:
    with Session(made.engine) as session:
        return list(session.scalars(select(MailReport).order_by(MailReport.id)))


def test_a_message_is_stored_once(made: Made) -> None:
    for _time in range(2):
        taken = pipe(made, MESSAGE, "--recipient", "bounces+2@example.com")
        assert (taken.exit_code, taken.output) == (0, "")

    (report,) = reports(made)
    assert (report.source, report.content) == ("pipe", MESSAGE)
    assert report.envelope_recipient == "bounces+2@example.com"


@pytest.mark.parametrize(
    ("environment", "recipient"),
    [
        ({}, "bounces+1@example.com"),
        ({"RECIPIENT": "bounces+3@example.com"}, "bounces+3@example.com"),
        (
            {"RECIPIENT": "root@example.com", "ORIGINAL_RECIPIENT": "bounces+4@example.com"},
            "bounces+4@example.com",
        ),
    ],
)
def test_mail_servers_say_the_recipient_in_several_ways(
    made: Made, environment: dict[str, str], recipient: str
) -> None:
    assert pipe(made, MESSAGE, **environment).exit_code == 0
    assert reports(made)[0].envelope_recipient == recipient


def test_of_a_large_message_the_beginning_is_stored(made: Made) -> None:
    assert pipe(made, MESSAGE + b"x" * 3 * KEPT_BYTES).exit_code == 0
    assert len(reports(made)[0].content) == KEPT_BYTES


def test_any_bytes_are_a_message(made: Made) -> None:
    content = b"\0\xff\xfe: \r\n\n\n\x80" + bytes(range(256))
    assert pipe(made, content).exit_code == 0
    assert reports(made)[0].content == content


def test_without_tables_the_mail_server_keeps_it(made: Made) -> None:
    with made.engine.begin() as connection:
        connection.execute(text("DROP TABLE mail_reports"))
    kept = pipe(made, MESSAGE)
    assert kept.exit_code == os.EX_TEMPFAIL
    assert "No such user" not in kept.output


@pytest.mark.usefixtures("made")
def test_without_a_database_the_mail_server_keeps_it(tmp_path: Path) -> None:
    app = configured()
    engine = create_engine(f"sqlite:///{tmp_path / 'nowhere' / 'shop.db'}")
    FlaskOutbox(app, sessions=sessionmaker(engine))
    kept = app.test_cli_runner().invoke(args=["outbox", "feedback"], input=MESSAGE)
    engine.dispose()
    assert kept.exit_code == os.EX_TEMPFAIL
    assert kept.output == "The database can't be used: unable to open database file\n"


def test_while_the_database_is_locked_the_mail_server_keeps_it(made: Made) -> None:
    with made.engine.connect() as other:
        other.exec_driver_sql("BEGIN EXCLUSIVE")
        kept = pipe(made, MESSAGE)
        other.exec_driver_sql("ROLLBACK")
    assert kept.exit_code == os.EX_TEMPFAIL
    assert pipe(made, MESSAGE).exit_code == 0


def test_misuse_is_said_as_mail_servers_know_it(made: Made) -> None:
    misused = pipe(made, MESSAGE, "--nonsense")
    assert misused.exit_code == os.EX_USAGE
    assert "No such option" in misused.output
    assert pipe(made, b"").exit_code == os.EX_DATAERR
    assert pipe(made, b" \n").exit_code == os.EX_DATAERR
    assert reports(made) == []


@pytest.mark.slow
@pytest.mark.usefixtures("made")
def test_a_process_takes_it_and_ends(greeter: Greeter) -> None:
    taken = subprocess.run(
        [sys.executable, *greeter.flask("outbox", "feedback")],
        cwd=greeter.folder,
        env=greeter.environment(),
        input=MESSAGE + b"x" * 2 * KEPT_BYTES,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (taken.returncode, taken.stderr) == (0, b"")
