"""Leaving rows of types that this process does not know to processes with newer code.

While new code is rolled out, it enqueues types that old dispatchers have never heard of. An old one
meets such a type once; from then on its statements pass over these rows. They are not claimed,
so they stay due, and whoever knows the type delivers them at once. Rows of types that no mail
server takes now are passed over in the same way, until one does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect, select, text
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.orm import Session

from flask_outbox.delivery.raw_sql import Statement
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import IS_WAITING, OutboxMessage, Status

TypesLeftOut = Callable[[], frozenset[str]]
"""The names of the types that this process has met in rows and does not know, and of those that no
mail server takes now."""

OF_KNOWN_TYPE = "/* of a known type */"
"""Where a statement's condition leaves out rows of some types."""

PATIENCE_SECONDS = DAY
"""How long a due message waits for code that knows its type: a roll-out takes less."""

END_BATCH = 500


def none_left_out() -> frozenset[str]:
    return frozenset()


class KnownRowsStatement:
    """A statement with OF_KNOWN_TYPE in its condition, compiled again for other types."""

    def __init__(self, sql: str, dialect: Dialect, left_out: TypesLeftOut) -> None:
        self._sql, self._dialect, self._now_left_out = sql, dialect, left_out
        self._compile(frozenset())

    def run(self, cursor: DBAPICursor, values: dict[str, Any]) -> DBAPICursor:
        left_out = self._now_left_out()
        if left_out != self._left_out:
            self._compile(left_out)
        return self._statement.run(cursor, {**values, **self._values})

    def _compile(self, left_out: frozenset[str]) -> None:
        self._left_out = left_out
        self._values = {f"left_out_{place}": name for place, name in enumerate(sorted(left_out))}
        names = ", ".join(f":{name}" for name in self._values)
        condition = f"AND kind NOT IN ({names})" if names else ""
        self._statement = Statement(self._sql.replace(OF_KNOWN_TYPE, condition), self._dialect)


def end_unknown(session: Session, unknown: frozenset[str], *, now: float) -> list[OutboxMessage]:
    """End a batch of messages that were due for a day and whose type nobody knew."""
    if not unknown:
        return []
    waited_long = (
        select(OutboxMessage)
        .where(
            text(IS_WAITING),
            OutboxMessage.kind.in_(unknown),
            OutboxMessage.due_at <= now - PATIENCE_SECONDS,
        )
        .limit(END_BATCH)
        .with_for_update(skip_locked=True)
    )
    ended = list(session.scalars(waited_long))
    for message in ended:
        message.status, message.settled_at = Status.DEAD, now
        message.answer = f"No code that knows the type {message.kind!r} came within a day."
        entry = {
            "attempt": message.attempts,
            "at": round(now, 3),
            "status": Status.DEAD,
            "answer": message.answer,
        }
        message.history = [*message.history, entry]
    return ended
