"""The present state of the outbox: how many messages it holds, and what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from flask_outbox.operations import counts
from flask_outbox.outbox.email_types import HOUR, Priority
from flask_outbox.outbox.models import (
    ACCEPTED,
    HAS_ENDED,
    IS_UNSENT,
    IS_WAITING,
    OutboxMessage,
    Status,
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages of a lane wait with a status, and for how many seconds the oldest."""

    lane: int
    status: str
    messages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """Since when (Unix time) the mail server has accepted nothing, and its last answer."""

    since: float
    answer: str


@dataclass(frozen=True, slots=True)
class Overview:
    """How the outbox does, in a few figures.

    - `waiting` has for each priority, by its name in small letters, how many messages wait, and for
      how many seconds the oldest.
    - `last_sent_at` is when a server last accepted a message (Unix time), if it is known.
    - `ended` is how many messages ended within the last 24 hours, by status; the current hour is
      the last of them.
    - `trouble` is what is wrong with the mail server, if it has accepted nothing for a while.
    """

    waiting: dict[str, tuple[int, float]]
    last_sent_at: float | None
    ended: dict[str, int]
    trouble: Trouble | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """How many messages there are of each status that occurs, and what of them waits.

    All that a server accepted count as sent, whatever came back about them.
    """

    by_status: dict[str, int]
    waiting: list[Waiting]

    def by_lane(self) -> dict[int, tuple[int, float]]:
        """How many wait in each lane, and for how many seconds the oldest."""
        priorities: dict[int, tuple[int, float]] = {}
        for one in self.waiting:
            messages, seconds = priorities.get(one.lane, (0, 0.0))
            priorities[one.lane] = messages + one.messages, max(seconds, one.seconds)
        return priorities


_LANES = ", ".join(str(int(lane)) for lane in Priority)
"""Listed one by one, since the index is sorted by lane before the time."""

_WAITING = f"""SELECT lane, status, COUNT(*), MIN(COALESCE(send_at, created_at))
    FROM outbox WHERE {IS_WAITING} GROUP BY lane, status"""

# Nearly all messages are sent. Counting all rows is fastest; the sent ones are the difference.
_STATISTICS = f"""{_WAITING}
    UNION ALL SELECT NULL, status, COUNT(*), NULL FROM outbox WHERE {IS_UNSENT} GROUP BY status
    UNION ALL SELECT NULL, NULL, COUNT(*), NULL FROM outbox"""

STUCK_SECONDS = 30.0

OVERVIEW_HOURS = 24

# While the server is in trouble, each attempt makes its message due anew. An attempt that was not
# held against the message tells that it has been due all the time; one that has begun and not ended
# is in `attempts`, and not in `history`.
_STUCK = f"""SELECT CASE
    WHEN EXISTS (SELECT 1 FROM outbox
        WHERE {HAS_ENDED} AND settled_at >= :since AND kind <> :apart_from) THEN FALSE
    WHEN EXISTS (SELECT 1 FROM outbox
        WHERE {IS_WAITING} AND waits_for = '' AND lane IN ({_LANES}) AND due_at < :since
            AND kind <> :apart_from) THEN TRUE
    ELSE EXISTS (SELECT 1 FROM outbox
        WHERE {IS_WAITING} AND waits_for = '' AND lane IN ({_LANES}) AND due_at < :soon
            AND status = '{Status.DEFERRED}' AND attempts > failures
            AND COALESCE(send_at, created_at) < :since
            AND (due_at <= :now OR attempts > json_array_length(history))
            AND kind <> :apart_from) END"""

TROUBLED_AT_ONCE = 100
"""How many messages tell about a trouble: its beginning and the last answer are the same in all."""


_LAST_SENT = (
    select(OutboxMessage.settled_at)
    .where(text(HAS_ENDED), OutboxMessage.status.in_(ACCEPTED))
    .order_by(OutboxMessage.settled_at.desc())
    .limit(1)
)


def waiting(session: Session, *, now: float) -> list[Waiting]:
    """What waits, by lane and status."""
    return _waiting(session.execute(text(_WAITING)).all(), now=now)


def statistics(session: Session, *, now: float) -> Statistics:
    """How many messages the outbox holds by status, and what waits, in one statement."""
    rows = session.execute(text(_STATISTICS)).all()
    by_status: Counter[str] = Counter()
    for _lane, status, count, _oldest in rows:
        if status is not None:
            by_status[status] += count
    (everything,) = [count for _lane, status, count, _oldest in rows if status is None]
    by_status[Status.SENT] = everything - by_status.total()
    return Statistics(
        {name: count for name, count in by_status.items() if count}, _waiting(rows, now=now)
    )


def is_stuck(
    session: Session, *, now: float, seconds: float = STUCK_SECONDS, apart_from: str = ""
) -> bool:
    """Whether mail has been due for so many seconds while no message has ended.

    Messages of the type `apart_from`, such as those that tell about it, do not count.
    """
    values = {"now": now, "since": now - seconds, "soon": now + HOUR, "apart_from": apart_from}
    return bool(session.scalar(text(_STUCK), values))


def overview(session: Session, *, now: float) -> Overview:
    """How the outbox does now: what waits, what left, and what is wrong with the mail server."""
    found = Statistics({}, waiting(session, now=now)).by_lane()
    ended: Counter[str] = Counter()
    for hour in counts.by_hour(session, now=now, hours=OVERVIEW_HOURS):
        ended.update(hour.by_status)
    return Overview(
        {lane.name.lower(): found.get(lane, (0, 0.0)) for lane in Priority},
        session.scalar(_LAST_SENT),
        dict(ended),
        server_trouble(session, now=now, seconds=STUCK_SECONDS),
    )


def server_trouble(session: Session, *, now: float, seconds: float) -> Trouble | None:
    """What is wrong with the mail server, if it has accepted nothing for so many seconds."""
    # An attempt that is not held against the message was made while the server was in trouble; one
    # that has begun is not in the history.
    has_begun = OutboxMessage.attempts > func.json_array_length(OutboxMessage.history)
    rows = session.execute(
        select(
            OutboxMessage.answer,
            OutboxMessage.history,
            OutboxMessage.created_at,
            func.coalesce(_LAST_SENT.scalar_subquery(), 0.0),
        )
        .where(
            text(IS_WAITING),
            OutboxMessage.status == Status.DEFERRED,
            OutboxMessage.waits_for == "",
            OutboxMessage.attempts > OutboxMessage.failures,
            or_(OutboxMessage.due_at <= now, has_begun),
            OutboxMessage.created_at < now - seconds,
        )
        .order_by(OutboxMessage.created_at)
        .limit(TROUBLED_AT_ONCE)
    ).all()
    if not rows or rows[0][3] >= now - seconds:
        return None
    begun, last = now, 0.0
    answer = ""
    for words, history, created_at, sent_at in rows:
        attempts = [one["at"] for one in history if one["at"] > sent_at] or [created_at]
        begun = min(begun, attempts[0])
        if attempts[-1] >= last:
            last, answer = attempts[-1], words or answer
            server = history[-1].get("server") if history else None
            answer = f"{server}: {answer}" if server else answer
    return Trouble(begun, answer)


def _waiting(rows: Sequence[Any], *, now: float) -> list[Waiting]:
    return [
        Waiting(lane, status, count, max(now - oldest, 0.0))
        for lane, status, count, oldest in rows
        if lane is not None
    ]
