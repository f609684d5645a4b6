"""`microblog demo`: everything on one machine, and nothing of it left behind."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from microblog.cli import cli
from microblog.cli.ports import choose_free
from tests.cli.running import (
    HOST,
    Running,
    clean_environment,
    is_alive,
    is_free,
    run_command,
    running,
)
from tests.waiting import eventually

pytestmark = pytest.mark.slow

STEPS = [
    "register, and be signed in",
    "confirm the address with the mailed link",
    "sign in and out with the first password",
    "ask for a new password",
    "an unknown address gets the same answer",
    "the mail arrives",
    "open the link; it leaves the address bar",
    "choose a new password",
    "the old password is refused",
    "the used link is refused",
    "sign in with the new password",
    "the notice of the change arrives",
]


def test_the_check_walks_the_main_job_and_prints_a_line_a_step(tmp_path: Path) -> None:
    """Also where the settings of another site are in the environment."""
    temporary, folder = tmp_path / "temporary", tmp_path / "folder"
    temporary.mkdir()
    folder.mkdir()
    environment = clean_environment(
        TMPDIR=str(temporary),
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing",
        MAIL_SERVER="smtp.microblog.invalid",
        MAIL_SUPPRESS_SEND="1",
        PUBLIC_URL="https://elsewhere.example",
    )
    ports = ["--port", "0", "--smtp-port", "0"]
    ended = run_command(["demo", "--check", *ports], environment, folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == len(STEPS) + 1
    for line, step in zip(lines, STEPS, strict=False):
        assert line.startswith(f"ok      {step} (")
    assert lines[-1] == "All is well: whoever forgets a password gets back in."
    assert "Traceback" not in ended.stderr
    assert list(folder.iterdir()) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("option", ["--port", "--smtp-port"])
def test_a_port_in_use_is_said_in_words(option: str) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        arguments = {"--port": "0", "--smtp-port": "0", option: str(port)}
        words = [word for pair in arguments.items() for word in pair]
        refused = CliRunner().invoke(cli, ["demo", *words])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Error: Port {port} on 127.0.0.1 can't be used")
    assert f"Choose another port: {option} {port + 1}" in refused.stderr


@pytest.fixture
def smtp_port() -> int:
    return choose_free(HOST)


@pytest.fixture
def demo(tmp_path: Path, smtp_port: int) -> Iterator[Running]:
    port = choose_free(HOST)
    arguments = ["demo", "--port", str(port), "--smtp-port", str(smtp_port)]
    (tmp_path / "temporary").mkdir()
    environment = clean_environment(TMPDIR=str(tmp_path / "temporary"), PYTHONUNBUFFERED="1")
    with running(arguments, environment, tmp_path, port) as started:
        assert eventually(lambda: "Ctrl-C ends everything." in started.output.read_text())
        yield started


def test_ctrl_c_ends_every_process_and_frees_the_ports(
    demo: Running, smtp_port: int, tmp_path: Path
) -> None:
    assert "My first post. Is anybody here?" in demo.get("/")
    assert "No emails yet" in demo.get("/dev/inbox")
    said = demo.output.read_text()
    assert f"http://localhost:{demo.port}" in said
    assert str(smtp_port) in said
    processes = demo.children()
    assert len(processes) >= 4, processes
    assert demo.end(signal.SIGINT) == 0
    assert eventually(lambda: not any(map(is_alive, processes)))
    assert is_free(demo.port)
    assert is_free(smtp_port)
    assert "Traceback" not in demo.errors.read_text()
    assert list((tmp_path / "temporary").iterdir()) == []
