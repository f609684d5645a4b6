"""Delivery by an application's own Celery, on any number of machines.

    celery = Celery("shop", broker="amqp://localhost//")
    register(outbox, celery)

This adds two ordinary tasks, each with a queue of its own, so that urgent mail never waits for
other mail. Run a worker for each; `--concurrency` is its number of connections to the mail server:

    celery -A shop:celery worker -Q outbox-high --pool threads --concurrency 1
    celery -A shop:celery worker -Q outbox --pool threads --concurrency 4

A task carries nothing: it delivers what is due. The rows are the truth, so a task that comes twice,
or late, finds nothing to claim, and for one that is lost, workers look at the outbox themselves.
A broker that is down delays mail by these two seconds, and a page by nothing.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from queue import Empty, LifoQueue
from typing import Any
from weakref import WeakKeyDictionary

from celery import Celery, signals
from flask import Flask

from flask_outbox.application import make_dispatcher, state_of
from flask_outbox.delivery.delivery import Delivery
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, HIGH_ONLY, Dispatcher
from flask_outbox.extension import FlaskOutbox
from flask_outbox.outage import Outage

logger = logging.getLogger(__name__)

DELIVER_HIGH, HIGH_QUEUE = "flask_outbox.deliver_high", "outbox-high"
DELIVER, QUEUE = "flask_outbox.deliver", "outbox"

DRAIN_SECONDS = 5.0
"""A task begins no message after this: other tasks of its queue get their turn, a worker that is
told to end does, and no broker takes the task for lost."""

LOOK_SECONDS = 2.0
TASKS_AT_ONCE = 10
FLUSH_SECONDS = 1.0
HOUR = 3600


def register(outbox: FlaskOutbox | Flask, celery: Celery, *, prefix: str = "") -> None:
    """Add the tasks to this Celery, and wake its workers when there is new mail.

    `outbox` is the application's FlaskOutbox, or the application itself. Call this wherever mail is
    enqueued or delivered: best where the application is made. `prefix` begins the names of the
    queues, for several applications with one broker. If several applications register with one
    Celery, as in tests, the last one's mail is delivered.

    Raises RuntimeError if there is no application yet, or it has no outbox.
    """
    app = outbox if isinstance(outbox, Flask) else outbox.app
    queues = {DELIVER_HIGH: prefix + HIGH_QUEUE, DELIVER: prefix + QUEUE}
    wakeup = CeleryWakeup(celery, queues)
    state_of(app).outbox.wakeup = wakeup
    if celery not in _workers:
        _workers[celery] = _Worker(celery, queues)
    _workers[celery].app, _workers[celery].wakeup = app, wakeup


def make_celery(app: Flask, *, prefix: str = "") -> Celery:
    """Make a Celery for an application that has none, and register the tasks.

    Its broker is CELERY_BROKER_URL of the application's configuration.
    """
    celery = Celery(app.name, broker=app.config["CELERY_BROKER_URL"], set_as_current=False)
    celery.conf.worker_prefetch_multiplier = 1
    celery.conf.broker_connection_retry_on_startup = True
    celery.conf.broker_connection_max_retries = None
    # Celery takes fewer tasks after a lost connection, and no more again if the ones that ran then
    # had ended before it was back: the worker would stay with one at a time, or with none.
    celery.conf.worker_enable_prefetch_count_reduction = False
    register(app, celery, prefix=prefix)
    return celery


class CeleryWakeup:
    """Sends tasks from a thread of its own, so that nobody ever waits for the broker.

    A forked process starts its own thread.
    """

    def __init__(self, celery: Celery, queues: Mapping[str, str]) -> None:
        self._celery = celery
        self._queues = queues
        self._process = 0
        self._outage = Outage(
            logger,
            "The broker cannot be reached, workers find new mail without it: %s",
            "The broker can be reached again.",
        )

    def wake(self, row_ids: Sequence[int]) -> None:
        """Send tasks for new rows; neither raises nor waits.

        Both tasks deliver urgent mail, and to ask which one is meant would cost a query.
        """
        self.send({DELIVER_HIGH: 1, DELIVER: len(row_ids) or TASKS_AT_ONCE})

    def send(self, tasks: Mapping[str, int]) -> None:
        """Send so many of each task soon, but not too many at once."""
        if self._process != os.getpid():
            self._start()
        with self._changed:
            self._wanted.update(tasks)
            self._changed.notify_all()

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Wait, at most so long, until all tasks are sent: a command must not end before that."""
        if self._process == os.getpid():
            with self._changed:
                self._changed.wait_for(lambda: not self._wanted, seconds)

    def _start(self) -> None:
        self._changed = threading.Condition()
        self._wanted: Counter[str] = Counter()
        self._process = os.getpid()
        atexit.register(self.flush)
        threading.Thread(target=self._run, name="outbox-wakeup", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted)
                sending = self._wanted.copy()
            self._send(sending)
            with self._changed:
                self._wanted -= sending
                self._changed.notify_all()

    def _send(self, tasks: Mapping[str, int]) -> None:
        if self._celery.conf.task_always_eager:
            return  # tests of an application have no broker
        once_more = {"max_retries": 1, "interval_start": 0}  # the connection may only be stale
        try:
            for name, count in tasks.items():
                for _ in range(min(count, TASKS_AT_ONCE)):
                    self._celery.send_task(
                        name, queue=self._queues[name], retry_policy=once_more, ignore_result=True
                    )
        except Exception as error:  # noqa: BLE001 - whatever it was, the thread must go on
            self._outage.began(error)
        else:
            self._outage.ended()


