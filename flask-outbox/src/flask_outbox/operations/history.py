"""What became of the mail to somebody's addresses, as far as their owner may know.

Nothing here reveals mail to another address, the mail server, or trouble with that server. Old
messages, whose address was reduced to a digest, are found too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from flask_outbox.message.addresses import address_digest
from flask_outbox.operations.messages import MAX_ID
from flask_outbox.outbox.models import WAITING, MailEvent, OutboxMessage, Status
from flask_outbox.smtp.errors import MESSAGE_STEPS

_TOLD = {
    Status.DELIVERED: frozenset({"delivered"}),
    Status.BOUNCED: frozenset(
        {"dead", "full", "ambiguous", "policy", "message", "path", "provider"}
    ),
    Status.COMPLAINED: frozenset({"complaint"}),
}
"""The meanings of events that give a message such a status."""


@dataclass(frozen=True, slots=True)
class OwnershipPeriod:
    """A time during which an address belonged to somebody: its key and Unix times; None is open."""

    key: str
    since: float
    until: float | None = None


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What became of one message. Times are Unix time in seconds.

    While it waits, `ended_at` is None and `due_at` is the time of its next attempt. `words` are the
    server's, if it refused this message, or sent it back later: `reported_at` is when that came in,
    or that it was delivered, or called spam. `arguments` are those that were kept.
    """

    number: int
    kind: str
    status: Status
    asked_at: float
    ended_at: float | None
    due_at: float | None
    words: str | None
    arguments: dict[str, Any] = field(default_factory=dict)
    reported_at: float | None = None


@dataclass(frozen=True, slots=True)
class MessageCursor:
    """Where a page begins: with the messages older than one, or with those newer.

    A message is found by its time and its id; without an id, all messages of that time are older.
    """

    at: float
    id: int = MAX_ID
    is_older: bool = True


def message_outcomes(
    session: Session,
    periods: Sequence[OwnershipPeriod],
    *,
    kinds: str,
    cursor: MessageCursor | None = None,
    count: int = 50,
) -> list[MessageOutcome]:
    """At most `count` messages of kinds that begin with `kinds`, newest first.

    With a cursor, those of its page. The periods follow each other, oldest first.
    """
    forwards = cursor is not None and not cursor.is_older
    found: list[OutboxMessage] = []
    for period in periods if forwards else reversed(periods):
        if len(found) >= count:
            break
        conditions = [OutboxMessage.kind.startswith(kinds, autoescape=True), within(period)]
        if cursor is not None:
            conditions.append(_beyond(cursor))
        found += _in_order(session, period.key, conditions, forwards=forwards, count=count)
    events = _events(session, found[:count])
    outcomes = [_outcome(message, events.get(message.id)) for message in found[:count]]
    return outcomes[::-1] if forwards else outcomes


def within(period: OwnershipPeriod) -> ColumnElement[bool]:
    """Whether a message was enqueued in this period, whatever address it went to."""
    since = OutboxMessage.created_at >= period.since
    return since if period.until is None else and_(since, OutboxMessage.created_at < period.until)


def words_of_refusal(answer: str) -> str | None:
    """What a server said about a message or its recipient; None if it was about the site."""
    for step in MESSAGE_STEPS:
        if answer.startswith(f"{step}: "):
            return answer.removeprefix(f"{step}: ")
    return None


def _in_order(
    session: Session,
    key: str,
    conditions: list[ColumnElement[bool]],
    *,
    forwards: bool,
    count: int,
) -> list[OutboxMessage]:
    """At most `count` messages to an address, reduced or not.

    The two are queried one after the other, so an index gives them in order, however many.
    """
    columns = (OutboxMessage.created_at, OutboxMessage.id)
    order = [column.asc() if forwards else column.desc() for column in columns]
    found = [
        message
        for written in (key, address_digest(key))
        for message in session.scalars(
            select(OutboxMessage)
            .where(OutboxMessage.recipient_key == written, *conditions)
            .order_by(*order)
            .limit(count)
        )
    ]
    found.sort(key=lambda message: (message.created_at, message.id), reverse=not forwards)
    return found[:count]


def _beyond(cursor: MessageCursor) -> ColumnElement[bool]:
    at, same = OutboxMessage.created_at, OutboxMessage.created_at == cursor.at
    # The second half implies the first, which an index can use.
    if cursor.is_older:
        older = or_(at < cursor.at, and_(same, OutboxMessage.id < cursor.id))
        return and_(at <= cursor.at, older)
    newer = or_(at > cursor.at, and_(same, OutboxMessage.id > cursor.id))
    return and_(at >= cursor.at, newer)


def _events(session: Session, messages: Sequence[OutboxMessage]) -> dict[int, MailEvent]:
    """The event that gave each message its status, the first if several said the same."""
    told = {one.id: _TOLD[Status(one.status)] for one in messages if one.status in _TOLD}
    if not told:
        return {}
    events = session.scalars(
        select(MailEvent)
        .where(MailEvent.outbox_id.in_(told), MailEvent.trusted)
        .order_by(MailEvent.id.desc())
    )
    return {
        one.outbox_id: one
        for one in events
        if one.outbox_id is not None and one.meaning in told[one.outbox_id]
    }


def _outcome(message: OutboxMessage, event: MailEvent | None) -> MessageOutcome:
    refused = message.status in {Status.DEAD, Status.DEFERRED, Status.UNKNOWN}
    words = words_of_refusal(message.answer) if refused and message.answer else None
    if event is not None and message.status == Status.BOUNCED:
        words = event.words or None
    return MessageOutcome(
        number=message.id,
        kind=message.kind,
        status=Status(message.status),
        asked_at=message.created_at,
        ended_at=message.settled_at,
        due_at=message.due_at if message.status in WAITING else None,
        words=words,
        arguments=message.arguments,
        reported_at=event.at if event is not None else None,
    )
