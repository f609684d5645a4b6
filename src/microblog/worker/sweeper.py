"""Rings again for rows whose ring was lost, or that are due once more."""

from __future__ import annotations

import logging
import threading

from celery import Celery
from sqlalchemy.exc import SQLAlchemyError

from microblog.celery_bell import WAITING_ROWS, Publisher, queue_names_of
from microblog.mail.models import OutboxMessage
from microblog.worker.deliverer import Deliverer

logger = logging.getLogger(__name__)

SWEEP_EVERY_SECONDS = 2.0
OVERDUE_SECONDS = 1.0
"""A younger row was rung for by the page that wrote it."""

SWEEP_AT_MOST = 500


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
