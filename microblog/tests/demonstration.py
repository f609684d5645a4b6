"""A running demonstration, for tests that need the whole site with its processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from microblog.cli.ports import choose_free, wait_until_open


@dataclass(frozen=True)
class Demonstration:
    """Where the site and its mail catcher listen, and the process that runs them."""

    port: int
    smtp_port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://localhost:{self.port}"


@contextmanager
def running_demo(*, quiet: bool = False) -> Iterator[Demonstration]:
    port, smtp_port = choose_free("127.0.0.1"), choose_free("127.0.0.1")
    command = [sys.executable, "-m", "microblog", "demo"]
    ports = ["--port", str(port), "--smtp-port", str(smtp_port)]
    log = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen([*command, *ports], stdout=subprocess.DEVNULL, stderr=log)
    try:
        assert wait_until_open("127.0.0.1", port, seconds=60), "the demonstration did not start"
        yield Demonstration(port, smtp_port, process)
    finally:
        process.terminate()
        process.wait(timeout=30)