class Deliveries:
    """Delivers in the threads of one process, over so many `connections`.

    Beside the tasks it looks itself, every two seconds, for what is due in `priorities`: deferred
    rows, those of dead workers, and all of them if the broker is down. `send_task` has another task
    sent when there is more to do, and a connection free or the time of this one over.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        priorities: range,
        *,
        connections: int,
        send_task: Callable[[range], None],
    ) -> None:
        self.priorities = priorities
        self._dispatcher = dispatcher
        self._send_task = send_task
        self._stopping = threading.Event()
        self._open = ExitStack()
        leases = self._open.enter_context(self._dispatcher.lease_keeper())
        self._free: LifoQueue[Delivery] = LifoQueue()
        for _ in range(connections):
            self._free.put(self._open.enter_context(self._dispatcher.delivery(leases)))
        self._thread = threading.Thread(target=self._look, name="outbox-look", daemon=True)
        self._thread.start()

    def deliver(self, priorities: range, *, wait: bool = True) -> int:
        """Deliver what is due in these lanes, for a few seconds; return how many rows that were.

        Raises queue.Empty if no connection is free and it shall not `wait` for one.
        """
        until, claims = time.monotonic() + DRAIN_SECONDS, 0

        def proceed() -> bool:
            nonlocal claims
            claims += 1
            is_over = time.monotonic() > until
            # The third claim: there is more to do than one message.
            if claims > 1 and (is_over or (claims > 2 and not self._free.empty())):
                self._send_task(priorities)
            return not is_over

        delivery = self._free.get(block=wait)
        try:
            return self._dispatcher.deliver_due(delivery, priorities, proceed=proceed)
        finally:
            self._free.put(delivery)

    def stop(self) -> None:
        """Begin nothing more. May be called from a signal handler."""
        self._dispatcher.stop()
        self._stopping.set()

    def close(self) -> None:
        """Finish what is in flight, and close the connections."""
        self.stop()
        self._thread.join()
        self._open.close()
        self._dispatcher.close()

    def _look(self) -> None:
        # A pool of processes forks soon after the start, and this process does nothing then.
        if self._stopping.wait(LOOK_SECONDS):
            return
        with self._dispatcher.housekeeping():
            while not self._stopping.wait(self._deliver_without_task()):
                self._close_idle()

    def _deliver_without_task(self) -> float:
        """Deliver what is due if a connection is free; return in how many seconds to look again."""
        try:
            self._dispatcher.follow_clock()
            self._dispatcher.refresh_rate_limited()
            handled = self.deliver(self.priorities, wait=False)
        except Empty:
            return LOOK_SECONDS
        except Exception:
            logger.exception("The outbox could not be looked at")
            return LOOK_SECONDS
        return 0 if handled else min(LOOK_SECONDS, self._dispatcher.opens_in(self.priorities))

    def _close_idle(self) -> None:
        idle = []
        with suppress(Empty):
            while True:
                idle.append(self._free.get_nowait())
        for delivery in reversed(idle):
            delivery.connections.close_if_idle()
            self._free.put(delivery)


class _Worker:
    """What the worker processes of one Celery do."""

    app: Flask
    wakeup: CeleryWakeup

    def __init__(self, celery: Celery, queues: Mapping[str, str]) -> None:
        self._celery = celery
        self._queues = queues
        self._deliveries: Deliveries | None = None
        signals.celeryd_after_setup.connect(self._begin, weak=False)
        # The processes of a pool deliver, and not their parent.
        signals.worker_before_create_process.connect(self._close, weak=False)
        signals.worker_process_init.connect(self._begin_forked, weak=False)
        signals.worker_shutting_down.connect(self._stop, weak=False)
        signals.worker_shutdown.connect(self._close, weak=False)
        signals.worker_process_shutdown.connect(self._close, weak=False)

        for priorities, name in _TASKS.items():
            celery.task(
                self._task(priorities),
                name=name,
                shared=False,
                ignore_result=True,
                acks_late=True,
                reject_on_worker_lost=True,
                # Limits for the application's own tasks must not kill a worker within a message.
                soft_time_limit=HOUR,
                time_limit=2 * HOUR,
            )

    def _task(self, priorities: range) -> Callable[[], int]:
        def deliver() -> int:
            if self._deliveries is not None:
                return self._deliveries.deliver(priorities)
            # Something else than Celery's own worker called it, and may never call again.
            with closing(self._make_deliveries(priorities, 1)) as deliveries:
                return deliveries.deliver(priorities)

        return deliver

    def _make_deliveries(self, priorities: range, connections: int) -> Deliveries:
        return Deliveries(
            make_dispatcher(self.app),
            priorities,
            connections=connections,
            send_task=lambda lanes: self.wakeup.send({_TASKS[lanes]: 1}),
        )

    def _begin(self, instance: Any, **_arguments: object) -> None:
        consumed = instance.app.amqp.queues.consume_from
        if instance.app is self._celery and not consumed.keys().isdisjoint(self._queues.values()):
            priorities = ALL_PRIORITIES if self._queues[DELIVER] in consumed else HIGH_ONLY
            self._deliveries = self._make_deliveries(priorities, instance.concurrency)

    def _begin_forked(self, **_arguments: object) -> None:
        if self._deliveries is not None:
            state_of(self.app).outbox.engine.dispose(close=False)
            self._deliveries = self._make_deliveries(self._deliveries.priorities, 1)

    def _stop(self, **_arguments: object) -> None:
        if self._deliveries is not None:
            self._deliveries.stop()

    def _close(self, **_arguments: object) -> None:
        if self._deliveries is not None:
            self._deliveries.close()


_TASKS = {HIGH_ONLY: DELIVER_HIGH, ALL_PRIORITIES: DELIVER}
"""The task for what is due in these lanes."""

_workers: WeakKeyDictionary[Celery, _Worker] = WeakKeyDictionary()
