"""Running a dispatcher as a process of its own."""

from __future__ import annotations

from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.outbox.wakeup import listener_of
from flask_outbox.signals import on_end


def run_until_ended(dispatcher: Dispatcher) -> None:
    """Deliver until SIGINT or SIGTERM, and finish what is in flight.

    Must be called in the main thread, where signals arrive.
    """
    with listener_of(dispatcher.outbox.wakeup) as listener:

        def stop() -> None:
            dispatcher.stop()
            listener.wake()

        on_end(stop)
        dispatcher.run(listener)
