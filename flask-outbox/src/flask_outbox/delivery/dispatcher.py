"""The dispatcher: a process beside the web server that delivers what the outbox holds.

Each of its threads has one connection to a mail server. Beside those that serve all mail, one is
kept free for mail that somebody waits for. While a server is in trouble, all threads leave it alone
together: that is logged once, and costs no message an attempt.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from flask_outbox.database_errors import reason
from flask_outbox.defaults import CONNECTIONS, RETENTION_DAYS
from flask_outbox.delivery.claims import Claims
from flask_outbox.delivery.clock import SETTLED_SECONDS, ClaimPause, ClockWatch, make_due_again
from flask_outbox.delivery.delivery import Delivery, warn_of_redirection
from flask_outbox.delivery.housekeeping import Housekeeping
from flask_outbox.delivery.leases import LeaseKeeper
from flask_outbox.delivery.pacing import Pacing
from flask_outbox.delivery.servers import Connections, Servers
from flask_outbox.outage import Outage
from flask_outbox.outbox.email_types import DAY, Priority
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.wakeup import WakeupListener

logger = logging.getLogger(__name__)

LEASE_SECONDS = 20.0
POLL_SECONDS = 1.0

ALL_PRIORITIES = range(Priority.HIGH, Priority.LOW + 1)
HIGH_ONLY = range(Priority.HIGH, Priority.HIGH + 1)


@dataclass(frozen=True)
class DispatcherOptions:
    """How a dispatcher works; times are in seconds.

    `connections` serve all mail, beside the one for urgent mail. The outbox is polled at least
    every `poll_every` seconds. What ended longer than `retention` ago is reduced to what counts
    need.
    """

    connections: int = CONNECTIONS
    lease: float = LEASE_SECONDS
    poll_every: float = POLL_SECONDS
    retention: float = RETENTION_DAYS * DAY


class Dispatcher:
    """Delivers until it is stopped.

    Each thread has a connection of its own to each of the `servers` that it needs. `context` is
    entered in each thread, for composers that need the application.
    """

    def __init__(
        self,
        outbox: Outbox,
        servers: Servers,
        *,
        options: DispatcherOptions | None = None,
        context: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.outbox = outbox
        self.options = options or DispatcherOptions()
        self.servers = servers
        self._context = context
        self.pacing = Pacing(outbox.delivery.rate_limits, servers)
        self._polling = self._claims()
        self._refreshed_at = -math.inf
        self._pause = ClaimPause()
        self._clock = ClockWatch()
        self._make_due_at = math.inf
        self._stopping = threading.Event()
        self._work = threading.Condition()
        self._woken = 0
        self._reading = Outage(
            logger, "The outbox cannot be read: %s", "The outbox can be read again."
        )
        self._writing = Outage(
            logger, "The outbox cannot be written: %s", "The outbox can be written again."
        )
        servers.check(outbox.email_types.values())
        outbox.check_lists()
        warn_of_redirection(outbox)

    def run(self, listener: WakeupListener) -> None:
        """Deliver until `stop` is called; what is in flight then is finished first."""
        with self.lease_keeper() as leases, self.housekeeping(), closing(self):
            threads = [
                threading.Thread(
                    target=self._deliver_all, args=(priorities, leases), name=f"mail-{number}"
                )
                for number, priorities in enumerate(self._lanes())
            ]
            for thread in threads:
                thread.start()
            try:
                self._watch(listener)
            finally:
                self._stopping.set()
                self.wake()
                for thread in threads:
                    thread.join()

    def _watch(self, listener: WakeupListener) -> None:
        self.wake()
        while not self._stopping.is_set():
            woken = listener.wait(self._until_next_poll())
            self.follow_clock()
            if self.refresh_rate_limited() or woken or self._is_due():
                self.wake()

    def stop(self) -> None:
        """End `run`; may be called from a signal handler, which must then wake the listener."""
        self._stopping.set()

    def wake(self) -> None:
        """Make every thread look for due rows."""
        with self._work:
            self._woken += 1
            self._work.notify_all()

    def drain(self) -> int:
        """Deliver, in this thread, all that is due now; return how many rows were handled.

        Stops at `stop`, if all servers are in trouble, or if the clock is set forward meanwhile.
        """
        with self.lease_keeper() as leases, self.delivery(leases) as delivery, self._context():
            delivery.claims.refresh_rate_limited()
            return delivery.run(
                ALL_PRIORITIES,
                proceed=lambda: not (self._stopping.is_set() or self._pause.lasts()),
            )

    def lease_keeper(self) -> LeaseKeeper:
        """What renews the leases of this process; it must be entered."""
        return LeaseKeeper(self._claims(), clock=self.outbox.clock)

    def housekeeping(self) -> Housekeeping:
        """The periodic tasks of the outbox and the application; it must be entered."""
        return Housekeeping(self.outbox, retention=self.options.retention, context=self._context)

    @contextmanager
    def delivery(self, leases: LeaseKeeper) -> Iterator[Delivery]:
        """A delivery for one thread, with connections of its own."""
        connections = Connections(self.servers)
        with closing(connections), closing(self._claims()) as claims:
            yield Delivery(self.outbox, connections, claims, leases)

    def deliver_due(
        self,
        delivery: Delivery,
        priorities: range,
        *,
        proceed: Callable[[], bool] = lambda: True,
    ) -> int:
        """Deliver what is due in these lanes, in this thread; return how many rows were handled.

        It ends at `stop`, when all servers are in trouble, or when `proceed` returns False, which
        is called before each claim.
        """
        handled = 0
        try:
            with self._context():
                handled = delivery.run(
                    priorities, proceed=lambda: self._may_proceed() and proceed()
                )
        except SQLAlchemyError as error:
            self._writing.began(reason(error))
            self._stopping.wait(self.options.poll_every)
        except Exception:
            # One message must not end the thread that serves all others.
            logger.exception("A delivery failed unexpectedly")
            self._stopping.wait(self.options.poll_every)
        else:
            if handled:
                # Finding nothing due writes nothing, and so proves nothing.
                self._writing.ended()
        return handled

    def opens_in(self, priorities: range) -> float:
        """Seconds until rate limits may let mail leave that waits for them."""
        if not (self.pacing.has_limits and self.servers.may_be_tried) or self._pause.lasts():
            return math.inf
        return self.pacing.opens_in(priorities, self.outbox.clock())

    def refresh_rate_limited(self) -> bool:
        """Refresh the set of rate-limited domains, not too often; return whether it grew."""
        now = time.monotonic()
        if now - self._refreshed_at < self.options.poll_every:
            return False
        self._refreshed_at = now
        try:
            grew = self._polling.refresh_rate_limited()
        except SQLAlchemyError as error:
            self._reading.began(reason(error))
            return False
        self._reading.ended()
        return grew

    def follow_clock(self) -> None:
        """Look whether the clock was set; if it was set back, make due again what was due before.

        To be called every second or so.
        """
        if moved := self._clock.moved():
            where = "forward" if moved > 0 else "back"
            logger.warning("The clock was set %s by %.0f seconds.", where, abs(moved))
            # Only what is delivered now may have a lease then.
            self._make_due_at = time.monotonic() + SETTLED_SECONDS if moved < 0 else math.inf
        if time.monotonic() < self._make_due_at:
            return
        try:
            with self.outbox.sessions() as session:
                session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
                make_due_again(session, now=self.outbox.clock(), lease=self.options.lease)
                session.commit()
        except SQLAlchemyError as error:
            self._writing.began(reason(error))
            return
        self._make_due_at = math.inf

    def close(self) -> None:
        """Close the connection that polls."""
        self._polling.close()

    def _claims(self) -> Claims:
        return Claims(
            self.outbox.engine,
            lease=self.options.lease,
            pacing=self.pacing,
            left_out=lambda: (
                self.outbox.unknown_types
                | self.servers.closed_types(self.outbox.email_types.values())
            ),
        )

    def _lanes(self) -> list[range]:
        return [HIGH_ONLY, *[ALL_PRIORITIES] * self.options.connections]

    def _deliver_all(self, priorities: range, leases: LeaseKeeper) -> None:
        seen = 0
        with self.delivery(leases) as delivery:
            while not self._stopping.is_set():
                opens_in = self.opens_in(priorities)
                woken = self._wait_for_work(seen, opens_in)
                if woken != seen or opens_in < self.options.poll_every:
                    self.deliver_due(delivery, priorities)
                seen = woken
                delivery.connections.close_if_idle()

    def _may_proceed(self) -> bool:
        may_begin = not self._stopping.is_set() and self.servers.may_be_tried
        return may_begin and not self._pause.lasts()

    def _wait_for_work(self, seen: int, opens_in: float) -> int:
        seconds = min(opens_in, self.options.poll_every)
        with self._work:
            self._work.wait_for(lambda: self._woken != seen or self._stopping.is_set(), seconds)
            return self._woken

    def _until_next_poll(self) -> float:
        """Seconds until the next poll: earlier if a message becomes due before that."""
        due, now = self._next_due(), self.outbox.clock()
        if due is None or due <= now:
            return self.options.poll_every
        return min(due - now, self.options.poll_every)

    def _is_due(self) -> bool:
        due = self._next_due()
        return due is not None and due <= self.outbox.clock() and self.servers.may_be_tried

    def _next_due(self) -> float | None:
        try:
            due = self._polling.next_due()
        except SQLAlchemyError as error:
            self._reading.began(reason(error))
            return None
        self._reading.ended()
        return due
