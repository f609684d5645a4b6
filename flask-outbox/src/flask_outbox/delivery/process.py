"""Running a dispatcher: as a process of its own, or in a thread of a process that does more."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable

from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.outbox.wakeup import WakeupListener, listener_of
from flask_outbox.process_signals import on_end

logger = logging.getLogger(__name__)


def run_until_ended(dispatcher: Dispatcher) -> None:
    """Deliver until SIGINT or SIGTERM, and finish what is in flight.

    Signals arrive in the main thread alone: in another one, nothing but the end of the process ends
    this.
    """
    listener = listener_of(dispatcher.outbox.wakeup)
    if threading.current_thread() is threading.main_thread():
        on_end(_stopper(dispatcher, listener))
    with listener:
        dispatcher.run(listener)


def drain_until_ended(dispatcher: Dispatcher) -> int:
    """Deliver what is due now, or until SIGINT or SIGTERM; return how many rows were handled.

    What is in flight at a signal is finished first. Must be called in the main thread.
    """
    on_end(dispatcher.stop)
    return dispatcher.drain()


class DispatcherThread:
    """A dispatcher in a thread of this process, with which it ends."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], None] = lambda: None

    @property
    def is_running(self) -> bool:
        """Whether it delivers in this process; not in one that was forked from it."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, dispatcher: Dispatcher) -> None:
        """Begin to deliver. What is in flight when the process exits is finished first."""
        listener = listener_of(dispatcher.outbox.wakeup)
        self._stop = _stopper(dispatcher, listener)
        # The dispatcher's own threads are daemons, too, since this one is: the interpreter waits
        # for others before it calls what is to be called at exit.
        self._thread = threading.Thread(
            target=_run, args=(dispatcher, listener), name="flask-outbox", daemon=True
        )
        self._thread.start()
        atexit.register(self.stop)

    def stop(self) -> None:
        """Stop delivering; return when what is in flight is finished."""
        atexit.unregister(self.stop)
        if self._thread is not None and self._thread.is_alive():
            self._stop()
            self._thread.join()


def _run(dispatcher: Dispatcher, listener: WakeupListener) -> None:
    try:
        with listener:
            dispatcher.run(listener)
    except Exception:
        logger.exception("The dispatcher ended, and mail waits")


def _stopper(dispatcher: Dispatcher, listener: WakeupListener) -> Callable[[], None]:
    def stop() -> None:
        dispatcher.stop()
        listener.wake()

    return stop
