"""Rings again for rows whose ring was lost, or that are due once more."""

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
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, PROMPT_ONLY
from flask_outbox.outage import Outage
from flask_outbox.outbox.models import OutboxMessage

logger = logging.getLogger(__name__)

SWEEP_EVERY_SECONDS = 2.0
OVERDUE_SECONDS = 1.0
"""A younger row was rung for by the page that wrote it."""

UNHEARD_SECONDS = 5.0
"""A row that waits longer in an idle worker was rung for in vain: after trouble with the broker,
Celery may take half a minute to connect again."""

SILENCE_SAID_EVERY_SECONDS = 600.0

SWEEP_AT_MOST = 500

OTHER_PRIORITIES = range(PROMPT_ONLY.stop, ALL_PRIORITIES.stop)


class Sweeper:
    """Rings for rows that are overdue: deferred ones, expired leases, and rings that were lost.

    Every worker has one, so that none is the last. It rings for no more rows than a queue lacks
    rings, so that a long queue does not grow by rings for what is known already. While the broker
    is down, or its rings do not come through, rows are delivered here, one after the other: slower,
    but they need not wait for it.
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
        self._ringing = Outage(
            logger,
            "The broker cannot be reached, mail is delivered without it: %s",
            "The broker can be reached again.",
        )
        self._silence_said_at = -math.inf
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what it is just delivering is finished first."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        """Give up the connections, where the thread was never started."""
        self._publisher.close()
        self._claims.close()

    def sweep(self) -> int:
        """Ring once for what is overdue; how many rows that were.

        Raises SQLAlchemyError, or one of the publisher's errors.
        """
        if self._deliverer.health.pause():
            return 0
        self._claims.refresh_rate_limited()
        rung = 0
        for queue, priorities in zip(self._queues, (PROMPT_ONLY, OTHER_PRIORITIES), strict=True):
            rows = self._overdue(priorities, count=SWEEP_AT_MOST)
            if not rows:
                continue
            # Those that are due first have most likely lost theirs.
            unrung = rows[: max(len(rows) - self._publisher.length(queue), 0)]
            self._publisher.wake(unrung)
            rung += len(unrung)
        return rung

    def deliver_overdue(
        self, *, overdue: float = OVERDUE_SECONDS, within: float = SWEEP_EVERY_SECONDS
    ) -> int:
        """Deliver what is overdue by so many seconds without the broker, the urgent first.

        Begins nothing more when `within` seconds are over. Returns how many rows were delivered.
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
        """How many rows were delivered here, because the broker did not bring their rings."""
        try:
            self.sweep()
        except self._publisher.errors as error:
            self._ringing.began(error)
            return self.deliver_overdue()
        self._ringing.ended()
        if not self._is_unheard():
            return 0
        self._say_silent()
        return self.deliver_overdue()

    def _is_unheard(self) -> bool:
        is_idle = not self._deliverer.under_way
        return is_idle and bool(self._overdue(ALL_PRIORITIES, count=1, seconds=UNHEARD_SECONDS))

    def _say_silent(self) -> None:
        """A queue that RabbitMQ lost the leader of in a crash takes rings and gives none."""
        now = time.monotonic()
        if now - self._silence_said_at >= SILENCE_SAID_EVERY_SECONDS:
            self._silence_said_at = now
            names = ", ".join(self._queues)
            logger.warning(
                "The broker brings no rings, mail is delivered without them, slower. If this is"
                " said again, delete these queues in the broker; no mail is in them: %s",
                names,
            )
