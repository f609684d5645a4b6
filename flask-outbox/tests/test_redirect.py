"""MAIL_REDIRECT_TO sends all mail to other addresses, as the tests of a staging site want."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import flask_mail
import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import ComposeContext, Email, EmailType, FlaskOutbox, Message, Outbox
from flask_outbox.application import make_dispatcher
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.models import Status
from tests.databases import ON_SQLITE, engine_of
from tests.outbox_rows import rows
from tests.ports import HOST
from tests.smtp_server import ScriptedServer

pytestmark = ON_SQLITE

QA, DEV = "qa@example.com", "dev@example.com"
SUSAN, BOB = "susan@example.com", "bob@example.com"


def made(url: str, server: ScriptedServer, redirect_to: Any) -> Flask:
    app = Flask(__name__)
    app.config.update(
        MAIL_SERVER=HOST,
        MAIL_PORT=server.port,
        MAIL_TIMEOUT=5,
        MAIL_DEFAULT_SENDER="shop@example.com",
        MAIL_REDIRECT_TO=redirect_to,
    )
    FlaskOutbox(app, sessions=sessionmaker(engine_of(url)))
    return app


@pytest.fixture
def app(database_url: str, smtp: ScriptedServer) -> Iterator[Flask]:
    app = made(database_url, smtp, f"{QA}, Developers <{DEV}>")
    yield app
    core(app).engine.dispose()


def core(app: Flask) -> Outbox:
    outbox: Outbox = app.extensions["flask_outbox"].outbox
    return outbox


def send(app: Flask, *to: str, **options: Any) -> None:
    with app.app_context():
        core(app).send_email("Hello", None, to or [SUSAN], "text", **options)


def test_the_envelope_has_the_others_and_the_headers_stay(app: Flask, smtp: ScriptedServer) -> None:
    send(app, SUSAN, cc=[BOB], bcc=["boss@example.com"])
    make_dispatcher(app).drain()
    (received,) = smtp.received
    assert received.recipients == [QA, DEV]
    message = received.message
    assert (message["To"], message["Cc"], message["Subject"]) == (SUSAN, BOB, "Hello")
    assert message["X-Redirected-From"] == f"{SUSAN}, {BOB}, boss@example.com"
    (row,) = rows(app)
    assert (row.status, row.recipient) == (Status.SENT, SUSAN)
    assert str(row.answer).endswith(f"; redirected to {QA}, {DEV} (MAIL_REDIRECT_TO)")


def test_a_composed_message_is_redirected_too(app: Flask, smtp: ScriptedServer) -> None:
    def compose(_session: Session, context: ComposeContext) -> Email:
        return Email("Hello", "text", to=context.recipient)

    core(app).register(EmailType("tests.any", compose))
    with core(app).sessions() as session:
        core(app).enqueue(session, "tests.any", SUSAN)
        session.commit()
    make_dispatcher(app).drain()
    assert [one.recipients for one in smtp.received] == [[QA, DEV]]


def test_of_many_recipients_the_first_are_named(app: Flask, smtp: ScriptedServer) -> None:
    send(app, *(f"reader{number}@example.com" for number in range(25)))
    make_dispatcher(app).drain()
    named = smtp.received[0].message["X-Redirected-From"]
    assert named.startswith("reader0@example.com, reader1@example.com")
    assert named.endswith("reader19@example.com and 5 others")


@pytest.mark.parametrize("message_class", [flask_mail.Message, Message])
@pytest.mark.parametrize("own_host", [False, True])
def test_what_is_sent_without_the_outbox_is_redirected_too(
    app: Flask, smtp: ScriptedServer, message_class: type[flask_mail.Message], own_host: bool
) -> None:
    mail = app.extensions["mail"]
    sent: list[Any] = []

    class Host:
        def sendmail(self, *values: Any) -> None:
            sent.append(values)

        def quit(self) -> None: ...

    with app.app_context(), flask_mail_of(app).connect() as connection:
        if own_host:
            connection.host.quit()
            connection.host = Host()
        connection.send(message_class("Hello", [SUSAN], "text", bcc=[BOB]))
    if own_host:
        ((_sender, recipients, content, *_),) = sent
        assert recipients == [QA, DEV]
        assert f"X-Redirected-From: {SUSAN}, {BOB}".encode() in content
    else:
        assert smtp.received[0].recipients == [QA, DEV]
        assert smtp.received[0].message["To"] == SUSAN
        assert smtp.received[0].message["X-Redirected-From"] == f"{SUSAN}, {BOB}"
    assert mail.redirect_to


def flask_mail_of(app: Flask) -> Any:
    from flask_outbox import Mail  # noqa: PLC0415

    mail = Mail()
    mail.app = app
    return mail


def test_suppressions_are_judged_by_the_real_recipient(app: Flask, smtp: ScriptedServer) -> None:
    with core(app).sessions() as session:
        suppressions.suppress(session, [(SUSAN, "5.1.1"), (QA, "5.1.1")], now=time.time())
        session.commit()
    send(app, SUSAN)
    send(app, BOB)
    make_dispatcher(app).drain()
    assert [row.status for row in rows(app)] == [Status.DISCARDED, Status.SENT]
    assert len(smtp.received) == 1


def test_a_refusal_of_the_others_suppresses_nobody_and_leaves_the_recipients(
    app: Flask, smtp: ScriptedServer
) -> None:
    smtp.script["rcpt"] = ["550 5.1.1 No such user", "450 4.2.0 Later"]
    send(app, SUSAN, BOB)
    make_dispatcher(app).drain()
    (row,) = rows(app)
    assert (row.status, row.recipients) == (Status.DEFERRED, None)
    with core(app).sessions() as session:
        assert suppressions.suppression(session, QA) is None


def test_an_address_in_another_script_asks_for_smtputf8(
    database_url: str, smtp: ScriptedServer
) -> None:
    app = made(database_url, smtp, ["prüfung@example.com"])
    send(app, SUSAN)
    make_dispatcher(app).drain()
    (received,) = smtp.received
    assert "SMTPUTF8" in received.mail_options
    core(app).engine.dispose()


@pytest.mark.parametrize("value", [None, "", [], ()])
def test_without_the_setting_mail_goes_to_its_recipients(
    database_url: str, smtp: ScriptedServer, value: Any
) -> None:
    app = made(database_url, smtp, value)
    send(app, SUSAN)
    make_dispatcher(app).drain()
    assert smtp.received[0].recipients == [SUSAN]
    assert "X-Redirected-From" not in smtp.received[0].message
    core(app).engine.dispose()


@pytest.mark.parametrize("value", ["qa", " ", ",", ["qa"], 7, [QA, ""]])
def test_a_wrong_setting_is_refused_at_start(
    database_url: str, smtp: ScriptedServer, value: Any
) -> None:
    """Mail must not go to its recipients because somebody mistyped where else it should go."""
    with pytest.raises(ValueError, match=r"^MAIL_REDIRECT_TO is ") as caught:
        made(database_url, smtp, value)
    assert "\n" not in str(caught.value)


def test_the_check_shows_it(app: Flask) -> None:
    shown = app.test_cli_runner().invoke(args=["outbox", "check"]).output
    said = f"WARNING: mail server: MAIL_REDIRECT_TO is set: all mail goes to {QA}, {DEV} instead of"
    assert any(line.startswith(said) for line in shown.splitlines()), shown


def test_a_dispatcher_says_at_its_start_that_mail_is_redirected(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    make_dispatcher(app).drain()
    said = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert said == [f"All mail goes to {QA}, {DEV} instead of its recipients (MAIL_REDIRECT_TO)."]
