"""Claiming and settling rows of the outbox: the SQL of delivery.

A claim moves `due_at` forward by a lease and counts the attempt, in one UPDATE. Settling succeeds
only under the same attempt number, so a worker that was thought dead cannot overwrite a newer one.
A crash leaves nothing to clean up: the lease runs out and the row is due again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine.interfaces import DBAPICursor

from flask_outbox.delivery.known_rows import (
    OF_KNOWN_TYPE,
    KnownRowsStatement,
    TypesLeftOut,
    none_left_out,
)
from flask_outbox.delivery.pacing import Pacing, RateLimitedQueue, Selection
from flask_outbox.delivery.raw_sql import (
    GroupCommit,
    PersistentConnection,
    Result,
    Statement,
    Transactions,
    group_commit,
)
from flask_outbox.delivery.servers import Server
from flask_outbox.delivery.slots import Slot
from flask_outbox.message.email import Email
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import IS_WAITING, Status
from flask_outbox.smtp.errors import SmtpError

CLEAR_BATCH = 1000

_COLUMNS = (
    "id", "kind", "recipient", "recipient_key", "locale", "arguments", "recipients", "message_id",
    "created_at", "send_at", "expires_at", "attempts", "failures", "history",
)  # fmt: skip

_FIELDS = (*_COLUMNS, "suppressed")
"""The fields of a Claim, in the order in which a claim returns them."""

# Without the cast SQLite reads all suppressed addresses: in RETURNING a column has no type.
_RETURNING = (
    f"{', '.join(_COLUMNS)},"
    " (SELECT reason FROM mail_suppressions WHERE address_key = CAST(recipient_key AS TEXT)"
    " AND (until IS NULL OR until > :now))"
)

_DUE = f"""(SELECT id FROM outbox
    WHERE {IS_WAITING} AND waits_for = ''
        AND lane = {{lane}} AND due_at <= :now {OF_KNOWN_TYPE}
    ORDER BY due_at LIMIT 1 {{lock}})"""

# The parts that are put together here are constants; values are always bound.
_CLAIM = f"""UPDATE outbox
    SET due_at = :until, attempts = attempts + 1, failures = failures + 1
    WHERE id = COALESCE({{due}}) RETURNING {_RETURNING}"""

_CLAIM_ONE = f"""UPDATE outbox
    SET due_at = :until, attempts = attempts + 1, failures = failures + 1, waits_for = ''
    WHERE id = :id AND {IS_WAITING} AND due_at <= :now {OF_KNOWN_TYPE}
    RETURNING {_RETURNING}"""

_CLAIMED = f"id = :id AND attempts = :attempts AND {IS_WAITING}"

_SETTLE = f"""UPDATE outbox
    SET status = :status, answer = :answer, due_at = :due_at, settled_at = :settled_at,
        failures = :failures, history = :history,
        recipients = COALESCE(:recipients, recipients),
        arguments = COALESCE(:arguments, arguments)
    WHERE {_CLAIMED}"""

_RENEW = f"UPDATE outbox SET due_at = :until WHERE {_CLAIMED}"

# One lane after the other, as the index is sorted: the minimum of all would read all that wait.
_SOONEST = f"""SELECT (SELECT due_at FROM outbox
    WHERE {IS_WAITING} AND waits_for = ''
        AND lane = {{lane}} {OF_KNOWN_TYPE} ORDER BY due_at LIMIT 1) AS due_at"""

_NEXT_DUE = "SELECT MIN(due_at) FROM ({}) AS lanes".format(
    " UNION ALL ".join(_SOONEST.format(lane=int(lane)) for lane in Priority)
)

_ANY_RATE_LIMITED = f"""SELECT id FROM outbox
    WHERE {IS_WAITING} AND waits_for > '' LIMIT 1"""

_CLEAR_RATE_LIMITED = f"""UPDATE outbox SET waits_for = '' WHERE id IN (SELECT id FROM outbox
    WHERE {IS_WAITING} AND waits_for > '' LIMIT {CLEAR_BATCH} {{lock}})"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A row as it was when it was claimed.

    `suppressed` is the reason why nothing is sent to its address, if so. `slots` are those of the
    rate limits that it counts against, `server` the one whose own limits are among them. `damaged`
    names a column that cannot be read.
    """

    id: int
    kind: str
    recipient: str
    recipient_key: str
    locale: str
    arguments: Mapping[str, Any]
    recipients: list[str] | None
    message_id: str
    created_at: float
    send_at: float | None
    expires_at: float | None
    attempts: int
    failures: int
    history: list[dict[str, Any]]
    suppressed: str | None
    slots: tuple[Slot, ...] = ()
    server: Server | None = None
    damaged: str | None = None

    @property
    def fence(self) -> tuple[int, int]:
        """What no other claim has: the row and the number of its attempt."""
        return self.id, self.attempts

    @property
    def date(self) -> float:
        """The message's Date, in Unix time."""
        return self.send_at or self.created_at

    @property
    def is_suppressed(self) -> bool:
        """Whether nothing is sent to its address.

        That of the first recipient says nothing about others who are left.
        """
        is_left = self.recipients is None or self.recipient in self.recipients
        return self.suppressed is not None and is_left

    @property
    def deferred_at(self) -> float:
        """When the attempt before this one was deferred (Unix time), or 0."""
        last = self.history[-1] if self.history else {}
        at = last.get("at")
        is_deferred = last.get("status") == Status.DEFERRED
        return float(at) if is_deferred and isinstance(at, int | float) else 0.0

    @property
    def previous_attempt_lost(self) -> bool:
        """Whether the attempt before this one was never settled, because its process died."""
        settled: int = self.history[-1]["attempt"] if self.history else 0
        return settled != self.attempts - 1


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an attempt ended. A message that waits comes with the time of its next attempt, `due_at`.

    An `uncounted` attempt is not held against the message. `kept_arguments` replace the arguments
    of a message that nobody will compose again; None leaves them alone. `recipients` are those
    still to be served. A message that `reached_server` counts against rate limits. `trouble` is the
    error if the server itself is in trouble, and `email` what the server accepted; neither is
    stored. `server` is the name of the server that was tried, if it has one. `suppressed`: nothing
    is sent to its recipients, who are suppressed or have unsubscribed.
    """

    claim: Claim
    status: Status
    answer: str
    at: float
    due_at: float | None = None
    uncounted: bool = False
    kept_arguments: Mapping[str, Any] | None = None
    recipients: list[str] | None = None
    reached_server: bool = False
    trouble: SmtpError | None = None
    email: Email | None = None
    server: str = ""
    suppressed: bool = False


class Claims:
    """Claims and settles rows over one persistent connection. Belongs to one thread.

    Every method raises SQLAlchemyError if the database cannot be used; the next call reconnects.
    With `pacing`, which the threads of a process share, a row is claimed only when its rate limits
    allow it. `connection` replaces the persistent one. Rows of the types `left_out` are not seen:
    this process does not know them, or no server takes them now.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        lease: float,
        pacing: Pacing | None = None,
        connection: Transactions | None = None,
        left_out: TypesLeftOut = none_left_out,
    ) -> None:
        self.lease = lease
        self._engine = engine
        self._connection = connection or PersistentConnection(engine)
        dialect = engine.dialect
        is_sqlite = dialect.name == "sqlite"
        grouped = is_sqlite and connection is None
        self._group: GroupCommit | None = group_commit(engine) if grouped else None
        lock = "" if is_sqlite else "FOR UPDATE SKIP LOCKED"
        self._claims: dict[range, KnownRowsStatement] = {}
        self._left_out = left_out
        self._due = {lane: _DUE.format(lane=int(lane), lock=lock) for lane in Priority}
        self._claim_one = KnownRowsStatement(_CLAIM_ONE, dialect, left_out)
        self._settle = Statement(_SETTLE, dialect)
        self._renew = Statement(_RENEW, dialect)
        self._next_due = KnownRowsStatement(_NEXT_DUE, dialect, left_out)
        self._any_rate_limited = Statement(_ANY_RATE_LIMITED, dialect)
        self._clear_rate_limited = Statement(_CLEAR_RATE_LIMITED.format(lock=lock), dialect)
        self._queue = (
            RateLimitedQueue(pacing, dialect, lease=lease, left_out=left_out)
            if pacing and pacing.has_limits
            else None
        )

    def claim(self, priorities: range, *, now: float) -> Claim | None:
        """Claim the most urgent row of these lanes that is due, if there is one."""
        return self.settle_and_claim(None, priorities, now=now)[1]

    def claim_one(self, row_id: int, *, now: float) -> Claim | None:
        """Claim this row, if it is due."""
        values = {"id": row_id, "now": now, "until": now + self.lease}
        return self._write(lambda cursor: _claim(self._claim_one.run(cursor, values)))

    def settle(self, settlement: Settlement) -> bool:
        """Write how an attempt ended; return False if the claim had been taken over."""
        return self._write(lambda cursor: self._settle_one(cursor, settlement))

    def settle_and_claim(
        self, settlement: Settlement | None, priorities: range, *, now: float
    ) -> tuple[bool, Claim | None]:
        """Settle and claim in one transaction, which halves the writes to disk per message.

        Returns whether the settled claim was still ours, and the new claim, if a row was due.
        """
        if self._queue is not None:
            return self._settle_and_claim_limited(self._queue, settlement, priorities, now)
        statement = self._claims.get(priorities) or self._compile_claim(priorities)
        values = {"now": now, "until": now + self.lease}

        def work(cursor: DBAPICursor) -> tuple[bool, Claim | None]:
            ours = settlement is None or self._settle_one(cursor, settlement)
            return ours, _claim(statement.run(cursor, values))

        return self._write(work)

    def renew(self, claim: Claim, *, until: float) -> bool:
        """Renew a lease; return False if the claim had been taken over."""
        values = {"until": until, "id": claim.id, "attempts": claim.attempts}

        def work(cursor: DBAPICursor) -> bool:
            ours = bool(self._renew.run(cursor, values).rowcount)
            if ours and self._queue is not None:
                self._queue.slots.keep(cursor, claim.slots, until=until)
            return ours

        return self._write(work)

    def next_due(self) -> float | None:
        """When the next waiting row is due, or its lease runs out; None if nothing waits.

        Rows that wait for a rate limit, or for code that knows their type, are not considered.
        """
        with self._connection.transaction(writing=False) as cursor:
            row = self._next_due.run(cursor, {}).fetchone()
            return row[0] if row else None

    def refresh_rate_limited(self) -> bool:
        """Refresh the set of rate-limited domains; return whether there is something new to do.

        Without rate limits, no row waits for one any more: rows that were marked are released.
        """
        with self._connection.transaction(writing=False) as cursor:
            if self._queue is not None:
                return self._queue.refresh(cursor)
            found = self._any_rate_limited.run(cursor, {}).fetchone() is not None
        while found and self._write(
            lambda cursor: self._clear_rate_limited.run(cursor, {}).rowcount
        ):
            pass
        return found

    def close(self) -> None:
        self._connection.close()
        if self._group is not None:
            self._group.close()

    def _write(self, work: Callable[[DBAPICursor], Result]) -> Result:
        if self._group is not None:
            return self._group.write(work)
        with self._connection.transaction() as cursor:
            return work(cursor)

    def _settle_and_claim_limited(
        self, queue: RateLimitedQueue, settlement: Settlement | None, priorities: range, now: float
    ) -> tuple[bool, Claim | None]:
        if settlement is None and not queue.has_capacity(priorities, now=now):
            return True, None
        ours, claim, again = self._write(
            lambda cursor: self._claim_limited(cursor, queue, settlement, priorities, now)
        )
        while again:
            _, claim, again = self._write(
                lambda cursor: self._claim_limited(cursor, queue, None, priorities, now)
            )
        return ours, claim

    def _claim_limited(
        self,
        cursor: DBAPICursor,
        queue: RateLimitedQueue,
        settlement: Settlement | None,
        priorities: range,
        now: float,
    ) -> tuple[bool, Claim | None, bool]:
        ours = settlement is None or self._settle_one(cursor, settlement)
        selected = queue.next(cursor, priorities, now=now)
        if selected.row_id is None:
            return ours, None, selected.again
        values = {"id": selected.row_id, "now": now, "until": now + self.lease}
        return ours, _claim(self._claim_one.run(cursor, values), selected), False

    def _settle_one(self, cursor: DBAPICursor, settlement: Settlement) -> bool:
        claim = settlement.claim
        entry = {
            "attempt": claim.attempts,
            "at": round(settlement.at, 3),
            "status": settlement.status,
            "answer": settlement.answer,
        }
        if settlement.server:
            entry["server"] = settlement.server
        waiting = settlement.due_at is not None
        values = {
            "id": claim.id,
            "attempts": claim.attempts,
            "status": settlement.status.value,
            "answer": settlement.answer,
            "due_at": settlement.due_at if waiting else settlement.at,
            "settled_at": None if waiting else settlement.at,
            "failures": claim.failures - settlement.uncounted,
            "history": json.dumps([*claim.history, entry]),
            "recipients": json.dumps(settlement.recipients) if settlement.recipients else None,
            "arguments": None
            if settlement.kept_arguments is None
            else json.dumps(settlement.kept_arguments),
        }
        ours = bool(self._settle.run(cursor, values).rowcount)
        if self._queue is not None:
            self._queue.settle(
                cursor, claim.slots, reached_server=settlement.reached_server, at=settlement.at
            )
        return ours

    def _compile_claim(self, priorities: range) -> KnownRowsStatement:
        due = ", ".join([*(self._due[Priority(lane)] for lane in priorities), "NULL"])
        made = KnownRowsStatement(_CLAIM.format(due=due), self._engine.dialect, self._left_out)
        self._claims[priorities] = made
        return made


def _claim(cursor: DBAPICursor, selected: Selection | None = None) -> Claim | None:
    row = cursor.fetchone()
    if row is None:
        return None
    values: dict[str, Any] = dict(zip(_FIELDS, row, strict=True))
    damaged = None
    for name, (empty, is_whole) in _READABLE.items():
        value = _read(values[name])
        values[name] = value if is_whole(value) else empty
        if not is_whole(value):
            damaged = name
    taken = selected or Selection()
    return Claim(**values, slots=taken.slots, server=taken.server, damaged=damaged)


_READABLE: dict[str, tuple[Any, Callable[[Any], bool]]] = {
    "arguments": ({}, lambda value: isinstance(value, dict)),
    "recipients": (None, lambda value: value is None or _is_list_of(value, str)),
    "history": (
        [],
        lambda value: (
            _is_list_of(value, dict) and all(isinstance(one.get("attempt"), int) for one in value)
        ),
    ),
}
"""What the JSON columns must contain, and what replaces the rest: else one damaged row would stop
all those behind it."""


def _read(value: Any) -> Any:
    """SQLite returns JSON as text, PostgreSQL's driver as values."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)
