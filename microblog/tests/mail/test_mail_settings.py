"""The settings of Flask-Mail in the site, and a message from its shell (T1 to T3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask_mail
import pytest
from flask import Flask

from flask_outbox import Mail, Message, current_outbox
from microblog.app import create_app
from microblog.app import mail as site_mail
from microblog.settings import Settings, SettingsError, load_settings
from tests.smtp_server import ScriptedServer

DEFAULTS = {
    "MAIL_SERVER": "localhost",
    "MAIL_PORT": 25,
    "MAIL_USE_TLS": False,
    "MAIL_USE_SSL": False,
    "MAIL_DEBUG": False,
    "MAIL_USERNAME": None,
    "MAIL_PASSWORD": None,
    "MAIL_MAX_EMAILS": None,
    "MAIL_SUPPRESS_SEND": False,
    "MAIL_ASCII_ATTACHMENTS": False,
}

both_messages = pytest.mark.parametrize("message_class", [flask_mail.Message, Message])


def test_the_eleven_keys_have_their_defaults(tmp_path: Path) -> None:
    settings = Settings(INSTANCE_PATH=tmp_path)
    assert settings.MAIL_DEFAULT_SENDER is None
    app = create_app(settings)
    assert {name: app.config[name] for name in DEFAULTS} == DEFAULTS
    state = app.extensions["mail"]
    assert (state.server, state.port, state.use_tls, state.use_ssl) == (
        "localhost",
        25,
        False,
        False,
    )
    assert (state.debug, state.suppress, state.ascii_attachments) == (0, False, False)
    assert (state.username, state.password, state.max_emails) == (None, None, None)
    assert state.smtp_server.timeout == app.config["MAIL_TIMEOUT"] == 30


def test_each_key_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = {
        "MAIL_SERVER": "smtp.example.com",
        "MAIL_PORT": "587",
        "MAIL_USE_TLS": "1",
        "MAIL_USE_SSL": "0",
        "MAIL_DEBUG": "yes",
        "MAIL_USERNAME": "susan",
        "MAIL_PASSWORD": "secret",
        "MAIL_DEFAULT_SENDER": "Susan, of the blog <susan@example.com>",
        "MAIL_MAX_EMAILS": "20",
        "MAIL_SUPPRESS_SEND": "true",
        "MAIL_ASCII_ATTACHMENTS": "on",
        "MAIL_TIMEOUT": "7.5",
        "INSTANCE_PATH": str(tmp_path),
    }
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    state = create_app(load_settings()).extensions["mail"]
    assert (state.server, state.port, state.use_tls, state.use_ssl) == (
        "smtp.example.com", 587, True, False,
    )  # fmt: skip
    assert (state.username, state.password, state.max_emails) == ("susan", "secret", 20)
    assert (state.debug, state.suppress, state.ascii_attachments) == (1, True, True)
    assert state.default_sender == said["MAIL_DEFAULT_SENDER"]
    server = state.smtp_server
    assert (server.host, server.port, server.use_tls) == ("smtp.example.com", 587, True)
    assert (server.username, server.password, server.timeout) == ("susan", "secret", 7.5)


@pytest.mark.parametrize("value", ["0", "false", "False", "off", "no", ""])
@pytest.mark.parametrize("name", ["MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_SUPPRESS_SEND"])
def test_words_for_off_are_off(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert load_settings().as_flask_config()[name] is False


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"MAIL_USE_TLS": "perhaps"}, "MAIL_USE_TLS"),
        ({"MAIL_PORT": "smtp"}, "MAIL_PORT"),
        ({"MAIL_PORT": "0"}, "MAIL_PORT"),
        ({"MAIL_MAX_EMAILS": "0"}, "MAIL_MAX_EMAILS"),
        ({"MAIL_TIMEOUT": "0"}, "MAIL_TIMEOUT"),
        ({"MAIL_DEFAULT_SENDER": "nobody"}, "MAIL_DEFAULT_SENDER"),
        ({"MAIL_USE_TLS": "1", "MAIL_USE_SSL": "1"}, "MAIL_USE_TLS"),
    ],
)
def test_nonsense_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], named: str
) -> None:
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=named):
        load_settings()


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("testing", [False, True])
def test_debug_and_suppression_follow_the_application(debug: bool, testing: bool) -> None:
    config = Settings(DEBUG=debug, TESTING=testing).as_flask_config()
    assert (config["MAIL_DEBUG"], config["MAIL_SUPPRESS_SEND"]) == (debug, testing)
    app = Flask("bare")
    app.debug, app.testing = debug, testing
    state = Mail(app).state
    assert state is not None
    assert (bool(state.debug), state.suppress) == (debug, testing)
    values: dict[str, Any] = {"MAIL_DEBUG": False, "MAIL_SUPPRESS_SEND": False}
    config = Settings(DEBUG=debug, TESTING=testing, **values).as_flask_config()
    assert (config["MAIL_DEBUG"], config["MAIL_SUPPRESS_SEND"]) == (False, False)


def test_a_staging_site_redirects_its_mail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MAIL_REDIRECT_TO", "qa@example.com, dev@example.com")
    others = ["qa@example.com", "dev@example.com"]
    with ScriptedServer() as server:
        app = site(tmp_path, server, MAIL_REDIRECT_TO=load_settings().MAIL_REDIRECT_TO)
        with app.app_context():
            site_mail.send(Message("Hello", recipients=["susan@example.com"], body="x"))
            found = current_outbox().delivery.redirect_to
        assert [one.recipients for one in server.received] == [others]
    assert [one.mailbox for one in found] == others


@pytest.mark.parametrize("key", ["MAIL_DEFAULT_SENDER", None])
def test_the_first_of_the_admins_is_the_sender(tmp_path: Path, key: str | None) -> None:
    admins = ["admin@example.com", "susan@example.com"]
    own = {key: "news@example.com"} if key else {}
    with ScriptedServer() as server:
        app = site(tmp_path, server, ADMINS=admins, **own)
        assert app.config["ADMINS"] == admins
        with app.app_context():
            site_mail.send(Message("Hello", recipients=["susan@example.com"], body="x"))
        sender = "news@example.com" if key else "admin@example.com"
        assert server.received[0].sender == sender
        assert server.received[0].message["From"] == sender


@both_messages
def test_a_message_of_two_parts_is_sent_from_the_shell(
    tmp_path: Path, message_class: type[flask_mail.Message]
) -> None:
    with ScriptedServer() as server:
        app = site(tmp_path, server, ADMINS=["admin@example.com"])
        with app.app_context():
            msg = message_class(
                "test subject", sender=app.config["ADMINS"][0], recipients=["susan@example.com"]
            )
            msg.body = "text body"
            msg.html = "<h1>HTML body</h1>"
            site_mail.send(msg)
        (received,) = server.received
    assert (received.sender, received.recipients) == ("admin@example.com", ["susan@example.com"])
    assert received.message["Subject"] == "test subject"
    assert received.message.get_content_type() == "multipart/alternative"
    assert received.text("plain") == "text body"
    assert received.text("html") == "<h1>HTML body</h1>"


def site(folder: Path, server: ScriptedServer, **changes: Any) -> Flask:
    """The site, whose database is never used."""
    where: dict[str, Any] = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": server.port}
    return create_app(Settings(INSTANCE_PATH=folder, **where, **changes))
