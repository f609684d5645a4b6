"""A check for code that must not wait for another machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def no_connection_from_here() -> Iterator[None]:
    """Fail if this thread connects to a server (the database's own driver is not seen).

    Code that never connects cannot be made to wait by a slow or silent server.
    """
    here = threading.current_thread()
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        is_local = self.family == socket.AF_UNIX
        assert is_local or threading.current_thread() is not here, f"connected to {address}"
        connect(self, address)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket.socket, "connect", watched)
        yield
