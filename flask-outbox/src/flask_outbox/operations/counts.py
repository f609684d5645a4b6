"""How messages ended, hour by hour and in all: counts for charts and for monitoring.

Once an hour, what has ended is added up in `mail_counts`; what has ended since then is counted on
demand. So an answer costs as much with a million messages as with a hundred, and no total decreases
when messages are retried or removed: a monitoring system would take that for a counter reset.
Messages that a server accepted count as sent, whatever comes back about them, and whenever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from flask_outbox.outbox.email_types import HOUR
from flask_outbox.outbox.models import IS_ACCEPTED, Status

BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
"""Seconds from enqueuing to acceptance: the upper bounds of the histogram's buckets, except the
last, which has none. What was sent is stored under the index of its bucket."""

HOURS_KEPT = 14 * 24
"""For how many hours there are separate counts; older ones count in the totals only."""

HOURS_AT_ONCE = 24

SETTLED_WITHIN = 300.0
"""Seconds after an hour until no message ends in it any more: how far the clocks of several
machines may differ."""

_SECONDS = "settled_at - COALESCE(send_at, created_at)"
_BUCKET = " ".join(
    [
        f"CASE WHEN NOT ({IS_ACCEPTED}) THEN 0",
        *(f"WHEN {_SECONDS} <= {one} THEN {n}" for n, one in enumerate(BOUNDS)),
        f"ELSE {len(BOUNDS)} END",
    ]
)
_END = f"CASE WHEN {IS_ACCEPTED} THEN '{Status.SENT}' ELSE status END"
_HOUR = f"CAST(FLOOR(settled_at / {HOUR}) AS INTEGER)"
_TOTAL = "0"  # the hour under which everything is added up

# The parts that are put together here are constants; values are always bound.
_COUNTED_UNTIL = f"(SELECT COALESCE(MAX(hour), 0) * {HOUR} FROM mail_counted)"
_ENDED = "FROM outbox WHERE NOT reduced AND settled_at"
# The upper bound excludes nothing, but PostgreSQL expects few rows between two bounds and many
# above one, for which it would compile the statement: that takes longer than the query.
_NOT_COUNTED = f"{_ENDED} >= {_COUNTED_UNTIL} AND settled_at < 1e12"

_ADD = f"""INSERT INTO mail_counts (hour, kind, lane, status, bucket, messages, seconds)
    SELECT {{hour}}, kind, lane, {_END}, {_BUCKET}, COUNT(*), SUM({_SECONDS})
    {_ENDED} >= {{which}} GROUP BY 1, 2, 3, 4, 5
    ON CONFLICT (hour, kind, lane, status, bucket) DO UPDATE SET
        messages = mail_counts.messages + excluded.messages,
        seconds = mail_counts.seconds + excluded.seconds"""

_TOTALS = f"""SELECT kind, lane, status, bucket, SUM(messages), SUM(seconds) FROM (
        SELECT kind, lane, status, bucket, messages, seconds FROM mail_counts WHERE hour = {_TOTAL}
        UNION ALL
        SELECT kind, lane, {_END}, {_BUCKET}, 1, {_SECONDS} {_NOT_COUNTED}
    ) AS counted GROUP BY kind, lane, status, bucket"""

_BY_HOUR = f"""SELECT hour, status, SUM(messages) FROM (
        SELECT hour, status, messages FROM mail_counts
        UNION ALL
        SELECT {_HOUR}, {_END}, 1 {_NOT_COUNTED}
    ) AS counted WHERE hour >= :first GROUP BY hour, status"""


@dataclass(frozen=True, slots=True)
class Total:
    """How many messages of a kind ever ended like this, and the sum of their seconds until the end.

    Those that were sent are divided by the bucket of BOUNDS into which their seconds fall.
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
    """How all messages ever ended, including those that were retried or removed since."""
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
        # An end that another machine's clock puts into the future belongs to this hour.
        in_hour = counted[min(number - first, hours - 1)]
        in_hour[status] = in_hour.get(status, 0) + int(messages)
    return [Hour((first + n) * HOUR, counts) for n, counts in enumerate(counted)]


def kinds(session: Session) -> list[str]:
    """The kinds of all messages that ended before the last hours."""
    statement = f"SELECT DISTINCT kind FROM mail_counts WHERE hour = {_TOTAL} ORDER BY kind"
    return list(session.scalars(text(statement)))


def add_up(session: Session, *, now: float) -> bool:
    """Add up the next hours that are over, and remove old ones; return whether there are more.

    Several processes may call it at once: one does the work, the others wait and find it done.
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

    Those that wait and those that were counted already are skipped.
    """
    _lock(session)
    _add(session, f"{_COUNTED_UNTIL} AND id IN :numbers", numbers=list(numbers))


def counted_until(session: Session) -> float:
    """The Unix time up to which everything is added up."""
    return float(session.scalar(text(f"SELECT {_COUNTED_UNTIL}")) or 0)


def _add(session: Session, which: str, **values: object) -> None:
    for hour in (_HOUR, _TOTAL):
        statement = text(_ADD.format(hour=hour, which=which))
        if "numbers" in values:
            statement = statement.bindparams(bindparam("numbers", expanding=True))
        session.execute(statement, values)


def _lock(session: Session) -> int:
    """The Unix hour up to which everything is added up; it stays so during this transaction."""
    begun = "INSERT INTO mail_counted (id, hour) VALUES (1, 0) ON CONFLICT (id) DO NOTHING"
    session.execute(text(begun))
    # On every database a write takes a lock, even if it changes nothing.
    session.execute(text("UPDATE mail_counted SET hour = hour"))
    return int(session.scalar(text("SELECT hour FROM mail_counted")) or 0)
