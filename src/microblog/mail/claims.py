"""Claiming and settling rows of the outbox: the SQL of delivery.

A claim moves `due_at` forward by a lease and counts the attempt, in one UPDATE. Whoever settles
must still hold that attempt's number, so that a worker that was thought dead cannot overwrite a
newer one. A crash leaves nothing to clean up: the lease runs out and the row is due again.

The statements are compiled once for each engine and run on a kept connection, since their overhead
is what delivering costs beside the waiting.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Row, text
from sqlalchemy.exc import SQLAlchemyError

from microblog.mail.kinds import Lane
from microblog.mail.models import Status

_COLUMNS = (
    "id, kind, recipient, recipient_key, locale, arguments, recipients, message_id, created_at,"
    " expires_at, attempts, failures, history,"
    " (SELECT reason FROM mail_suppressions WHERE address_key = recipient_key) AS suppressed"
)

_DUE = """(SELECT id FROM outbox
    WHERE status IN ('queued', 'deferred') AND lane = {lane} AND due_at <= :now
    ORDER BY due_at LIMIT 1 {lock})"""

# The parts that are put together here are constants; values are always bound.
_CLAIM = f"""UPDATE outbox
    SET due_at = :until, attempts = attempts + 1, failures = failures + 1
    WHERE id = COALESCE({{due}}) RETURNING {_COLUMNS}"""

_CLAIM_ONE = f"""UPDATE outbox
    SET due_at = :until, attempts = attempts + 1, failures = failures + 1
    WHERE id = :id AND status IN ('queued', 'deferred') AND due_at <= :now
    RETURNING {_COLUMNS}"""

_HELD = "id = :id AND attempts = :attempts AND status IN ('queued', 'deferred')"

_SETTLE = f"""UPDATE outbox
    SET status = :status, answer = :answer, due_at = :due_at, settled_at = :settled_at,
        failures = :failures, history = :history,
        recipients = COALESCE(:recipients, recipients),
        arguments = COALESCE(:arguments, arguments)
    WHERE {_HELD}"""

_RENEW = f"UPDATE outbox SET due_at = :until WHERE {_HELD}"

_NEXT_DUE = "SELECT MIN(due_at) FROM outbox WHERE status IN ('queued', 'deferred')"


@dataclass(frozen=True, slots=True)
class Claim:
    """A row as it was when it was claimed; `attempts` is the fence."""

    id: int
    kind: str
    recipient: str
    recipient_key: str
    locale: str
    arguments: Mapping[str, Any]
    recipients: list[str] | None
    message_id: str
    created_at: float
    expires_at: float | None
    attempts: int
    failures: int
    suppressed: str | None
    history: list[dict[str, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an attempt ended. Waiting statuses come with the time of the next attempt, `due_at`.

    `blameless` attempts are not counted against the message. `forget` drops the arguments, where
    nobody will compose it again. `recipients` are those still to be served.
    """

    held: Claim
    status: Status
    answer: str
    at: float
    due_at: float | None = None
    blameless: bool = False
    forget: bool = False
    recipients: list[str] | None = None


