"""Renews the leases of rows while a slow server is working on them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from flask_outbox.database_errors import reason
from flask_outbox.delivery.claims import Claim, Claims
from flask_outbox.outage import Outage

logger = logging.getLogger(__name__)


class LeaseKeeper:
    """One thread that renews claims which are older than a third of a lease. Thread-safe.

    Use as a context manager. `claims` must be its own, since a connection belongs to one thread.
    """

    def __init__(self, claims: Claims, *, clock: Callable[[], float]) -> None:
        self._claims = claims
        self._clock = clock
        self._active: dict[tuple[int, int], tuple[Claim, float]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
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

    def _run(self) -> None:
        while not self._stopping.wait(self._claims.lease / 6):
            oldest = time.monotonic() - self._claims.lease / 3
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
