"""The signals that ask a process to end."""

from __future__ import annotations

import signal
from collections.abc import Callable


def on_end(stop: Callable[[], None]) -> None:
    """Call `stop` at SIGINT (Ctrl-C) and SIGTERM, so that the process can finish its work.

    Must be called in the main thread, where signals arrive.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop())
