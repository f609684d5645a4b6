"""The drill of docs/backup.md, as it is written there: the site comes back elsewhere, mail once."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import psycopg
import pytest
from flask import Flask

from flask_outbox import send_email
from microblog.blog.posts import write_post
from microblog.cli.ports import choose_free, wait_until_open
from microblog.database import db, transaction, utc_now
from microblog.settings.env_file import env_line
from tests.cli.running import clean_environment
from tests.databases import close_left_connections
from tests.schemas import empty_database
from tests.smtp_server import ScriptedServer
from tests.visitor import deliver_from, make_user
from tests.waiting import end, eventually

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[3] / "docs" / "backup.md"


def drill() -> str:
    """The drill's commands, in their order."""
    section = PAGE.read_text().partition("\n## Drill\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", section)
    assert len(blocks) == 2
    return "".join(blocks)


@pytest.fixture
def fresh(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of the database that the drill restores into."""
    if database_url.startswith("sqlite"):
        yield "sqlite:///drill.db"
        return
    with empty_database("postgresql", tmp_path) as url:
        yield url


@pytest.fixture
def site(
    make_app: Callable[..., Flask], database_url: str, smtp: ScriptedServer, tmp_path: Path
) -> Path:
    """The folder of a site with two posts, a message that was sent, and two that wait."""
    folder = tmp_path / "site"
    settings = {
        "SECRET_KEY": "a secret for tests only, long enough to be one",
        "PUBLIC_URL": "https://microblog.example.com",
        "ADMINS": "admin@microblog.example.com",
        "DATABASE_URL": database_url,
        "INSTANCE_PATH": str(folder / "instance"),
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(smtp.port),
    }
    (folder / "instance").mkdir(parents=True)
    lines = [env_line(name, value) for name, value in settings.items()]
    (folder / ".env").write_text("".join(lines))
    app = make_app(**settings)
    number = make_user(app, "susan")
    with app.app_context():
        with transaction() as writing:
            for body in ("the first post", "second, with #tag and ünicode"):
                write_post(writing, user_id=number, body=body, now=utc_now())
            send_email("sent before", None, ["susan@example.com"], "text", None)
        assert deliver_from(app) == 1
        with transaction():
            send_email("one that waits", None, ["susan@example.com"], "text", None)
            send_email("another that waits", None, ["peter@example.com"], "text", None)
        db.engine.dispose()
    close_left_connections()
    return folder


def test_the_drill_brings_the_same_posts_and_each_message_once(
    site: Path, fresh: str, database_url: str, smtp: ScriptedServer, tmp_path: Path
) -> None:
    port = str(choose_free("127.0.0.1"))
    written = drill().replace("sqlite:///drill.db", fresh).replace("5001", port)
    command = f'microblog() {{ {shlex.quote(sys.executable)} -m microblog "$@"; }}\n'
    environment = clean_environment()
    del environment["MICROBLOG_ENV_FILE"]
    before = statuses(database_url)
    with (tmp_path / "said.txt").open("wb") as said:
        shell = subprocess.Popen(
            ["bash", "-euc", command + written],
            cwd=site,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        assert wait_until_open("127.0.0.1", int(port), seconds=120), words(tmp_path)
        assert smtp.wait_for(3), words(tmp_path)
        page = build_opener(ProxyHandler({})).open(f"http://localhost:{port}/user/susan")
        shown = page.read().decode()
        assert "the first post" in shown
        assert "ünicode" in shown
        new = fresh.replace("sqlite:///", f"sqlite:///{site}/drill/instance/")
        assert eventually(lambda: statuses(new) == ["sent", "sent", "sent"])
    finally:
        os.killpg(shell.pid, signal.SIGTERM)
        end(shell, seconds=30)
    assert sorted((one.message["Subject"], *one.recipients) for one in smtp.received[1:]) == [
        ("another that waits", "you@example.com"),
        ("one that waits", "you@example.com"),
    ]
    assert "is intact" in words(tmp_path)
    assert statuses(database_url) == before == ["sent", "queued", "queued"]


def words(folder: Path) -> str:
    return (folder / "said.txt").read_text()


def statuses(url: str) -> list[str]:
    """What became of each message of a site, in their order."""
    statement = "SELECT status FROM outbox ORDER BY id"
    if url.startswith("postgresql"):
        with psycopg.connect(url) as server:
            return [status for (status,) in server.execute(statement)]
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return [status for (status,) in connection.execute(statement)]
