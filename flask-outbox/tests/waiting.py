"""Waiting for a condition, and for the end of a process."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any


def eventually(condition: Callable[[], object], *, seconds: float = 120.0) -> bool:
    """Wait until the condition is true; return whether that happened in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def end(process: subprocess.Popen[Any], *, seconds: float) -> None:
    """Ask a process to end, and kill it if it does not in time."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
