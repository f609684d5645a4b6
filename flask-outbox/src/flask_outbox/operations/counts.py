"""How messages ended, hour by hour and in all: counts for pictures and for monitoring.

Once an hour what ended is added up in `mail_counts`; what ended since then is counted when somebody
asks. So an answer costs as much with a million messages as with a hundred, and no total shrinks
when messages are retried or removed: a monitoring system would take that for a new beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from flask_outbox.outbox.email_types import HOUR
from flask_outbox.outbox.models import Status

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
"""Seconds from posting to acceptance: the upper bounds of the histogram's buckets, but for the last
one, which has none. What was sent is stored under the place of its bucket."""

HOURS_KEPT = 14 * 24
"""So many hours are kept one by one; older ones count in the totals only."""

HOURS_AT_ONCE = 24

SETTLED_WITHIN = 300.0
"""Seconds after the end of an hour until nothing ends in it any more: how far the clocks of several
machines may differ."""

_BUCKET = " ".join(
    [
        f"CASE WHEN status <> '{Status.SENT}' THEN 0",
        *(f"WHEN settled_at - created_at <= {one} THEN {n}" for n, one in enumerate(BOUNDS)),
        f"ELSE {len(BOUNDS)} END",
    ]
)
_HOUR = f"CAST(FLOOR(settled_at / {HOUR}) AS INTEGER)"
_TOTAL = "0"  # all that was ever added up stands under this hour

# The parts that are put together here are constants; values are always bound.
_COUNTED_UNTIL = f"(SELECT COALESCE(MAX(hour), 0) * {HOUR} FROM mail_counted)"
_ENDED = "FROM outbox WHERE NOT reduced AND settled_at"
# The upper bound says nothing, but PostgreSQL expects few rows between two bounds, and many above
# one; it would compile the statement for them, which takes longer than the answer.
_NOT_COUNTED = f"{_ENDED} >= {_COUNTED_UNTIL} AND settled_at < 1e12"

_ADD = f"""INSERT INTO mail_counts (hour, kind, lane, status, bucket, messages, seconds)
    SELECT {{hour}} AS hour, kind, lane, status, {_BUCKET} AS bucket,
        COUNT(*), SUM(settled_at - created_at)
    {_ENDED} >= {{which}} GROUP BY hour, kind, lane, status, bucket
    ON CONFLICT (hour, kind, lane, status, bucket) DO UPDATE SET
        messages = mail_counts.messages + excluded.messages,
        seconds = mail_counts.seconds + excluded.seconds"""

_TOTALS = f"""SELECT kind, lane, status, bucket, SUM(messages), SUM(seconds) FROM (
        SELECT kind, lane, status, bucket, messages, seconds FROM mail_counts WHERE hour = {_TOTAL}
        UNION ALL
        SELECT kind, lane, status, {_BUCKET}, 1, settled_at - created_at {_NOT_COUNTED}
    ) AS counted GROUP BY kind, lane, status, bucket"""

_BY_HOUR = f"""SELECT hour, status, SUM(messages) FROM (
        SELECT hour, status, messages FROM mail_counts
        UNION ALL
        SELECT {_HOUR}, status, 1 {_NOT_COUNTED}
    ) AS counted WHERE hour >= :first GROUP BY hour, status"""


@dataclass(frozen=True, slots=True)
class Total:
    """How many messages of a kind ever ended so, and their seconds from posting to the end, added.

    Those that were sent are told apart by the bucket of BOUNDS into which their seconds fall.
    """

    kind: str
    lane: int
    status: str
    bucket: int
    messages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Hour:
    """How many messages ended in the hour that began then (Unix time), by status."""

    begins: float
    by_status: dict[str, int]


def totals(session: Session) -> list[Total]:
    """How all messages ended that ever did, also those that were retried or removed since."""
    rows = session.execute(text(_TOTALS))
    return [
        Total(kind, lane, status, bucket, int(messages), float(seconds))
        for kind, lane, status, bucket, messages, seconds in rows
    ]


def by_hour(session: Session, *, now: float, hours: int = 48) -> list[Hour]:
    """Each of the last hours, oldest first; at most HOURS_KEPT."""
    first = int(now // HOUR) - hours + 1
    counted: list[dict[str, int]] = [{} for _ in range(hours)]
    for number, status, messages in session.execute(text(_BY_HOUR), {"first": first}).all():
        # An end that another machine's clock dates ahead of ours is one of this hour.
        here = counted[min(number - first, hours - 1)]
        here[status] = here.get(status, 0) + int(messages)
    return [Hour((first + n) * HOUR, counts) for n, counts in enumerate(counted)]


def kinds(session: Session) -> list[str]:
    """The kinds of all messages that ended before the last hours."""
    statement = f"SELECT DISTINCT kind FROM mail_counts WHERE hour = {_TOTAL} ORDER BY kind"
    return list(session.scalars(text(statement)))


def add_up(session: Session, *, now: float) -> bool:
    """Add the next hours up, as far as they are over, and forget old ones. Whether there are more.

    Several processes may do it at once: one of them does, the others wait and find it done.
    """
    counted_until = _lock(session)
    begins = session.scalar(
        text(f"SELECT MIN(settled_at) {_ENDED} >= :since"), {"since": counted_until * HOUR}
    )
    over = int((now - SETTLED_WITHIN) // HOUR)
    if begins is None or begins >= over * HOUR:
        return False
    first = int(begins // HOUR)
    until = min(first + HOURS_AT_ONCE, over)
    _add(session, ":since AND settled_at < :until", since=first * HOUR, until=until * HOUR)
    session.execute(text("UPDATE mail_counted SET hour = :until"), {"until": until})
    oldest = int(now // HOUR) - HOURS_KEPT
    session.execute(
        text(f"DELETE FROM mail_counts WHERE hour > {_TOTAL} AND hour <= :oldest"),
        {"oldest": oldest},
    )
    return until < over


def add_early(session: Session, numbers: Sequence[int]) -> None:
    """Count how these messages ended, before they are queued again or removed.

    Those that wait, and those that were counted already, are left alone.
    """
    _lock(session)
    _add(session, f"{_COUNTED_UNTIL} AND id IN :numbers", numbers=list(numbers))


def counted_until(session: Session) -> float:
    """Unix time before which all ends are added up."""
    return float(session.scalar(text(f"SELECT {_COUNTED_UNTIL}")) or 0)


def _add(session: Session, which: str, **values: object) -> None:
    for hour in (_HOUR, _TOTAL):
        statement = text(_ADD.format(hour=hour, which=which))
        if "numbers" in values:
            statement = statement.bindparams(bindparam("numbers", expanding=True))
        session.execute(statement, values)


def _lock(session: Session) -> int:
    """The Unix hour until which all is added up; nobody else adds until this transaction ends."""
    begun = "INSERT INTO mail_counted (id, hour) VALUES (1, 0) ON CONFLICT (id) DO NOTHING"
    session.execute(text(begun))
    # A write is a lock on every database: it does not matter that it changes nothing.
    session.execute(text("UPDATE mail_counted SET hour = hour"))
    return int(session.scalar(text("SELECT hour FROM mail_counted")) or 0)
