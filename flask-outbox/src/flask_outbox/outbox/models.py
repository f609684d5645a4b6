"""The outbox: one row a message, which is the only truth about it.

Times are Unix time in seconds, so that the package needs no agreement about zones with the
application whose database it shares.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, MetaData, SmallInteger, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import Double

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Key = BigInteger().with_variant(Integer, "sqlite")


class Status(StrEnum):
    """Where a message stands. QUEUED and DEFERRED wait for delivery, the others are ends.

    There is no status for "being sent": a claim is a lease in `due_at`, which a crash lets run out.
    """

    QUEUED = "queued"
    DEFERRED = "deferred"
    SENT = "sent"
    DEAD = "dead"
    DISCARDED = "discarded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


WAITING = (Status.QUEUED, Status.DEFERRED)

UNSENT = (Status.DEAD, Status.DISCARDED, Status.EXPIRED, Status.CANCELLED, Status.UNKNOWN)
"""Ends other than SENT."""


def _among(statuses: tuple[Status, ...]) -> str:
    return f"status IN ({', '.join(repr(str(one)) for one in statuses)})"


# Conditions of indexes that hold some rows only. SQLite uses such an index where a statement has
# the very same words, so they are never bound as values.
IS_WAITING = _among(WAITING)
IS_UNSENT = _among(UNSENT)
HAS_ENDED = "settled_at IS NOT NULL AND NOT reduced"
IS_ADMITTED = "admitted_at IS NOT NULL"


class Model(DeclarativeBase):
    """The base of the mail package's own tables."""

    metadata = MetaData(naming_convention=NAMING)


class OutboxMessage(Model):
    """One message: what is meant (its kind and arguments), never the secret that it will carry.

    `attempts` counts the claims and is the fence that a settling worker must still hold;
    `failures` counts the attempts that are held against the message. `history` is what happened at
    each attempt: its number, Unix time, status and the server's words. `recipients` names those
    that are still to be served after a server took it for some only. `admitted_at` is when the
    guard against too much mail let it through. A `reduced` row is too old to tell about anybody.
    `waits_for` is the domain whose rate limit holds the row back, or empty.
    """

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    kind: Mapped[str] = mapped_column(String(64))
    lane: Mapped[int] = mapped_column(SmallInteger)
    recipient: Mapped[str] = mapped_column(String(320))
    locale: Mapped[str] = mapped_column(String(16))
    arguments: Mapped[dict[str, Any]] = mapped_column(JSON)
    recipients: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    message_id: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[float] = mapped_column(Double)
    due_at: Mapped[float] = mapped_column(Double)
    expires_at: Mapped[float | None] = mapped_column(Double)
    status: Mapped[Status] = mapped_column(String(16), default=Status.QUEUED)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    failures: Mapped[int] = mapped_column(Integer, default=0)
    settled_at: Mapped[float | None] = mapped_column(Double)
    answer: Mapped[str | None] = mapped_column(Text)
    recipient_key: Mapped[str] = mapped_column(String(320))
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    admitted_at: Mapped[float | None] = mapped_column(Double)
    reduced: Mapped[bool] = mapped_column(default=False)
    waits_for: Mapped[str] = mapped_column(String(255), default="", server_default=text("''"))

    __table_args__ = (
        Index(
            "ix_outbox_waiting",
            "waits_for",
            "lane",
            "due_at",
            sqlite_where=text(IS_WAITING),
            postgresql_where=text(IS_WAITING),
        ),
        Index(
            "ix_outbox_unsent",
            "status",
            "created_at",
            sqlite_where=text(IS_UNSENT),
            postgresql_where=text(IS_UNSENT),
        ),
        Index(
            "ix_outbox_ended",
            "settled_at",
            sqlite_where=text(HAS_ENDED),
            postgresql_where=text(HAS_ENDED),
        ),
        Index(
            "ix_outbox_admitted",
            "recipient_key",
            "kind",
            "admitted_at",
            sqlite_where=text(IS_ADMITTED),
            postgresql_where=text(IS_ADMITTED),
        ),
        Index(None, "recipient_key", "created_at"),
        Index(None, "kind", "created_at"),
        Index(None, "created_at"),
        {"sqlite_autoincrement": True},
    )


class Suppression(Model):
    """An address that nothing is sent to any more, since a server said that it does not exist.

    `since` is Unix time.
    """

    __tablename__ = "mail_suppressions"

    address_key: Mapped[str] = mapped_column(String(320), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[float] = mapped_column(Double)


class RateSlot(Model):
    """One slot of a rate limit: who delivers takes one that is free since `free_at` (Unix time).

    `name` is what the limit is on and its seconds. `uses` counts, and is the fence that whoever
    holds the slot must still hold to change it.
    """

    __tablename__ = "mail_rate_slots"

    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    free_at: Mapped[float] = mapped_column(Double)
    uses: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index(None, "name", "free_at"),)


class MessageCount(Model):
    """How many messages ended so in one hour, counted from 1970 on; under hour 0, all of them.

    `bucket` is a place in `counts.BOUNDS`, `seconds` the sum of what it took from posting to the
    end.
    """

    __tablename__ = "mail_counts"

    hour: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    lane: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    status: Mapped[str] = mapped_column(String(16), primary_key=True)
    bucket: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    messages: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float] = mapped_column(Double)


class CountedUntil(Model):
    """The hour before which all ends are in `mail_counts`: one row."""

    __tablename__ = "mail_counted"

    id: Mapped[int] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(Integer)
