"""Sends tasks for rows whose task was lost, or that are due again."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Sequence

from celery import Celery
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from flask_outbox.celery.deliverer import Deliverer
from flask_outbox.celery.wakeup import WAITING_ROWS, Publisher, queue_names_of
from flask_outbox.database_errors import reason
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, HIGH_ONLY
from flask_outbox.outage import Outage
from flask_outbox.outbox.models import OutboxMessage

logger = logging.getLogger(__name__)

SWEEP_EVERY_SECONDS = 2.0
OVERDUE_SECONDS = 1.0
"""A younger row got its task from the page that wrote it."""

LOST_SECONDS = 5.0
"""If a row waits longer while the worker is idle, its task was lost: Celery may take half a minute
to reconnect to the broker."""

WARN_EVERY_SECONDS = 600.0

SWEEP_AT_MOST = 500

OTHER_PRIORITIES = range(HIGH_ONLY.stop, ALL_PRIORITIES.stop)


class Sweeper:
    """Sends tasks for overdue rows: deferred ones, expired leases, and those whose task was lost.

    Every worker has one, so none is indispensable. It sends no more tasks than a queue lacks, so a
    long queue does not grow by tasks for rows that have one. While the broker is down, or does not
    deliver tasks, the sweeper delivers the rows itself, one after the other: more slowly, but they
    need not wait for the broker.
    """

    def __init__(self, celery: Celery, deliverer: Deliverer) -> None:
        self._deliverer = deliverer
        self._publisher = Publisher(celery)
        self._queues = queue_names_of(celery)
        self._claims = deliverer.make_claims()
        self._stopping = threading.Event()
        self._reading = Outage(
            logger, "The outbox cannot be swept: %s", "The outbox can be swept again."
        )
        self._publishing = Outage(
            logger,
            "The broker cannot be reached, mail is delivered without it: %s",
            "The broker can be reached again.",
        )
        self._warned_at = -math.inf
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the delivery in progress."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        """Close the connections, if the thread was never started."""
        self._publisher.close()
        self._claims.close()

    def sweep(self) -> int:
        """Send tasks for what is overdue; return for how many rows.

        Raises SQLAlchemyError, or one of the publisher's errors.
        """
        if self._deliverer.health.pause():
            return 0
        self._claims.refresh_rate_limited()
        sent = 0
        for queue, priorities in zip(self._queues, (HIGH_ONLY, OTHER_PRIORITIES), strict=True):
            rows = self._overdue(priorities, count=SWEEP_AT_MOST)
            if not rows:
                continue
            # Those that were due first have most likely lost their task.
            missing = rows[: max(len(rows) - self._publisher.length(queue), 0)]
            self._publisher.send(missing)
            sent += len(missing)
        return sent

    def deliver_overdue(
        self, *, overdue: float = OVERDUE_SECONDS, within: float = SWEEP_EVERY_SECONDS
    ) -> int:
        """Deliver, without the broker, what is overdue by so many seconds, urgent mail first.

        Begins no delivery after `within` seconds. Returns how many rows were delivered.
        Raises SQLAlchemyError.
        """
        delivered, until = 0, time.monotonic() + within
        while time.monotonic() < until and not self._deliverer.health.pause():
            rows = self._overdue(ALL_PRIORITIES, count=1, seconds=overdue)
            if not rows or self._stopping.is_set():
                break
            delivered += self._deliverer.deliver(rows[0].id)
        return delivered

    def _overdue(
        self, priorities: range, *, count: int, seconds: float = OVERDUE_SECONDS
    ) -> Sequence[Row[int, int]]:
        outbox = self._deliverer.outbox
        overdue = (
            WAITING_ROWS.where(
                OutboxMessage.waits_for == "",
                OutboxMessage.due_at <= outbox.clock() - seconds,
                OutboxMessage.lane.in_(priorities),
            )
            .order_by(OutboxMessage.lane, OutboxMessage.due_at)
            .limit(count)
        )
        with outbox.sessions() as session:
            return session.execute(overdue).all()

    def _run(self) -> None:
        wait = SWEEP_EVERY_SECONDS
        while not self._stopping.wait(wait):
            delivered = 0
            try:
                delivered = self._sweep_or_deliver()
                self._reading.ended()
            except SQLAlchemyError as error:
                self._reading.began(reason(error))
            except Exception:
                logger.exception("The sweep failed")
            wait = 0 if delivered else SWEEP_EVERY_SECONDS
            self._deliverer.close_idle()
        self.close()

    def _sweep_or_deliver(self) -> int:
        """Sweep; deliver the rows here if the broker does not deliver tasks. Return how many."""
        try:
            self.sweep()
        except self._publisher.errors as error:
            self._publishing.began(error)
            return self.deliver_overdue()
        self._publishing.ended()
        if not self._tasks_are_lost():
            return 0
        self._warn()
        return self.deliver_overdue()

    def _tasks_are_lost(self) -> bool:
        is_idle = not self._deliverer.under_way
        return is_idle and bool(self._overdue(ALL_PRIORITIES, count=1, seconds=LOST_SECONDS))

    def _warn(self) -> None:
        """Warn, not too often: a queue without a leader, after a crash, never gives its tasks."""
        now = time.monotonic()
        if now - self._warned_at >= WARN_EVERY_SECONDS:
            self._warned_at = now
            names = ", ".join(self._queues)
            logger.warning(
                "The broker delivers no tasks, mail is delivered without them, more slowly. If this"
                " is logged again, delete these queues in the broker; no mail is in them: %s",
                names,
            )
