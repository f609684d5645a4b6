"""Choosing the next message where rate limits let fewer leave than are due.

A row whose domain has reached its limit is marked with that domain, so it is no longer among the
rows that every claim considers, and nobody meets it again before its domain has a free slot. It is
not claimed meanwhile, so it costs no lease, attempt or connection.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor

from flask_outbox.delivery.known_rows import (
    OF_KNOWN_TYPE,
    KnownRowsStatement,
    TypesLeftOut,
    none_left_out,
)
from flask_outbox.delivery.raw_sql import Statement
from flask_outbox.delivery.servers import Server, Servers
from flask_outbox.delivery.slots import EVERYTHING, NoSlotError, Slot, Slots
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import IS_WAITING
from flask_outbox.outbox.rate_limits import RateLimits

HINT_SECONDS = 1.0
"""Another process may free a slot earlier than expected: a hint is trusted no longer than this."""

SHORTEST_WAIT_SECONDS = 0.01

MARK_BATCH = 500
DOMAINS_AT_ONCE = 20
"""For so many rate-limited domains, at most, the most urgent row is looked up in one claim."""

_HEAD = f"""SELECT id, due_at, recipient_key, kind FROM outbox
    WHERE {IS_WAITING} AND waits_for = :waits_for AND lane = :lane AND due_at <= :now
        {OF_KNOWN_TYPE}
    ORDER BY due_at LIMIT 1 {{lock}}"""

_MARK_LIMITED = f"""UPDATE outbox SET waits_for = :domain
    WHERE recipient_key LIKE :suffix AND id IN (SELECT id FROM outbox
        WHERE {IS_WAITING} AND waits_for = '' AND lane = :lane AND due_at <= :now
        ORDER BY due_at LIMIT {MARK_BATCH} {{lock}})"""

# From one domain to the next by the index, however many rows wait for each of them.
_LIMITED_DOMAINS = f"""WITH RECURSIVE held (domain) AS (
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

    These are only hints: the slots decide what may leave. Thread-safe. Times are Unix time.
    """

    def __init__(self, limits: RateLimits, servers: Servers | None = None) -> None:
        self.limits = limits
        self.servers = servers if servers is not None and servers.have_limits else None
        self._lock = threading.Lock()
        self._closed = {True: 0.0, False: 0.0}
        """Until when no slot of the limits on everything is free, for urgent and for other mail."""
        self._limited: dict[tuple[str, bool], float] = {}
        """The domains for which urgent or other mail waits, and when to ask for a slot again."""

    @property
    def has_limits(self) -> bool:
        """Whether there is any limit, on all mail, to a domain, or of a server."""
        return bool(self.limits) or self.servers is not None

    def close(self, *, urgent: bool, until: float, now: float) -> None:
        """Let no mail leave until then; with `urgent`, not even urgent mail."""
        with self._lock:
            for each in {False, urgent}:
                self._closed[each] = _trusted(until, now)

    def limit_domain(self, domain: str, *, urgent: bool, until: float, now: float) -> None:
        """Let no urgent or other mail leave for this domain until then."""
        with self._lock:
            self._limited[domain, urgent] = _trusted(until, now)

    def clear_domain(self, domain: str, *, urgent: bool) -> None:
        """Forget a domain for which no such mail waits any more."""
        with self._lock:
            self._limited.pop((domain, urgent), None)

    def add_domains(self, found: Iterable[tuple[str, bool]]) -> bool:
        """Add rate-limited domains that any process has marked; return whether one was new."""
        with self._lock:
            new = set(found) - self._limited.keys()
            self._limited.update(dict.fromkeys(new, 0.0))
            return bool(new)

    def reopen(self, slots: Iterable[Slot]) -> None:
        """Ask again at once for what these slots allow: they were freed sooner than expected."""
        with self._lock:
            for scope in {slot.scope for slot in slots}:
                for urgent in (True, False):
                    if scope == EVERYTHING:
                        self._closed[urgent] = 0.0
                    elif (scope, urgent) in self._limited:
                        self._limited[scope, urgent] = 0.0

    def open_lanes(self, priorities: range, now: float) -> range:
        """Those of these lanes that the limits on everything let leave."""
        with self._lock:
            if _lasts(self._closed[True], now):
                return range(0)
            closed = _lasts(self._closed[False], now)
        return (
            range(priorities.start, min(priorities.stop, Priority.HIGH + 1))
            if closed
            else priorities
        )

    def open_domains(self, priorities: range, now: float) -> list[tuple[str, range]]:
        """The rate-limited domains that may have a free slot by now, each with its waiting lanes.

        Urgent ones come first; then those that have waited longest.
        """
        with self._lock:
            due = [
                (not urgent, until, domain, _part(priorities, urgent=urgent))
                for (domain, urgent), until in self._limited.items()
                if not _lasts(until, now)
            ]
        found = sorted((one for one in due if one[3]), key=lambda one: one[:3])
        return [(domain, part) for _, _, domain, part in found[:DOMAINS_AT_ONCE]]

    def is_limited(self, domain: str, *, urgent: bool, now: float) -> bool:
        with self._lock:
            return _lasts(self._limited.get((domain, urgent), 0.0), now)

    def opens_in(self, priorities: range, now: float) -> float:
        """Seconds until it is worth asking again for mail of these lanes that had to wait."""
        openings = [math.inf]
        if self.servers is not None:
            openings.append(now + self.servers.opens_in())
        with self._lock:
            for urgent in (True, False):
                if not _part(priorities, urgent=urgent):
                    continue
                if _lasts(self._closed[urgent], now):
                    openings.append(self._closed[urgent])
                else:
                    known = [until for key, until in self._limited.items() if key[1] is urgent]
                    openings += [until if _lasts(until, now) else now for until in known]
        return max(min(openings) - now, 0.0)


def _trusted(until: float, now: float) -> float:
    return min(max(until, now + SHORTEST_WAIT_SECONDS), now + HINT_SECONDS)


def _lasts(until: float, now: float) -> bool:
    """Whether a hint holds. One for much longer is from before the clock was set back."""
    return now < until <= now + 2 * HINT_SECONDS


def _part(priorities: range, *, urgent: bool) -> range:
    """The urgent ones of these lanes, or the others."""
    first = Priority.HIGH + 1
    if urgent:
        return range(priorities.start, min(priorities.stop, first))
    return range(max(priorities.start, first), priorities.stop)


@dataclass(frozen=True, slots=True)
class Selection:
    """The row that may leave now, the slots that were taken for it, and the server whose they are.

    Without a row, `again` tells whether another transaction may find one at once.
    """

    row_id: int | None = None
    slots: tuple[Slot, ...] = ()
    server: Server | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, order=True)
class _Head:
    """The row of a lane that is due first, among those that wait for a domain or for none."""

    lane: int
    due_at: float
    row_id: int
    domain: str
    kind: str
    is_marked: bool


class RateLimitedQueue:
    """Chooses the next row, in the transaction of the claim."""

    def __init__(
        self,
        pacing: Pacing,
        dialect: Dialect,
        *,
        lease: float,
        left_out: TypesLeftOut = none_left_out,
    ) -> None:
        self.slots = Slots(dialect)
        self._pacing = pacing
        self._lease = lease
        lock = "" if dialect.name == "sqlite" else "FOR UPDATE SKIP LOCKED"
        self._head = KnownRowsStatement(_HEAD.format(lock=lock), dialect, left_out)
        self._mark_limited = Statement(_MARK_LIMITED.format(lock=lock), dialect)
        self._limited_domains = Statement(_LIMITED_DOMAINS, dialect)

    def has_capacity(self, priorities: range, *, now: float) -> bool:
        """Whether anything may leave, as far as this process knows: else save the transaction."""
        return bool(self._pacing.open_lanes(priorities, now))

    def next(self, cursor: DBAPICursor, priorities: range, *, now: float) -> Selection:
        """Select the most urgent row that its limits let leave, and take its slots."""
        priorities = self._pacing.open_lanes(priorities, now)
        head = self._most_urgent(cursor, priorities, now)
        if head is None:
            # The domains that were tried may have nothing waiting any more: try the others.
            return Selection(again=bool(self._pacing.open_domains(priorities, now)))
        urgent = head.lane == Priority.HIGH
        if self._pacing.is_limited(head.domain, urgent=urgent, now=now):
            return self._skip(cursor, head, now)
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
            self._pacing.limit_domain(head.domain, urgent=urgent, until=error.until, now=now)
            return self._skip(cursor, head, now)
        return self._with_server(cursor, head, slots, now)

    def _with_server(
        self, cursor: DBAPICursor, head: _Head, slots: list[Slot], now: float
    ) -> Selection:
        """Take the slots of the first server for this row that lets it leave, too."""
        servers = self._pacing.servers
        if servers is None or not servers.for_type(head.kind):
            return Selection(head.row_id, tuple(slots))
        urgent = head.lane == Priority.HIGH
        times = {"now": now, "until": now + self._lease}
        while server := servers.choose(head.kind, urgent=urgent):
            try:
                own = self.slots.take(cursor, server.scope, server.limits, urgent=urgent, **times)
            except NoSlotError as error:
                server.fill(urgent=error.for_all, seconds=_trusted(error.until, now) - now)
            else:
                return Selection(head.row_id, (*slots, *own), server)
        self.slots.give_back(cursor, slots, now=now)
        servers.note_full(head.kind, urgent=urgent)
        return Selection(again=True)

    def settle(
        self, cursor: DBAPICursor, slots: tuple[Slot, ...], *, reached_server: bool, at: float
    ) -> None:
        """Free the slots of a message: after their time if it reached a server, else at once."""
        if reached_server:
            self.slots.keep(cursor, slots, until=at)
        else:
            self.slots.give_back(cursor, slots, now=at)
            self._pacing.reopen(slots)

    def refresh(self, cursor: DBAPICursor) -> bool:
        """Refresh the set of rate-limited domains; return whether it grew."""
        found: list[tuple[str, bool]] = []
        rows = self._limited_domains.run(cursor, {"urgent": Priority.HIGH}).fetchall()
        for domain, has_urgent, has_other in rows:
            found += [(domain, True)] if has_urgent else []
            found += [(domain, False)] if has_other else []
        return self._pacing.add_domains(found)

    def _most_urgent(self, cursor: DBAPICursor, priorities: range, now: float) -> _Head | None:
        heads = [self._first(cursor, "", priorities, now)]
        for domain, part in self._pacing.open_domains(priorities, now):
            head = self._first(cursor, domain, part, now)
            if head is None:
                self._pacing.clear_domain(domain, urgent=Priority.HIGH in part)
            heads.append(head)
        return min((head for head in heads if head is not None), default=None)

    def _first(
        self, cursor: DBAPICursor, waits_for: str, priorities: range, now: float
    ) -> _Head | None:
        for lane in priorities:
            values = {"waits_for": waits_for, "lane": lane, "now": now}
            row = self._head.run(cursor, values).fetchone()
            if row is not None:
                row_id, due_at, recipient_key, kind = row
                domain = waits_for or recipient_key.rpartition("@")[2]
                return _Head(lane, due_at, row_id, domain, kind, bool(waits_for))
        return None

    def _skip(self, cursor: DBAPICursor, head: _Head, now: float) -> Selection:
        """Mark rows of a domain that has no free slot; select none of them."""
        if head.is_marked:
            return Selection(again=True)
        values = {"domain": head.domain, "suffix": f"%@{head.domain}", "lane": head.lane}
        marked = self._mark_limited.run(cursor, values | {"now": now}).rowcount
        return Selection(again=marked > 0)
