"""What an operator may ask and do: find messages, see their fate, try again, cancel, count, prune.

Nothing here shows what a message said: its text is made when it is sent, and never stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, cast, delete, func, select, update
from sqlalchemy.orm import Session

from microblog.mail.addresses import AddressError, address_key
from microblog.mail.guard import suppression
from microblog.mail.kinds import DAY, HOUR
from microblog.mail.models import WAITING, OutboxMessage, Status

RETRYABLE = (Status.DEAD, Status.UNKNOWN, Status.CANCELLED, Status.EXPIRED, Status.DEFERRED)
FINISHED = tuple(status for status in Status if status not in WAITING)

LARGEST_NUMBER = 2**63 - 1

PRUNE_AT_ONCE = 1000

QUANTILES = (0.5, 0.9, 0.99, 1.0)
QUANTILES_FROM = 10_000
"""At most so many messages are looked at for quantiles."""

KEPT_REDUCED = 365 * DAY
"""How long a message that was reduced to a count is kept."""


class NotPossibleError(Exception):
    """The message is not in a state in which this can be done; the message says why."""


@dataclass(frozen=True)
class Search:
    """Which messages: every given part must match. `since` and `until` are Unix time."""

    address: str | None = None
    status: str | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None
    before: int | None = None


def search(session: Session, wanted: Search, *, count: int = 50) -> Sequence[OutboxMessage]:
    """The newest matching messages; `before` a number continues a list."""
    found = select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(count)
    return session.scalars(found.where(*_conditions(wanted))).all()


def find(session: Session, number: int) -> OutboxMessage | None:
    return session.get(OutboxMessage, number) if 0 < number <= LARGEST_NUMBER else None


def retry(session: Session, number: int, *, now: float) -> OutboxMessage:
    """Queue a message again, with all its attempts before it.

    Raises NotPossibleError where it is on its way, was sent, or has lost what it needs.
    """
    message = _get(session, number)
    if message.status not in RETRYABLE:
        raise NotPossibleError(f"Message {number} is {message.status}: there is nothing to retry.")
    if message.status in WAITING and message.attempts > len(message.history):
        raise NotPossibleError(f"Message {number} is just being sent.")
    if message.reduced:
        raise NotPossibleError(f"Message {number} is too old: its address was removed.")
    condemned = suppression(session, message.recipient_key)
    if condemned is not None:
        raise NotPossibleError(
            f"The address of message {number} is suppressed ({condemned.reason}): lift that first."
        )
    expires_at = message.expires_at
    if expires_at is not None:
        expires_at = now + (expires_at - message.created_at)
    _change(
        session,
        message,
        {
            "status": Status.QUEUED,
            "due_at": now,
            "failures": 0,
            "settled_at": None,
            "expires_at": expires_at,
        },
    )
    return message


def cancel(session: Session, number: int, *, now: float) -> OutboxMessage:
    """Do not send a message that is waiting. One that is just being sent may still arrive.

    Raises NotPossibleError where it is not waiting.
    """
    message = _get(session, number)
    if message.status not in WAITING:
        raise NotPossibleError(f"Message {number} is {message.status}: there is nothing to cancel.")
    words = "An operator cancelled it."
    _change(session, message, {"status": Status.CANCELLED, "settled_at": now, "answer": words})
    return message


@dataclass(frozen=True)
class Statistics:
    """How the outbox stands: how many of each status, and how long the oldest waits by lane."""

    by_status: dict[str, int]
    waiting: dict[int, tuple[int, float]]


def statistics(session: Session, *, now: float) -> Statistics:
    """Counts by status; by lane how many wait and the age of the oldest in seconds."""
    status = OutboxMessage.status
    counts = session.execute(select(status, func.count()).group_by(status)).all()
    lanes = session.execute(
        select(OutboxMessage.lane, func.count(), func.min(OutboxMessage.created_at))
        .where(status.in_(WAITING))
        .group_by(OutboxMessage.lane)
    ).all()
    return Statistics(
        {str(name): number for name, number in counts},
        {lane: (number, max(now - oldest, 0.0)) for lane, number, oldest in lanes},
    )


def counts_by_hour(session: Session, *, now: float, hours: int = 48) -> list[dict[str, int]]:
    """For each of the last hours, oldest first: how many messages of each status were posted."""
    first = int(now // HOUR) - hours + 1
    hour = cast(func.floor(OutboxMessage.created_at / HOUR), Integer)
    rows = session.execute(
        select(hour, OutboxMessage.status, func.count())
        .where(OutboxMessage.created_at >= first * HOUR)
        .group_by(hour, OutboxMessage.status)
    )
    counts: list[dict[str, int]] = [{} for _ in range(hours)]
    for number, status, count in rows:
        counts[min(number - first, hours - 1)][str(status)] = count
    return counts


def delivery_seconds(session: Session, *, now: float) -> dict[float, float]:
    """Quantiles of the seconds from posting to acceptance, of what was sent in the last hour."""
    seconds: list[Any] = sorted(
        session.scalars(
            select(OutboxMessage.settled_at - OutboxMessage.created_at)
            .where(OutboxMessage.status == Status.SENT, OutboxMessage.created_at > now - HOUR)
            .order_by(OutboxMessage.id.desc())
            .limit(QUANTILES_FROM)
        ).all(),
        key=float,
    )
    if not seconds:
        return {}
    return {one: seconds[min(int(one * len(seconds)), len(seconds) - 1)] for one in QUANTILES}


def prune(session: Session, *, now: float, retention: float) -> int:
    """Reduce what was finished longer than `retention` seconds ago to what counts need.

    The address becomes a digest, arguments and words of servers go; a year later the rest. Returns
    how many messages were reduced.
    """
    session.execute(
        delete(OutboxMessage).where(
            OutboxMessage.reduced.is_(True), OutboxMessage.settled_at < now - KEPT_REDUCED
        )
    )
    old = session.scalars(
        select(OutboxMessage)
        .where(
            OutboxMessage.status.in_(FINISHED),
            OutboxMessage.settled_at < now - retention,
            OutboxMessage.reduced.is_(False),
        )
        .limit(PRUNE_AT_ONCE)
    ).all()
    for message in old:
        message.recipient = message.recipient_key = _digest(message.recipient_key)
        message.arguments, message.recipients, message.history = {}, None, []
        message.answer, message.message_id, message.reduced = None, "", True
    return len(old)


def _conditions(wanted: Search) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.address:
        conditions.append(_address_matches(wanted.address))
    if wanted.status:
        conditions.append(OutboxMessage.status == wanted.status)
    if wanted.kind:
        conditions.append(OutboxMessage.kind == wanted.kind)
    if wanted.since is not None:
        conditions.append(OutboxMessage.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(OutboxMessage.created_at < wanted.until)
    if wanted.before is not None:
        conditions.append(OutboxMessage.id < wanted.before)
    return conditions


def _address_matches(text: str) -> ColumnElement[bool]:
    """A whole address finds its messages, reduced ones too; a part finds any that holds it."""
    part = OutboxMessage.recipient_key.contains(text.lower(), autoescape=True)
    try:
        key = address_key(text)
    except AddressError:
        return part
    return part | (OutboxMessage.recipient_key == _digest(key))


def _get(session: Session, number: int) -> OutboxMessage:
    message = find(session, number)
    if message is None:
        raise NotPossibleError(f"There is no message {number}.")
    return message


def _change(session: Session, message: OutboxMessage, values: dict[str, object]) -> None:
    """Change the row only as it was seen: a worker may be settling it at this moment."""
    changed = session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.id == message.id,
            OutboxMessage.status == message.status,
            OutboxMessage.attempts == message.attempts,
        )
        .values(values)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise NotPossibleError(f"Message {message.id} changed at this moment; look again.")
    session.expire(message)


def _digest(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()[:32]
