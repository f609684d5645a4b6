"""The Celery worker: takes tasks from the broker and delivers their rows."""

from __future__ import annotations

import logging
import os
import signal
import threading
import warnings
from collections.abc import Callable
from typing import Any

from celery import Celery, signals
from celery.bootsteps import ConsumerStep
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning
from celery.worker.consumer import Consumer
from celery.worker.consumer.tasks import Tasks
from kombu.messaging import Consumer as MessageConsumer

from flask_outbox.celery.deliverer import Deliverer
from flask_outbox.celery.sweeper import SWEEP_EVERY_SECONDS, Sweeper
from flask_outbox.celery.wakeup import DELIVER, queue_names_of
from flask_outbox.delivery.dispatcher import POLL_SECONDS, Dispatcher
from flask_outbox.delivery.housekeeping import Housekeeping
from flask_outbox.outbox.wakeup import WakeupListener

logger = logging.getLogger(__name__)

REDIS_DIFFERS = (
    "The broker is Redis: a task that a dead worker had taken comes back only after an hour, and"
    " one may be lost when Redis restarts. No mail is lost by that: every message is in the outbox,"
    " and every %g seconds a sweep sends the tasks that are missing."
)


def run_worker(celery: Celery, deliverer: Deliverer, housekeeping: Housekeeping) -> int:
    """Deliver until SIGTERM or SIGINT, finish what is in flight, and return the exit code."""
    _prompt, rest = queue_names_of(celery)

    def deliver(task: Any, row_id: int) -> None:
        deliverer.deliver(row_id, limited=task.request.delivery_info["routing_key"] == rest)

    sweeper = Sweeper(celery, deliverer)
    with deliverer, housekeeping:
        sweeper.start()
        try:
            return _consume(celery, deliver, deliverer.connections)
        finally:
            sweeper.stop()


def run_paced_worker(celery: Celery, dispatcher: Dispatcher) -> int:
    """The same under rate limits: a task wakes the dispatcher, whatever row it names.

    Which row may leave next, and when, must not depend on which task comes first. The dispatcher
    also finds the rows whose task was lost.
    """
    listener = WakeupListener(None)
    failed = False

    def run() -> None:
        nonlocal failed
        try:
            dispatcher.run(listener)
        except Exception:
            # Without a dispatcher, tasks would achieve nothing: end, to be started again.
            logger.exception("The dispatcher failed")
            failed = True
            os.kill(os.getpid(), signal.SIGTERM)

    def deliver(_task: Any, _row_id: int) -> None:
        dispatcher.wake()

    thread = threading.Thread(target=run, name="dispatcher")
    thread.start()
    try:
        return _consume(celery, deliver, 1) or int(failed)
    finally:
        dispatcher.stop()
        listener.wake()
        thread.join()


def _consume(celery: Celery, deliver: Callable[[Any, int], None], connections: int) -> int:
    """Run a worker until SIGTERM or SIGINT; return its exit code."""
    _quieten_celery()
    celery.task(deliver, bind=True, name=DELIVER, shared=False)
    if str(celery.conf.broker_url).startswith("redis"):
        logger.warning(REDIS_DIFFERS, SWEEP_EVERY_SECONDS)
    worker = _make_worker(celery, connections)

    def is_ready(sender: Any, **_arguments: object) -> None:
        # Celery handles signals between events only, and an idle queue has none.
        sender.timer.call_repeatedly(POLL_SECONDS, lambda: None)
        logger.info("The worker is ready.")

    signals.worker_ready.connect(is_ready)
    worker.start()
    return int(worker.exitcode or 0)


def _make_worker(celery: Celery, connections: int) -> Any:
    """A worker with threads, one more than `connections`.

    A delivery mostly waits for the network, and threads share what they know of the mail server.
    """
    _prompt, rest = queue_names_of(celery)
    return celery.Worker(
        pool="threads",
        concurrency=connections + 1,
        queues=[rest],
        consumer_cls=TwoQueueConsumer,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="INFO",
        quiet=True,
    )


def _quieten_celery() -> None:
    # Celery logs a line when a task comes and one when it ends; the delivery logs more about it.
    for noisy in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # A task that cannot be acknowledged, because the broker is away, comes again and finds nothing.
    logging.getLogger("celery.worker.request").addFilter(
        lambda record: not str(record.msg).startswith("Couldn't ack")
    )
    # About pickled tasks, and a setting for tasks that must not run twice: neither concerns us.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)


class UrgentTasks(ConsumerStep):
    """Takes tasks for urgent mail over a channel of its own.

    A broker limits unacknowledged tasks by channel. So tasks for other mail cannot take the place
    of these, and these may use every thread.
    """

    requires = (Tasks,)

    def start(self, c: Consumer) -> None:
        prompt, _rest = c.app.conf.task_queues
        consumer = MessageConsumer(
            c.connection.channel(),
            [prompt],
            on_message=c.create_task_handler(),
            accept=c.app.conf.accept_content,
            prefetch_count=c.pool.num_processes,
        )
        consumer.consume()
        self.consumers = [consumer]


class TwoQueueConsumer(Consumer):
    """Celery's consumer with a second channel for urgent mail.

    It leaves out delayed delivery, which would declare 28 queues in RabbitMQ: no task is sent with
    a delay, since the time of the next attempt is in the row.
    """

    class Blueprint(Consumer.Blueprint):
        default_steps = (
            *(step for step in Consumer.Blueprint.default_steps if "delayed_delivery" not in step),
            UrgentTasks,
        )

    def __init__(self, *args: Any, initial_prefetch_count: int, **kwargs: Any) -> None:
        # One thread is left for urgent mail.
        super().__init__(*args, initial_prefetch_count=initial_prefetch_count - 1, **kwargs)
