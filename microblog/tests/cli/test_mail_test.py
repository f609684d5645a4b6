"""`microblog mail test`: at which step mail fails, and what to do about it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from microblog.cli.ports import choose_free
from tests.cli.conftest import Command
from tests.smtp_server import STALL, ScriptedServer
from tests.token_server import TokenServer
from tests.visitor import ON_SQLITE

pytestmark = ON_SQLITE

ADDRESS = "susan@example.com"


def test_a_server_that_takes_the_message_is_a_success(
    microblog: Command, smtp: ScriptedServer
) -> None:
    tested = microblog("mail", "test", ADDRESS)
    assert tested.exit_code == 0, tested.output
    lines = tested.stdout.splitlines()
    assert lines[0] == (
        f"From admin@microblog.example.com to {ADDRESS}, through 127.0.0.1, port {smtp.port}:"
    )
    assert f"  ok: Connected to 127.0.0.1, port {smtp.port}." in lines
    assert any(line.startswith("  ok: The server accepted the message: 250") for line in lines)
    (received,) = smtp.received
    assert received.recipients == [ADDRESS]
    assert received.sender == "admin@microblog.example.com"
    assert received.message["Subject"] == "[Microblog] Test message"
    assert "your mail settings work" in received.text()


def test_nothing_is_sent_to_a_second_address(microblog: Command, smtp: ScriptedServer) -> None:
    refused = microblog("mail", "test", f"{ADDRESS}\r\nRCPT TO:<evil@example.org>")
    assert refused.exit_code == 1
    assert "isn't an email address" in refused.stderr
    assert smtp.connections == 0


def test_a_wrong_password_is_named_and_not_told(microblog: Command) -> None:
    with ScriptedServer(auth="PLAIN LOGIN", users={"mailer": "right"}) as server:
        tested = microblog(
            *("mail", "test", ADDRESS),
            MAIL_PORT=str(server.port),
            MAIL_USERNAME="mailer",
            MAIL_PASSWORD="hunter2",
        )
        assert server.received == []
        # Once for each way to log in that the server offers.
        assert server.passwords == [("hunter2", False)] * 2
    assert tested.exit_code == 1
    assert 'FAILED at the step "log-in": the server said 535' in tested.stdout
    assert "What to try: The username or the password is wrong" in tested.stdout
    assert "hunter2" not in tested.output


def test_a_right_password_is_a_success(microblog: Command) -> None:
    with ScriptedServer(auth="PLAIN", users={"mailer": "right"}) as server:
        tested = microblog(
            *("mail", "test", ADDRESS),
            MAIL_PORT=str(server.port),
            MAIL_USERNAME="mailer",
            MAIL_PASSWORD="right",
        )
        assert [one.login for one in server.received] == ["mailer"]
    assert tested.exit_code == 0
    assert "ok: Logged in as mailer." in tested.stdout


def test_a_token_instead_of_a_password_is_a_success(
    microblog: Command, tokens: TokenServer
) -> None:
    with ScriptedServer(auth="XOAUTH2", users={"mailer": "token-1"}) as server:
        told = {
            "MAIL_PORT": str(server.port),
            "MAIL_USERNAME": "mailer",
            "MAIL_OAUTH_TOKEN_URL": tokens.url,
            "MAIL_OAUTH_CLIENT_ID": "client",
        }
        tested = microblog("mail", "test", ADDRESS, **told)
        assert [one.login for one in server.received] == ["mailer"]
        refused = microblog("mail", "test", ADDRESS, **told | {"MAIL_OAUTH_CLIENT_ID": "other"})
    assert tested.exit_code == 0
    assert "ok: Logged in as mailer." in tested.stdout
    assert refused.exit_code == 1
    assert 'FAILED at the step "log-in": no token from the token server' in refused.stdout
    assert "What to try: The token server gave no token." in refused.stdout


def test_the_test_message_is_signed_as_all_others(
    microblog: Command, smtp: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "dkim.key"
    file.write_bytes(base64.b64encode(bytes(32)))
    signing = {"MAIL_DKIM_KEY_FILE": str(file), "MAIL_DKIM_SELECTOR": "s1"}
    tested = microblog("mail", "test", ADDRESS, **signing)
    assert tested.exit_code == 0, tested.output
    assert "d=microblog.example.com" in smtp.received[0].message["DKIM-Signature"]


def test_a_refused_recipient_is_named_with_the_servers_words(
    microblog: Command, smtp: ScriptedServer
) -> None:
    smtp.script["rcpt"] = "550 5.1.1 Nobody of that name lives here"
    tested = microblog("mail", "test", ADDRESS)
    assert tested.exit_code == 1
    assert 'FAILED at the step "recipient"' in tested.stdout
    assert "550" in tested.stdout
    assert "Nobody of that name lives here" in tested.stdout
    assert "What to try: The server doesn't accept mail for that address." in tested.stdout


def test_a_refused_sender_is_named(microblog: Command, smtp: ScriptedServer) -> None:
    smtp.script["mail"] = "553 5.7.1 Sender address rejected"
    tested = microblog("mail", "test", ADDRESS)
    assert tested.exit_code == 1
    assert 'FAILED at the step "sender"' in tested.stdout
    assert "MAIL_DEFAULT_SENDER" in tested.stdout


def test_a_dead_port_is_named(microblog: Command) -> None:
    port = str(choose_free("127.0.0.1"))
    tested = microblog("mail", "test", ADDRESS, MAIL_PORT=port)
    assert tested.exit_code == 1
    assert 'FAILED at the step "connect": Connection refused' in tested.stdout
    assert f"Nothing answers at 127.0.0.1, port {port}." in tested.stdout


def test_a_name_that_nobody_has_is_named(microblog: Command) -> None:
    tested = microblog("mail", "test", ADDRESS, MAIL_SERVER="smtp.microblog.invalid")
    assert tested.exit_code == 1
    assert 'FAILED at the step "name look-up"' in tested.stdout
    assert "No machine is named 'smtp.microblog.invalid'." in tested.stdout


def test_a_silent_server_is_not_waited_for_without_end(
    microblog: Command, smtp: ScriptedServer
) -> None:
    smtp.script["connect"] = STALL
    tested = microblog("mail", "test", ADDRESS, MAIL_TIMEOUT="0.3")
    assert tested.exit_code == 1
    assert 'FAILED at the step "greeting": no answer within 0.3 seconds' in tested.stdout


def test_encryption_that_is_not_offered_is_named(microblog: Command) -> None:
    tested = microblog("mail", "test", ADDRESS, MAIL_USE_TLS="1")
    assert tested.exit_code == 1
    assert 'FAILED at the step "STARTTLS"' in tested.stdout
    assert "What to try:" in tested.stdout


def test_something_that_is_no_address_is_refused_before_anything_is_tried(
    microblog: Command, smtp: ScriptedServer
) -> None:
    refused = microblog("mail", "test", "susan")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: 'susan' isn't an email address: ")
    assert smtp.connections == 0


def test_programs_get_it_as_json(microblog: Command, smtp: ScriptedServer) -> None:
    sent = microblog("mail", "test", ADDRESS, "--json")
    assert sent.exit_code == 0
    told = json.loads(sent.stdout)
    assert told["sent"] is True
    assert told["done"][-1] == "The server accepted the message: 250 2.0.0 Taken"
    smtp.script["rcpt"] = "550 5.7.1 No relaying"
    refused = microblog("mail", "test", ADDRESS, "--json")
    assert refused.exit_code == 1
    told = json.loads(refused.stdout)
    assert {name: told[name] for name in ("sent", "step", "code", "answer")} == {
        "sent": False,
        "step": "recipient",
        "code": 550,
        "answer": "5.7.1 No relaying",
    }
    assert told["advice"].endswith(".")
