"""Every way to send at once returns the recipients that the server refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask_mail
import pytest
from flask import Flask

from flask_outbox import Mail, Message
from flask_outbox.smtp.submission import Accepted
from tests.smtp_server import ScriptedServer

SUSAN, JOHN = "susan@example.com", "john@example.com"
PARTS: dict[str, Any] = {
    "subject": "Welcome",
    "recipients": [SUSAN, JOHN],
    "body": "Welcome.\n",
    "sender": "noreply@example.com",
}


def over_a_connection(send: Callable[[Any], Accepted | None]) -> Callable[[Mail], Accepted | None]:
    def way(mail: Mail) -> Accepted | None:
        with mail.connect() as connection:
            return send(connection)

    return way


WAYS: dict[str, Callable[[Mail], Accepted | None]] = {
    "mail.send": lambda mail: mail.send(Message(**PARTS)),
    "mail.send, Flask-Mail's message": lambda mail: mail.send(flask_mail.Message(**PARTS)),
    "mail.send_message": lambda mail: mail.send_message(**PARTS),
    "message.send": over_a_connection(lambda connection: Message(**PARTS).send(connection)),
    "connection.send": over_a_connection(lambda connection: connection.send(Message(**PARTS))),
    "connection.send_message": over_a_connection(
        lambda connection: connection.send_message(**PARTS)
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_send_returns_the_refused_recipients(way: str) -> None:
    with ScriptedServer() as server:
        server.script = {f"rcpt:{JOHN}": "550 5.1.1 Nobody"}
        app = application(server)
        with app.app_context():
            accepted = WAYS[way](app.extensions["mail-extension"])
    assert accepted is not None
    assert accepted.answer == "250 2.0.0 Taken"
    assert [(who, error.code) for who, error in accepted.refused] == [(JOHN, 550)]


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_send_returns_nothing_if_sending_is_suppressed(way: str) -> None:
    with ScriptedServer() as server:
        app = application(server, MAIL_SUPPRESS_SEND=True)
        with app.app_context():
            assert WAYS[way](app.extensions["mail-extension"]) is None
        assert server.connections == 0


def application(server: ScriptedServer, **config: Any) -> Flask:
    app = Flask("bare")
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=server.port, MAIL_TIMEOUT=5, **config)
    app.extensions["mail-extension"] = Mail(app)
    return app
