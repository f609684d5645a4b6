"""The schema: migrations, in one process and one transaction at a time.

Alembic is imported here, and not by what serves or delivers: it takes 7 MiB.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from alembic.runtime.migration import RevisionStep
from flask import current_app
from flask_alembic import Alembic
from sqlalchemy import Connection, func, select, text

from flask_outbox import metadata as mail_metadata
from microblog.database import MIGRATIONS, SQLITE_BUSY_SECONDS, WRITING, Model, db, is_sqlite

Step = TypeVar("Step")

MIGRATION_LOCK = 0x6D6963726F626C6F
"""The key of PostgreSQL's advisory lock on the schema: "microblo" in ASCII."""

MIGRATION_WAIT_SECONDS = 3600

TABLE_WAIT_SECONDS = 10.0
"""How long a migration waits for a table of PostgreSQL that somebody reads. All pages that come
after it wait behind it, and a backup reads for as long as it takes."""


def migrations() -> Migrations:
    """Return the migrations of the current application."""
    found = current_app.extensions.get("alembic")
    if not isinstance(found, Migrations):
        current_app.config["ALEMBIC"] = {"script_location": str(MIGRATIONS)}
        current_app.config["ALEMBIC_CONTEXT"] = {
            "render_as_batch": True,
            "transactional_ddl": True,
            "include_name": _is_compared,
            "include_object": _is_of_this_database,
        }
        found = Migrations(
            metadatas={"default": [Model.metadata, mail_metadata]}, run_mkdir=False, command_name=""
        )
        found.init_app(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
    return found


def upgrade() -> None:
    """Bring the schema of the current application's database up to date."""
    migrations().upgrade()


def needs_upgrade() -> bool:
    """Whether the database lacks a migration."""
    with db.engine.connect():  # raises if the database cannot be reached
        return bool(migrations().needs_upgrade())


def is_index_of_texts(table: str) -> bool:
    """Whether this table is SQLite's full-text index of another, or one that the index keeps."""
    return table.partition("_fts")[0] in Model.metadata.tables and "_fts" in table


def _is_compared(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or name is None or not is_index_of_texts(name)


def _is_of_this_database(
    part: Any, _name: str | None, kind: str, _is_reflected: bool, _other: Any
) -> bool:
    """Whether it is compared: SQLite lacks an index that only PostgreSQL can have."""
    is_foreign = kind == "index" and part.dialect_options["postgresql"].get("using") == "gin"
    return not (is_foreign and is_sqlite())


class Progress:
    """What a caller may want to say of migrations while they run; this one says nothing."""

    def wait(self) -> None:
        """Another process migrates or writes, and is waited for now."""

    def steps(self, steps: Sequence[RevisionStep]) -> Iterable[RevisionStep]:
        """Return the migrations that will run, under the lock. Each one has run when the next is
        asked for.
        """
        return steps


class Migrations(Alembic):
    """Migrations that run in one transaction and in one process at a time; the others wait.

    On SQLite, foreign keys are not enforced meanwhile: most changes make a table anew, and dropping
    the old one would delete all rows that refer to it. The keys are checked at the end instead.
    """

    progress = Progress()

    def run_migrations(self, fn: Any, **kwargs: Any) -> None:
        connection = self.migration_context.connection
        assert connection is not None  # noqa: S101 - migrations are never run without one
        connection.rollback()
        told: Any = lambda *args: self.progress.steps([*fn(*args)])  # noqa: E731
        if not is_sqlite():
            # Released at the end of this transaction, in which the migrations run.
            if not connection.scalar(select(func.pg_try_advisory_xact_lock(MIGRATION_LOCK))):
                self.progress.wait()
                connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            limit = text(f"SET LOCAL lock_timeout = {TABLE_WAIT_SECONDS * 1000:.0f}")
            connection.execute(limit)
            super().run_migrations(told, **kwargs)
            return
        pragma = _raw_sqlite(connection).execute
        pragma("PRAGMA foreign_keys = OFF")
        try:
            if _is_being_written(pragma):
                self.progress.wait()
            pragma(f"PRAGMA busy_timeout = {MIGRATION_WAIT_SECONDS * 1000}")
            # Begins as a writer now, and waits for other writers.
            connection.execution_options(**WRITING).begin()
            checking: Any = lambda *args: _checking_keys(pragma, told(*args))  # noqa: E731
            super().run_migrations(checking, **kwargs)
        finally:
            connection.rollback()
            connection.execution_options(sqlite_begin="DEFERRED")
            pragma("PRAGMA foreign_keys = ON")
            pragma(f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}")


Pragma = Callable[[str], sqlite3.Cursor]


def _raw_sqlite(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - it is connected
    return driver


def _is_being_written(pragma: Pragma) -> bool:
    """Whether another connection holds SQLite's write lock; waits no longer than that is asked."""
    pragma("PRAGMA busy_timeout = 0")
    try:
        pragma("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
    pragma("ROLLBACK")
    return False


def _checking_keys(
    pragma: Callable[[str], sqlite3.Cursor], steps: Iterable[Step]
) -> Iterator[Step]:
    """Run the steps; raise RuntimeError if they left a row with a broken foreign key.

    Keys that were broken before do not count: another program may have left them, since SQLite does
    not enforce keys by default.
    """
    before: Counter[tuple[str, str]] | None = None
    for step in steps:
        # Counting reads all tables: only where something will be migrated, and is said to be.
        if before is None:
            before = _broken_keys(pragma)
        yield step
    broken = Counter() if before is None else _broken_keys(pragma) - before
    if broken:
        raise RuntimeError(f"A migration left rows that refer to nothing: {dict(broken)}")


def _broken_keys(pragma: Pragma) -> Counter[tuple[str, str]]:
    """How many rows have a broken foreign key, by their table and the table referred to."""
    return Counter((row[0], row[2]) for row in pragma("PRAGMA foreign_key_check"))


logging.getLogger("alembic").setLevel(logging.WARNING)
