"""Numbered versions of the outbox's tables, for an application's own migrations.

With Alembic (Flask-Migrate), write one migration for each version:

    from alembic import op
    from flask_outbox import schema

    def upgrade() -> None:
        schema.upgrade(op, to=2)

    def downgrade() -> None:
        schema.downgrade(op, to=0)

Without migrations, `create_all(engine)` makes the tables, and brings older ones up to date.

1. The outbox, suppressions, rate limits and counts.
2. `outbox.key` (one key, one message) and `outbox.send_at`.
3. What comes back: reports, events and mailboxes; opt-outs from lists; suppressions that end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Inspector,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    inspect,
    text,
)
from sqlalchemy.types import Double

from flask_outbox.outbox.models import Key, Model
from flask_outbox.outbox.validation import OutboxError, check_dialect

METADATA = Model.metadata
"""The tables of the latest version: for the `target_metadata` of an application's Alembic."""

LATEST = 3
"""The version that this release of the library works with."""

_FIRST = {"id", "kind", "lane", "recipient", "arguments", "message_id", "due_at", "status"}
"""Columns of `outbox` in its first version, by which it is told from an application's own."""

_ADDED = {2: ("outbox", "send_at"), 3: ("mail_events", "trusted")}
"""The last column that each version added, with its table: the version is known by it."""


class SchemaError(OutboxError):
    """The tables are missing, or of another version; the message says what to do."""


def version(bind: Engine | Connection) -> int:
    """The version of the tables in this database; 0 if there are none.

    Raises SchemaError if the application has a table of its own that is named `outbox`.
    """
    found = inspect(bind)
    if not found.has_table("outbox"):
        return 0
    columns = {column["name"] for column in found.get_columns("outbox")}
    if not columns.issuperset(_FIRST):
        raise SchemaError(
            "There is a table named outbox that is the application's own: give that table another"
            " name, since the outbox's tables need this one."
        )
    return max([1, *(number for number, added in _ADDED.items() if _has_column(found, *added))])


def _has_column(found: Inspector, table: str, name: str) -> bool:
    return found.has_table(table) and name in {one["name"] for one in found.get_columns(table)}


def check(bind: Engine | Connection) -> None:
    """Raise SchemaError if the tables are older than this library needs.

    Newer ones are fine: each version only adds to the one before.
    """
    found = version(bind)
    if found < LATEST:
        there = f"are of version {found}" if found else "do not exist"
        raise SchemaError(
            f"The outbox's tables {there}; this flask-outbox needs version {LATEST}. Add a"
            f" migration that calls flask_outbox.schema.upgrade(op, to={LATEST}), or without"
            " migrations call flask_outbox.schema.create_all(engine)."
        )


def upgrade(op: Any, *, to: int = LATEST) -> None:
    """Bring the tables to version `to`, from whatever version they have.

    `op` is Alembic's. Raises ValueError for a version that does not exist, SchemaError for a table
    of the application's own that is named `outbox` and where there is no database (`--sql`), and
    OutboxError for one other than SQLite and PostgreSQL.
    """
    _require_known(to)
    bind = _bind_of(op)
    for step in _UPGRADES[version(bind) : to]:
        step(op)


def downgrade(op: Any, *, to: int) -> None:
    """Bring the tables back to version `to`; 0 removes them with all messages.

    Raises as `upgrade` does.
    """
    _require_known(to, lowest=0)
    bind = _bind_of(op)
    for step in reversed(_DOWNGRADES[to : version(bind)]):
        step(op)


def create_all(bind: Engine | Connection) -> None:
    """Make the tables, or bring those that exist to the latest version.

    Needs Alembic only where older tables must be changed. Raises OutboxError for a database other
    than SQLite and PostgreSQL.
    """
    check_dialect(bind.dialect)
    with _connection(bind) as connection:
        if version(connection) == 0:
            Model.metadata.create_all(connection)
            return
        if version(connection) < LATEST:
            from alembic.migration import MigrationContext  # noqa: PLC0415 - not always needed
            from alembic.operations import Operations  # noqa: PLC0415

            upgrade(Operations(MigrationContext.configure(connection)))


