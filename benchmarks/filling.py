"""A great many rows for the outbox, copied by the database itself: posting them takes too long."""

from __future__ import annotations

import time

from sqlalchemy import Engine, text

from flask_outbox import current_outbox
from flask_outbox.outbox.models import OutboxMessage, Status
from microblog.database import transaction

TEXT, HTML = "A line of text.\n" * 20, "<p>A line of text.</p>\n" * 20

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"

_OWN = {
    "recipient": "'user' || i || '@example.com'",
    "recipient_key": "'user' || i || '@example.com'",
    "message_id": "replace(message_id, '@', '.' || i || '@')",
    # Later ones are due later, by a microsecond each.
    "due_at": ":first_due_at + i * 0.000001",
}


def post_example(kind: str | None = None) -> int:
    """A message for `multiply`, of this kind or written already; it is never sent itself.

    Returns its number. Needs the application.
    """
    outbox, address = current_outbox(), "example@example.com"
    with transaction() as writing:
        if kind is None:
            number = outbox.send_email("Hello", None, [address], TEXT, HTML, session=writing)
        else:
            number = outbox.enqueue(writing, kind, address).id
        writing.execute(
            text("UPDATE outbox SET status = :status WHERE id = :id"),
            {"status": Status.CANCELLED, "id": number},
        )
    return number


def multiply(
    engine: Engine,
    number: int,
    count: int,
    *,
    first_due_at: float | None = None,
    **columns: object,
) -> None:
    """Add `count` copies of the row with this number, each for another of `user1`, `user2`…

    `columns` are values that the copies have instead of the row's own. The first is due now, or at
    the given Unix time.
    """
    names = [column.name for column in OutboxMessage.__table__.columns if column.name != "id"]
    values = [f":{name}" if name in columns else _OWN.get(name, name) for name in names]
    due_at = time.time() if first_due_at is None else first_due_at
    with engine.begin() as connection:
        connection.execute(
            text(
                f"{_NUMBERS} INSERT INTO outbox ({', '.join(names)})"
                f" SELECT {', '.join(values)} FROM outbox, n WHERE id = :number"
            ),
            {"count": count, "number": number, "first_due_at": due_at, **columns},
        )


def tidy(engine: Engine) -> None:
    """Let the database do now what it does by itself sooner or later: not while it is measured."""
    if engine.dialect.name == "postgresql":
        _run(engine, "VACUUM ANALYZE outbox", "CHECKPOINT")
    else:
        _run(engine, "PRAGMA wal_checkpoint(TRUNCATE)")


def vacuum(engine: Engine) -> None:
    """Forget versions of rows that nobody can see any more, as autovacuum does on PostgreSQL."""
    if engine.dialect.name == "postgresql":
        _run(engine, "VACUUM outbox")


def _run(engine: Engine, *tasks: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for task in tasks:
            connection.execute(text(task))
