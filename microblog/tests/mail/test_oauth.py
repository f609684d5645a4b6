"""The log-in with a token: over HTTP to a token server, over SMTP with XOAUTH2."""

from __future__ import annotations

import base64
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_outbox import send_email, smtp_server
from flask_outbox.application import make_dispatcher
from flask_outbox.outbox.models import Status
from flask_outbox.smtp.client import SmtpClient, SmtpServer
from flask_outbox.smtp.diagnosis import advice
from flask_outbox.smtp.errors import Meaning, SmtpError, Step
from flask_outbox.smtp.oauth import OAuthClient, TokenSource
from flask_outbox.smtp.submission import Envelope, open_connection, transmit
from tests.constants import Make
from tests.outbox_rows import rows
from tests.smtp_server import STALL, Authority, ScriptedServer
from tests.token_server import HOUR, TokenServer, token_server

pytestmark = pytest.mark.slow

ACCOUNT = "site@example.com"
SECRET = "cl~ient+secret/with=odd&letters"
REFRESH = "1//0refresh-token"
ENVELOPE = Envelope(ACCOUNT, ["susan@example.com"], b"Subject: x\r\n\r\nx\r\n")


@pytest.fixture
def mailer() -> Iterator[ScriptedServer]:
    with ScriptedServer(auth="XOAUTH2 PLAIN", users={ACCOUNT: "token-1"}) as server:
        yield server


def source(server: TokenServer, *, clock: Callable[[], float] | None = None, **more: Any) -> Any:
    given = {"client_secret": SECRET, "scope": "https://mail.example/.default", "timeout": 5.0}
    client = OAuthClient(server.url, "client", **{**given, **more})
    return TokenSource(client, clock=clock or time.monotonic)


def mail_server(mailer: ScriptedServer, tokens: TokenSource, **more: Any) -> SmtpServer:
    given = {"username": ACCOUNT, "tokens": tokens, "timeout": 5.0}
    return SmtpServer("127.0.0.1", mailer.port, **{**given, **more})


def send(server: SmtpServer) -> None:
    client = open_connection(server)
    transmit(client, ENVELOPE)
    client.quit()


def failure(call: Callable[[], object]) -> SmtpError:
    with pytest.raises(SmtpError) as caught:
        call()
    assert (caught.value.step, caught.value.meaning) == (Step.AUTH, Meaning.SERVER)
    return caught.value


def test_an_application_logs_in_as_itself(tokens: TokenServer, mailer: ScriptedServer) -> None:
    send(mail_server(mailer, source(tokens)))
    assert [one.login for one in mailer.received] == [ACCOUNT]
    assert tokens.asked == [
        {
            "grant_type": "client_credentials",
            "scope": "https://mail.example/.default",
            "client_id": "client",
            "client_secret": SECRET,
        }
    ]


@pytest.mark.parametrize("secret", [SECRET, None])
def test_an_application_logs_in_as_the_account_that_allowed_it(
    tokens: TokenServer, mailer: ScriptedServer, secret: str | None
) -> None:
    send(mail_server(mailer, source(tokens, client_secret=secret, refresh_token=REFRESH)))
    assert [one.login for one in mailer.received] == [ACCOUNT]
    (asked,) = tokens.asked
    assert (asked["grant_type"], asked["refresh_token"]) == ("refresh_token", REFRESH)
    assert asked.get("client_secret") == secret


def test_a_refresh_token_is_replaced_by_the_next_and_the_first_is_the_last_resort(
    tokens: TokenServer,
) -> None:
    tokens.lifetime, tokens.more = 1, {"refresh_token": "second"}
    used = source(tokens, refresh_token=REFRESH)
    used.token()
    used.token()
    tokens.answers = [(400, json.dumps({"error": "invalid_grant"}))]
    assert "invalid_grant" in failure(used.token).answer
    used.token()
    said = [asked["refresh_token"] for asked in tokens.asked]
    assert said == [REFRESH, "second", "second", REFRESH]


