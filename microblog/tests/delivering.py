"""Delivery by the dispatcher or by a Celery worker.

Tests call `drain` and `running`; those marked with `delivery` run both ways.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

from flask_outbox.celery import Deliveries
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, HIGH_ONLY, Dispatcher
from flask_outbox.outbox.wakeup import listener_of

END_WITHIN_SECONDS = 60

by_worker = False
"""Set by the fixture `database_url`."""


def drain(dispatcher: Dispatcher) -> int:
    """Deliver what is due in this dispatcher's outbox; return how many rows were handled."""
    if not by_worker:
        return dispatcher.drain()
    made = Deliveries(dispatcher, ALL_PRIORITIES, connections=1, send_task=lambda _lanes: None)
    with closing(made) as deliveries:
        dispatcher.refresh_rate_limited()
        return deliveries.deliver(ALL_PRIORITIES)


@contextmanager
def running(dispatcher: Dispatcher) -> Iterator[None]:
    """Run a dispatcher or two workers until the end of the block, as their processes do."""
    way = _running_workers if by_worker else _running_dispatcher
    with way(dispatcher):
        yield


@contextmanager
def _running_dispatcher(dispatcher: Dispatcher) -> Iterator[None]:
    with listener_of(dispatcher.outbox.wakeup) as listener:
        thread = threading.Thread(target=dispatcher.run, args=[listener])
        thread.start()
        try:
            yield
        finally:
            dispatcher.stop()
            listener.wake()
            thread.join(END_WITHIN_SECONDS)
            assert not thread.is_alive(), "the dispatcher has not ended"


class _Workers:
    """The threads of two workers; tasks go to them without a broker."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.workers: dict[range, tuple[Deliveries, ThreadPoolExecutor]] = {}
        sizes = {HIGH_ONLY: 1, ALL_PRIORITIES: dispatcher.options.connections}
        for priorities, size in sizes.items():
            deliveries = Deliveries(
                dispatcher, priorities, connections=size, send_task=self.send_task
            )
            self.workers[priorities] = (deliveries, ThreadPoolExecutor(size))

    def wake(self, row_ids: Sequence[int]) -> None:  # noqa: ARG002 - a task carries nothing
        for priorities in self.workers:
            self.send_task(priorities)

    def send_task(self, priorities: range) -> None:
        deliveries, threads = self.workers[priorities]
        with suppress(RuntimeError):  # it is ending
            threads.submit(deliveries.deliver, priorities)

    def close(self) -> None:
        for deliveries, threads in self.workers.values():
            deliveries.stop()
            threads.shutdown()
            deliveries.close()


@contextmanager
def _running_workers(dispatcher: Dispatcher) -> Iterator[None]:
    with closing(_Workers(dispatcher)) as workers:
        dispatcher.outbox.wakeup = workers
        workers.wake([])
        yield
