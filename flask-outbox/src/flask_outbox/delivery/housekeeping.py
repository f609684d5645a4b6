"""Periodic tasks of the outbox and of the application, run in whatever process delivers."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from sqlalchemy import event
from sqlalchemy.orm import Session

from flask_outbox.database_errors import is_outage, reason
from flask_outbox.delivery.known_rows import END_BATCH, end_unknown
from flask_outbox.delivery.slots import forget_slots
from flask_outbox.operations import counts
from flask_outbox.operations.feedback import prune_events
from flask_outbox.operations.messages import PRUNE_AT_ONCE, prune
from flask_outbox.outage import Outage
from flask_outbox.outbox.opt_outs import forget_ended_opt_outs
from flask_outbox.outbox.outbox import AN_HOUR, Outbox, PeriodicTask
from flask_outbox.outbox.suppressions import forget_ended
from flask_outbox.signals import MessageEvent, announce, message_failed

logger = logging.getLogger(__name__)

EVERY_SECONDS = AN_HOUR.total_seconds()
CHECK_SECONDS = 1.0
END_WITHIN_SECONDS = 5.0

COUNT = "mail.count"
PRUNE = "mail.prune"
PRUNE_EVENTS = "mail.prune_events"
FORGET_SLOTS = "mail.forget_slots"
FORGET_OPT_OUTS = "mail.forget_opt_outs"
FORGET_SUPPRESSIONS = "mail.forget_suppressions"
END_UNKNOWN = "mail.end_unknown"


class Housekeeping:
    """Runs each periodic task once in its period, and again at once while it has more to do.

    The outbox's own tasks count what has ended, prune it `retention` seconds after its end, and end
    messages whose type nobody knew for a day; the application adds its own with
    `Outbox.register_periodic_task`. Each runs in a write transaction of its own, inside `context`.
    One that fails is logged and does not stop the others.

    Use as a context manager, which runs a thread, so that no mail waits for a task.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        retention: float,
        context: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._outbox = outbox
        self._retention = retention
        self._context = context
        self._due_at: dict[str, float] = {}
        self._outage = Outage(
            logger, "Periodic tasks cannot run: %s", "Periodic tasks can run again."
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def __enter__(self) -> Housekeeping:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        # A task that the end of the process cuts off is rolled back and runs another time.
        self._thread.join(END_WITHIN_SECONDS)

    def run_due(self) -> None:
        """Run one batch of each task that is due."""
        own: dict[str, PeriodicTask] = {
            COUNT: _count,
            PRUNE: self._prune,
            PRUNE_EVENTS: self._prune_events,
            FORGET_SLOTS: forget_slots,
            FORGET_OPT_OUTS: forget_ended_opt_outs,
            FORGET_SUPPRESSIONS: forget_ended,
            END_UNKNOWN: self._end_unknown,
        }
        for name, task in {**own, **self._outbox.periodic_tasks}.items():
            if self._stopping.is_set():
                return
            now = time.monotonic()
            if now >= self._due_at.get(name, now):
                more = self._run_task(name, task)
                period = self._outbox.periods.get(name, EVERY_SECONDS)
                self._due_at[name] = now if more else now + period

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.run_due()
            self._stopping.wait(CHECK_SECONDS)

    def _run_task(self, name: str, task: PeriodicTask) -> bool:
        try:
            with self._context(), self._outbox.sessions() as session:
                # A task may read first and write later, which SQLite must know beforehand.
                session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
                more = task(session, self._outbox.clock())
                session.commit()
        except Exception as error:
            if is_outage(error):
                self._outage.began(reason(error))
            else:
                logger.exception("The periodic task %s failed", name)
            return False
        self._outage.ended()
        return more

    def _prune(self, session: Session, now: float) -> bool:
        return prune(session, now=now, retention=self._retention) == PRUNE_AT_ONCE

    def _prune_events(self, session: Session, now: float) -> bool:
        return prune_events(session, now=now, retention=self._retention)

    def _end_unknown(self, session: Session, now: float) -> bool:
        ended = [
            MessageEvent(one.id, one.kind, one.recipient, one.status, one.answer, one.attempts)
            for one in end_unknown(session, self._outbox.unknown_types, now=now)
        ]

        def tell(_session: Session) -> None:
            for one in ended:
                logger.warning("Message %s (%s): %s: %s", one.id, one.type, one.status, one.answer)
                announce(message_failed, self._outbox.signal_sender, one)

        event.listen(session, "after_commit", tell)
        return len(ended) == END_BATCH


def _count(session: Session, now: float) -> bool:
    return counts.add_up(session, now=now)
