"""The `microblog` command as people run it: in a process of its own, with its children."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from microblog.cli.ports import wait_until_open
from microblog.settings import Settings
from tests.waiting import end

HOST = "127.0.0.1"


def clean_environment(**given: str) -> dict[str, str]:
    """The environment of a machine on which nobody has set anything of Microblog's."""
    others = {
        name: value for name, value in os.environ.items() if name not in Settings.model_fields
    }
    return {**others, "MICROBLOG_ENV_FILE": "", "LANGUAGE": "", "LC_ALL": "C.UTF-8", **given}


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `typed` is its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "microblog", *arguments],
        env=dict(environment),
        cwd=folder,
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@dataclass(frozen=True)
class Running:
    """A command that serves at `port`, and the files that hold what it says."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path
    errors: Path

    def children(self) -> dict[int, str]:
        """The command lines of all processes below this one, by their numbers."""
        return {pid: command_line(pid) for pid in descendants(self.process.pid)}

    def child(self, words: str) -> int | None:
        """The number of the one child whose command line ends with these words."""
        found = [pid for pid, line in self.children().items() if line.endswith(words)]
        return found[0] if found else None

    def get(self, path: str) -> str:
        opener = build_opener(ProxyHandler({}))
        with opener.open(f"http://{HOST}:{self.port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def end(self, number: signal.Signals) -> int:
        """Send the signal to the command alone; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=40)


@contextmanager
def running(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    port: int,
    *,
    python: str = sys.executable,
) -> Iterator[Running]:
    """Start a command, wait until it serves, and leave nothing of it behind."""
    folder.mkdir(parents=True, exist_ok=True)
    output, errors = folder / "output.txt", folder / "errors.txt"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            [python, "-m", "microblog", *arguments],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    started = Running(process, port, output, errors)
    seen: set[int] = set()
    try:
        assert wait_until_open(HOST, port, seconds=60), errors.read_text()
        seen = set(started.children())
        yield started
    finally:
        seen |= set(started.children())
        end(process, seconds=30)
        for pid in filter(is_alive, seen):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(one) for task in tasks for one in (task / "children").read_text().split()]
    except OSError:
        return []
    return [one for child in children for one in (child, *descendants(child))]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be counted by its parent does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
