"""Running a dispatcher as a process of its own."""

from __future__ import annotations

from pathlib import Path

from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.wakeup import SocketWakeup, WakeupListener
from flask_outbox.signals import on_end


def run_until_ended(dispatcher: Dispatcher) -> None:
    """Deliver until SIGINT or SIGTERM. What is in flight at the end is finished first.

    Must be called in the main thread, where signals arrive.
    """
    with WakeupListener(_wakeup_path(dispatcher.outbox)) as listener:

        def stop() -> None:
            dispatcher.stop()
            listener.wake()

        on_end(stop)
        dispatcher.run(listener)


def _wakeup_path(outbox: Outbox) -> Path | None:
    """Where the application rings; without a path the dispatcher looks by itself."""
    return outbox.wakeup.path if isinstance(outbox.wakeup, SocketWakeup) else None
