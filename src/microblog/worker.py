"""The Celery worker: delivers the rows that it is told of, and sweeps up those nobody rang for.

A task carries the number of a row and makes one call. The row is the truth: a ring that comes
twice, or too late, finds nothing to claim. So nothing is ever retried by Celery.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from celery import Celery, signals
from celery.worker.consumer import Consumer
from sqlalchemy.exc import SQLAlchemyError

from microblog.celery_bell import DELIVER, WAITING_ROWS, Publisher, queue_names_of
from microblog.mail.claims import Claims
from microblog.mail.delivery import Delivery
from microblog.mail.dispatcher import LEASE_SECONDS, LOOK_EVERY_SECONDS, ServerHealth
from microblog.mail.housekeeping import Housekeeping
from microblog.mail.leases import LeaseKeeper
from microblog.mail.models import OutboxMessage
from microblog.mail.outbox import Outbox
from microblog.mail.transport import Transport

logger = logging.getLogger(__name__)

SWEEP_EVERY_SECONDS = 2.0
OVERDUE_SECONDS = 1.0
"""A younger row was rung for by the page that wrote it."""

SWEEP_AT_MOST = 500

REDIS_DIFFERS = (
    "The broker is Redis: a ring that a dead worker held comes back after an hour only, and one"
    " may be lost when Redis restarts. No mail is lost by it, since the outbox is the truth; the"
    " sweep rings again every %g seconds."
)


class Deliverer:
    """Delivers rows by their numbers, from several threads.

    Deliveries with their connections are kept in a stack, so that the warmest is used first. All
    that is made is made in the process that uses it, after any fork.
    """

    def __init__(
        self,
        outbox: Outbox,
        transport: Callable[[], Transport],
        *,
        context: Callable[[], AbstractContextManager[object]] = nullcontext,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self.outbox = outbox
        self.health = ServerHealth()
        self._transport = transport
        self._context = context
        self._lease = lease
        self._leases = LeaseKeeper(self._claims(), clock=outbox.clock)
        self._idle: list[Delivery] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Deliverer:
        self._leases.__enter__()
        return self

    def __exit__(self, *_error: object) -> None:
        for delivery in self._idle:
            delivery.transport.close()
            delivery.claims.close()
        self._leases.__exit__(None, None, None)

    def deliver(self, number: int) -> bool:
        """Deliver this row if it is due; whether it was.

        While the mail server is in trouble the row is left for the sweep.
        """
        if self.health.pause():
            return False
        try:
            with self._context(), self._delivery() as delivery:
                held = delivery.claims.claim_one(number, now=self.outbox.clock())
                if held is None:
                    return False
                trouble = delivery.deliver_one(held)
        except SQLAlchemyError as error:
            logger.error("The outbox cannot be reached now: %s", error)  # noqa: TRY400
            return False
        if trouble is None:
            self.health.succeeded()
        else:
            self.health.failed(trouble)
        return True

    def close_idle(self) -> None:
        """Give up connections to the mail server that nobody has used for a while."""
        with self._lock:
            idle, self._idle = self._idle, []
        for delivery in idle:
            delivery.transport.close_if_idle()
        with self._lock:
            self._idle = idle + self._idle

    @contextmanager
    def _delivery(self) -> Iterator[Delivery]:
        with self._lock:
            taken = self._idle.pop() if self._idle else None
        delivery = taken or Delivery(self.outbox, self._transport(), self._claims(), self._leases)
        try:
            yield delivery
        finally:
            with self._lock:
                self._idle.append(delivery)

    def _claims(self) -> Claims:
        return Claims(self.outbox.engine, lease=self._lease)


class Sweeper:
    """Rings for rows that are overdue: deferred ones, expired leases, and rings that were lost.

    Every worker has one, so that none is the last. A queue that still holds many rings is left
    alone: its rows are known already, and ringing again would only make it longer.
    """

    def __init__(self, celery: Celery, deliverer: Deliverer) -> None:
        self._deliverer = deliverer
        self._publisher = Publisher(celery)
        self._troubles: tuple[type[Exception], ...] = (SQLAlchemyError, *self._publisher.errors)
        self._queues = queue_names_of(celery)
        self._stopping = threading.Event()
        self._is_down = False
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(SWEEP_EVERY_SECONDS)

    def close(self) -> None:
        """Give up the connection, where the thread was never started."""
        self._publisher.close()

    def sweep(self) -> int:
        """Ring once for what is overdue, the urgent first; how many rows that were.

        Raises SQLAlchemyError, or one of the publisher's errors.
        """
        if self._deliverer.health.pause():
            return 0
        outbox = self._deliverer.outbox
        overdue = (
            WAITING_ROWS.where(OutboxMessage.due_at <= outbox.clock() - OVERDUE_SECONDS)
            .order_by(OutboxMessage.lane, OutboxMessage.due_at)
            .limit(SWEEP_AT_MOST)
        )
        with outbox.sessions() as session:
            rows = session.execute(overdue).all()
        if not rows or sum(map(self._publisher.length, self._queues)) >= SWEEP_AT_MOST:
            return 0
        self._publisher.ring(rows)
        return len(rows)

    def _run(self) -> None:
        while not self._stopping.wait(SWEEP_EVERY_SECONDS):
            try:
                self.sweep()
                self._is_down = False
            except self._troubles as error:
                if not self._is_down:
                    logger.error("The outbox cannot be swept now: %s", error)  # noqa: TRY400
                self._is_down = True
            except Exception:
                logger.exception("The sweep failed")
            self._deliverer.close_idle()
        self._publisher.close()


class PlainConsumer(Consumer):
    """Celery's consumer without its delayed delivery, which would make 28 queues in RabbitMQ.

    No task is sent with a delay: the time of the next attempt is in the row.
    """

    class Blueprint(Consumer.Blueprint):
        default_steps = tuple(
            step for step in Consumer.Blueprint.default_steps if "delayed_delivery" not in step
        )


def run_worker(
    celery: Celery, deliverer: Deliverer, housekeeping: Housekeeping, *, concurrency: int
) -> int:
    """Deliver until SIGTERM or SIGINT, then finish what is in flight; returns the exit code.

    Threads and no processes: a delivery waits for the network most of the time, and threads can
    share what they know of the mail server.
    """

    def deliver(number: int) -> None:
        deliverer.deliver(number)

    celery.task(deliver, name=DELIVER, shared=False)
    sweeper = Sweeper(celery, deliverer)
    if str(celery.conf.broker_url).startswith("redis"):
        logger.warning(REDIS_DIFFERS, SWEEP_EVERY_SECONDS)
    worker: Any = celery.Worker(
        pool="threads",
        concurrency=concurrency,
        consumer_cls=PlainConsumer,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="INFO",
        quiet=True,
    )
    # Celery logs a line when a task comes and one when it goes; the delivery says it better.
    for noisy in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

    def ready(sender: Any, **_arguments: object) -> None:
        # Celery looks for signals between events only, and an idle queue has none.
        sender.timer.call_repeatedly(LOOK_EVERY_SECONDS, lambda: None)
        logger.info("The worker is ready.")
        sweeper.start()

    signals.worker_ready.connect(ready, weak=False)
    with deliverer, housekeeping:
        try:
            worker.start()
        finally:
            sweeper.stop()
    return int(worker.exitcode or 0)
