"""Reduces old messages from time to time, in whatever process delivers."""

from __future__ import annotations

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from microblog.mail.operations import PRUNE_AT_ONCE, prune
from microblog.mail.outbox import Outbox

logger = logging.getLogger(__name__)

PRUNE_EVERY_SECONDS = 3600.0


class Pruner:
    """Prunes once an hour, and goes on at once where there is more. `retention` is seconds."""

    def __init__(self, outbox: Outbox, *, retention: float) -> None:
        self._outbox = outbox
        self._retention = retention
        self._due_at = time.monotonic()

    def prune_if_due(self) -> None:
        """Reduce one batch of old messages if it is time; trouble with the database is logged."""
        if time.monotonic() < self._due_at:
            return
        self._due_at = time.monotonic() + PRUNE_EVERY_SECONDS
        try:
            with self._outbox.sessions() as session:
                now = self._outbox.clock()
                reduced = prune(session, now=now, retention=self._retention)
                session.commit()
        except SQLAlchemyError as error:
            logger.error("Old messages cannot be pruned now: %s", error)  # noqa: TRY400
            return
        if reduced == PRUNE_AT_ONCE:
            self._due_at = time.monotonic()
