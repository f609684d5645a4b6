"""Processes that run the tests' application."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from sqlalchemy import create_engine, text

from tests.ports import HOST
from tests.smtp_server import ScriptedServer
from tests.waiting import end

GREETER = Path(__file__).resolve().parent / "greeter.py"


@dataclass(frozen=True)
class Greeter:
    """The application in a folder, and what its processes say."""

    folder: Path
    smtp: ScriptedServer

    @property
    def database(self) -> str:
        return f"sqlite:///{self.folder / 'greeter.db'}"

    def environment(self, **given: str) -> dict[str, str]:
        return {
            **os.environ,
            "GREETER_DATABASE": self.database,
            "GREETER_FOLDER": str(self.folder),
            "GREETER_MAIL_SERVER": HOST,
            "GREETER_MAIL_PORT": str(self.smtp.port),
            "LANGUAGE": "en",
            "PYTHONUNBUFFERED": "1",
            **given,
        }

    def run(self, *command: str, **given: str) -> subprocess.CompletedProcess[str]:
        """Run `flask COMMAND` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", GREETER, *command],
            cwd=self.folder,
            env=self.environment(**given),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def process(self, *command: str, **given: str) -> Iterator[Process]:
        """Start Python with these arguments, and end it at last."""
        errors = self.folder / f"errors-{len(list(self.folder.iterdir()))}.txt"
        with errors.open("wb") as stderr:
            started = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.folder,
                env=self.environment(**given),
                stdin=subprocess.PIPE,
                stdout=stderr,
                stderr=stderr,
            )
        try:
            yield Process(started, errors)
        finally:
            end(started, seconds=30)

    def flask(self, *command: str) -> list[str]:
        return ["-m", "flask", "--app", str(GREETER), *command]

    def enqueue(self, *numbers: int) -> None:
        """Write a message for each number, as a request does."""
        code = f"import greeter; [greeter.app.test_client().get(f'/{{n}}') for n in {numbers}]"
        given = self.environment(PYTHONPATH=self.python_path())
        subprocess.run([sys.executable, "-c", code], env=given, cwd=self.folder, check=True)

    def python_path(self) -> str:
        return os.pathsep.join([str(GREETER.parent), os.environ.get("PYTHONPATH", "")])

    def statuses(self) -> list[str]:
        engine = create_engine(self.database)
        try:
            with engine.connect() as connection:
                return list(connection.scalars(text("SELECT status FROM outbox ORDER BY id")))
        finally:
            engine.dispose()


@dataclass(frozen=True)
class Process:
    """A process, and the file that holds what it says."""

    process: subprocess.Popen[bytes]
    output: Path

    def said(self) -> str:
        return self.output.read_text()

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


def visit(port: int, number: int) -> str:
    opener = build_opener(ProxyHandler({}))
    with opener.open(f"http://{HOST}:{port}/{number}", timeout=30) as answer:
        return str(answer.read().decode())


def visit_until_both_served(port: int) -> int:
    """Visit, four at a time, until two processes have served; return how many visits that took.

    One of them may be quick enough to serve all of the first.
    """
    served: set[str] = set()
    visits = 0
    with ThreadPoolExecutor(4) as visitors:
        while len(served) < 2 and visits < 400:
            numbers = range(visits, visits + 40)
            served.update(visitors.map(lambda number: visit(port, number), numbers))
            visits += 40
    assert len(served) == 2
    return visits
