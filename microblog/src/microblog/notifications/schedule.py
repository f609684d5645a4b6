"""When bundles leave: at an hour of the reader's day, whatever their clocks do.

An hour that is left out in spring is the one after it, and of one that comes twice in autumn it is
the first: each day has the moment once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY = timedelta(days=1)

_WEEK_AND_A_DAY = 8
"""In so many days there is each day of the week, also where today's hour is on the wrong side."""


def next_moment(after: datetime, zone: tzinfo, hour: int, weekday: int | None = None) -> datetime:
    """The first moment after this one at which it is `hour` there, on `weekday` (0 is Monday)."""
    day = after.astimezone(zone).date()
    days = (day + ahead * DAY for ahead in range(_WEEK_AND_A_DAY + 1))
    return next(one for one in _moments(days, zone, hour, weekday) if one > after)


def latest_moment(until: datetime, zone: tzinfo, hour: int, weekday: int | None = None) -> datetime:
    """The last such moment that was, or is now."""
    day = until.astimezone(zone).date()
    days = (day - back * DAY for back in range(_WEEK_AND_A_DAY + 1))
    return next(one for one in _moments(days, zone, hour, weekday) if one <= until)


def _moments(
    days: Iterator[date], zone: tzinfo, hour: int, weekday: int | None
) -> Iterator[datetime]:
    for day in days:
        if weekday is None or day.weekday() == weekday:
            yield datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)
