"""What is wrong outside is said in one sentence: tables, database, mail server, ports."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import ComposeContext, Email, FlaskOutbox, schema
from flask_outbox.cli import PLACES
from tests.commands.conftest import Command
from tests.extensions import Made, classic, configured
from tests.ports import HOST
from tests.smtp_server import ScriptedServer

pytestmark = pytest.mark.parametrize("made", [classic], indirect=True)

MISSING = (
    f"Error: The outbox's tables do not exist; this flask-outbox needs version {schema.LATEST}."
)

WITH_DATABASE = {
    "deliver": ["deliver", "--drain"],
    "list": ["list"],
    "show": ["show", "1"],
    "retry": ["retry", "1"],
    "cancel": ["cancel", "1"],
    "stats": ["stats"],
    "suppressed": ["suppressed"],
    "reports": ["reports"],
}
WITHOUT = {"check", "catch", "test", "preview", "feedback"}


@pytest.fixture
def without_tables(made: Made) -> None:
    with made.engine.begin() as connection:
        for table in schema.METADATA.tables:
            connection.execute(text(f"DROP TABLE {table}"))


def test_every_command_is_tried_here(made: Made) -> None:
    assert set(PLACES) == set(WITH_DATABASE) | WITHOUT
    assert "outbox" in made.app.cli.commands


@pytest.mark.usefixtures("without_tables")
@pytest.mark.parametrize("command", WITH_DATABASE)
def test_missing_tables_are_said_with_what_makes_them(outbox: Command, command: str) -> None:
    refused = outbox(*WITH_DATABASE[command])
    assert refused.exit_code == 1
    assert refused.output.startswith(MISSING)
    assert "flask_outbox.schema.create_all(engine)" in refused.output
    assert "Traceback" not in refused.output


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("command", [one for one in WITH_DATABASE if one != "deliver"])
def test_a_database_that_is_away_is_said(tmp_path: Path, command: str) -> None:
    app = configured()
    engine = create_engine(f"sqlite:///{tmp_path / 'nowhere' / 'shop.db'}")
    FlaskOutbox(app, sessions=sessionmaker(engine))
    refused = app.test_cli_runner().invoke(args=["outbox", *WITH_DATABASE[command]])
    engine.dispose()
    assert refused.exit_code == 1
    assert refused.output == "Error: The database can't be used: unable to open database file\n"


def test_check_says_that_all_is_well(outbox: Command, smtp: ScriptedServer) -> None:
    shown = outbox("check")
    assert shown.exit_code == 0, shown.output
    database, server = shown.stdout.splitlines()
    assert database.startswith("ok: database: sqlite:///")
    assert database.endswith(f"answers. Its tables have version {schema.LATEST}.")
    assert server.startswith(f"ok: mail server: Connected to {HOST}, port {smtp.port}.")
    assert server.endswith("The server accepts mail from shop@example.com.")
    assert smtp.received == []


@pytest.mark.usefixtures("without_tables")
def test_check_names_all_that_is_wrong(outbox: Command, smtp: ScriptedServer) -> None:
    smtp.script["mail"] = "553 5.7.1 Sender address rejected"
    shown = outbox("check")
    assert shown.exit_code == 1
    database, server = shown.output.splitlines()
    assert database.startswith("WRONG: database: The outbox's tables do not exist")
    assert server.startswith(f"WRONG: mail server: {HOST}, port {smtp.port}, failed at the step")
    assert '"sender": 553 5.7.1 Sender address rejected' in server
    assert "Set ADMINS or MAIL_DEFAULT_SENDER" in server


@pytest.mark.usefixtures("made")
def test_check_names_a_database_that_is_away(tmp_path: Path) -> None:
    app = configured(MAIL_SUPPRESS_SEND=True)
    engine = create_engine(f"sqlite:///{tmp_path / 'nowhere' / 'shop.db'}")
    FlaskOutbox(app, sessions=sessionmaker(engine))
    shown = app.test_cli_runner().invoke(args=["outbox", "check"])
    engine.dispose()
    assert shown.exit_code == 1
    database, server = shown.stdout.splitlines()
    assert database.startswith("WRONG: database: sqlite:///")
    assert database.endswith("shop.db can't be used: unable to open database file.")
    assert server == "WARNING: mail server: MAIL_SUPPRESS_SEND is on: no mail is sent. Remove it."


def test_check_names_mail_that_nobody_delivers(made: Made, outbox: Command) -> None:
    with made.app.app_context():
        made.outbox.send_email("Hello", None, ["susan@example.com"], "text")
        made.current().commit()
    assert "overdue" not in outbox("check").stdout
    with made.engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET due_at = due_at - 600"))
    shown = outbox("check")
    assert shown.exit_code == 0
    said = "WARNING: database: 1 message is overdue by 10 min: no dispatcher seems to be running."
    assert f"{said} Check that this is running: flask outbox deliver" in shown.stdout


def test_a_test_message_is_sent_and_refused_in_words(outbox: Command, smtp: ScriptedServer) -> None:
    assert outbox("test", "susan@example.com").exit_code == 0
    (received,) = smtp.received
    assert received.message["Subject"] == "[Shop] Test message"
    assert (received.sender, received.recipients) == ("shop@example.com", ["susan@example.com"])
    smtp.script["rcpt"] = "550 5.7.1 No relaying"
    refused = outbox("test", "susan@example.com")
    assert refused.exit_code == 1
    assert 'FAILED at the step "recipient": the server said 550' in refused.stdout


def test_without_a_sender_there_is_no_test(made: Made, outbox: Command) -> None:
    made.app.extensions["flask_outbox"].outbox.sender = None
    refused = outbox("test", "susan@example.com")
    assert refused.output == "Error: There's no sender. Set MAIL_DEFAULT_SENDER or ADMINS.\n"
    assert "There's no sender" in outbox("check").stdout


def test_a_port_that_another_program_has_is_said(outbox: Command) -> None:
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        refused = outbox("catch", "--port", str(port))
    assert refused.exit_code == 1
    said = f"Error: Port {port} on {HOST} can't be used: Address already in use."
    assert refused.output.startswith(said)


def hello(_session: Session, *, goods: str, context: ComposeContext) -> Email:
    return Email("Hello", f"{goods} ({context.locale})")


def test_previews_are_in_the_languages_of_the_application(made: Made, outbox: Command) -> None:
    made.outbox.email("shop.hello", sample={"goods": "a kettle"})(hello)
    assert "a kettle (en)" in outbox("preview").stdout
    made.app.config["LANGUAGES"] = ["de", "fr"]
    shown = outbox("preview", "--type", "shop.hello").stdout
    assert [word for word in ("(en)", "(de)", "(fr)") if word in shown] == ["(de)", "(fr)"]
    assert "(fr)" not in outbox("preview", "--language", "de").stdout
    refused = outbox("preview", "--language", "en")
    assert refused.exit_code == 2
    assert "'en' isn't one of these: de, fr" in refused.output
    unknown = outbox("preview", "--type", "shop.nothing")
    assert unknown.output == (
        "Error: There's no email 'shop.nothing'. Choose one of these: shop.hello\n"
    )
