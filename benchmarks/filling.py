"""Very many rows for the outbox, copied by the database itself: enqueuing them takes too long."""

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


def enqueue_example(kind: str | None = None) -> int:
    """Enqueue a message for `multiply`, of this email type or pre-rendered, and return its id.

    The message itself is never sent. Needs the application's context.
    """
    outbox, address = current_outbox(), "example@example.com"
    with transaction() as writing:
        if kind is None:
            row_id = outbox.send_email("Hello", None, [address], TEXT, HTML, session=writing)
        else:
            row_id = outbox.enqueue(writing, kind, address)
        writing.execute(
            text("UPDATE outbox SET status = :status WHERE id = :id"),
            {"status": Status.CANCELLED, "id": row_id},
        )
    return row_id


def multiply(
    engine: Engine,
    row_id: int,
    count: int,
    *,
    first_due_at: float | None = None,
    **columns: object,
) -> None:
    """Add `count` copies of the row with this id, each to another of `user1`, `user2`…

    `columns` has values that replace the row's own in the copies. The first copy is due now, or at
    the given Unix time.
    """
    names = [column.name for column in OutboxMessage.__table__.columns if column.name != "id"]
    values = [f":{name}" if name in columns else _OWN.get(name, name) for name in names]
    due_at = time.time() if first_due_at is None else first_due_at
    with engine.begin() as connection:
        connection.execute(
            text(
                f"{_NUMBERS} INSERT INTO outbox ({', '.join(names)})"
                f" SELECT {', '.join(values)} FROM outbox, n WHERE id = :row_id"
            ),
            {"count": count, "row_id": row_id, "first_due_at": due_at, **columns},
        )


def tidy(engine: Engine) -> None:
    """Run the database's maintenance now, so that it does not happen during a measurement."""
    if engine.dialect.name == "postgresql":
        _run(engine, "VACUUM ANALYZE outbox", "CHECKPOINT")
    else:
        _run(engine, "PRAGMA wal_checkpoint(TRUNCATE)")


def vacuum(engine: Engine) -> None:
    """Remove dead versions of rows, as autovacuum does on PostgreSQL."""
    if engine.dialect.name == "postgresql":
        _run(engine, "VACUUM outbox")


def _run(engine: Engine, *tasks: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for task in tasks:
            connection.execute(text(task))
