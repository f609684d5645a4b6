"""The outbox's tables in a file of SQLite, without an application.

For tests of how rows are claimed, settled and counted, with a number as the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

from flask_outbox import Priority
from flask_outbox.outbox.models import Model, OutboxMessage
from tests.databases import engine_of

NOW = 1_800_000_000.0


@contextmanager
def bare_engine(folder: Path) -> Iterator[Engine]:
    engine = engine_of(f"sqlite:///{folder / 'outbox.db'}")
    Model.metadata.create_all(engine)
    yield engine
    engine.dispose()


def put(session: Session, **columns: Any) -> int:
    """Insert a row that is due now, with these columns; return its id."""
    key = columns.get("recipient_key", "person@example.com")
    values = {
        "kind": "any",
        "lane": Priority.NORMAL,
        "recipient": key,
        "recipient_key": key,
        "locale": "en",
        "arguments": {},
        "message_id": "<any@example.com>",
        "created_at": NOW,
        "due_at": NOW,
    }
    made = session.scalars(insert(OutboxMessage).returning(OutboxMessage.id), values | columns)
    return made.one()
