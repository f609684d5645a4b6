"""One table on its way to PostgreSQL: its rows in the order of their key, and their checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Integer, Row, String, Table, func, inspect, select, text

from microblog.cli.backup_file import tell_progress

ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Checksum:
    """How many rows a table has, and the SHA-256 of all of them, in order of their key."""

    rows: int
    digest: str


def copy_table(table: Table, source: Connection, target: Connection) -> Checksum:
    """Copy the rows that are not there yet, in batches; return the checksum of the source's."""
    total = source.scalar(select(func.count()).select_from(table)) or 0
    digest, done = hashlib.sha256(), 0
    rows = _rows(table, source)
    for there in _rows(table, target):
        here = next(rows, None)
        if here is None or _canonical(here) != _canonical(there):
            # The site has written since the move was interrupted. Also empties what refers to it.
            target.rollback()
            target.execute(text(f'TRUNCATE "{table.name}" CASCADE'))
            target.commit()
            return copy_table(table, source, target)
        digest.update(_canonical(here))
        done += 1
    while batch := [*islice(rows, ROWS_AT_ONCE)]:
        target.execute(table.insert(), [row._asdict() for row in batch])
        target.commit()
        for row in batch:
            digest.update(_canonical(row))
        done += len(batch)
        tell_progress(table.name, done, total)
    return Checksum(done, digest.hexdigest())


def checksum(table: Table, connection: Connection) -> Checksum:
    """The checksum of a table as it is."""
    digest, count = hashlib.sha256(), 0
    for row in _rows(table, connection):
        digest.update(_canonical(row))
        count += 1
    return Checksum(count, digest.hexdigest())


def set_sequence(table: Table, source: Connection, target: Connection) -> None:
    """Let PostgreSQL number new rows after those that were copied, and after all that ever were."""
    (key, *more) = table.primary_key
    if more or not isinstance(key.type, Integer):
        return
    named = {"table": table.name, "column": key.name}
    sequence = target.scalar(text("SELECT pg_get_serial_sequence(:table, :column)"), named)
    if sequence is None:
        return
    last = source.scalar(select(func.max(key))) or 0
    if inspect(source).has_table("sqlite_sequence"):
        given = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
        last = max(last, source.scalar(given, {"table": table.name}) or 0)
    target.execute(select(func.setval(sequence, max(last, 1), last > 0)))
    target.commit()


def _rows(table: Table, connection: Connection) -> Iterator[Row[Any]]:
    """All rows in the order of their key, which is by bytes on both sides."""
    key = [
        column.collate("C")
        if isinstance(column.type, String) and connection.dialect.name == "postgresql"
        else column
        for column in table.primary_key
    ]
    statement = select(table).order_by(*key)
    yield from connection.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})


def _canonical(row: Row[Any]) -> bytes:
    """A row as both databases give it."""
    return json.dumps([*row], default=_as_text, sort_keys=True).encode() + b"\n"


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return value.hex()
    raise TypeError(f"A column holds {type(value)}.")
