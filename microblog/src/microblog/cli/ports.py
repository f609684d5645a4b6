"""Ports of this machine: which is free, and does something answer there."""

from __future__ import annotations

import socket
import time


def choose_free(host: str) -> int:
    """A port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def wait_until_open(host: str, port: int, *, seconds: float) -> bool:
    """Whether something answered at the port in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((host, port), timeout=1):
                return True
        except OSError:
            time.sleep(0.05)
    return False
