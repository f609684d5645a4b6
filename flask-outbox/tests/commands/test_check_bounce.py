"""`flask outbox check --bounce`: does the report about a mail that cannot arrive come home?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox.application import state_of
from flask_outbox.cli import alignment, bounce
from flask_outbox.feedback.intake import store, store_message
from flask_outbox.feedback.working import work_off
from flask_outbox.message.addresses import parse_address
from flask_outbox.message.return_path import ReturnPath
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.models import MailEvent, MailReport
from flask_outbox.outbox.outbox import Outbox
from tests.extensions import Made, plain
from tests.mail_servers.postfix import postfix
from tests.mail_servers.scratch import scratch
from tests.mail_servers.servers import Routes
from tests.ports import HOST, free_port
from tests.smtp_server import Received, ScriptedServer

NOBODY = "nobody@elsewhere.example"


@pytest.fixture
def shop(tmp_path: Path, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bounce, "BOUNCE_SECONDS", 0.0)
    monkeypatch.setattr(bounce, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(alignment, "_look", lambda _name, _kind: [])
    made = plain(
        f"sqlite:///{tmp_path / 'shop.db'}",
        MAIL_SERVER=HOST,
        MAIL_PORT=smtp.port,
        MAIL_SUPPRESS_SEND="off",
        MAIL_RETURN_PATH="bounces@example.com",
        SECRET_KEY="any",
    )
    yield made
    made.engine.dispose()


def core(made: Made) -> Outbox:
    return state_of(made.app).outbox


def checked(made: Made, *more: str) -> Result:
    return made.app.test_cli_runner().invoke(args=["outbox", "check", "--bounce", NOBODY, *more])


def said(made: Made) -> str:
    (line,) = [one for one in checked(made).output.splitlines() if ": bounces: " in one]
    return line


def come_home(
    made: Made, smtp: ScriptedServer, note: str | None = None, action: str = "failed"
) -> None:
    """Have what the server took come back to the mailbox, as often as it is looked at."""

    def poll(session: Session, now: float) -> bool:
        for received in smtp.received:
            store(session, source="imap", event_id="1", content=report(received, action), now=now)
            if note:
                session.query(MailReport).update({"note": note})
        return False

    core(made).periodic_tasks["mail.poll_mailbox"] = poll


def report(received: Received, action: str = "failed") -> bytes:
    """What a server writes of a message that it could not pass on (RFC 3464)."""
    headers = received.content.partition(b"\r\n\r\n")[0].decode()
    return f"""From: MAILER-DAEMON@mx.example.com
To: {received.sender}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

The mail could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; {NOBODY}
Action: {action}
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b
Content-Type: text/rfc822-headers

{headers}

