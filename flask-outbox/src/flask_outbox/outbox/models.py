"""The library's tables: above all the outbox, with one row for each message.

Times are Unix time in seconds, so the library and the application whose database it shares need not
agree about time zones.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
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
    """Where a message stands. QUEUED and DEFERRED wait for delivery, the others are its ends.

    There is no status for "being sent": a claim is a lease in `due_at`, which a crash lets run out.
    SENT may go on to DELIVERED, BOUNCED or COMPLAINED, as what comes back about it says.
    """

    QUEUED = "queued"
    DEFERRED = "deferred"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    DEAD = "dead"
    DISCARDED = "discarded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


WAITING = (Status.QUEUED, Status.DEFERRED)

ACCEPTED = (Status.SENT, Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED)
"""A server took the message, whatever came back about it later."""

UNSENT = (Status.DEAD, Status.DISCARDED, Status.EXPIRED, Status.CANCELLED, Status.UNKNOWN)
"""Ends other than ACCEPTED."""


def _among(statuses: tuple[Status, ...]) -> str:
    return f"status IN ({', '.join(repr(str(one)) for one in statuses)})"


# The conditions of partial indexes. SQLite uses such an index only where a statement repeats its
# condition word by word, so their values are never bound.
IS_WAITING = _among(WAITING)
IS_UNSENT = _among(UNSENT)
IS_ACCEPTED = _among(ACCEPTED)
HAS_ENDED = "settled_at IS NOT NULL AND NOT reduced"
IS_ADMITTED = "admitted_at IS NOT NULL"
HAS_KEY = "key IS NOT NULL"
IS_TO_BE_WORKED_OFF = "note IS NULL"


metadata = MetaData(naming_convention=NAMING)
"""The library's own tables: for `metadata.create_all`, or for an application's migrations."""


class Model(DeclarativeBase):
    """The base of the library's own tables."""

    metadata = metadata