class Claims:
    """Claims and settles over one kept connection. Belongs to one thread.

    Every method raises SQLAlchemyError where the database cannot be used; the next call connects
    anew.
    """

    def __init__(self, engine: Engine, *, lease: float) -> None:
        self.lease = lease
        self._engine = engine
        self._connection: Connection | None = None
        dialect = engine.dialect
        lock = "" if dialect.name == "sqlite" else "FOR UPDATE SKIP LOCKED"
        self._claims: dict[range, _Statement] = {}
        self._due = {lane: _DUE.format(lane=int(lane), lock=lock) for lane in Lane}
        self._claim_one = _Statement(_CLAIM_ONE, dialect)
        self._settle = _Statement(_SETTLE, dialect)
        self._renew = _Statement(_RENEW, dialect)
        self._next_due = _Statement(_NEXT_DUE, dialect)

    def claim(self, lanes: range, *, now: float) -> Claim | None:
        """Take the most urgent due row of these lanes."""
        return self.settle_and_claim(None, lanes, now=now)[1]

    def claim_one(self, number: int, *, now: float) -> Claim | None:
        """Take this row, if it is due."""
        with self._transaction() as connection:
            values = {"id": number, "now": now, "until": now + self.lease}
            return _claim(self._claim_one.run(connection, values).one_or_none())

    def settle(self, settlement: Settlement) -> bool:
        """Write how an attempt ended; False when the claim was no longer ours."""
        with self._transaction() as connection:
            return self._write(connection, settlement)

    def settle_and_claim(
        self, settlement: Settlement | None, lanes: range, *, now: float
    ) -> tuple[bool, Claim | None]:
        """Both in one transaction, which halves what a message costs the disk."""
        with self._transaction() as connection:
            ours = settlement is None or self._write(connection, settlement)
            statement = self._claims.get(lanes) or self._compile_claim(lanes)
            values = {"now": now, "until": now + self.lease}
            return ours, _claim(statement.run(connection, values).one_or_none())

    def renew(self, held: Claim, *, until: float) -> bool:
        """Lengthen a lease; False when the claim is no longer ours."""
        with self._transaction() as connection:
            values = {"until": until, "id": held.id, "attempts": held.attempts}
            return bool(self._renew.run(connection, values).rowcount)

    def next_due(self) -> float | None:
        """When the next waiting row is due, or its lease runs out; None when nothing waits."""
        with self._transaction() as connection:
            due: float | None = self._next_due.run(connection, {}).scalar()
            return due

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, connection: Connection, settlement: Settlement) -> bool:
        held = settlement.held
        entry = {
            "attempt": held.attempts,
            "at": round(settlement.at, 3),
            "status": settlement.status,
            "answer": settlement.answer,
        }
        waiting = settlement.due_at is not None
        values = {
            "id": held.id,
            "attempts": held.attempts,
            "status": settlement.status.value,
            "answer": settlement.answer,
            "due_at": settlement.due_at if waiting else settlement.at,
            "settled_at": None if waiting else settlement.at,
            "failures": held.failures - settlement.blameless,
            "history": json.dumps([*held.history, entry]),
            "recipients": json.dumps(settlement.recipients) if settlement.recipients else None,
            "arguments": "{}" if settlement.forget else None,
        }
        return bool(self._settle.run(connection, values).rowcount)

    def _compile_claim(self, lanes: range) -> _Statement:
        due = ", ".join([*(self._due[Lane(lane)] for lane in lanes), "NULL"])
        self._claims[lanes] = _Statement(_CLAIM.format(due=due), self._engine.dialect)
        return self._claims[lanes]

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            with self._connection.begin():
                yield self._connection
        except SQLAlchemyError:
            self._connection.invalidate()
            self.close()
            raise


class _Statement:
    """A statement compiled once; runs without the cost of building it again."""

    def __init__(self, sql: str, dialect: Dialect) -> None:
        compiled: Any = text(sql).compile(dialect=dialect)
        self._sql: str = str(compiled)
        self._order: list[str] | None = compiled.positiontup

    def run(self, connection: Connection, values: dict[str, Any]) -> Any:
        if self._order is None:
            return connection.exec_driver_sql(self._sql, values)
        return connection.exec_driver_sql(self._sql, tuple(values[name] for name in self._order))


def _claim(row: Row[Any] | None) -> Claim | None:
    if row is None:
        return None
    values = row._mapping  # noqa: SLF001 - the documented way to a row's names
    decoded = {name: _json(values[name]) for name in ("arguments", "recipients", "history")}
    return Claim(**{**values, **decoded})


def _json(value: Any) -> Any:
    """SQLite hands JSON over as text, PostgreSQL's driver as values."""
    return json.loads(value) if isinstance(value, str) else value