--b--
""".encode()


def test_a_report_that_comes_home_is_said_and_suppresses_nobody(
    shop: Made, smtp: ScriptedServer
) -> None:
    come_home(shop, smtp)
    line = said(shop)
    assert line.startswith("ok: bounces: the report came home after ")
    assert line.endswith(" s, through imap: dead 5.1.1.")
    (received,) = smtp.received
    assert received.recipients == [NOBODY]
    assert received.sender.startswith("bounces+")
    with core(shop).sessions() as session:
        assert suppressions.suppression(session, NOBODY) is None


def test_a_report_that_nobody_works_off_is_told_from_none(shop: Made, smtp: ScriptedServer) -> None:
    come_home(shop, smtp)
    core(shop).periodic_tasks.pop("mail.work_off")
    assert said(shop).startswith("WRONG: bounces: the report came home, and nobody works it off.")


def test_a_report_that_nobody_understands_says_why(shop: Made, smtp: ScriptedServer) -> None:
    come_home(shop, smtp, note="no recipient")
    assert said(shop).endswith("through imap, and nobody understands it: no recipient")


def test_no_report_says_where_to_look(shop: Made) -> None:
    line = said(shop)
    assert line.startswith(f"WRONG: bounces: no report about the mail to {NOBODY} came home")
    assert "flask outbox feedback" in line


def test_an_address_that_is_refused_at_once_proves_nothing(
    shop: Made, smtp: ScriptedServer
) -> None:
    smtp.script = {"rcpt": "550 5.1.1 No such user"}
    assert said(shop).startswith("WARNING: bounces: the mail server refused the message itself (")
    with core(shop).sessions() as session:
        assert suppressions.suppression(session, NOBODY) is None


def test_a_message_that_does_not_leave_says_so(shop: Made, smtp: ScriptedServer) -> None:
    smtp.script = {"mail": "450 4.7.1 Later"}
    line = said(shop)
    assert line.startswith("WRONG: bounces: the message has not left within 0 s: ")
    assert "450 4.7.1 Later" in line


def test_a_suppressed_address_is_not_written_to(shop: Made, smtp: ScriptedServer) -> None:
    with core(shop).sessions() as session:
        suppressions.suppress(session, [(NOBODY, "5.1.1")], now=time.time())
        session.commit()
    assert "is suppressed" in said(shop)
    assert not smtp.received


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"return_path": None}, "MAIL_RETURN_PATH isn't set"),
        ({"redirect_to": (parse_address("qa@example.com"),)}, "MAIL_REDIRECT_TO is set"),
        ({}, "MAIL_SUPPRESS_SEND is on"),
    ],
)
def test_where_no_token_leaves_nothing_can_come_home(
    shop: Made, smtp: ScriptedServer, option: dict[str, Any], words: str
) -> None:
    outbox = core(shop)
    outbox.delivery = replace(outbox.delivery, **option)
    shop.app.extensions["mail"].suppress = not option
    assert said(shop).startswith(f"WRONG: bounces: {words}")
    assert not smtp.received


def test_no_address_is_refused_in_words(shop: Made) -> None:
    shown = shop.app.test_cli_runner().invoke(args=["outbox", "check", "--bounce", "nobody"])
    assert shown.exit_code != 0
    assert "nobody" in shown.output


def test_check_names_the_return_path_to_the_server(shop: Made, smtp: ScriptedServer) -> None:
    smtp.script = {"mail": "550 5.7.60 not your address"}
    shown = shop.app.test_cli_runner().invoke(args=["outbox", "check"]).output
    assert any(one.startswith("MAIL FROM:<bounces+") for one in smtp.commands)
    assert "MAIL_RETURN_PATH_DELIMITER=none" in shown


def test_what_arrived_did_not_come_back(shop: Made, smtp: ScriptedServer) -> None:
    come_home(shop, smtp, action="delivered")
    assert said(shop).startswith(f"WRONG: bounces: no report about the mail to {NOBODY} came home")


def test_a_test_message_leaves_as_mail_does_and_is_no_rows(
    shop: Made, smtp: ScriptedServer
) -> None:
    core(shop).send_email("Hello", None, [NOBODY], "text")
    shown = shop.app.test_cli_runner().invoke(args=["outbox", "test", NOBODY])
    assert shown.exit_code == 0, shown.output
    (received,) = smtp.received
    assert received.sender.startswith("bounces+")
    assert b"\r\nX-Outbox: " in b"\r\n" + received.content
    come_home(shop, smtp)
    outbox = core(shop)
    with outbox.sessions() as session:
        outbox.periodic_tasks["mail.poll_mailbox"](session, time.time())
        session.commit()
    assert work_off(outbox, now=time.time()) == 1
    with outbox.sessions() as session:
        (event,) = session.scalars(select(MailEvent))
        assert (event.outbox_id, event.trusted, event.recipient_key) == (None, False, "")


def test_a_test_message_that_is_refused_names_the_return_path(
    shop: Made, smtp: ScriptedServer
) -> None:
    smtp.script = {"mail": "550 5.7.60 not your address"}
    shown = shop.app.test_cli_runner().invoke(args=["outbox", "test", NOBODY])
    assert shown.exit_code == 1
    assert "MAIL_RETURN_PATH_DELIMITER=none" in shown.output


@pytest.mark.slow
@pytest.mark.parametrize("delimiter", ["+", ""])
def test_a_real_servers_report_comes_home_within_a_minute(
    shop: Made, monkeypatch: pytest.MonkeyPatch, delimiter: str
) -> None:
    monkeypatch.setattr(bounce, "BOUNCE_SECONDS", 60.0)
    outbox = core(shop)
    path = ReturnPath(parse_address("bounces@app.test"), (b"a key",), delimiter)
    outbox.delivery = replace(outbox.delivery, return_path=path)
    with scratch() as folder:
        arrived = folder / "arrived"
        arrived.mkdir()
        arrived.chmod(0o777)
        script = folder / "keep"
        script.write_text(f'#!/bin/sh\ncat > {folder}/$$ && mv {folder}/$$ {arrived}/"$1"\n')
        script.chmod(0o755)
        folder.chmod(0o777)

        def poll(session: Session, now: float) -> bool:
            for file in arrived.iterdir():
                content = file.read_bytes()
                to = file.name
                store_message(
                    session, source="pipe", content=content, envelope_recipient=to, now=now
                )
            return False

        outbox.periodic_tasks["mail.poll_mailbox"] = poll
        with postfix(Routes(sink=free_port(), down=free_port(), script=script)) as server:
            state = shop.app.extensions["mail"]
            there = replace(state.servers[0], smtp=replace(state.servers[0].smtp, port=server.port))
            state.servers = [there]
            shown = shop.app.test_cli_runner().invoke(
                args=["outbox", "check", "--bounce", "gone@nowhere.test"]
            )
    (line,) = [one for one in shown.output.splitlines() if ": bounces: " in one]
    assert line.startswith("ok: bounces: the report came home after ")
    assert line.endswith("through pipe: dead 5.1.2.")
