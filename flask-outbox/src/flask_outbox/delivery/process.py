"""Running a dispatcher as a process of its own."""

from __future__ import annotations

from pathlib import Path

from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.wakeup import SocketWakeup, WakeupListener
from flask_outbox.signals import on_end


def run_until_ended(dispatcher: Dispatcher) -> None:
    """Deliver until SIGINT or SIGTERM, and finish what is in flight.

    Must be called in the main thread, where signals arrive.
    """
    with WakeupListener(_wakeup_path(dispatcher.outbox)) as listener:

        def stop() -> None:
            dispatcher.stop()
            listener.wake()

        on_end(stop)
        dispatcher.run(listener)


def _wakeup_path(outbox: Outbox) -> Path | None:
    """The socket at which the application wakes the dispatcher; without one it only polls."""
    return outbox.wakeup.path if isinstance(outbox.wakeup, SocketWakeup) else None