def test_one_token_serves_several_connections_and_threads(
    tokens: TokenServer, mailer: ScriptedServer
) -> None:
    server = mail_server(mailer, source(tokens))
    threads = [threading.Thread(target=send, args=(server,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.login for one in mailer.received] == [ACCOUNT] * 6
    assert mailer.connections == 6
    assert len(tokens.asked) == 1


def test_a_token_is_renewed_a_minute_before_its_end(tokens: TokenServer) -> None:
    now = [1000.0]
    used = source(tokens, clock=lambda: now[0])
    assert used.token() == "token-1"
    now[0] += HOUR - 61
    assert used.token() == "token-1"
    now[0] += 1
    assert used.token() == "token-2"


def test_an_unknown_lifetime_is_short(tokens: TokenServer) -> None:
    now = [1000.0]
    used = source(tokens, clock=lambda: now[0])
    tokens.answers = [(200, '{"access_token": "token-0", "token_type": "bearer"}')]
    assert used.token() == "token-0"
    now[0] += 239
    assert used.token() == "token-0"
    now[0] += 1
    assert used.token() == "token-1"


def test_a_revoked_token_is_replaced_on_the_same_connection(
    tokens: TokenServer, mailer: ScriptedServer
) -> None:
    server = mail_server(mailer, source(tokens))
    send(server)
    mailer.users[ACCOUNT] = "token-2"
    send(server)
    assert [one.login for one in mailer.received] == [ACCOUNT] * 2
    assert [token for token, _ in mailer.passwords] == ["token-1", "token-1", "token-2"]
    assert mailer.connections == 2


def test_a_second_refusal_is_final(tokens: TokenServer, mailer: ScriptedServer) -> None:
    mailer.users = {}
    server = mail_server(mailer, source(tokens))
    error = failure(lambda: send(server))
    assert error.code == 535
    assert "rejects the token" in advice(error, server)
    assert len(tokens.asked) == 2
    assert mailer.received == []


def test_a_refusal_for_now_costs_no_second_token(
    tokens: TokenServer, mailer: ScriptedServer
) -> None:
    mailer.script = {"auth": "454 4.7.0 Temporary authentication failure"}
    assert failure(lambda: send(mail_server(mailer, source(tokens)))).code == 454
    assert len(tokens.asked) == 1


def test_only_the_token_that_was_refused_is_forgotten(tokens: TokenServer) -> None:
    used = source(tokens)
    used.token()
    used.drop("an older one")
    assert used.token() == "token-1"
    used.drop("token-1")
    assert used.token() == "token-2"


TOKEN = {"access_token": "t", "token_type": "Bearer"}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, '{"error": "invalid_client", "error_description": "Who?"}', "invalid_client Who?"),
        (400, '{"error": "invalid_client"}', "invalid_client"),
        (401, f'{{"error": "no", "error_description": "not {SECRET}"}}', "no not ***"),
        (400, "Bad Request", "HTTP 400"),
        (302, "", "not that of a token server"),
        (307, "", "not that of a token server"),
        (429, "<html>Slowly</html>", "HTTP 429"),
        (503, '{"error": "down"}', "HTTP 503"),
        (200, "<html>Welcome</html>", "not that of a token server"),
        (200, "[]", "not that of a token server"),
        (200, "{}", "no access token"),
        (200, '{"access_token": 7}', "no access token"),
        (200, '{"access_token": "a\\r\\nQUIT"}', "no access token"),
        (200, json.dumps({**TOKEN, "token_type": "mac"}), "another type"),
        (200, json.dumps({**TOKEN, "expires_in": "soon"}), "not that of a token server"),
        (200, json.dumps({**TOKEN, "expires_in": 1e999}), "not that of a token server"),
        (200, json.dumps({**TOKEN, "expires_in": [], "expires_at": 1}), "no number"),
    ],
)
def test_a_token_server_that_gives_no_token(
    tokens: TokenServer, mailer: ScriptedServer, status: int, body: str, words: str
) -> None:
    tokens.answers = [(status, body)]
    server = mail_server(mailer, source(tokens))
    error = failure(lambda: open_connection(server))
    assert error.code is None
    assert error.answer.startswith("no token from the token server 127.0.0.1: ")
    assert words in error.answer
    assert SECRET not in str(error)
    assert "MAIL_OAUTH_CLIENT_SECRET" in advice(error, server)
    assert len(tokens.asked) == 1
    send(server)
    assert [one.login for one in mailer.received] == [ACCOUNT]


def test_a_token_server_that_is_down(mailer: ScriptedServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = TokenServer(listener.getsockname()[1])
    error = failure(lambda: open_connection(mail_server(mailer, source(gone))))
    assert "cannot be reached" in error.answer


def test_a_token_server_is_trusted_by_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    with token_server(authority.context()) as encrypted:
        assert encrypted.url.startswith("https://")
        assert "its certificate is not good" in failure(source(encrypted).token).answer
        assert encrypted.asked == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.ca_file))
        assert source(encrypted).token() == "token-1"


