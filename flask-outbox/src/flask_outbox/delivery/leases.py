"""What a process has claimed: renewed while a server works on it, settled later after an outage."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from flask_outbox.database_errors import is_outage, reason
from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.clock import LOOK_EVERY_SECONDS, ClockWatch
from flask_outbox.outage import Outage

logger = logging.getLogger(__name__)


class LeaseKeeper:
    """One thread that renews claims which are older than a third of a lease. Thread-safe.

    It renews all of them when the clock was set: by the new time they may end now, or in an hour.
    Use as a context manager. `claims` must be its own, since a connection belongs to one thread.
    """

    def __init__(self, claims: Claims, *, clock: Callable[[], float]) -> None:
        self._claims = claims
        self._clock = clock
        self._active: dict[tuple[int, int], tuple[Claim, float]] = {}
        self._lock = threading.Lock()
        self._left: list[Settlement] = []
        self._settling = threading.Lock()
        self._stopping = threading.Event()
        self._watch = ClockWatch()
        self._outage = Outage(
            logger, "Leases cannot be renewed: %s", "Leases can be renewed again."
        )
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._claims.close()

    @contextmanager
    def renewing(self, claim: Claim) -> Iterator[None]:
        """Renew this claim for as long as the block lasts."""
        with self._lock:
            self._active[claim.fence] = (claim, time.monotonic())
        try:
            yield
        finally:
            with self._lock:
                del self._active[claim.fence]

    @contextmanager
    def leaving(self, settlement: Settlement | None) -> Iterator[None]:
        """Leave this settlement to `settle_left` if the block raises because the database is away.

        Else a message that was sent would be sent again as soon as its lease is over.
        """
        try:
            yield
        except SQLAlchemyError as error:
            if settlement is not None and is_outage(error):
                self._left.append(settlement)
            raise

    def settle_left(self, settle: Callable[[Settlement], None]) -> None:
        """Settle what was left. To be called before any claim: its lease may be over by now.

        Raises SQLAlchemyError if the database is still away; what is left stays then.
        """
        with self._settling:
            while self._left:
                settle(self._left[0])
                del self._left[0]

    def _run(self) -> None:
        lease = self._claims.lease
        while not self._stopping.wait(min(lease / 6, LOOK_EVERY_SECONDS)):
            oldest = math.inf if self._watch.moved() else time.monotonic() - lease / 3
            with self._lock:
                aging = [claim for claim, since in self._active.values() if since <= oldest]
            for claim in aging:
                self._renew(claim)

    def _renew(self, claim: Claim) -> None:
        # A delivery waits for this lock before it settles: a renewal that came later would replace
        # the time of the next attempt by a lease.
        with self._lock:
            if claim.fence not in self._active:
                return
            try:
                self._claims.renew(claim, until=self._clock() + self._claims.lease)
            except SQLAlchemyError as error:
                self._outage.began(reason(error))
                return
            self._outage.ended()
            self._active[claim.fence] = (claim, time.monotonic())
