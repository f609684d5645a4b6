"""`microblog status`: how a site does, on one screen and as JSON, whether it runs or not."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text, update
from werkzeug.serving import make_server

from flask_outbox import current_outbox
from flask_outbox.outbox.models import OutboxMessage
from flask_outbox.outbox.wakeup import listener_of
from microblog.cli.ports import choose_free
from microblog.database import transaction
from microblog.web import readiness
from tests.cli.conftest import Command
from tests.cli.running import HOST, clean_environment, run_command
from tests.constants import Make
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, make_user

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> int:
    return choose_free(HOST)


@pytest.fixture
def site(make_app: Make, port: int, site_environment: dict[str, str]) -> Flask:
    """A site whose address is known to the command, too."""
    url = f"http://{HOST}:{port}"
    site_environment["PUBLIC_URL"] = url
    made: Flask = make_app(PUBLIC_URL=url)
    return made


@contextmanager
def serving(site: Flask, port: int) -> Iterator[None]:
    """A web server of this application."""
    server = make_server(HOST, port, site, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_site(site: Flask, port: int) -> Iterator[None]:
    """A web server of the site, and somebody who listens as a dispatcher does."""
    with site.app_context():
        wakeup = current_outbox().wakeup
    with serving(site, port), listener_of(wakeup):
        yield


def as_json(microblog: Command, exit_code: int, **changes: str) -> dict[str, Any]:
    shown = microblog("status", "--json", **changes)
    assert shown.exit_code == exit_code, shown.output
    found: dict[str, Any] = json.loads(shown.stdout)
    assert found["status"] == ["ok", "degraded", "unavailable"][exit_code]
    return found


def grow_old(site: Flask, seconds: float) -> None:
    """Let all messages have been enqueued so long ago."""
    then = time.time() - seconds
    with site.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(created_at=then, due_at=then))


@pytest.fixture
def one_was_sent(site: Flask, smtp: ScriptedServer) -> None:
    """One message that was sent, to an account."""
    make_user(site, "susan")
    Visitor(site).ask_for_reset("susan@example.com")
    deliver_from(site)
    assert len(smtp.received) == 1


def test_a_site_that_is_well(
    site: Flask, port: int, microblog: Command, database_url: str, one_was_sent: None
) -> None:
    with running_site(site, port):
        found = as_json(microblog, 0)
        shown = microblog("status")
    assert shown.exit_code == 0, shown.output
    on_sqlite = database_url.startswith("sqlite")
    assert (found["reason"], found["degraded"], found["says"]) == (None, [], [])
    assert found["web"] == {"url": f"http://{HOST}:{port}", "answers": True, "says": None}
    assert found["dispatcher"] == {"listens": True if on_sqlite else None}
    assert found["database"]["kind"] == ("sqlite" if on_sqlite else "postgresql")
    assert "connect_timeout" not in found["database"]["place"]
    assert found["database"]["bytes"] > 100_000
    assert found["database"]["schema"].startswith("00")
    assert found["mail"]["waiting"]["high"] == {"messages": 0, "oldest_seconds": 0.0}
    assert found["mail"]["last_24_hours"] == {"sent": 1}
    assert found["mail"]["last_sent"].endswith("Z")
    assert found["mail"]["server_trouble"] is None
    assert found["disks"][0]["free_bytes"] < found["disks"][0]["total_bytes"]
    assert (found["accounts"], found["posts"]) == (1, 0)
    assert found["reports"] == {"open": 0}
    first, empty, *rows = shown.stdout.splitlines()
    assert (first, empty) == (f"Microblog {found['version']}: ready", "")
    assert f"Website     http://{HOST}:{port} answers" in rows
    assert "Mail        nothing waits" in rows
    assert "            last 24 hours: sent 1, failed 0, expired 0" in rows
    assert "Accounts    1" in rows
    assert "Reports     0 open" in rows
    assert {row[11] for row in rows} == {" "}, "what is said begins in one column"


@ON_SQLITE
def test_without_a_dispatcher_it_is_degraded(
    site: Flask, port: int, microblog: Command, smtp: ScriptedServer
) -> None:
    with serving(site, port):
        Visitor(site).ask_for_reset("susan@example.com")
        grow_old(site, 300)
        found = as_json(microblog, 1)
        shown = microblog("status").stdout
    assert found["degraded"] == ["dispatcher", "mail"]
    assert found["dispatcher"] == {"listens": False}
    assert 300 <= found["mail"]["waiting"]["high"]["oldest_seconds"] < 360
    assert "  - No mail dispatcher is running beside the web server.\n" in shown
    assert "waiting, urgent: 1, the oldest for 5 minutes\n" in shown
    assert "last sent" not in shown


@ON_SQLITE
def test_what_the_mail_server_says_is_shown(
    site: Flask, port: int, microblog: Command, smtp: ScriptedServer
) -> None:
    smtp.script["mail"] = "421 4.3.2 Not before noon"
    make_user(site, "susan")
    Visitor(site).ask_for_reset("susan@example.com")
    deliver_from(site)
    grow_old(site, 90)
    with running_site(site, port):
        found = as_json(microblog, 1)
        shown = microblog("status").stdout
    assert found["degraded"] == ["mail"]
    assert "Not before noon" in found["mail"]["server_trouble"]["answer"]
    assert "the mail server has accepted nothing since" in shown
    assert "Not before noon" in shown
    page = (Path(__file__).resolve().parents[3] / "docs" / "admin.md").read_text()
    example = page.partition("$ microblog status\n")[2].partition("```")[0]
    assert labels(shown) == labels(example), "the page for administrators shows the same rows"


def labels(screen: str) -> list[str]:
    """The labels of the rows; those that go on have none."""
    rows = screen.partition("\n\n")[2].splitlines()
    return [row[:11].strip() for row in rows if not row.startswith("            last sent")]


@ON_SQLITE
def test_a_site_that_does_not_run_is_unavailable_and_shown(
    site: Flask, port: int, microblog: Command
) -> None:
    found = as_json(microblog, 2)
    assert (found["reason"], found["web"]["answers"]) == ("web", False)
    assert found["accounts"] == 0
    shown = microblog("status")
    assert f"http://{HOST}:{port} does not answer: Connection refused" in shown.stdout
    assert shown.stdout.startswith(f"Microblog {found['version']}: unavailable\n")
    assert "  - No web server of this site answers at PUBLIC_URL.\n" in shown.stdout


@ON_SQLITE
def test_another_web_server_is_not_taken_for_the_site(
    site: Flask, port: int, microblog: Command
) -> None:
    with serving(Flask("another"), port):
        found = as_json(microblog, 2)
    assert found["web"]["says"] == "404 NOT FOUND"


@ON_SQLITE
def test_a_file_that_does_not_exist_is_not_made(microblog: Command, tmp_path: Path) -> None:
    file = tmp_path / "none.db"
    found = as_json(microblog, 2, DATABASE_URL=f"sqlite:///{file}")
    assert found["reason"] == "database"
    assert found["database"]["place"] == str(file)
    assert not file.exists()
    shown = microblog("status", DATABASE_URL=f"sqlite:///{file}").stdout
    assert "SQLite, cannot be used: there is no such file yet" in shown


@ON_SQLITE
def test_a_database_that_is_away_is_told_in_words(
    microblog: Command, caplog: pytest.LogCaptureFixture
) -> None:
    away = "postgresql://nobody:hunter2@127.0.0.1:1/nothing"
    found = as_json(microblog, 2, DATABASE_URL=away)
    assert found["reason"] == "database"
    assert "refused" in found["database"]["says"]
    shown = microblog("status", DATABASE_URL=away)
    assert shown.exit_code == 2
    assert "PostgreSQL, cannot be used: " in shown.stdout
    assert "hunter2" not in shown.output + json.dumps(found)
    assert caplog.text == ""


@ON_SQLITE
def test_an_older_schema_is_told_and_not_changed(site: Flask, microblog: Command) -> None:
    with site.app_context(), transaction() as writing:
        writing.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    for _ in range(2):
        found = as_json(microblog, 2)
        assert (found["reason"], found["database"]["schema"]) == ("schema", "0001")
        assert found["mail"] is None


@ON_SQLITE
def test_it_says_what_a_probe_says(
    site: Flask, port: int, microblog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "FULL_SHARE", 2.0)
    monkeypatch.setattr(readiness, "FULL_BYTES", 10**30)
    with running_site(site, port):
        probed = site.test_client().get("/readyz").get_json()
        found = as_json(microblog, 1)
    assert {name: found[name] for name in probed} == probed
    assert probed["degraded"] == ["disk"]


def environment(site_environment: dict[str, str], **changes: str) -> dict[str, str]:
    return clean_environment(**site_environment | changes)


@ON_SQLITE
def test_wrong_settings_are_told_with_their_exit_code(
    site_environment: dict[str, str], tmp_path: Path
) -> None:
    given = environment(site_environment, MAIL_PORT="many")
    done = run_command(["status"], given, tmp_path)
    assert done.returncode == 2
    assert "MAIL_PORT" in done.stderr
    assert "Traceback" not in done.stderr


@ON_SQLITE
@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ru", ["недоступен", "Сайт", "ничего не ждёт"]),
        ("zh_Hant", ["無法使用", "網站", "沒有信件在等待"]),
    ],
)
def test_it_speaks_the_terminals_language(
    site_environment: dict[str, str], tmp_path: Path, language: str, said: list[str]
) -> None:
    given = environment(site_environment, LANGUAGE=language, PUBLIC_URL="http://127.0.0.1:1")
    done = run_command(["status"], given, tmp_path)
    assert done.returncode == 2
    for words in said:
        assert words in done.stdout
    assert "\x1b" not in done.stdout


@ON_SQLITE
@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_colours_unless_it_wants_none(
    site_environment: dict[str, str], tmp_path: Path, no_color: str, *, is_coloured: bool
) -> None:
    given = environment(site_environment, PUBLIC_URL="http://127.0.0.1:1", NO_COLOR=no_color)
    ours, terminals = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "microblog", "status"],
            env=given,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=terminals,
            stderr=subprocess.PIPE,
            timeout=120,
            check=False,
        )
        shown = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(terminals)
    assert done.returncode == 2, done.stderr
    assert "unavailable" in shown
    assert ("\x1b[" in shown) is is_coloured
