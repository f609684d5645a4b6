"""`microblog run`: a site and its dispatcher, which start, live and end together."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from microblog.app import create_app
from microblog.cli.ports import choose_free
from microblog.cli.smoke_test import Browser
from microblog.cli.web_process import THREADS
from microblog.settings import Settings
from tests.cli.conftest import Command
from tests.cli.running import (
    HOST,
    Running,
    clean_environment,
    is_alive,
    is_free,
    run_command,
    running,
)
from tests.smtp_server import STALL, ScriptedServer
from tests.visitor import ON_SQLITE, make_user
from tests.waiting import eventually

pytestmark = pytest.mark.slow

SECRET = "a secret for tests only, long enough to be one"

SITES_LIBRARY = "pydantic_core"
"""A library that each process loads which knows the site's settings."""


def environment_of(folder: Path, smtp_port: int, **changes: str) -> dict[str, str]:
    return clean_environment(
        **{
            "SECRET_KEY": SECRET,
            "PUBLIC_URL": "http://localhost:8080",
            "ADMINS": "admin@microblog.example.com",
            "DATABASE_URL": f"sqlite:///{folder / 'site.db'}",
            "INSTANCE_PATH": str(folder / "instance"),
            "MAIL_SERVER": HOST,
            "MAIL_PORT": str(smtp_port),
            "LOG_FILE": str(folder / "logs" / "site.log"),
            **changes,
        }
    )


@pytest.fixture
def site(tmp_path: Path, smtp: ScriptedServer) -> Iterator[Running]:
    """A running site with an account for susan."""
    port = choose_free(HOST)
    environment = environment_of(tmp_path, smtp.port)
    with running(["run", "--port", str(port)], environment, tmp_path, port) as started:
        app = create_app(
            Settings(
                DATABASE_URL=environment["DATABASE_URL"], INSTANCE_PATH=tmp_path, SECRET_KEY=SECRET
            )
        )
        make_user(app, "susan")
        yield started


def ask_for_reset(site: Running) -> None:
    browser = Browser(f"http://{HOST}:{site.port}")
    browser.open("/reset_password_request")
    page = browser.submit(email="susan@example.com")
    assert "Check your email for the instructions to reset your password" in page


def libraries(pid: int | None) -> str:
    """The files of compiled code, among others, that a process has loaded."""
    return Path(f"/proc/{pid}/maps").read_text()


def open_files(pid: int) -> set[str]:
    """Their names; what is closed meanwhile is left out."""
    names = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            names.add(file.readlink().name)
    return names


def web_processes(site: Running) -> list[int]:
    """The one that the supervisor started, and then its workers."""
    return [pid for pid, line in site.children().items() if "process web" in line]


def dispatcher(site: Running) -> int | None:
    return site.child("process dispatcher")


@contextmanager
def half_heads(site: Running, number: int) -> Iterator[None]:
    """So many clients that send a part of a head, and then nothing."""
    with ExitStack() as clients:
        for _ in range(number):
            client = clients.enter_context(socket.create_connection((HOST, site.port)))
            client.sendall(b"GET / HTTP/1.1\r\nHost: ")
        yield


def test_a_site_serves_and_delivers_and_its_dispatcher_comes_back_and_all_end_together(
    site: Running, smtp: ScriptedServer
) -> None:
    with half_heads(site, 3 * THREADS):
        assert '"ok"' in site.get("/healthz")
        assert eventually(lambda: '"ok"' in site.get("/readyz"))
    assert eventually(lambda: dispatcher(site))
    ask_for_reset(site)
    (received,) = smtp.wait_for(1)
    assert received.recipients == ["susan@example.com"]
    assert "http://localhost:8080/reset_password/" in received.text()

    first = dispatcher(site)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    ask_for_reset(site)
    assert len(smtp.wait_for(2)) == 2
    second = dispatcher(site)
    assert second not in {None, first}
    assert not is_alive(first)
    assert "The mail dispatcher ended (exit code -9)" in site.errors.read_text()

    processes = site.children()
    assert len(processes) >= 3, processes
    assert SITES_LIBRARY in libraries(second)
    assert SITES_LIBRARY not in libraries(site.process.pid)
    assert site.end(signal.SIGTERM) == 0
    assert eventually(lambda: not any(map(is_alive, processes)))
    assert is_free(site.port)
    assert "Traceback" not in site.errors.read_text()
    logs = site.output.parent / "logs"
    logged = (logs / "site-dispatcher.log").read_text()
    assert "Traceback" not in logged
    assert "accounts.reset_password" in logged
    everything = [site.output, site.errors, *logs.iterdir()]
    assert [file for file in everything if "/reset_password/ey" in file.read_text()] == []


def test_what_was_in_flight_leaves_within_a_minute_of_a_crash(
    site: Running, smtp: ScriptedServer, tmp_path: Path
) -> None:
    smtp.script["content"] = [STALL]
    ask_for_reset(site)
    assert eventually(lambda: "DATA" in smtp.commands)
    killed = dispatcher(site)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert end_lease(tmp_path / "site.db") <= 60
    (received,) = smtp.wait_for(1)
    assert received.recipients == ["susan@example.com"]


def end_lease(database: Path) -> float:
    """Let the lease of the one message end now; return how many seconds were left of it."""
    with closing(sqlite3.connect(database)) as connection, connection:
        ((due_at,),) = connection.execute("SELECT due_at FROM outbox WHERE status = 'queued'")
        connection.execute("UPDATE outbox SET due_at = ?", [now := time.time()])
    return float(due_at - now)


def test_a_web_worker_that_is_killed_is_replaced_by_one_with_its_own_connections(
    site: Running,
) -> None:
    """Workers are forks of a process that has loaded the site and opened nothing."""
    assert eventually(lambda: '"ok"' in site.get("/readyz"))
    master, killed = web_processes(site)
    assert "site.db" in open_files(killed)
    assert "site.db" not in open_files(master)
    os.kill(killed, signal.SIGKILL)
    assert eventually(lambda: len(web_processes(site)) == 2 and killed not in web_processes(site))
    assert '"ok"' in site.get("/readyz")
    assert site.end(signal.SIGTERM) == 0


def test_a_log_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    environment = environment_of(tmp_path, 25, LOG_FILE=str(tmp_path / "file" / "site.log"))
    port = str(choose_free(HOST))
    ended = run_command(["run", "--port", port], environment, tmp_path)
    assert ended.returncode in {1, 2}
    assert "LOG_FILE" in ended.stderr
    assert "Traceback" not in ended.stderr


@ON_SQLITE
def test_a_port_in_use_is_said_in_words(microblog: Command) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        refused = microblog("run", "--port", str(port))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Error: Port {port} on 127.0.0.1 can't be used")
    assert f"Choose another port: --port {port + 1}" in refused.stderr


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_schema_that_is_not_up_to_date_is_said_in_words(
    microblog: Command, database_url: str
) -> None:
    """A server's database may belong to more than one machine: nobody changes it by the way."""
    # With a search path of its own the site sees none of the tables that are there.
    elsewhere = f"{database_url}?options=-c%20search_path%3Dnowhere"
    refused = microblog("process", "prepare", DATABASE_URL=elsewhere)
    assert refused.exit_code == 1
    assert refused.stderr == (
        "Error: The database's schema is not up to date. Run: microblog db upgrade\n"
    )