def test_an_unencrypted_token_server_is_asked_past_every_proxy(
    tokens: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert source(tokens).token() == "token-1"


def test_a_silent_token_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = TokenServer(listener.getsockname()[1])
        error = failure(source(silent, timeout=0.3).token)
    assert "no answer" in error.answer


def test_a_token_server_with_an_endless_answer(tokens: TokenServer) -> None:
    tokens.dribbles = True
    used = source(tokens, timeout=0.5)
    errors: list[SmtpError] = []
    threads = [
        threading.Thread(target=lambda: errors.append(failure(used.token))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("no answer within 0.5 seconds" in error.answer for error in errors)
    assert len(errors) == 2


def test_mail_waits_for_the_token_server(
    make_app: Make, tokens: TokenServer, mailer: ScriptedServer
) -> None:
    app = make_app(
        MAIL_PORT=mailer.port,
        MAIL_USERNAME=ACCOUNT,
        MAIL_OAUTH_TOKEN_URL=tokens.url,
        MAIL_OAUTH_CLIENT_ID="client",
        MAIL_OAUTH_CLIENT_SECRET=SECRET,
        MAIL_DEBUG=False,
    )
    tokens.answers = [(503, "Later")]
    with app.app_context():
        send_email("Hello", None, ["susan@example.com"], "Hello.\n")
        make_dispatcher(app).drain()
        (row,) = rows(app)
        assert row.status == Status.DEFERRED
        assert mailer.received == []
        make_dispatcher(app).drain()
    (row,) = rows(app)
    assert row.status == Status.SENT
    assert [one.login for one in mailer.received] == [ACCOUNT]


def test_no_secret_is_printed_or_logged(
    tokens: TokenServer,
    mailer: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = mail_server(mailer, source(tokens, refresh_token=REFRESH), debug=True)
    mailer.users[ACCOUNT] = "token-2"
    send(server)
    watched = capsys.readouterr()
    assert "AUTH XOAUTH2 ***" in watched.err
    output = "".join([watched.out, watched.err, caplog.text, repr(server), repr(server.tokens)])
    assert tokens.url in output
    encoded = [
        base64.b64encode(f"user={ACCOUNT}\1auth=Bearer token-{number}\1\1".encode()).decode()
        for number in (1, 2)
    ]
    for secret in (SECRET, REFRESH, "token-1", "token-2", *encoded):
        assert secret not in output


def test_a_token_crosses_no_network_unencrypted(tokens: TokenServer) -> None:
    address = own_address()
    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=greet, args=(listener,), daemon=True).start()
        port = listener.getsockname()[1]
        client = SmtpServer(address, port, username=ACCOUNT, tokens=source(tokens), timeout=5)
        error = failure(lambda: open_connection(client))
    assert "the token was not sent: the connection is not encrypted" in error.answer


def greet(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"220 hello\r\n")
        connection.recv(1000)
        connection.sendall(b"250-hello\r\n250 AUTH XOAUTH2\r\n")
        assert connection.recv(1000) == b""


def own_address() -> str:
    """An address of this machine that is not loopback, found without sending a packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no network")
        return str(probe.getsockname()[0])


def test_a_server_without_xoauth2_gets_no_token(tokens: TokenServer) -> None:
    with ScriptedServer(auth="PLAIN LOGIN", users={ACCOUNT: "token-1"}) as server:
        error = failure(lambda: open_connection(mail_server(server, source(tokens))))
        assert "AUTH" not in server.commands
        encrypted = mail_server(server, source(tokens), use_tls=True)
    assert "offers no log-in with a token" in error.answer
    assert "doesn't accept tokens" in advice(error, encrypted)


def test_a_server_that_does_not_answer_a_token(tokens: TokenServer, mailer: ScriptedServer) -> None:
    mailer.script = {"auth": STALL}
    error = failure(lambda: open_connection(mail_server(mailer, source(tokens), timeout=0.3)))
    assert "no answer within 0.3 seconds" in error.answer


def test_a_line_break_in_a_token_never_becomes_a_command(mailer: ScriptedServer) -> None:
    client = SmtpClient(SmtpServer("127.0.0.1", mailer.port, timeout=5))
    client.connect()
    client.hello()
    failure(lambda: client.log_in_with_token(ACCOUNT, "token\r\nQUIT"))
    client.close()
    assert mailer.commands == ["EHLO [127.0.0.1]", "AUTH"]


@pytest.mark.parametrize("url", ["http://login.example.com/token", "ftp://127.0.0.1/", "https://"])
def test_secrets_go_to_no_open_token_server(url: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        smtp_server({"MAIL_OAUTH_TOKEN_URL": url, "MAIL_OAUTH_CLIENT_ID": "client"})


def test_authlib_is_imported_only_to_fetch_a_token() -> None:
    code = (
        "import sys; sys.modules['authlib'] = sys.modules['requests'] = None\n"
        "import flask_outbox.smtp.submission, microblog.app\n"
        "from flask_outbox import smtp_server\n"
        "assert smtp_server({}).tokens is None\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
