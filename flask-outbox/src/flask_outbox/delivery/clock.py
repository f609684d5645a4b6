"""The wall clock, by which rows are due and leased, may be set while mail is delivered.

Set forward, it ends leases that are in use: nothing is claimed before they are renewed. Set back,
it puts off what is due: that is made due again. A leap second is less than either has to mind.
"""

from __future__ import annotations

import threading
import time

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from flask_outbox.delivery.slots import seconds_of
from flask_outbox.outbox.models import IS_WAITING, OutboxMessage, RateSlot

NOTICED_SECONDS = 5.0
"""By less no lease ends early: each is renewed ten seconds before its end."""

LOOK_EVERY_SECONDS = 1.0

SETTLED_SECONDS = 3.0
"""So long after the clock was set, each process has noticed, and renewed the leases that it has."""

BETWEEN_READINGS_SECONDS = 0.1
"""A process that was stopped for longer between its readings of two clocks cannot compare them."""


class ClockWatch:
    """Notices that the wall clock was set, by the one that only goes on. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._difference = time.time() - time.monotonic()

    def moved(self) -> float:
        """By how many seconds the clock was set since the last call; 0 if by less than matters."""
        with self._lock:
            begun = time.monotonic()
            wall = time.time()
            if time.monotonic() - begun > BETWEEN_READINGS_SECONDS:
                return 0.0
            moved = wall - begun - self._difference
            self._difference += moved
        return moved if abs(moved) >= NOTICED_SECONDS else 0.0


class ClaimPause:
    """After the clock was set forward, lets a process claim nothing for a while. Thread-safe."""

    def __init__(self) -> None:
        self._watch = ClockWatch()
        self._lock = threading.Lock()
        self._until = 0.0

    def lasts(self) -> bool:
        """Look at the clock; return whether nothing is to be claimed now."""
        # The watch tells one thread; the others must not pass before that has written it down.
        with self._lock:
            if self._watch.moved() > 0:
                self._until = time.monotonic() + SETTLED_SECONDS
            return time.monotonic() < self._until


def make_due_again(session: Session, *, now: float, lease: float) -> int:
    """Let nothing wait for a time of the clock from before it was set back.

    What was enqueued later than now is due, unless it has a time of its own before which it must
    not leave. What a rate limit let leave counts for as long as it always does. Returns how many
    messages are due again.
    """
    now = max(now, _database_clock(session))
    for name in session.scalars(
        select(RateSlot.name).where(RateSlot.free_at > now + lease).distinct()
    ).all():
        seconds = seconds_of(name)
        ahead = (RateSlot.name == name) & (RateSlot.free_at > now + lease + seconds)
        session.execute(update(RateSlot).where(ahead).values(free_at=now + seconds))
    waiting = (OutboxMessage.due_at > now + lease) & OutboxMessage.send_at.is_(None)
    made = session.execute(
        update(OutboxMessage)
        .where(text(IS_WAITING), OutboxMessage.created_at > now, waiting)
        .values(due_at=now)
        .execution_options(synchronize_session=False)
    )
    return int(made.rowcount)  # type: ignore[attr-defined]


def _database_clock(session: Session) -> float:
    """The time of a server: where it is right, rows that seem to be of tomorrow are of today."""
    if session.get_bind().dialect.name != "postgresql":
        return 0.0
    return float(session.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0.0)
