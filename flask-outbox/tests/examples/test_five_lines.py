"""The shortest example: a view whose mail is kept until a mail server has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from flask_outbox.application import make_dispatcher
from flask_outbox.testing import OutboxTester
from tests.examples.loading import load
from tests.ports import HOST
from tests.smtp_server import ScriptedServer


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, smtp: ScriptedServer) -> Flask:
    monkeypatch.setenv("FLASK_SQLALCHEMY_DATABASE_URI", f"sqlite:///{tmp_path}/orders.db")
    monkeypatch.setenv("FLASK_MAIL_SERVER", HOST)
    monkeypatch.setenv("FLASK_MAIL_PORT", str(smtp.port))
    made: Flask = load("five_lines", monkeypatch).app
    return made


def test_an_order_queues_its_mail(app: Flask, outbox: OutboxTester) -> None:
    answer = app.test_client().post("/orders", data={"address": "susan@example.com"})
    assert answer.text == "Ordered.\n"
    outbox.assert_queued(to="susan@example.com", subject="Your order")
    (email,) = outbox.deliver()
    assert (email.text, str(email.sender)) == ("Thank you.\n", "shop@example.com")


def test_it_waits_for_a_server_and_arrives(app: Flask, smtp: ScriptedServer) -> None:
    smtp.script["connect"] = ["421 4.3.2 later", None]
    app.test_client().post("/orders", data={"address": "susan@example.com"})
    make_dispatcher(app).drain()
    assert smtp.received == []
    make_dispatcher(app).drain()
    (received,) = smtp.received
    assert (received.recipients, received.text()) == (["susan@example.com"], "Thank you.\n")