class OutboxMessage(Model):
    """One message: what it is about (its kind and arguments), never the secret that it will carry.

    It is a row of the table `outbox`, and its times (`created_at`, `due_at`, `expires_at`,
    `settled_at`, `admitted_at`, `send_at`) are Unix seconds.

    - `kind` is the name of its email type, `lane` the number of its priority.
    - `answer` is what the server said last, or why there was nothing to send.
    - `attempts` counts the claims; it is the fence under which a worker must settle.
    - `failures` counts the attempts that are held against the message.
    - `history` has each attempt's number, Unix time, status and the server's answer.
    - `recipients` are those still to be served after a server accepted it for some only.
    - `admitted_at` is when the recipient limit admitted it.
    - `reduced` rows are so old that nothing personal is left in them.
    - `waits_for` is the domain whose rate limit the row waits for, or empty.
    - `key` is the digest of the key that at most one message may have.
    - `send_at` is the moment before which it must not leave, if one was given.
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
    key: Mapped[str | None] = mapped_column(String(64))
    send_at: Mapped[float | None] = mapped_column(Double)

    __table_args__ = (
        Index(
            "uq_outbox_key",
            "key",
            unique=True,
            sqlite_where=text(HAS_KEY),
            postgresql_where=text(HAS_KEY),
        ),
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
        Index("ix_outbox_recipient_key_created_at", "recipient_key", "created_at"),
        Index("ix_outbox_kind_created_at", "kind", "created_at"),
        Index("ix_outbox_created_at", "created_at"),
        {"sqlite_autoincrement": True},
    )


class Suppression(Model):
    """An address that nothing is sent to, because a server said that it does not exist.

    `since`, `until` and `tried_at` are Unix time: it ends by itself at `until`, unless that is
    None, and mail that leads back into an account was last tried all the same at `tried_at`.
    `source` tells who said it: "answer" (the mail server, at delivery), "report" (a bounce),
    "provider" (a webhook) or "operator".
    """

    __tablename__ = "mail_suppressions"

    address_key: Mapped[str] = mapped_column(String(320), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    since: Mapped[float] = mapped_column(Double)
    until: Mapped[float | None] = mapped_column(Double)
    source: Mapped[str] = mapped_column(
        String(16), default="answer", server_default=text("'answer'")
    )
    tried_at: Mapped[float | None] = mapped_column(Double)


class OptOut(Model):
    """An address that gets no mail of a list; of none, where `list` is empty.

    `since` and `until` are Unix time: it ends by itself at `until`, unless that is None. `reason`
    is "unsubscribed", "complaint", "bounces" or "operator".
    """

    __tablename__ = "mail_opt_outs"

    address_key: Mapped[str] = mapped_column(String(320), primary_key=True)
    list: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(16))
    since: Mapped[float] = mapped_column(Double)
    until: Mapped[float | None] = mapped_column(Double)


class MailReport(Model):
    """What came in about mail and is not worked off yet: a message, or the body of a webhook.

    `source` names the way in, and `event_id` is unique within it. `received_at` and `due_at` are
    Unix time: it is worked off from `due_at` on. `envelope_recipient` is the address that a message
    was delivered to, if that is known. `note` says why nobody understands it: it is kept for an
    operator then, and not tried again.
    """

    __tablename__ = "mail_reports"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    source: Mapped[str] = mapped_column(String(32))
    event_id: Mapped[str] = mapped_column(String(255))
    received_at: Mapped[float] = mapped_column(Double)
    due_at: Mapped[float] = mapped_column(Double)
    envelope_recipient: Mapped[str] = mapped_column(String(320), default="")
    content: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("source", "event_id"),
        Index(
            "ix_mail_reports_due_at",
            "due_at",
            sqlite_where=text(IS_TO_BE_WORKED_OFF),
            postgresql_where=text(IS_TO_BE_WORKED_OFF),
        ),
        {"sqlite_autoincrement": True},
    )


class MailEvent(Model):
    """What became of a message after the server took it. Rows are added, and never changed.

    - `source` and `event_id` are those of the report; with `recipient_key`, an event is there once.
    - `at` is the Unix time at which it came in.
    - `outbox_id` is the row of the message, if it was found.
    - `domain` is the receiving domain.
    - `meaning` is one of feedback's `Meaning`.
    - `code` is the enhanced status code (RFC 3463), `words` are the server's.
    - `trusted`: it came with a token of ours, or from a provider that proved who it is.
    """

    __tablename__ = "mail_events"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    source: Mapped[str] = mapped_column(String(32))
    event_id: Mapped[str] = mapped_column(String(255))
    recipient_key: Mapped[str] = mapped_column(String(320), default="")
    at: Mapped[float] = mapped_column(Double)
    outbox_id: Mapped[int | None] = mapped_column(Key)
    domain: Mapped[str] = mapped_column(String(255), default="")
    meaning: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(16), default="")
    words: Mapped[str] = mapped_column(Text, default="")
    trusted: Mapped[bool] = mapped_column()

    __table_args__ = (
        UniqueConstraint("source", "event_id", "recipient_key"),
        Index("ix_mail_events_recipient_key_at", "recipient_key", "at"),
        Index("ix_mail_events_outbox_id", "outbox_id"),
        Index("ix_mail_events_at", "at"),
        {"sqlite_autoincrement": True},
    )


class MailboxPosition(Model):
    """How far a mailbox with reports was read (IMAP, RFC 9051).

    `uid` is the last that was stored, and counts only together with `uid_validity`. `polled_at` is
    Unix time; `trouble` says why it cannot be read, if so.
    """

    __tablename__ = "mail_mailboxes"

    name: Mapped[str] = mapped_column(String(320), primary_key=True)
    uid_validity: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)
    polled_at: Mapped[float] = mapped_column(Double)
    trouble: Mapped[str | None] = mapped_column(Text)


class RateSlot(Model):
    """One slot of a rate limit, which can be taken from `free_at` (Unix time) on.

    `name` tells what is limited, and for how many seconds. `uses` counts; it is the fence without
    which nobody may change the slot.
    """

    __tablename__ = "mail_rate_slots"

    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    free_at: Mapped[float] = mapped_column(Double)
    uses: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_mail_rate_slots_name_free_at", "name", "free_at"),)


class MessageCount(Model):
    """How many messages ended like this in one hour since 1970; under hour 0, in all hours.

    `bucket` is an index of `counts.BOUNDS`. `seconds` is the sum of the times from enqueuing to the
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
    """The hour up to which `mail_counts` is complete: one row."""

    __tablename__ = "mail_counted"

    id: Mapped[int] = mapped_column(primary_key=True)
    hour: Mapped[int] = mapped_column(Integer)
