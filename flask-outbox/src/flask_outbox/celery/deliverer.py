"""Delivers rows of the outbox by their ids, in the threads of a worker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from sqlalchemy.exc import SQLAlchemyError

from flask_outbox.database_errors import reason
from flask_outbox.delivery.claims import Claims
from flask_outbox.delivery.delivery import Delivery
from flask_outbox.delivery.dispatcher import LEASE_SECONDS, ServerHealth
from flask_outbox.delivery.leases import LeaseKeeper
from flask_outbox.outage import Outage
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.smtp.transport import Transport

logger = logging.getLogger(__name__)


class Deliverer:
    """Delivers rows by their ids, from several threads.

    `connections` serve all mail; one more is kept free for mail that somebody waits for.
    `under_way` is how many rows are being delivered now.

    Idle deliveries with their connections are kept in a stack, so the most recent one is used
    first. Connections are opened in the process that uses them, after any fork.
    """

    def __init__(
        self,
        outbox: Outbox,
        transport: Callable[[], Transport],
        *,
        connections: int,
        context: Callable[[], AbstractContextManager[object]] = nullcontext,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self.outbox = outbox
        self.connections = connections
        self.under_way = 0
        self.health = ServerHealth()
        self._limit = threading.Semaphore(connections)
        self._transport = transport
        self._context = context
        self._lease = lease
        self._leases = LeaseKeeper(self.make_claims(), clock=outbox.clock)
        self._idle: list[Delivery] = []
        self._lock = threading.Lock()
        self._outage = Outage(
            logger, "The outbox cannot be written: %s", "The outbox can be written again."
        )

    def __enter__(self) -> Deliverer:
        self._leases.__enter__()
        return self

    def __exit__(self, *_error: object) -> None:
        for delivery in self._idle:
            delivery.transport.close()
            delivery.claims.close()
        self._leases.__exit__(None, None, None)

    def deliver(self, row_id: int, *, limited: bool = False) -> bool:
        """Deliver this row if it is due; return whether it was.

        While the mail server is in trouble, the row is left for the sweep. So is a `limited` one
        while all connections for such rows are in use: when the broker comes back, it may send more
        tasks than were asked for.
        """
        if self.health.pause() or (limited and not self._limit.acquire(blocking=False)):
            return False
        try:
            return self._deliver(row_id)
        finally:
            if limited:
                self._limit.release()

    def _deliver(self, row_id: int) -> bool:
        try:
            with self._context(), self._delivery() as delivery:
                claim = delivery.claims.claim_one(row_id, now=self.outbox.clock())
                if claim is None:
                    return False
                trouble = delivery.deliver_one(claim)
        except SQLAlchemyError as error:
            self._outage.began(reason(error))
            return False
        self._outage.ended()
        if trouble is None:
            self.health.succeeded()
        else:
            self.health.failed(trouble)
        return True

    def close_idle(self) -> None:
        """Close connections to the mail server that have not been used for a while."""
        with self._lock:
            idle, self._idle = self._idle, []
        for delivery in idle:
            delivery.transport.close_if_idle()
        with self._lock:
            self._idle = idle + self._idle

    def make_claims(self) -> Claims:
        """Claims for one thread."""
        return Claims(
            self.outbox.engine, lease=self._lease, unknown=lambda: self.outbox.unknown_types
        )

    @contextmanager
    def _delivery(self) -> Iterator[Delivery]:
        with self._lock:
            delivery = self._idle.pop() if self._idle else self._make_delivery()
            self.under_way += 1
        try:
            yield delivery
        finally:
            with self._lock:
                self._idle.append(delivery)
                self.under_way -= 1

    def _make_delivery(self) -> Delivery:
        return Delivery(self.outbox, self._transport(), self.make_claims(), self._leases)
