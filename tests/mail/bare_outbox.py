"""An outbox that is its tables in a file of SQLite and nothing else: no site, no other tables.

For tests of what rows are claimed, settled and counted, on a clock that is a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, insert
from sqlalchemy.orm import Session

import microblog.database  # noqa: F401 - it says how transactions on SQLite begin
from microblog.mail import Lane
from microblog.mail.models import Model, OutboxMessage

NOW = 1_800_000_000.0


@contextmanager
def bare_engine(folder: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{folder / 'outbox.db'}")
    Model.metadata.create_all(engine)
    yield engine
    engine.dispose()


def put(session: Session, **columns: Any) -> int:
    """A row that is due now, with these columns; its number."""
    key = columns.get("recipient_key", "person@example.com")
    values = {
        "kind": "any",
        "lane": Lane.NORMAL,
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
