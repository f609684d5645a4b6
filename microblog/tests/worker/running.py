"""Workers as people run them."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from flask import Flask

from flask_outbox import send_email
from tests.cli.running import descendants
from tests.smtp_server import ScriptedServer
from tests.waiting import end, eventually

BY_TASK_SECONDS = 1.0
"""Workers look every two seconds at the outbox: what comes sooner, and more than once, came by a
task."""

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
ON_RABBITMQ = pytest.mark.parametrize("broker", ["rabbitmq"], indirect=True)


@contextmanager
def working(
    environment: Mapping[str, str], folder: Path, *options: str, ready: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `microblog worker`; with `ready`, wait until both workers take tasks."""
    log = folder / f"worker-{secrets.token_hex(4)}.txt"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "microblog", "worker", *options],
            env=dict(environment),
            cwd=folder,
            stdout=written,
            stderr=written,
        )
    try:
        if ready:
            said = eventually(lambda: log.read_text().count(" ready.") == 2, seconds=120)
            assert said, log.read_text()
        yield process
    finally:
        end(process, seconds=20)
        sys.stdout.write(log.read_text())


def kill_workers(process: subprocess.Popen[bytes]) -> None:
    """Kill both workers as a machine's memory guard would, and wait for the end of all."""
    for pid in descendants(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(timeout=20)


def arrives_by_wakeup(app: Flask, smtp: ScriptedServer) -> bool:
    """Whether three messages arrive before the workers would have looked for them."""
    return all(_arrives_soon(app, smtp) for _ in range(3))


def _arrives_soon(app: Flask, smtp: ScriptedServer) -> bool:
    before = len(smtp.received)
    posted_at = time.time()
    with app.app_context():
        send_email("Ring", None, ["susan@example.com"], "Hello.\n")
    return smtp.wait_for(before + 1)[-1].at - posted_at < BY_TASK_SECONDS
