"""Inserting new rows: one, or thousands, for which the driver is given values and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from flask_outbox.outbox.models import HAS_KEY, OutboxMessage

CHUNK = 2_000
"""Rows in one statement: what is in memory at a time."""

_TYPES = {
    "kind": "text",
    "lane": "smallint",
    "recipient": "text",
    "recipient_key": "text",
    "locale": "text",
    "arguments": "text",
    "message_id": "text",
    "created_at": "double precision",
    "send_at": "double precision",
    "due_at": "double precision",
    "expires_at": "double precision",
    "key": "text",
}
"""What a new row must be given, with PostgreSQL's names of the types; `arguments` is JSON."""

_DEFAULTS = {
    "status": "'queued'",
    "attempts": "0",
    "failures": "0",
    "history": "'[]'",
    "reduced": "false",
    "waits_for": "''",
}

_NAMES, _SAME = ", ".join(_TYPES), ", ".join(_DEFAULTS.values())
_INTO = f"INSERT INTO outbox ({_NAMES}, {', '.join(_DEFAULTS)})"
_NEW_KEY = f"ON CONFLICT (key) WHERE {HAS_KEY} DO NOTHING"

_ONE = text(f"{_INTO} VALUES (:{', :'.join(_TYPES)}, {_SAME}) {_NEW_KEY} RETURNING id")

_MANY_ON_SQLITE = f"{_INTO} VALUES ({', '.join('?' * len(_TYPES))}, {_SAME}) {_NEW_KEY}"

# One statement with one parameter, which costs server and driver a fraction of one for each row.
_MANY_ON_POSTGRESQL = text(
    f"{_INTO} SELECT {_NAMES.replace('arguments', 'CAST(arguments AS json)')}, {_SAME}"
    f" FROM json_to_recordset(CAST(:rows AS json))"
    f" AS new ({', '.join(f'{name} {kind}' for name, kind in _TYPES.items())}) {_NEW_KEY}"
)

_values = itemgetter(*_TYPES)
_encode = json.JSONEncoder(ensure_ascii=False).encode


def insert_row(session: Session, row: Mapping[str, Any]) -> int | None:
    """Insert a new row and return its id; None if its key exists. `arguments` are JSON."""
    row_id: int | None = session.scalar(_ONE, row, bind_arguments={"mapper": OutboxMessage})
    return row_id


def insert_rows(session: Session, rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert new rows, except those whose key exists; return how many were inserted.

    If `rows` or the database raises, none of them is there.
    """
    connection = session.connection({"mapper": OutboxMessage})
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        # Python's driver begins a transaction before a write but not before a savepoint, whose
        # release would then commit.
        connection.exec_driver_sql("DELETE FROM outbox WHERE false")
    insert = _insert_on_sqlite if is_sqlite else _insert_on_postgresql
    with connection.begin_nested():
        return sum(insert(connection, chunk) for chunk in _chunks(iter(rows)))


def _chunks(rows: Iterator[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _insert_on_sqlite(connection: Connection, chunk: list[Mapping[str, Any]]) -> int:
    return connection.exec_driver_sql(_MANY_ON_SQLITE, list(map(_values, chunk))).rowcount


def _insert_on_postgresql(connection: Connection, chunk: list[Mapping[str, Any]]) -> int:
    return connection.execute(_MANY_ON_POSTGRESQL, {"rows": _encode(chunk)}).rowcount
