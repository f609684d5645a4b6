"""Running a dispatcher as a process of its own."""

from __future__ import annotations

from pathlib import Path

from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.wakeup import BellListener, SocketBell
from flask_outbox.signals import on_end


def run_until_ended(dispatcher: Dispatcher) -> None:
    """Deliver until SIGINT or SIGTERM. What is in flight at the end is finished first.

    Must be called in the main thread, where signals arrive.
    """
    with BellListener(_bell_path(dispatcher.outbox)) as listener:

        def stop() -> None:
            dispatcher.stop()
            listener.ring()

        on_end(stop)
        dispatcher.run(listener)


def _bell_path(outbox: Outbox) -> Path | None:
    """Where the application rings; without a path the dispatcher looks by itself."""
    return outbox.bell.path if isinstance(outbox.bell, SocketBell) else None
