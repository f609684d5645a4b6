"""Whose turn it is, where rate limits let fewer messages leave than are due.

A row whose domain has reached its limit is held back: it is marked with the domain, so that it is
no longer among those that everybody looks at, and nobody meets it again before its domain has a
free slot. It is not claimed meanwhile, so that no lease, attempt or connection is spent on it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor

from flask_outbox.delivery.raw_sql import Statement
from flask_outbox.delivery.slots import EVERYTHING, NoSlotError, Slot, Slots
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import IS_WAITING
from flask_outbox.outbox.rate_limits import RateLimits

LONGEST_TRUST_SECONDS = 1.0
"""Another process may free a slot earlier than it seemed: after so long, it is asked again."""

SHORTEST_WAIT_SECONDS = 0.01

HOLD_BACK_AT_ONCE = 500
ASK_AT_ONCE = 20
"""Of so many domains that hold mail back, at most, the most urgent row is looked for."""

_HEAD = f"""SELECT id, due_at, recipient_key FROM outbox
    WHERE {IS_WAITING} AND waits_for = :waits_for AND lane = :lane AND due_at <= :now
    ORDER BY due_at LIMIT 1 {{lock}}"""

_HOLD_BACK = f"""UPDATE outbox SET waits_for = :domain
    WHERE recipient_key LIKE :suffix AND id IN (SELECT id FROM outbox
        WHERE {IS_WAITING} AND waits_for = '' AND lane = :lane AND due_at <= :now
        ORDER BY due_at LIMIT {HOLD_BACK_AT_ONCE} {{lock}})"""

# From one domain to the next by the index, however many rows each of them holds back.
_HELD_BACK = f"""WITH RECURSIVE held (domain) AS (
    SELECT MIN(waits_for) FROM outbox WHERE {IS_WAITING} AND waits_for > ''
    UNION ALL
    SELECT (SELECT MIN(waits_for) FROM outbox WHERE {IS_WAITING} AND waits_for > held.domain)
    FROM held WHERE held.domain IS NOT NULL
    ) SELECT domain,
        EXISTS (SELECT 1 FROM outbox WHERE {IS_WAITING} AND waits_for = domain AND lane <= :urgent),
        EXISTS (SELECT 1 FROM outbox WHERE {IS_WAITING} AND waits_for = domain AND lane > :urgent)
    FROM held WHERE domain IS NOT NULL"""


class Pacing:
    """What the threads of one process know about limits that are reached, and until when.

    Only hints: what may leave is decided by the slots. Thread-safe. Times are Unix time.
    """

    def __init__(self, limits: RateLimits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._closed = {True: 0.0, False: 0.0}
        """Until when no slot of the limits on everything is free, for urgent and for other mail."""
        self._held: dict[tuple[str, bool], float] = {}
        """The domains that hold back urgent or other mail, and when to ask for a slot again."""

    def close(self, *, urgent: bool, until: float, now: float) -> None:
        """No mail may leave until then, `urgent` mail included or not."""
        with self._lock:
            for each in {False, urgent}:
                self._closed[each] = _trusted(until, now)

    def hold_back(self, domain: str, *, urgent: bool, until: float, now: float) -> None:
        """This domain holds mail back until then."""
        with self._lock:
            self._held[domain, urgent] = _trusted(until, now)

    def release(self, domain: str, *, urgent: bool) -> None:
        """This domain holds no mail back that is due."""
        with self._lock:
            self._held.pop((domain, urgent), None)

    def found(self, held_back: Iterable[tuple[str, bool]]) -> bool:
        """These domains hold urgent or other mail back, whoever did it; whether one was unknown."""
        with self._lock:
            new = set(held_back) - self._held.keys()
            self._held.update(dict.fromkeys(new, 0.0))
            return bool(new)

    def given_back(self, slots: Iterable[Slot]) -> None:
        """These slots are free again, sooner than expected."""
        with self._lock:
            for scope in {slot.scope for slot in slots}:
                for urgent in (True, False):
                    if scope == EVERYTHING:
                        self._closed[urgent] = 0.0
                    elif (scope, urgent) in self._held:
                        self._held[scope, urgent] = 0.0

    def open_lanes(self, priorities: range, now: float) -> range:
        """Which of these lanes the limits on everything let go."""
        with self._lock:
            if self._closed[True] > now:
                return range(0)
            closed = self._closed[False] > now
        return (
            range(priorities.start, min(priorities.stop, Priority.PROMPT + 1))
            if closed
            else priorities
        )

    def holding(self, priorities: range, now: float) -> list[tuple[str, range]]:
        """The domains that may have a slot for mail that they hold back, with its lanes."""
        with self._lock:
            due = [
                (not urgent, until, domain, _part(priorities, urgent=urgent))
                for (domain, urgent), until in self._held.items()
                if until <= now
            ]
        # Urgent ones first; then those that have waited longest.
        found = sorted((one for one in due if one[3]), key=lambda one: one[:3])
        return [(domain, part) for _, _, domain, part in found[:ASK_AT_ONCE]]

    def is_held_back(self, domain: str, *, urgent: bool, now: float) -> bool:
        with self._lock:
            return self._held.get((domain, urgent), 0.0) > now

    def opens_in(self, priorities: range, now: float) -> float:
        """Seconds until it is worth asking again for mail of these lanes that could not go."""
        openings = [math.inf]
        with self._lock:
            for urgent in (True, False):
                if not _part(priorities, urgent=urgent):
                    continue
                if self._closed[urgent] > now:
                    openings.append(self._closed[urgent])
                else:
                    openings += [until for key, until in self._held.items() if key[1] is urgent]
        return max(min(openings) - now, 0.0)


def _trusted(until: float, now: float) -> float:
    return min(max(until, now + SHORTEST_WAIT_SECONDS), now + LONGEST_TRUST_SECONDS)


def _part(priorities: range, *, urgent: bool) -> range:
    """Those of the lanes that somebody waits for, or the others."""
    first = Priority.PROMPT + 1
    if urgent:
        return range(priorities.start, min(priorities.stop, first))
    return range(max(priorities.start, first), priorities.stop)


@dataclass(frozen=True, slots=True)
class Selection:
    """The row that may leave now, and the slots that were taken for it.

    Without a row, `again` says whether others may be found at once, in another transaction.
    """

    number: int | None = None
    slots: tuple[Slot, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True, order=True)
class _Head:
    lane: int
    due_at: float
    number: int
    domain: str
    held_back: bool


class RateLimitedQueue:
    """Chooses the next row, in the transaction of the claim."""

    def __init__(self, pacing: Pacing, dialect: Dialect, *, lease: float) -> None:
        self.slots = Slots(dialect)
        self._pacing = pacing
        self._lease = lease
        lock = "" if dialect.name == "sqlite" else "FOR UPDATE SKIP LOCKED"
        self._head = Statement(_HEAD.format(lock=lock), dialect)
        self._hold_back = Statement(_HOLD_BACK.format(lock=lock), dialect)
        self._held_back = Statement(_HELD_BACK, dialect)

    def has_capacity(self, priorities: range, *, now: float) -> bool:
        """Whether it is worth a transaction to ask."""
        return bool(self._pacing.open_lanes(priorities, now))

    def next(self, cursor: DBAPICursor, priorities: range, *, now: float) -> Selection:
        """Whose turn it is: the most urgent row that its limits let go."""
        priorities = self._pacing.open_lanes(priorities, now)
        head = self._most_urgent(cursor, priorities, now)
        if head is None:
            # Where those that were asked hold nothing back any more, others have their turn.
            return Selection(again=bool(self._pacing.holding(priorities, now)))
        urgent = head.lane == Priority.PROMPT
        if self._pacing.is_held_back(head.domain, urgent=urgent, now=now):
            return self._not_yet(cursor, head, now)
        times = {"now": now, "until": now + self._lease}
        limits = self._pacing.limits
        try:
            slots = self.slots.take(cursor, EVERYTHING, limits.overall, urgent=urgent, **times)
        except NoSlotError as error:
            self._pacing.close(urgent=error.for_all, until=error.until, now=now)
            return Selection()
        try:
            own = limits.of(head.domain)
            slots += self.slots.take(cursor, head.domain, own, urgent=urgent, **times)
        except NoSlotError as error:
            self.slots.give_back(cursor, slots, now=now)
            self._pacing.hold_back(head.domain, urgent=urgent, until=error.until, now=now)
            return self._not_yet(cursor, head, now)
        return Selection(head.number, tuple(slots))

    def settle(
        self, cursor: DBAPICursor, slots: tuple[Slot, ...], *, reached_server: bool, at: float
    ) -> None:
        """Free the slots of a message: at their time if a server was offered it, or at once."""
        if reached_server:
            self.slots.hold(cursor, slots, until=at)
        else:
            self.slots.give_back(cursor, slots, now=at)
            self._pacing.given_back(slots)

    def find_held_back(self, cursor: DBAPICursor) -> bool:
        """Look which domains hold mail back, whoever did it; whether there are unknown ones."""
        found: list[tuple[str, bool]] = []
        rows = self._held_back.run(cursor, {"urgent": Priority.PROMPT}).fetchall()
        for domain, has_urgent, has_other in rows:
            found += [(domain, True)] if has_urgent else []
            found += [(domain, False)] if has_other else []
        return self._pacing.found(found)

    def _most_urgent(self, cursor: DBAPICursor, priorities: range, now: float) -> _Head | None:
        heads = [self._first(cursor, "", priorities, now)]
        for domain, part in self._pacing.holding(priorities, now):
            head = self._first(cursor, domain, part, now)
            if head is None:
                self._pacing.release(domain, urgent=Priority.PROMPT in part)
            heads.append(head)
        return min((head for head in heads if head is not None), default=None)

    def _first(
        self, cursor: DBAPICursor, waits_for: str, priorities: range, now: float
    ) -> _Head | None:
        for lane in priorities:
            values = {"waits_for": waits_for, "lane": lane, "now": now}
            row = self._head.run(cursor, values).fetchone()
            if row is not None:
                number, due_at, recipient_key = row
                domain = waits_for or recipient_key.rpartition("@")[2]
                return _Head(lane, due_at, number, domain, bool(waits_for))
        return None

    def _not_yet(self, cursor: DBAPICursor, head: _Head, now: float) -> Selection:
        if head.held_back:
            return Selection(again=True)
        values = {"domain": head.domain, "suffix": f"%@{head.domain}", "lane": head.lane}
        held_back = self._hold_back.run(cursor, values | {"now": now}).rowcount
        return Selection(again=held_back > 0)