@contextmanager
def _connection(bind: Engine | Connection) -> Iterator[Connection]:
    if isinstance(bind, Connection):
        yield bind
        return
    with bind.begin() as connection:
        yield connection


def _bind_of(op: Any) -> Connection:
    """The connection of a migration. Raises SchemaError if there is none (alembic … --sql)."""
    if op.get_context().as_sql:
        raise SchemaError(
            "The outbox's migrations look which version the tables have, so they need a database,"
            " and cannot be written as SQL (--sql)."
        )
    bind: Connection = op.get_bind()
    check_dialect(bind.dialect)
    return bind


def _require_known(number: int, *, lowest: int = 1) -> None:
    if not lowest <= number <= LATEST:
        raise ValueError(
            f"The outbox's tables have the versions {lowest} to {LATEST}; there is no {number!r}."
        )


def _upgrade_to_1(op: Any) -> None:
    # Written out, since the models move on.
    op.create_table(
        "outbox",
        Column("id", Key, nullable=False),
        Column("kind", String(64), nullable=False),
        Column("lane", SmallInteger, nullable=False),
        Column("recipient", String(320), nullable=False),
        Column("locale", String(16), nullable=False),
        Column("arguments", JSON, nullable=False),
        Column("recipients", JSON),
        Column("message_id", String(320), nullable=False),
        Column("created_at", Double, nullable=False),
        Column("due_at", Double, nullable=False),
        Column("expires_at", Double),
        Column("status", String(16), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("settled_at", Double),
        Column("answer", Text),
        Column("recipient_key", String(320), nullable=False),
        Column("history", JSON, nullable=False),
        Column("admitted_at", Double),
        Column("reduced", Boolean, nullable=False),
        Column("waits_for", String(255), nullable=False, server_default=text("''")),
        PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    for name, columns, condition in (
        ("waiting", ("waits_for", "lane", "due_at"), "status IN ('queued', 'deferred')"),
        (
            "unsent",
            ("status", "created_at"),
            "status IN ('dead', 'discarded', 'expired', 'cancelled', 'unknown')",
        ),
        ("ended", ("settled_at",), "settled_at IS NOT NULL AND NOT reduced"),
        ("admitted", ("recipient_key", "kind", "admitted_at"), "admitted_at IS NOT NULL"),
        ("recipient_key_created_at", ("recipient_key", "created_at"), None),
        ("kind_created_at", ("kind", "created_at"), None),
        ("created_at", ("created_at",), None),
    ):
        where = None if condition is None else text(condition)
        op.create_index(
            f"ix_outbox_{name}", "outbox", list(columns), sqlite_where=where, postgresql_where=where
        )
    op.create_table(
        "mail_suppressions",
        Column("address_key", String(320), nullable=False),
        Column("reason", Text, nullable=False),
        Column("since", Double, nullable=False),
        PrimaryKeyConstraint("address_key", name="pk_mail_suppressions"),
    )
    op.create_table(
        "mail_rate_slots",
        Column("name", String(300), nullable=False),
        Column("number", Integer, nullable=False, autoincrement=False),
        Column("free_at", Double, nullable=False),
        Column("uses", BigInteger, nullable=False),
        PrimaryKeyConstraint("name", "number", name="pk_mail_rate_slots"),
    )
    op.create_index("ix_mail_rate_slots_name_free_at", "mail_rate_slots", ["name", "free_at"])
    op.create_table(
        "mail_counts",
        Column("hour", Integer, nullable=False, autoincrement=False),
        Column("kind", String(64), nullable=False),
        Column("lane", SmallInteger, nullable=False, autoincrement=False),
        Column("status", String(16), nullable=False),
        Column("bucket", SmallInteger, nullable=False, autoincrement=False),
        Column("messages", BigInteger, nullable=False),
        Column("seconds", Double, nullable=False),
        PrimaryKeyConstraint("hour", "kind", "lane", "status", "bucket", name="pk_mail_counts"),
    )
    op.create_table(
        "mail_counted",
        Column("id", Integer, nullable=False),
        Column("hour", Integer, nullable=False),
        PrimaryKeyConstraint("id", name="pk_mail_counted"),
    )


def _downgrade_to_0(op: Any) -> None:
    for name in ("mail_counted", "mail_counts", "mail_rate_slots", "mail_suppressions", "outbox"):
        op.drop_table(name)


def _upgrade_to_2(op: Any) -> None:
    op.add_column("outbox", Column("key", String(64)))
    op.add_column("outbox", Column("send_at", Double))
    where = text("key IS NOT NULL")
    op.create_index(
        "uq_outbox_key",
        "outbox",
        ["key"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def _downgrade_to_1(op: Any) -> None:
    op.drop_index("uq_outbox_key", "outbox")
    op.drop_column("outbox", "send_at")
    op.drop_column("outbox", "key")


def _upgrade_to_3(op: Any) -> None:
    op.add_column("mail_suppressions", Column("until", Double))
    op.add_column(
        "mail_suppressions",
        Column("source", String(16), nullable=False, server_default=text("'answer'")),
    )
    op.add_column("mail_suppressions", Column("tried_at", Double))
    op.create_table(
        "mail_opt_outs",
        Column("address_key", String(320), nullable=False),
        Column("list", String(64), nullable=False),
        Column("reason", String(16), nullable=False),
        Column("since", Double, nullable=False),
        Column("until", Double),
        PrimaryKeyConstraint("address_key", "list", name="pk_mail_opt_outs"),
    )
    op.create_table(
        "mail_reports",
        Column("id", Key, nullable=False),
        Column("source", String(32), nullable=False),
        Column("event_id", String(255), nullable=False),
        Column("received_at", Double, nullable=False),
        Column("due_at", Double, nullable=False),
        Column("envelope_recipient", String(320), nullable=False),
        Column("content", LargeBinary, nullable=False),
        Column("note", Text),
        PrimaryKeyConstraint("id", name="pk_mail_reports"),
        UniqueConstraint("source", "event_id", name="uq_mail_reports_source_event_id"),
        sqlite_autoincrement=True,
    )
    where = text("note IS NULL")
    op.create_index(
        "ix_mail_reports_due_at",
        "mail_reports",
        ["due_at"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        "mail_mailboxes",
        Column("name", String(320), nullable=False),
        Column("uid_validity", BigInteger, nullable=False),
        Column("uid", BigInteger, nullable=False),
        Column("polled_at", Double, nullable=False),
        Column("trouble", Text),
        PrimaryKeyConstraint("name", name="pk_mail_mailboxes"),
    )
    op.create_table(
        "mail_events",
        Column("id", Key, nullable=False),
        Column("source", String(32), nullable=False),
        Column("event_id", String(255), nullable=False),
        Column("recipient_key", String(320), nullable=False),
        Column("at", Double, nullable=False),
        Column("outbox_id", Key),
        Column("domain", String(255), nullable=False),
        Column("meaning", String(16), nullable=False),
        Column("code", String(16), nullable=False),
        Column("words", Text, nullable=False),
        Column("trusted", Boolean, nullable=False),
        PrimaryKeyConstraint("id", name="pk_mail_events"),
        UniqueConstraint(
            "source",
            "event_id",
            "recipient_key",
            name="uq_mail_events_source_event_id_recipient_key",
        ),
        sqlite_autoincrement=True,
    )
    for name, columns in (
        ("recipient_key_at", ["recipient_key", "at"]),
        ("outbox_id", ["outbox_id"]),
        ("at", ["at"]),
    ):
        op.create_index(f"ix_mail_events_{name}", "mail_events", columns)


def _downgrade_to_2(op: Any) -> None:
    for name in ("mail_events", "mail_mailboxes", "mail_reports", "mail_opt_outs"):
        op.drop_table(name)
    for name in ("tried_at", "source", "until"):
        op.drop_column("mail_suppressions", name)


_UPGRADES = (_upgrade_to_1, _upgrade_to_2, _upgrade_to_3)
_DOWNGRADES = (_downgrade_to_0, _downgrade_to_1, _downgrade_to_2)
